"""Messages of live feeds as columns."""

from collections.abc import Sequence

import numpy as np

from market.columns import BookColumns, TradeColumns
from market.messages import BookDelta, BookSnapshot, Trade


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
