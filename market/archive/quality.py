"""What an importer saw in a feed, counted; kept beside the instrument so that a result can state it."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs

from market.archive.atomic_file import atomic_file
from market.archive.layout import instrument_folder
from market.archive.window import Window, hour_of, hour_text
from market.units import HOUR, Nanos


@attrs.define
class FeedQuality:
    """Counts of one imported feed.

    Attributes:
        rows: rows of the files.  messages: what they became.  snapshots: those that are full books.
        before_snapshot: rows dropped because no full book had come before them.
        duplicates: trades dropped because they had come before.
        no_taker, no_size: trades dropped because the side was unknown, or the size was 0.
        no_due: rows with a rate of funding that do not say when it is due; no payment can be told from them.
        no_mark: payments of funding left out because no mark price had been stated.
        unchanged: statements of marks dropped because they say what the last one said.
        recv_back: messages whose receive time went back, set to the last one's.
        recv_back_most: by how much it did at most, ns.
        venue_back: messages whose venue time is before that of an earlier one; kept as they are.
        old: messages more than 5 s old on arrival, by the stamps as recorded; kept as they are.
        unknown_deletes: deletes of levels that were not there; kept, they change nothing.
        repeated_levels: rows of levels that the same message sets again later; dropped.
        empty_levels: rows of size 0 in full books; dropped.
        unsorted: full books whose sides were not best first; sorted.
        crossed: messages after which the best bid was at or above the best ask; kept as they are.
        gaps: silences longer than the feed's limit.  longest_silence: ns between two messages.
    """

    rows: int = 0
    messages: int = 0
    snapshots: int = 0
    before_snapshot: int = 0
    duplicates: int = 0
    no_taker: int = 0
    no_size: int = 0
    no_due: int = 0
    no_mark: int = 0
    unchanged: int = 0
    recv_back: int = 0
    recv_back_most: Nanos = 0
    venue_back: int = 0
    old: int = 0
    unknown_deletes: int = 0
    repeated_levels: int = 0
    empty_levels: int = 0
    unsorted: int = 0
    crossed: int = 0
    gaps: int = 0
    longest_silence: Nanos = 0


@attrs.frozen
class ImportRecord:
    """One import of one feed.

    Attributes:
        kind: of the feed.  files: names of the files read, in order.
        first, last: ts_recv of the first and last message.
    """

    kind: str
    files: tuple[str, ...]
    first: Nanos
    last: Nanos
    quality: FeedQuality

    @property
    def window(self) -> Window:
        """The hours that it wrote."""
        return Window(hour_of(self.first), hour_of(self.last) + HOUR)


def write_records(root: Path, venue: str, symbol: str, records: Iterable[ImportRecord]) -> None:
    """Write what the imports of an instrument counted, in place of what stands there."""
    content = [
        {
            "kind": record.kind,
            "files": list(record.files),
            "hours": [hour_text(record.first), hour_text(record.last)],
            "first": record.first,
            "last": record.last,
            "counts": attrs.asdict(record.quality),
        }
        for record in sorted(records, key=lambda record: (record.kind, record.first))
    ]
    with atomic_file(_path(root, venue, symbol)) as half:
        half.write_text(json.dumps({"imports": content}, indent=2) + "\n")


def read_records(root: Path, venue: str, symbol: str) -> list[ImportRecord]:
    """Return what the imports of an instrument counted; empty where nothing was imported."""
    path = _path(root, venue, symbol)
    if not path.is_file():
        return []
    return [_record(entry) for entry in json.loads(path.read_text())["imports"]]


def quality_counts(root: Path, venue: str, symbol: str, kind: str, window: Window) -> dict[str, int]:
    """Return the counts of the imports that wrote hours of a window: sums, and the greatest of what is no count."""
    total: dict[str, int] = {}
    for record in read_records(root, venue, symbol):
        if record.kind != kind or record.window.end <= window.start or window.end <= record.window.start:
            continue
        for key, value in attrs.asdict(record.quality).items():
            is_count = key not in ("recv_back_most", "longest_silence")
            total[key] = total.get(key, 0) + value if is_count else max(total.get(key, 0), value)
    return total


def _record(entry: dict[str, Any]) -> ImportRecord:
    known = {field.name for field in attrs.fields(FeedQuality)}
    counts = {key: value for key, value in entry["counts"].items() if key in known}
    return ImportRecord(entry["kind"], tuple(entry["files"]), entry["first"], entry["last"], FeedQuality(**counts))


def _path(root: Path, venue: str, symbol: str) -> Path:
    return instrument_folder(root, venue, symbol) / "quality.json"
