"""The market of a config as columns: what would be delivered to its actors, a part at a time."""

from collections.abc import Iterator
from typing import Final

import attrs
import numpy as np

from market.columns import BookColumns, Columns, FundingColumns, IntArray, TradeColumns
from market.instrument import Instrument
from market.units import Nanos
from sim.config import RunConfig
from sim.market_data import MarketData
from sim.market_world import MarketWorld, instruments_of
from sim.state_kernels import BOOK, FUNDING, TRADES
from sim.window_kernels import CLASS_DELIVERY, E_CLASS, E_ROW, E_STREAM, E_TS
from sim.windows import Window

KIND_NAMES: Final = {BOOK: "book", TRADES: "trades", FUNDING: "funding"}


@attrs.frozen(eq=False)
class Delivered:
    """The next rows of one feed.

    Attributes:
        stream: place of the feed among those of the market, which decides ties.
        kind: "book", "trades" or "funding".
        rows: their `ts_recv` is when they are delivered, modelled latency included; their `ts_venue` is shifted to our
            clock.
    """

    stream: int
    instrument: Instrument
    kind: str
    rows: Columns


def delivered_columns(config: RunConfig, data: MarketData, until: Nanos | None = None) -> Iterator[Delivered]:
    """Yield the rows of every feed in the order of their delivery, all feeds in step.

    Memory holds one window of the merge, however long the market is.

    Args:
        until: ns, the last instant of which rows are given; None: to the end of the data.
    """
    instruments = instruments_of(data)
    world = MarketWorld(config, data, instruments, NoTables())
    for window in world.windows:
        events = window.events
        if until is not None:
            events = events[: int(np.searchsorted(events[:, E_TS], until, side="right"))]
        delivered = events[events[:, E_CLASS] == CLASS_DELIVERY]
        for stream, spec in enumerate(world.specs):
            rows = delivered[delivered[:, E_STREAM] == stream, E_ROW]
            if rows.size:
                part = _rows(spec.kind, window, int(rows[0]), int(rows[-1]) + 1)
                yield Delivered(stream, instruments[spec.instrument], KIND_NAMES[spec.kind], part)
        if len(events) < len(window.events):
            return


class NoTables:
    """Where the touch and trade rows of a replay go that nobody keeps."""

    def take(self, touch: IntArray, trades: IntArray) -> None: ...


def _rows(kind: int, window: Window, begin: int, end: int) -> Columns:
    """Return header rows [begin, end), which follow each other in a feed, as columns of their own."""
    ts_venue, ts_recv, *rest = window.headers[begin:end].T
    if kind == TRADES:
        return TradeColumns(ts_venue, ts_recv, *rest[:4])
    if kind != BOOK:
        return FundingColumns(ts_venue, ts_recv, *rest[:2])
    seq, prev_seq, is_snapshot, start, n_bids, n_asks = rest
    first, last = int(start[0]), int(start[-1] + n_bids[-1] + n_asks[-1])
    levels = window.levels[first:last].copy()  # a view would keep the whole window alive
    return BookColumns(ts_venue, ts_recv, seq, prev_seq, is_snapshot, start - first, n_bids, n_asks, levels)
