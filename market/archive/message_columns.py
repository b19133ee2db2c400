"""Messages of live feeds, and rows of the run's own log, as columns."""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final

import attrs
import numpy as np

from market.archive.layout import Kind
from market.archive.record_buffer import RawFrame
from market.columns import BookColumns, IntArray, MarkColumns, OwnColumns, RawColumns, TradeColumns
from market.messages import BookDelta, BookSnapshot, Mark, Trade
from market.order_log import FIELDS, LogKind
from market.units import InstrumentId

_MARK_NAMES: Final = tuple(field.name for field in attrs.fields(MarkColumns))


def book_columns(messages: Sequence[BookSnapshot | BookDelta]) -> BookColumns:
    """Return books and changes of one instrument as columns, in the same order."""
    n_bids = np.array([len(message.bids) for message in messages], np.int64)
    n_asks = np.array([len(message.asks) for message in messages], np.int64)
    counts = n_bids + n_asks
    sides = [side for message in messages for side in (message.bids, message.asks)]
    return BookColumns(
        ts_venue=[message.ts_venue for message in messages],
        ts_recv=[message.ts_recv for message in messages],
        seq=[message.seq for message in messages],
        prev_seq=[-1 if isinstance(message, BookSnapshot) else message.prev_seq for message in messages],
        is_snapshot=[isinstance(message, BookSnapshot) for message in messages],
        start=np.cumsum(counts) - counts,
        n_bids=n_bids,
        n_asks=n_asks,
        levels=np.concatenate(sides) if sides else np.empty((0, 2), np.int64),
    )


def trade_columns(messages: Sequence[Trade]) -> TradeColumns:
    """Return trades of one instrument as columns, in the same order."""
    rows = [(trade.ts_venue, trade.ts_recv, trade.price, trade.size, trade.taker, trade.trade_id) for trade in messages]
    return TradeColumns(*np.array(rows, np.int64).reshape(-1, 6).T)


def mark_columns(messages: Sequence[Mark]) -> MarkColumns:
    """Return statements of one instrument as columns, in the same order."""
    return MarkColumns(**{name: [getattr(mark, name) for mark in messages] for name in _MARK_NAMES})


def raw_columns(frames: Sequence[RawFrame]) -> RawColumns:
    """Return frames of one socket as columns, in the same order."""
    n_bytes = [len(frame.data) for frame in frames]
    return RawColumns(
        ts_recv=[frame.ts_recv for frame in frames],
        start=[0, *accumulate(n_bytes)][:-1],
        n_bytes=n_bytes,
        data=np.frombuffer(b"".join(frame.data for frame in frames), np.uint8),
    )


def own_columns(rows: IntArray) -> Iterator[tuple[InstrumentId, Kind, OwnColumns]]:
    """Yield what (n, 10) rows of the run's own log say of each instrument.

    `fills` are what changes a position or the cash: fills, funding payments, adjustments.  `orders` are all the others.
    """
    column = dict(zip(FIELDS, rows.T, strict=True))
    is_fill = column["kind"] >= LogKind.FILL_MAKER
    kinds: tuple[tuple[Kind, IntArray], ...] = (("orders", ~is_fill), ("fills", is_fill))
    for instrument in np.unique(column["instrument"]).tolist():
        is_of_it = column["instrument"] == instrument
        for kind, is_kind in kinds:
            chosen = np.flatnonzero(is_of_it & is_kind)
            if len(chosen):
                its = {name: values[chosen] for name, values in column.items() if name != "instrument"}
                yield instrument, kind, OwnColumns(ts_recv=its.pop("ts"), what=its.pop("kind"), **its)
