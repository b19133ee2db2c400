"""What stands beside the hours, brought up to date by an import: gaps, specification, counts.

Each function writes into `staged` what the archive is to have, from what it has and what is new.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from market.archive.gaps import Gap, by_hour, read_gaps, write_gaps
from market.archive.instruments import read_instruments, write_instruments
from market.archive.layout import GAPS, hour_path
from market.archive.quality import ImportRecord, read_records, write_records
from market.archive.window import Window
from market.instrument import Instrument
from market.units import HOUR


def merge_gaps(archive: Path, staged: Path, instrument: Instrument, record: ImportRecord, gaps: Sequence[Gap]) -> None:
    """In the hours of an import the gaps of its feed are the new ones; those of other feeds stay."""
    venue, symbol = instrument.venue, instrument.symbol
    ours = by_hour(gaps)
    for hour in record.window.hours():
        only = Window(hour, hour + HOUR)
        # an earlier feed of the same import may have written here
        roots = [root for root in (staged, archive) if hour_path(root, venue, symbol, GAPS, hour).is_file()]
        others = [gap for gap in read_gaps(roots[0], venue, symbol, only) if gap.kind != record.kind] if roots else []
        if roots or hour in ours:
            write_gaps(staged, venue, symbol, hour, [*others, *ours.get(hour, [])])


def merge_instrument(archive: Path, staged: Path, instrument: Instrument) -> None:
    """The new specification stands in place of one that is valid from the same time."""
    there = read_instruments(archive, instrument.venue, instrument.symbol)
    others = [each for each in there if each.valid_from != instrument.valid_from]
    write_instruments(staged, [*others, instrument])


def merge_records(archive: Path, staged: Path, instrument: Instrument, records: Iterable[ImportRecord]) -> None:
    """A record all of whose hours were written anew is forgotten."""
    new = list(records)
    there = read_records(archive, instrument.venue, instrument.symbol)
    kept = [old for old in there if not any(_covers(each, old) for each in new)]
    write_records(staged, instrument.venue, instrument.symbol, [*kept, *new])


def _covers(new: ImportRecord, old: ImportRecord) -> bool:
    is_within = new.window.start <= old.window.start and old.window.end <= new.window.end
    return new.kind == old.kind and is_within
