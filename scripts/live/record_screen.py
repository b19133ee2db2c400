"""The screen of a recording: a table that is drawn again and again, or, without a terminal, a line now and then."""

from pathlib import Path
from types import TracebackType
from typing import Final, Self

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from market.archive.recorder import FeedStatus
from market.units import SECOND, Nanos
from scripts.archive import size_text
from scripts.live.recording import RecordEnd, RecordView

LINE_EVERY: Final = 5 * SECOND
_OVER: Final = 2 * SECOND  # rates are over the last so long


class RecordScreen:
    """Shows how a recording stands."""

    def __init__(self, console: Console, archive: Path) -> None:
        self._console = console
        self._archive = archive
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._views: list[RecordView] = []
        self._told_at: Nanos = 0

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, view: RecordView) -> None:
        """Show it."""
        self._views.append(view)
        while len(self._views) > 2 and self._views[1].at <= view.at - _OVER:
            del self._views[0]
        if self._live is not None:
            self._live.update(Group(table_of(view, self._views[0]), Text(line_of(view, self._views[0]))), refresh=True)
        elif view.at - self._told_at >= LINE_EVERY:
            self._told_at = view.at
            self._console.print(line_of(view, self._views[0]), markup=False, soft_wrap=True)

    def end(self, end: RecordEnd) -> None:
        """Say what it came to."""
        self._console.print(table_of(end.view, None))
        text = f"recorded {(end.view.at - end.view.since) / SECOND:.1f} s into {self._archive}: "
        if end.closed is None:
            text += f"the disk did not answer; `python -m scripts.archive repair {self._archive}` finishes it"
        else:
            status, report = end.closed
            text += f"{status.n_rows:,} messages, {len(report.hours)} hours written, {status.n_lost:,} messages lost"
            text += "".join(f"\nnot written: {problem}" for problem in report.problems)
            text += f"\nthe disk: {status.error}" if status.error else ""
        text += f"\n{end.outcome.reason}" if end.outcome.kind == "gave up" else ""
        self._console.print(text, markup=False, soft_wrap=True)


def table_of(view: RecordView, before: RecordView | None) -> Table:
    """Return the feeds that have spoken, with their rates since `before`, or over all where there is none."""
    table = Table(box=SIMPLE_HEAD)
    for heading in ("instrument", "kind"):
        table.add_column(heading, no_wrap=True)
    for heading in ("rows", "rows/s", "bytes", "bytes/s", "last heard", "gaps", "lost"):
        table.add_column(heading, justify="right", no_wrap=True)
    seconds = max(1e-9, (view.at - (view.since if before is None else before.at)) / SECOND)
    for place, feed in enumerate(view.feeds):
        if feed.n_rows or feed.kind in ("delta", "trades"):
            old = None if before is None else before.feeds[place]
            table.add_row(*_row(feed, old, seconds, view.at))
    return table


def _row(feed: FeedStatus, old: FeedStatus | None, seconds: float, now: Nanos) -> tuple[str, ...]:
    n_rows, n_written = (0, 0) if old is None else (old.n_rows, old.n_written)
    age = f"{(now - feed.last_recv) / SECOND:.1f} s ago" if feed.last_recv else "–"
    return (
        feed.instrument.name,
        feed.kind,
        f"{feed.n_rows:,}",
        f"{(feed.n_rows - n_rows) / seconds:,.0f}",
        size_text(feed.n_written),
        size_text(round((feed.n_written - n_written) / seconds)),
        age,
        f"{feed.n_gaps:,}",
        f"{feed.n_lost:,}",
    )


def line_of(view: RecordView, before: RecordView) -> str:
    """Return one line: how long, how much, how fast, how far behind the disk is, what is wrong."""
    status = view.status
    seconds = max(1e-9, (view.at - before.at) / SECOND)
    rate = (status.n_rows - before.status.n_rows) / seconds
    parts = [
        f"{(view.at - view.since) / SECOND:.0f} s",
        f"{status.n_rows:,} rows",
        f"{rate:,.0f}/s",
        size_text(status.n_written),
        f"disk {(view.at - status.synced) / SECOND:.1f} s behind",
        f"{status.n_gaps:,} gaps",
        f"{status.n_lost:,} lost",
    ]
    parts += [f"{venue} is down" for venue in view.down]
    if status.error is not None:
        parts.append(f"the disk: {status.error}")
    return "  ".join(parts)
