"""Import files in Tardis' CSV layouts (tardis.dev, downloadable files) into an archive, all of them or none.

Files of one instrument and kind are one feed, in order of their first receive time, so that a recording which runs over
midnight goes on.  What the files are is told by their headers, whose they are by their rows; names do not matter.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

import attrs

from market.archive.beside import merge_gaps, merge_instrument, merge_records
from market.archive.clock import ClockShift, clock_shift_of
from market.archive.csv_file import BLOCK_BYTES, CsvError, CsvFile
from market.archive.gaps import Gap
from market.archive.instruments import grid, is_same_grid, read_instruments, valid_at
from market.archive.layout import KINDS, Kind, hour_path
from market.archive.quality import FeedQuality, ImportRecord
from market.archive.staging import Staging
from market.archive.tardis_feeds import FEEDS
from market.archive.writer import ArchiveWriter
from market.columns import Columns
from market.instrument import Instrument
from market.units import Nanos

Progress = Callable[[CsvFile, int], None]

# what is made of one kind of file, if that is more: each is read from it by itself
_MADE_OF: Final[Mapping[Kind, tuple[Kind, ...]]] = MappingProxyType({"marks": ("funding", "marks")})


@attrs.frozen
class ImportedFeed:
    """What became of one feed.

    Attributes:
        record: what was counted.  gaps: when it was silent for too long.
    """

    instrument: Instrument
    kind: Kind
    record: ImportRecord
    gaps: tuple[Gap, ...]


@attrs.frozen
class ImportReport:
    """What an import did.

    Attributes:
        feeds: in order of venue, symbol and kind.
        clocks: by venue, from the files of this import alone.
        paths: the files that the archive has now, from it.
        empty: files without rows.
    """

    feeds: tuple[ImportedFeed, ...]
    clocks: dict[str, ClockShift]
    paths: tuple[Path, ...]
    empty: tuple[Path, ...]


def import_tardis(
    files: Iterable[Path],
    archive: Path,
    instruments: Iterable[Instrument],
    *,
    replace: bool = False,
    block_bytes: int = BLOCK_BYTES,
    on_rows: Progress | None = None,
) -> ImportReport:
    """Import files; memory holds one block of one file, whatever its length.

    Args:
        instruments: specifications; of one instrument that which holds at the feed's first message is taken.
        replace: write over hours that the archive has already.
        on_rows: told of each block: the file and how many rows of it were read.

    Raises:
        CsvError: a file is malformed, or off its instrument's grid.
        ValueError: an instrument is unknown or not what the archive has it for, or two files overlap.
        FileExistsError: the archive has one of the hours.
    """
    sources = [CsvFile.open(path) for path in files]
    empty = tuple(source.path for source in sources if source.venue is None)
    known = tuple(instruments)
    # the books come first: since when and until when they were listened to holds for the trades too
    groups: dict[tuple[str, str, Kind], list[CsvFile]] = {}
    for source in sorted(sources, key=lambda source: source.first_recv):
        if source.venue is not None and source.symbol is not None:
            for kind in _MADE_OF.get(source.kind, (source.kind,)):
                groups.setdefault((source.venue, source.symbol, kind), []).append(source)
    order = {kind: place for place, kind in enumerate(("delta", "book", "trades", "funding", "marks"))}
    with Staging(archive) as staging:
        feeds: list[ImportedFeed] = []
        for key in sorted(groups, key=lambda key: (key[0], key[1], order[key[2]])):
            instrument = _specification(groups[key], known, archive)
            for file in groups[key]:  # all are looked at again at the end; this saves reading a day in vain
                there = hour_path(archive, instrument.venue, instrument.symbol, key[2], file.first_recv)
                if there.exists() and not replace:
                    raise FileExistsError(f"{there}: in the archive already, and {file.path} begins in this hour")
            books = [feed.record for feed in feeds if feed.instrument.name == instrument.name]
            record, gaps = _import_feed(groups[key], key[2], instrument, staging.root, books, block_bytes, on_rows)
            feeds.append(ImportedFeed(instrument, key[2], record, tuple(gaps)))
            merge_gaps(archive, staging.root, instrument, record, gaps)
        for name in dict.fromkeys(feed.instrument.name for feed in feeds):
            ours = [feed for feed in feeds if feed.instrument.name == name]
            merge_instrument(archive, staging.root, ours[0].instrument)
            merge_records(archive, staging.root, ours[0].instrument, [feed.record for feed in ours])
        paths = staging.commit(replace=replace)
    return ImportReport(tuple(feeds), _clocks(feeds, archive, paths), tuple(paths), empty)


def _specification(files: Sequence[CsvFile], known: Sequence[Instrument], archive: Path) -> Instrument:
    """Return the specification of a feed, and see that it is what the archive has."""
    first = files[0]
    ours = [each for each in known if (each.venue, each.symbol) == (first.venue, first.symbol)]
    if not ours:
        names = ", ".join(dict.fromkeys(each.name for each in known)) or "none"
        raise CsvError(first.path, 2, f"no specification of {first.venue}:{first.symbol}; there are: {names}")
    instrument = valid_at(ours, first.first_recv)
    for file in files[1:]:
        later = valid_at(ours, file.first_recv)
        if not is_same_grid(later, instrument):
            raise CsvError(file.path, 2, f"the rules of {later.name} change between the files; import them one by one")
    for recorded in read_instruments(archive, instrument.venue, instrument.symbol):
        if recorded.valid_from == instrument.valid_from and not is_same_grid(recorded, instrument):
            raise ValueError(
                f"the archive {archive} has {recorded.name} with (tick, lot, multiplier, inverse) = "
                f"{_shown(recorded)}, not {_shown(instrument)}; if the rules changed, give the new ones a valid_from"
            )
    return instrument


def _import_feed(
    files: Sequence[CsvFile],
    kind: Kind,
    instrument: Instrument,
    root: Path,
    books: Sequence[ImportRecord],
    block_bytes: int,
    on_rows: Progress | None,
) -> tuple[ImportRecord, list[Gap]]:
    quality = FeedQuality()
    feed = FEEDS[kind](quality)
    heard = [book for book in books if book.quality.messages]
    since = min((book.first for book in heard), default=None)
    until = max((book.last for book in heard), default=None)
    stretch = _Stretch()
    with ArchiveWriter(root, instrument, kind, covered_from=since) as writer:
        for file, following in pairwise((*files, None)):
            assert file is not None
            for chunk in file.chunks(instrument, block_bytes):
                for columns in feed.columns(file, chunk):
                    stretch.add(columns)
                    writer.append(columns)
                if on_rows is not None:
                    on_rows(file, chunk.values.shape[1])
            if following is not None and following.first_recv < stretch.last:
                raise ValueError(
                    f"{following.path} begins {(stretch.last - following.first_recv) / 1e9:.6f} s before {file.path} "
                    f"ends; recordings of {instrument.name} that overlap cannot be joined"
                )
        for columns in feed.rest():
            stretch.add(columns)
            writer.append(columns)
        writer.close(until)
    if writer.book is not None:
        quality.unknown_deletes = writer.book.n_unknown_deletes
        quality.crossed = writer.book.n_crossed
    quality.gaps = len(writer.gaps)
    quality.longest_silence = writer.longest_silence
    names = tuple(file.path.name for file in files)
    if stretch.first is None:  # nothing but rows to drop
        return ImportRecord(kind, names, files[0].first_recv, files[-1].first_recv, quality), []
    return ImportRecord(kind, names, stretch.first, stretch.last, quality), writer.gaps


class _Stretch:
    """From when until when messages came."""

    first: Nanos | None = None
    last: Nanos = 0

    def add(self, columns: Columns) -> None:
        if self.first is None:
            self.first = int(columns.ts_recv[0])
        self.last = int(columns.ts_recv[-1])


def _clocks(feeds: Sequence[ImportedFeed], archive: Path, paths: Sequence[Path]) -> dict[str, ClockShift]:
    clocks: dict[str, ClockShift] = {}
    for venue in dict.fromkeys(feed.instrument.venue for feed in feeds):
        folder = archive / quote(venue, safe="")
        ours = [path for path in paths if path.is_relative_to(folder) and path.parent.parent.name in KINDS]
        clocks[venue] = clock_shift_of(ours)
    return clocks


def _shown(instrument: Instrument) -> str:
    return "(" + ", ".join(str(each).lower() for each in grid(instrument)) + ")"
