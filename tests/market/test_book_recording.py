"""A strict oracle on real data: the rebuilt book's touch is the venue's own best bid and ask, after every message.

Binance sends the best bid and ask in a stream of their own, with update ids of the same counter as the depth stream's:
the touch after a depth message must be the one with the largest id not above the message's last, in price and size.
"""

from decimal import Decimal
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from market.book import Book
from market.book_kernels import play
from market.columns import BookColumns
from market.instrument import Instrument

IntArray = npt.NDArray[np.int64]

FOLDER = Path("data/market/binance-btc-eth-20240808")
BTC = Instrument(0, "binance-futures", "BTCUSDT", "BTC", "USDT", "USDT", tick=Decimal("0.1"), lot=Decimal("0.001"))
# orders are in steps of 0.0001, but three levels of the recording show a remainder of finer size
ETH = Instrument(1, "binance", "ETHUSDT", "ETH", "USDT", "USDT", tick=Decimal("0.01"), lot=Decimal("0.00001"))

# venue's tag, instrument, is the first message that may follow the snapshot the one with its own id, messages
CASES = [("usdm.BTCUSDT", BTC, True, 6_547), ("spot.ETHUSDT", ETH, False, 6_468)]


def ints(table: pa.Table, price: str, size: str, instrument: Instrument) -> IntArray:
    """Return (n, 2) ticks and lots; the floats of the file are the nearest to decimals on the grid."""
    ticks = table[price].to_numpy() * instrument.tick_den / instrument.tick_num
    lots = table[size].to_numpy() * instrument.lot_den / instrument.lot_num
    rows = np.column_stack([np.rint(ticks), np.rint(lots)])
    assert np.abs(rows - np.column_stack([ticks, lots])).max() < 1e-4
    return rows.astype(np.int64)


def recording(folder: Path, tag: str, instrument: Instrument, may_repeat_id: bool) -> BookColumns:
    """Return the REST snapshot, then every depth message past it, chained as Binance's documentation says."""
    snapshot = pq.read_table(folder / f"{tag}.depth_snapshot.parquet")
    sides = []
    for side, order in (("b", -1), ("a", 1)):
        is_side = snapshot["side"].to_numpy() == side
        rows = ints(snapshot, "price", "qty", instrument)[is_side]
        sides.append(rows[np.argsort(order * rows[:, 0])])
    last_id = snapshot["last_update_id"][0].as_py()

    updates = pq.read_table(folder / f"{tag}.depth_updates.parquet")
    updates = updates.filter(pa.array(updates["final_update_id"].to_numpy() > last_id - may_repeat_id))
    assert updates["price"].null_count == 0  # a message without levels would be a row of nulls
    messages, first, n_rows = np.unique(updates["msg"].to_numpy(), return_index=True, return_counts=True)
    is_bid = updates["side"].to_numpy() == "b"
    assert (np.diff(updates["msg"].to_numpy()) >= 0).all()
    bids_first = np.lexsort((~is_bid, updates["msg"].to_numpy()))
    n_bids = np.add.reduceat(is_bid.astype(np.int64), first)
    n_snapshot = sum(map(len, sides))
    seq = np.concatenate([[last_id], updates["final_update_id"].to_numpy()[first]])
    local = np.concatenate([[0], updates["local_ts_ns"].to_numpy()[first]])
    return BookColumns(
        ts_venue=local,
        ts_recv=local,
        seq=seq,
        prev_seq=np.concatenate([[-1], seq[:-1]]),
        is_snapshot=np.arange(len(messages) + 1) == 0,
        start=np.concatenate([[0], n_snapshot + first]),
        n_bids=np.concatenate([[len(sides[0])], n_bids]),
        n_asks=np.concatenate([[len(sides[1])], n_rows - n_bids]),
        levels=np.concatenate([*sides, ints(updates, "price", "qty", instrument)[bids_first]]),
    )


def recorded_touch(folder: Path, tag: str, instrument: Instrument, ids: IntArray) -> IntArray:
    """Return (n, 4) bid, its lots, ask, its lots: the last bookTicker at or before each update id."""
    bbo = pq.read_table(folder / f"{tag}.bbo.parquet").sort_by("update_id")
    place = np.searchsorted(bbo["update_id"].to_numpy(), ids, side="right") - 1
    assert (place >= 0).all()
    bids = ints(bbo, "bid_price", "bid_qty", instrument)
    asks = ints(bbo, "ask_price", "ask_qty", instrument)
    return np.column_stack([bids, asks])[place]


@pytest.mark.slow
@pytest.mark.parametrize(("tag", "instrument", "may_repeat_id", "n_messages"), CASES)
def test_the_touch_is_the_venues_after_every_message(
    shared: Path, tag: str, instrument: Instrument, may_repeat_id: bool, n_messages: int
) -> None:
    columns = recording(shared / FOLDER, tag, instrument, may_repeat_id)
    n = len(columns)
    wanted = recorded_touch(shared / FOLDER, tag, instrument, columns.seq[1:])
    assert len(wanted) == n_messages

    ladder, span = np.zeros((2, 16_384, 2), dtype=np.int64), np.zeros((2, 2), dtype=np.int64)
    bids, asks = np.zeros((n, 20, 2), dtype=np.int64), np.zeros((n, 20, 2), dtype=np.int64)
    c = columns
    done, n_unknown = play(ladder, span, c.is_snapshot, c.start, c.n_bids, c.n_asks, c.levels, 0, n, bids, asks)
    assert done == n
    np.testing.assert_array_equal(np.column_stack([bids[1:, 0], asks[1:, 0]]), wanted)

    # the same through an actor's book, which grows and checks the sequence; now and then the next 20 levels too
    book = Book(instrument)
    for i in range(n):
        middle, end = c.start[i] + c.n_bids[i], c.start[i] + c.n_bids[i] + c.n_asks[i]
        sides = (c.levels[c.start[i] : middle], c.levels[middle:end])
        if c.is_snapshot[i]:
            book.load(*sides, int(c.ts_venue[i]), int(c.ts_recv[i]), int(c.seq[i]))
            continue
        assert book.apply(*sides, int(c.ts_venue[i]), int(c.ts_recv[i]), int(c.prev_seq[i]), int(c.seq[i]))
        assert (*book.level(1), *book.level(-1)) == tuple(wanted[i - 1].tolist())
        assert not book.is_crossed
        if i % 97 == 0:
            np.testing.assert_array_equal(book.bid_levels, bids[i])
            np.testing.assert_array_equal(book.ask_levels, asks[i])
    assert book.n_unknown_deletes == n_unknown
