"""Recording what is no book and no trade: marks, rows of the run's own log, raw frames; and what comes twice."""

from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.archive.ahead_layout import open_path, parts
from market.archive.check import check
from market.archive.compact import compact
from market.archive.gaps import read_gaps
from market.archive.hour_file import GROUP_BYTES
from market.archive.layout import Kind, hour_files
from market.archive.listing import list_feeds
from market.archive.message_columns import mark_columns, own_columns, raw_columns, trade_columns
from market.archive.reader import read_stream
from market.archive.record_buffer import RawFrame
from market.archive.recorder import Recorder
from market.archive.socket_name import socket_instrument
from market.columns import NOT_STATED, OwnColumns, RawColumns
from market.messages import Fill, FundingPayment, Mark, OrderAccepted, PlaceOrder, Trade
from market.order_log import PACK, LogKind, Row
from market.units import HOUR, MINUTE, SECOND
from tests.market.archive.samples import BTC, T0, rows_of

ETH = attrs.evolve(BTC, id=1, symbol="ETHUSDT")
PUBLIC = socket_instrument("bybit", "public", -1)
FRAMES = st.lists(st.tuples(st.integers(0, 20 * MINUTE), st.binary(max_size=60)), min_size=1, max_size=12)


def frames_of(chunks: Iterator[object]) -> list[RawFrame]:
    found = []
    for chunk in chunks:
        assert isinstance(chunk, RawColumns)
        found += [RawFrame(int(ts), chunk.frame(i)) for i, ts in enumerate(chunk.ts_recv)]
    return found


def read(root: Path, kind: Kind, venue: str = BTC.venue, symbol: str = BTC.symbol) -> Iterator[object]:
    return read_stream(root, venue, symbol, kind, T0, T0 + 24 * HOUR)


@settings(max_examples=40, deadline=None)
@given(FRAMES, st.integers(1, 4), st.integers(0, 40), st.booleans())
def test_frames_come_back_as_they_came(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[int, bytes]], per_flush: int, n_torn: int, is_live: bool
) -> None:
    root = tmp_path_factory.mktemp("raw")
    times = T0 + np.cumsum([step for step, _ in drawn])
    sent = [RawFrame(int(ts), data) for ts, (_, data) in zip(times, drawn, strict=True)]
    made = Recorder(root, [(PUBLIC, "raw")], T0)
    for at in range(0, len(sent), per_flush):
        some = sent[at : at + per_flush]
        if is_live:
            assert all(made.put(PUBLIC.id, "raw", frame) for frame in some)
        else:
            assert made.put(PUBLIC.id, "raw", raw_columns(some))
        made.flush(some[-1].ts_recv)
    made.close(sent[-1].ts_recv)
    for part in parts(root)[-1:]:  # as a kill leaves it
        part.path.rename(open_path(part.path))
        with open_path(part.path).open("ab") as file:
            file.write(b"\xff" * n_torn)
    again = Recorder(root, [(PUBLIC, "raw")], sent[-1].ts_recv + SECOND)
    assert again.n_cut == n_torn
    assert again.roll().problems == ()
    again.close(sent[-1].ts_recv + SECOND)
    assert list(check(root)) == []
    assert frames_of(read(root, "raw", "bybit", "@public")) == sent
    compact(root)
    assert frames_of(read(root, "raw", "bybit", "@public")) == sent


