"""Who was down, why, for how long, and how long without quotes: told from the records of a log."""

from collections.abc import Iterable, Iterator

import attrs

from actors.runtime.log_reader import LogRecord
from market.units import Nanos


@attrs.frozen
class QuoteGap:
    """A time without quotes of a quoter in an instrument (-1: in any); `end` is None when they never came back."""

    quoter: str
    instrument: int
    start: Nanos
    end: Nanos | None


@attrs.frozen
class Outage:
    """A child was down.

    Attributes:
        generation: the one that came back, or was to come.
        why: its error, or whose crash it was stopped with.
        down: when it went down.  up: when it was back; None: never.
        backoff_s: the wait before the restart; None where none was decided.
        gaps: the quotes that were missing meanwhile, each to its own end.
    """

    child: str
    supervisor: str
    generation: int
    why: str
    down: Nanos
    up: Nanos | None
    backoff_s: float | None
    gaps: tuple[QuoteGap, ...]


@attrs.define
class _Down:
    supervisor: str
    why: str
    since: Nanos
    generation: int
    has_crashed: bool
    backoff_s: float | None = None


class _Story:
    """Walks the records once and keeps who is down."""

    def __init__(self) -> None:
        self.outages: list[Outage] = []
        self.down: dict[str, _Down] = {}
        self._cause = ""

    def tell(self, record: LogRecord) -> None:
        child = str(record.get("child", ""))
        match record["message"]:
            case "child crashed":
                self._cause = child
                entry = self._entry(record, child)
                entry.has_crashed, entry.why = True, str(record.get("error", ""))
            case "child stopped":
                self._entry(record, child)
            case "child restarting":
                entry = self._entry(record, child)
                entry.supervisor = str(record.get("supervisor", ""))
                entry.generation, entry.backoff_s = record.get("generation", 0), record.get("backoff_s")
            case "child started" if child in self.down:
                self._close(child, record["t_ns"])

    def finish(self) -> None:
        """Those that never came back; what was only stopped at the end of the run is no outage."""
        for child, entry in list(self.down.items()):
            if entry.has_crashed or entry.backoff_s is not None:
                self._close(child, None)

    def _entry(self, record: LogRecord, child: str) -> _Down:
        if child not in self.down:
            supervisor, why = str(record.get("supervisor", "")), f"with {self._cause}"
            self.down[child] = _Down(supervisor, why, record["t_ns"], record.get("generation", 0), has_crashed=False)
        return self.down[child]

    def _close(self, child: str, up: Nanos | None) -> None:
        entry = self.down.pop(child)
        self.outages.append(
            Outage(child, entry.supervisor, entry.generation, entry.why, entry.since, up, entry.backoff_s, ())
        )


def outages(records: Iterable[LogRecord]) -> list[Outage]:
    """Return every outage of a log, by the time it began."""
    records = list(records)
    story = _Story()
    for record in records:
        story.tell(record)
    story.finish()
    gaps = list(quote_gaps(records))
    found = [attrs.evolve(outage, gaps=tuple(gap for gap in gaps if _meet(gap, outage))) for outage in story.outages]
    return sorted(found, key=lambda outage: outage.down)


def quote_gaps(records: Iterable[LogRecord]) -> Iterator[QuoteGap]:
    """Yield the times between "quotes pulled" and "quotes back" of each quoter and instrument."""
    pulled: dict[tuple[str, int], Nanos] = {}
    for record in records:
        if record["message"] in ("quotes pulled", "quotes back"):
            key = str(record.get("quoter", "")), int(record.get("instrument", -1))
            if record["message"] == "quotes pulled":
                pulled.setdefault(key, record["t_ns"])
            elif key in pulled:
                yield QuoteGap(*key, pulled.pop(key), record["t_ns"])
    for key, start in pulled.items():
        yield QuoteGap(*key, start, None)


def _meet(gap: QuoteGap, outage: Outage) -> bool:
    begins_in_time = outage.up is None or gap.start <= outage.up
    return begins_in_time and (gap.end is None or gap.end >= outage.down)
