"""Parts of the write-ahead: what is torn or changed is never read, what was whole before it always is."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.archive.ahead_format import Batch, Head, encode_batch, encode_head, read_batches, read_head
from market.archive.gaps import Gap
from market.columns import BookColumns, Columns, TradeColumns
from market.units import SECOND
from tests.market.archive.samples import (
    BTC,
    T0,
    Message,
    book_columns,
    feeds,
    messages_of,
    rows_of,
    trade_columns,
)

DELTA = Head("delta", BTC, T0, T0 + 1, T0 - 5, "restart")
TRADES = Head("trades", BTC, T0, T0, None, "")
BOOKS: list[Message] = [(T0 + i, T0 + i, int(i == 0), ((100 + i, 1),), ((120, 1), (121, 2))) for i in range(4)]
GAP = Gap(T0, T0 + 3, "delta", "lost")


def part(head: Head, batches: Sequence[Batch]) -> tuple[bytes, list[int]]:
    """Return the bytes of a part and where each batch ends."""
    data = encode_head(head)
    ends = []
    for batch in batches:
        data += encode_batch(head, batch)
        ends.append(len(data))
    return data, ends


def content(batch: Batch) -> tuple[object, ...]:
    match batch.columns:
        case BookColumns() as book:
            return (messages_of([book]), book.seq.tolist(), batch.gaps, batch.until)
        case None:
            return (None, batch.gaps, batch.until)
        case columns:
            return (rows_of([columns]), batch.gaps, batch.until)


def some_batches(columns: Sequence[Columns]) -> list[Batch]:
    said = [Batch(each, (GAP,), T0 + i) for i, each in enumerate(columns)]
    return [*said, Batch(None, (), T0 + SECOND)]


@given(feeds())
def test_what_was_written_is_read(tmp_path_factory: pytest.TempPathFactory, messages: list[Message]) -> None:
    path = tmp_path_factory.mktemp("part") / "00-0000.arrow"
    middle = len(messages) // 2
    halves = [book_columns(half, 1) for half in (messages[:middle], messages[middle:]) if half]
    batches = some_batches(halves)
    data, ends = part(DELTA, batches)
    path.write_bytes(data)
    assert read_head(path) == DELTA
    found = list(read_batches(path))
    assert [content(batch) for batch in found] == [content(batch) for batch in batches]
    assert [batch.end for batch in found] == ends


def test_any_arrow_library_reads_a_part(tmp_path: Path) -> None:
    data, _ = part(TRADES, some_batches([trade_columns([T0, T0 + 1]), trade_columns([T0 + 2], 3)]))
    table = pa.ipc.open_stream(data).read_all()
    assert table["trade_id"].to_pylist() == [1, 2, 3]
    assert table["ts_recv"].to_pylist() == [T0, T0 + 1, T0 + 2]


def test_a_part_is_good_up_to_the_tear(tmp_path: Path) -> None:
    path = tmp_path / "00-0000.arrow"
    batches = some_batches([book_columns(BOOKS[:2], 1), book_columns(BOOKS[2:], 3)])
    data, ends = part(DELTA, batches)
    head = len(encode_head(DELTA))
    whole = [content(batch) for batch in batches]
    borders = [head, *ends]
    near = [cut for border in borders for cut in range(border - 9, border + 10) if 0 <= cut <= len(data)]
    for cut in sorted({*near, *range(0, len(data), 31)}):
        path.write_bytes(data[:cut])
        n = sum(end <= cut for end in ends)
        assert [content(batch) for batch in read_batches(path)] == whole[:n], f"cut at {cut}"
        assert (read_head(path) is not None) == (cut >= head), f"cut at {cut}"


@given(st.data())
def test_a_changed_byte_is_never_read(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("part") / "00-0000.arrow"
    batches = some_batches([book_columns(BOOKS[:2], 1), book_columns(BOOKS[2:], 3)])
    good, ends = part(DELTA, batches)
    at = data.draw(st.integers(len(encode_head(DELTA)), len(good) - 1), label="place")
    bad = bytearray(good)
    bad[at] ^= data.draw(st.integers(1, 255), label="change")
    path.write_bytes(bad)
    found = [content(batch) for batch in read_batches(path)]
    n = sum(end <= at for end in ends)  # whole before the change
    # padding carries nothing: a change there is no change
    assert found == [content(batch) for batch in batches][: len(found)]
    assert len(found) >= n


@pytest.mark.parametrize("tail", [b"\0" * 4096, b"\xff" * 64, b"\xff\xff\xff\xff\xff\xff\xff\x7f" + b"x" * 100])
def test_what_a_power_cut_leaves_behind_is_no_batch(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "00-0000.arrow"
    data, ends = part(TRADES, some_batches([trade_columns([T0])]))
    path.write_bytes(data + tail)
    assert [batch.end for batch in read_batches(path)] == ends


def test_columns_come_back_as_they_were() -> None:
    trades = trade_columns([T0, T0])
    assert isinstance(trades, TradeColumns)
    assert rows_of([trades]) == [(T0 - 1000, T0, 600_001, 2, 1, 1), (T0 - 1000, T0, 600_002, 3, -1, 2)]