def test_frames_are_read_in_groups_of_bounded_size(tmp_path: Path) -> None:
    made = Recorder(tmp_path, [(PUBLIC, "raw")], T0)
    sent = [RawFrame(T0 + i, bytes([i]) * (GROUP_BYTES // 3)) for i in range(8)]
    for frame in sent:
        made.put(PUBLIC.id, "raw", frame)
    made.close(T0 + SECOND)
    made.roll()
    chunks = list(read(tmp_path, "raw", "bybit", "@public"))
    assert frames_of(iter(chunks)) == sent
    assert all(isinstance(chunk, RawColumns) and len(chunk.data) < GROUP_BYTES + GROUP_BYTES // 3 for chunk in chunks)


def rows_as(messages: list[object]) -> list[Row]:
    return [PACK[type(message)](message, T0 + i * SECOND) for i, message in enumerate(messages)]


def test_the_runs_own_log_is_kept_whole_by_instrument(tmp_path: Path) -> None:
    log = rows_as(
        [
            PlaceOrder(7 << 30, BTC.id, 1, 600_000, 5, 4),
            PlaceOrder(7 << 30 | 1, ETH.id, -1, 30_000, 2, 4),
            OrderAccepted(7 << 30, BTC.id, T0 + 1, T0 + 2),
            Fill(7 << 30, BTC.id, T0 + 3, T0 + 4, 11, 1, 600_000, 5, True, -123_456_789),
            FundingPayment(ETH.id, T0 + 5, T0 + 6, 1, -(10**15)),
        ]
    )
    kinds: tuple[Kind, ...] = ("orders", "fills")
    made = Recorder(tmp_path, [(i, kind) for i in (BTC, ETH) for kind in kinds], T0)
    for begin, end in ((0, 3), (3, 3), (3, 5)):
        for its, kind, columns in own_columns(np.array(log[begin:end], np.int64).reshape(-1, 10)):
            assert made.put(its, kind, columns)
        made.flush(T0 + end * SECOND)
    made.close(T0 + 10 * SECOND)
    assert made.roll().problems == ()
    assert list(check(tmp_path)) == []
    for instrument in (BTC, ETH):
        stored = []
        for kind in kinds:
            for chunk in read(tmp_path, kind, instrument.venue, instrument.symbol):
                assert isinstance(chunk, OwnColumns)
                assert ((chunk.what >= LogKind.FILL_MAKER) == (kind == "fills")).all()
                stored += [
                    (what, ts, ts_venue, instrument.id, *others) for ts_venue, ts, what, *others in rows_of([chunk])
                ]
        assert sorted(stored) == sorted(row for row in log if row[3] == instrument.id)


def test_marks_are_kept_as_stated(tmp_path: Path) -> None:
    sent = [Mark(BTC.id, T0 + i, T0 + i + 1, 60_000 + i, NOT_STATED, -i, T0 + HOUR, 3) for i in range(5)]
    made = Recorder(tmp_path, [(BTC, "marks")], T0)
    assert all(made.put(BTC.id, "marks", mark) for mark in sent)
    made.close(T0 + SECOND)
    made.roll()
    assert rows_of(read(tmp_path, "marks")) == rows_of([mark_columns(sent)])  # type: ignore[arg-type]


def test_trades_that_come_again_are_kept_and_noted(tmp_path: Path) -> None:
    made = Recorder(tmp_path, [(BTC, "trades")], T0)
    ids = [1, 2, 3, 2, -1, -1, 4]
    sent = [Trade(BTC.id, T0 + i, T0 + i * SECOND, 100, 1, 1, trade_id) for i, trade_id in enumerate(ids)]
    for trade in sent[:5]:
        made.put(BTC.id, "trades", trade)
    made.flush(T0 + 5 * SECOND)
    for trade in [*sent[5:], again_at(sent[0], T0 + 9 * SECOND)]:
        made.put(BTC.id, "trades", trade)
    made.close(T0 + 10 * SECOND)
    made.roll()
    notes = [(gap.ts_from - T0) // SECOND for gap in read_gaps(tmp_path, BTC.venue, BTC.symbol) if not gap.is_hole]
    assert notes == [3, 9]
    assert len(rows_of(read(tmp_path, "trades"))) == 8  # type: ignore[arg-type]
    assert rows_of([trade_columns(sent)])[:7] == rows_of(read(tmp_path, "trades"))[:7]  # type: ignore[arg-type]


def again_at(trade: Trade, ts_recv: int) -> Trade:
    return Trade(trade.instrument, trade.ts_venue, ts_recv, trade.price, trade.size, trade.taker, trade.trade_id)


def test_silence_of_a_socket_or_of_our_own_is_no_hole(tmp_path: Path) -> None:
    made = Recorder(tmp_path, [(PUBLIC, "raw"), (BTC, "orders")], T0)
    [(_, _, order)] = own_columns(np.array(rows_as([PlaceOrder(1, BTC.id, 1, 1, 1, 0)]), np.int64))
    for at in (T0, T0 + 3 * HOUR):
        made.put(PUBLIC.id, "raw", RawFrame(at, b"x"))
        made.put(BTC.id, "orders", attrs.evolve(order, ts_recv=[at]))
        made.flush(at)
    made.close(T0 + 3 * HOUR)
    made.roll()
    for venue, symbol, kind in (("bybit", "@public", "raw"), (BTC.venue, BTC.symbol, "orders")):
        assert len(hour_files(tmp_path, venue, symbol, kind)) == 3 + 1
    assert [(feed.kind, feed.n_hours, feed.n_complete) for feed in list_feeds(tmp_path)] == [
        ("orders", 4, 3),
        ("raw", 4, 3),
    ]


def test_each_feed_tells_how_it_stands(tmp_path: Path) -> None:
    made = Recorder(tmp_path, [(BTC, "trades"), (PUBLIC, "raw")], T0)
    made.put(BTC.id, "trades", Trade(BTC.id, T0, T0 + 1, 100, 1, 1, 7))
    made.mark_down(PUBLIC.id, "raw", T0 + 2, "it has not begun, and breaks off nothing")
    made.put(PUBLIC.id, "raw", RawFrame(T0 + 3, b"x"))
    made.mark_down(PUBLIC.id, "raw", T0 + 4, "reconnect")
    made.mark_down(PUBLIC.id, "raw", T0 + 5, "it has broken off already")
    made.flush(T0 + SECOND)
    trades, raw = made.feeds()
    assert (trades.instrument, trades.kind, trades.n_rows, trades.last_recv, trades.n_gaps) == (
        BTC,
        "trades",
        1,
        T0 + 1,
        0,
    )
    assert trades.n_written > 0
    assert (raw.kind, raw.n_rows, raw.n_gaps, raw.last_recv) == ("raw", 1, 1, 0)
    made.close(T0 + SECOND)
