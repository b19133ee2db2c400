"""Make hours of the archive from the write-ahead.

An hour is written whole beside its name, takes the name, and then the parts that it is made of are removed.  Whatever
is interrupted is done again: the hour says how many parts are in it, so nothing is added twice.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Final

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from market.archive.ahead_format import Head, read_batches, read_head
from market.archive.ahead_layout import Part, ahead_root, parts
from market.archive.arrow_columns import from_table
from market.archive.atomic_file import remove_halves, sync
from market.archive.gaps import Gap, read_gaps, write_gaps
from market.archive.hour import DAMAGE, read_hour
from market.archive.hour_file import HourFile
from market.archive.instruments import is_same_grid
from market.archive.layout import GAPS, hour_path
from market.archive.lock import lock_archive
from market.archive.window import Window
from market.columns import Columns
from market.units import HOUR, Nanos

STOPPED: Final = "stopped"  # the recording ended here, or died


@attrs.frozen
class RollReport:
    """What became hours.

    Attributes:
        hours: files written.  problems: what could not be, and why; it is left as it was.
    """

    hours: tuple[Path, ...]
    problems: tuple[str, ...]


def finish_parts(root: Path) -> int:
    """Give parts that a dead recorder left open their final names, without torn ends; return the bytes cut off.

    The caller holds the lock of the write-ahead.  Only so may empty folders go, too: a recorder at work could be about
    to write into one.
    """
    for folder in sorted(ahead_root(root).rglob("*/"), reverse=True):
        with suppress(OSError):  # it is not empty
            folder.rmdir()
    n_cut = 0
    for part in parts(root):
        if not part.is_open:
            continue
        end = 0
        for batch in read_batches(part.path):
            end = batch.end
        n_cut += part.path.stat().st_size - end
        if not end:  # not even one row was whole
            part.path.unlink()
            continue
        with part.path.open("r+b") as file:
            file.truncate(end)
        sync(part.path)
        part.path.rename(part.path.with_suffix(""))
        sync(part.path.parent)
    return n_cut


def roll(root: Path) -> RollReport:
    """Make hours of all parts that no recorder is writing any more.

    Disk errors and hours that cannot be joined are reported, not raised; their parts stay.
    """
    hours: list[Path] = []
    problems: list[str] = []
    there = parts(root)
    if not there:
        return RollReport((), ())
    try:
        lock = lock_archive(root)
    except OSError as error:
        return RollReport((), (str(error),))
    with lock:
        for key, group in groupby(there, key=lambda part: (part.venue, part.symbol, part.kind, part.hour)):
            ours = list(group)
            if any(part.is_open for part in ours):
                continue
            try:
                path = _roll_hour(root, ours)
            except DAMAGE as error:
                problems.append(f"{hour_path(root, *key)}: {error}")
                continue
            if path is not None:
                hours.append(path)
    pa.default_memory_pool().release_unused()  # not wanted again for an hour
    return RollReport(tuple(hours), tuple(problems))


def _roll_hour(root: Path, ours: Sequence[Part]) -> Path | None:
    """Write one hour from its parts, and from what the archive has of it; None if it has all of them."""
    venue, symbol, kind, start = ours[0].venue, ours[0].symbol, ours[0].kind, ours[0].hour
    path = hour_path(root, venue, symbol, kind, start)
    old = read_hour(path) if path.is_file() else None
    n_rolled = old.n_parts if old is not None else 0
    new = [(part, head) for part in ours if part.number >= n_rolled and (head := read_head(part.path)) is not None]
    if new:
        window = Window(start, start + HOUR)
        before = [gap for gap in read_gaps(root, venue, symbol, window) if start <= gap.ts_from < start + HOUR]
        gaps = [gap for gap in before if gap.kind == kind and gap.reason != STOPPED]
        for target in (path, hour_path(root, venue, symbol, GAPS, start)):
            remove_halves(target)
        file = HourFile(root, new[0][1].instrument, kind, start, replace=True)
        try:
            covered_from: Nanos = new[0][1].covered_from
            until: Nanos | None = None
            if old is not None:
                _see_that_they_join(path, old.covered_to, new[0][1])
                if not is_same_grid(old.instrument, new[0][1].instrument):
                    raise ValueError("its tick, lot or multiplier are others than those of the write-ahead")
                covered_from, until = old.covered_from, old.covered_to
                for columns in _rows(path, kind):
                    file.append(columns)
            for part, head in new:
                after = head.after if until is None else until
                if after is not None and after < head.covered_from:
                    gaps.append(Gap(max(after, start), head.covered_from, kind, head.reason or "restart"))
                until = head.covered_from
                for batch in read_batches(part.path):
                    if batch.columns is not None:
                        file.append(batch.columns)
                    gaps += batch.gaps
                    until = batch.until
            assert until is not None
            if until < start + HOUR:
                gaps.append(Gap(until, start + HOUR, kind, STOPPED))
            gaps = _joined(gaps, start)
            if gaps or before:
                write_gaps(root, venue, symbol, start, [*(gap for gap in before if gap.kind != kind), *gaps])
            # gaps first: an hour that has its name is done
            file.finish(covered_from, until, gaps, n_parts=ours[-1].number + 1)
        except BaseException:
            file.abort()
            raise
    for part in ours:
        part.path.unlink()
    return path if new else None


def _see_that_they_join(path: Path, covered_to: Nanos, head: Head) -> None:
    if head.covered_from < covered_to:
        seconds = (covered_to - head.covered_from) / 1e9
        raise ValueError(f"the write-ahead begins {seconds:.3f} s before the end of the hour that the archive has")


def _rows(path: Path, kind: str) -> Iterable[Columns]:
    with pq.ParquetFile(path, memory_map=False, pre_buffer=False) as file:
        for group in range(file.num_row_groups):
            yield from_table(file.read_row_group(group), kind)  # type: ignore[arg-type]


def _joined(gaps: Iterable[Gap], start: Nanos) -> list[Gap]:
    """Return gaps of one hour in order, those that touch and have one reason as one."""
    whole: list[Gap] = []
    for gap in sorted(gaps):
        gap = attrs.evolve(gap, ts_from=max(gap.ts_from, start), ts_to=min(gap.ts_to, start + HOUR))
        last = next((each for each in reversed(whole) if each.reason == gap.reason), None)
        if gap.ts_from >= gap.ts_to:
            continue
        if last is not None and gap.is_hole and gap.ts_from <= last.ts_to:
            whole[whole.index(last)] = attrs.evolve(last, ts_to=max(last.ts_to, gap.ts_to))
        else:
            whole.append(gap)
    return whole
