"""Recorded market data as a replay takes it: streams, clock shifts, and what is known of both."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from market.archive.clock import ClockShift, estimate_clock_shift
from market.archive.content import content_hash
from market.archive.hour import read_hour
from market.archive.instrument_record import to_record
from market.archive.instruments import grid, is_same_grid
from market.archive.layout import Kind, hour_files
from market.archive.quality import quality_counts
from market.archive.reader import CHUNK_ROWS, Hole, book_kind, holes, read_stream
from market.archive.window import Window, hour_text
from market.instrument import Instrument
from market.stream import Stream
from market.units import HOUR, InstrumentId, Nanos


class ArchiveData:
    """A window of an archive, for the instruments of a run.

    Attributes:
        window: the hours.
        clock_shifts: by venue, ns to add to its stamps: those given, else estimated from all files that the venue has
            in the window.
    """

    def __init__(
        self,
        root: Path,
        window: Window,
        instruments: Iterable[Instrument],
        *,
        clock_shifts: Mapping[str, Nanos] | None = None,
        chunk_rows: int = CHUNK_ROWS,
    ) -> None:
        """Look at what is there; no rows are read.

        Raises:
            FileNotFoundError: an instrument has no book in the window.
            ValueError: tick, lot, multiplier or inverse of an instrument are not what its hours were recorded with.
        """
        self.window = window
        self._root = root
        self._instruments = tuple(instruments)
        self._chunk_rows = chunk_rows
        # (instrument, kind) -> its hours
        self._feeds: dict[tuple[InstrumentId, Kind], list[Path]] = {}
        for instrument in self._instruments:
            self._find(instrument)
        given = clock_shifts or {}
        venues = dict.fromkeys(instrument.venue for instrument in self._instruments)
        unknown = [venue for venue in given if venue not in venues]
        if unknown:
            raise ValueError(f"a clock shift for venue {unknown[0]!r}; allowed: {', '.join(venues)}")
        self._estimates: dict[str, ClockShift] = {
            venue: estimate_clock_shift(root, venue, window) for venue in venues if venue not in given
        }
        self.clock_shifts: dict[str, Nanos] = {
            venue: given[venue] if venue in given else self._estimates[venue].shift for venue in venues
        }

    def streams(self) -> list[Stream]:
        """Return the feeds from their beginning, by instrument: its book, trades, funding."""
        return [
            Stream(
                instrument.id,
                "book" if kind == "delta" else kind,
                read_stream(
                    self._root,
                    instrument.venue,
                    instrument.symbol,
                    kind,
                    self.window.start,
                    self.window.end,
                    self._chunk_rows,
                ),
            )
            for instrument, kind in self._pairs()
        ]

    def holes(self) -> list[Hole]:
        """Return what the window lacks, by instrument and kind; a feed of which there is nothing at all is no hole."""
        found: list[Hole] = []
        for instrument, kind in self._pairs():
            found += holes(self._root, instrument.venue, instrument.symbol, kind, self.window)
        return found

    def describe(self) -> dict[str, Any]:
        """Return, as JSON-able values, what a result must state of its data."""
        files = [path for paths in self._feeds.values() for path in paths]
        combined, each = content_hash(self._root, files)
        return {
            "source": "archive",
            "window": {"start": hour_text(self.window.start), "end": hour_text(self.window.end - HOUR)},
            "content_hash": combined,
            "files": each,
            "instruments": [to_record(instrument) for instrument in self._instruments],
            "clock_shifts_ns": dict(self.clock_shifts),
            "clock_estimates": {
                venue: {
                    "least_latency_ns": estimate.least_latency,
                    "messages": estimate.n_messages,
                    "passed_over": estimate.n_passed_over,
                }
                for venue, estimate in self._estimates.items()
            },
            "quality": {
                f"{instrument.name}/{kind}": quality_counts(
                    self._root, instrument.venue, instrument.symbol, kind, self.window
                )
                for instrument, kind in self._pairs()
            },
            "holes": [str(hole) for hole in self.holes()],
        }

    def _find(self, instrument: Instrument) -> None:
        book = book_kind(self._root, instrument.venue, instrument.symbol, self.window)
        if book is None:
            raise FileNotFoundError(f"no book of {instrument.name} from {self.window} in the archive {self._root}")
        for kind in (book, *cast(tuple[Kind, ...], ("trades", "funding"))):
            paths = hour_files(self._root, instrument.venue, instrument.symbol, kind, self.window)
            for path in paths:
                recorded = read_hour(path).instrument
                if not is_same_grid(recorded, instrument):
                    raise ValueError(
                        f"{path} was recorded with (tick, lot, multiplier, inverse) = {_shown(recorded)}; "
                        f"{instrument.name} has {_shown(instrument)}"
                    )
            if paths:
                self._feeds[instrument.id, kind] = paths

    def _pairs(self) -> list[tuple[Instrument, Kind]]:
        by_id = {instrument.id: instrument for instrument in self._instruments}
        return [(by_id[instrument], kind) for instrument, kind in self._feeds]


def _shown(instrument: Instrument) -> str:
    return "(" + ", ".join(str(each).lower() for each in grid(instrument)) + ")"
