"""The venue's side of a recording: its clock, its gaps, and answers that do not depend on the chunks."""

from collections.abc import Iterator, Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from market.columns import BookColumns, TradeColumns
from market.units import MS, SECOND
from research.venue_side import Display, MarketAt, Take

T0 = 1_736_470_800 * SECOND
Message = tuple[int, int, int, bool, dict[int, int], dict[int, int]]  # ts, prev_seq, seq, is_snapshot, bids, asks


def books(messages: Sequence[Message]) -> BookColumns:
    heads: list[tuple[int, ...]] = []
    levels: list[tuple[int, int]] = []
    for ts, prev_seq, seq, is_snapshot, bids, asks in messages:
        heads.append((ts, ts, seq, prev_seq, is_snapshot, len(levels), len(bids), len(asks)))
        levels += [*bids.items(), *asks.items()]
    ts, recv, seq, prev_seq, is_snapshot, start, n_bids, n_asks = np.array(heads).T
    rows = np.array(levels, dtype=np.int64).reshape(-1, 2)
    return BookColumns(ts, recv, seq, prev_seq, is_snapshot, start, n_bids, n_asks, rows)


def trades(rows: Sequence[tuple[int, int, int, int]]) -> TradeColumns:
    ts, price, lots, taker = np.array(rows, dtype=np.int64).T
    return TradeColumns(ts, ts, price, lots, taker, np.zeros(len(rows)))


def cut(columns: BookColumns, size: int) -> Iterator[BookColumns]:
    for begin in range(0, len(columns), size):
        yield columns.rows(begin, min(begin + size, len(columns)))


def asked(instants: Sequence[int], takes: Sequence[Take] = ()) -> MarketAt:
    return MarketAt(np.array(sorted(set(instants)), dtype=np.int64), takes)


def test_a_time_that_goes_back_is_moved_up_and_a_late_row_left_out() -> None:
    market = asked([T0 + MS, T0 + 10 * SECOND])
    late, very_late = T0 + 5 * SECOND, T0 + 5 * SECOND - 1
    rows = [(T0, 100, 1, 1), (T0 + 10 * SECOND - MS, 101, 2, 1), (late, 102, 3, 1), (very_late - MS, 103, 4, 1)]
    market.read_trades([trades(rows[:3]), trades(rows[3:])], shift=MS)
    assert market.prints == {T0 + MS: [(100, 1, 1)], T0 + 10 * SECOND: [(101, 2, 1), (102, 3, 1)]}


def test_after_a_gap_the_book_stands_still_until_the_next_snapshot() -> None:
    messages: list[Message] = [
        (T0, -1, 10, True, {99: 5}, {101: 7}),
        (T0 + 1, 10, 11, False, {}, {101: 6}),
        (T0 + 2, 12, 13, False, {}, {101: 0}),  # 12 was lost
        (T0 + 3, 13, 14, False, {100: 1}, {}),
        (T0 + 4, -1, 20, True, {98: 2}, {103: 4}),
        (T0 + 5, 20, 21, False, {98: 0}, {}),
    ]
    takes = [Take(T0 + n, 1, 101 if n < 4 else 103) for n in range(6)]
    market = asked([T0 + n for n in range(6)], takes)
    market.read_books([books(messages)], shift=0)
    assert [market.displays[take].lots for take in takes] == [7, 6, 6, 6, 4, 4]
    assert market.touches == {
        T0: [(99, 101)],
        T0 + 1: [(99, 101)],
        T0 + 4: [(98, 103)],
        T0 + 5: [(0, 103)],
    }


def test_a_delta_before_the_first_snapshot_shows_nothing() -> None:
    take = Take(T0, 1, 101)
    market = asked([T0], [take])
    market.read_books([books([(T0, -1, 1, False, {}, {101: 5})])], shift=0)
    assert market.displays[take] == Display(-1, 0, 0)
    assert market.touches == {}


def test_only_the_other_takers_of_the_same_book_took_from_the_level() -> None:
    take = Take(T0 + 5, 1, 101)
    market = asked([T0 + 5], [take])
    market.read_books([books([(T0, -1, 1, True, {99: 5}, {101: 50})])], shift=0)
    rows = [(T0, 101, 1, 1), (T0 + 1, 101, 2, 1), (T0 + 2, 101, 4, -1), (T0 + 5, 102, 8, 1), (T0 + 5, 101, 16, 1)]
    market.read_trades([trades(rows[:2]), trades(rows[2:]), trades([(T0 + 6, 101, 32, 1)])], shift=0)
    assert market.displays[take] == Display(0, T0, 50, printed=2 + 16)


@settings(max_examples=50, deadline=None)
@given(data=st.data(), chunk_rows=st.integers(1, 7))
def test_the_book_is_that_of_a_plain_dict_whatever_the_chunks(data: st.DataObject, chunk_rows: int) -> None:
    prices, sizes = st.integers(95, 105), st.integers(0, 9)
    messages: list[Message] = []
    plain: list[tuple[int, dict[int, int]]] = []
    asks: dict[int, int] = {}
    ts = T0
    for n in range(data.draw(st.integers(1, 20))):
        ts += data.draw(st.integers(0, 2))
        is_snapshot = n == 0 or data.draw(st.integers(0, 4)) == 0
        change = data.draw(st.dictionaries(prices, sizes, max_size=4))
        if is_snapshot:
            change = {price: lots for price, lots in sorted(change.items()) if lots}
        messages.append((ts, -1, n, is_snapshot, {}, change))
        asks = change if is_snapshot else asks | change
        plain.append((ts, asks))
    instants = sorted(data.draw(st.sets(st.integers(T0 - 1, ts + 2))))
    takes = [Take(at, 1, price) for at in instants for price in (98, 102)]
    market = asked(instants, takes)
    market.read_books(cut(books(messages), chunk_rows), shift=0)
    for take in takes:
        before = [book for at, book in plain if at <= take.ts]
        assert market.displays[take].lots == (before[-1].get(take.price, 0) if before else 0)
    for at in instants:
        best = [min((p for p, lots in book.items() if lots), default=0) for seen, book in plain if seen == at]
        assert [ask for _, ask in market.touches.get(at, [])] == best
