"""Public frames of the venue to messages: books by snapshot and deltas, trades, marks."""

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Final

import msgspec
import numpy as np

from market.columns import NOT_STATED
from market.instrument import Instrument
from market.messages import BookDelta, BookGap, BookSnapshot, LevelArray, Mark, Trade
from market.units import MS, InstrumentId, Nanos
from venues.paradex.structs import BookRow, Level, Params, SummaryRow, TradeRow, time_of
from venues.wire import InstrumentGrid, RemoteProtocolError, decode, money_e12, number_of, rounded

MarketMessage = BookSnapshot | BookDelta | BookGap | Trade | Mark

SIDES: Final = {"BUY": 1, "SELL": -1}
# of flow that an order of ours could have met
_TRADES: Final = frozenset({"FILL", "LIQUIDATION", "RPI"})
_BOOK: Final = msgspec.json.Decoder(BookRow)
_TRADE: Final = msgspec.json.Decoder(TradeRow)
_SUMMARY: Final = msgspec.json.Decoder(SummaryRow)
_MOST_KNOWN: Final = 20_000
_E6: Final = 10**6
_E4: Final = 10**4


class MarketData:
    """The public feed of some instruments, one connection after another.

    Attributes:
        skipped: what was passed over, by reason.
    """

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self._grids = {each.symbol: InstrumentGrid(each) for each in instruments}
        self.skipped: Counter[str] = Counter()
        self._seq: dict[str, int] = {}  # of the books that are in sync
        self._told: dict[tuple[InstrumentId, int], None] = {}

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(self._grids)

    def lost(self, now: Nanos, reason: str) -> list[BookGap]:
        """The connection is gone: no book is to be trusted until the next snapshot."""
        self._seq.clear()
        return [BookGap(grid.instrument.id, now, reason) for grid in self._grids.values()]

    def forget(self, symbol: str) -> None:
        """A book is asked for anew: what comes before its snapshot is passed over."""
        self._seq.pop(symbol, None)

    def receive(self, params: Params, ts_recv: Nanos) -> Sequence[MarketMessage]:
        """Return the messages of a frame.

        Raises:
            RemoteProtocolError: it breaks the documented form, or a price or size does not fit the instrument.
        """
        name = params.channel.partition(".")[0]
        if name == "order_book":
            return self._book(params, ts_recv)
        if name == "trades":
            return self._trade(params, ts_recv)
        if name == "markets_summary":
            return self._summary(params, ts_recv)
        self.skipped["unknown channel"] += 1
        return ()

    def _grid(self, symbol: str) -> InstrumentGrid | None:
        grid = self._grids.get(symbol)
        if grid is None:
            self.skipped["market that is not ours"] += 1
        return grid

    # --- books -------------------------------------------------------------------------------------------------------

    def _book(self, params: Params, ts_recv: Nanos) -> Sequence[MarketMessage]:
        row = decode(_BOOK, params.data, "paradex book")
        grid = self._grid(row.market)
        if grid is None:
            return ()
        if row.update_type == "s":
            snapshot = self._whole(row, grid, ts_recv)
            self._seq[row.market] = row.seq_no
            return (snapshot,)
        if row.update_type != "d":
            raise RemoteProtocolError(f"book of {grid.instrument.name} of the unknown kind {row.update_type!r:.20}")
        last = self._seq.get(row.market)
        if last is None:
            self.skipped["change before the book"] += 1
            return ()
        instrument = grid.instrument.id
        if row.seq_no != last + 1:
            self.forget(row.market)
            return (BookGap(instrument, ts_recv, f"number {row.seq_no} follows {last}"),)
        self._seq[row.market] = row.seq_no
        bids, asks = self._changes(row, grid)
        return (BookDelta(instrument, row.last_updated_at * MS, ts_recv, last, row.seq_no, bids, asks),)

    def _whole(self, row: BookRow, grid: InstrumentGrid, ts_recv: Nanos) -> BookSnapshot:
        name = grid.instrument.name
        bids, asks = (_sorted(_side(row.inserts, side, grid), side) for side in (1, -1))
        for side, levels in (("bids", bids), ("asks", asks)):
            if not levels[:, 1].all() or not np.diff(levels[:, 0]).all():
                raise RemoteProtocolError(f"the {side} of {name} have a level of size 0, or one twice")
        if len(bids) and len(asks) and bids[0, 0] >= asks[0, 0]:
            raise RemoteProtocolError(f"the book of {name} is crossed: {bids[0, 0]} against {asks[0, 0]} ticks")
        return BookSnapshot(grid.instrument.id, row.last_updated_at * MS, ts_recv, row.seq_no, bids, asks)

    def _changes(self, row: BookRow, grid: InstrumentGrid) -> tuple[LevelArray, LevelArray]:
        """Return what has changed: a level that is deleted and inserted again is what it was inserted as."""
        sides: tuple[dict[str, str], dict[str, str]] = ({}, {})
        for levels, is_gone in ((row.deletes, True), (row.updates, False), (row.inserts, False)):
            for level in levels:
                side = SIDES.get(level.side)
                if side is None:
                    raise RemoteProtocolError(f"book of {grid.instrument.name}: side {level.side!r:.20} is no side")
                sides[0 if side > 0 else 1][level.price] = "0" if is_gone else level.size
        bids, asks = (grid.levels(list(side.items())) for side in sides)
        return bids, asks

    # --- trades and marks --------------------------------------------------------------------------------------------

    def _trade(self, params: Params, ts_recv: Nanos) -> Sequence[MarketMessage]:
        row = decode(_TRADE, params.data, "paradex trade")
        grid = self._grid(row.market)
        if grid is None:
            return ()
        if row.trade_type not in _TRADES:
            self.skipped[f"trade of type {row.trade_type[:20]}"] += 1
            return ()
        instrument, trade_id = grid.instrument.id, number_of(f"{row.trade_type}/{row.id}")
        if (instrument, trade_id) in self._told:
            self.skipped["trade told again"] += 1
            return ()
        side, size = SIDES.get(row.side), grid.lots[row.size]
        if side is None or not size:
            raise RemoteProtocolError(f"trade of {grid.instrument.name}: {row.side!r:.20} {row.size:.40} is no deal")
        self._told[instrument, trade_id] = None
        if len(self._told) > _MOST_KNOWN:
            del self._told[next(iter(self._told))]
        ts_venue = time_of(row.created_at, "created_at")
        return (Trade(instrument, ts_venue, ts_recv, grid.ticks[row.price], size, side, trade_id),)

    def _summary(self, params: Params, ts_recv: Nanos) -> Sequence[MarketMessage]:
        row = decode(_SUMMARY, params.data, "paradex summary")
        grid = self._grid(row.symbol)
        if grid is None:
            return ()
        instrument = grid.instrument
        per_unit = Fraction(_E6) / Fraction(instrument.tick)
        mark = rounded(row.mark_price, per_unit, "mark price", instrument.name) if row.mark_price else NOT_STATED
        index = (
            rounded(row.underlying_price, per_unit, "underlying price", instrument.name)
            if row.underlying_price
            else NOT_STATED
        )
        rate = money_e12(row.funding_rate, "funding rate", instrument.name) if row.funding_rate else NOT_STATED
        interest = (
            rounded(row.open_interest, _E4, "open interest", instrument.name) if row.open_interest else NOT_STATED
        )
        ts_venue = ts_recv if row.created_at is None else time_of(row.created_at, "created_at")
        # funding accrues all the time: it is due at no hour
        return (Mark(instrument.id, ts_venue, ts_recv, mark, index, rate, NOT_STATED, interest),)


def _side(levels: Sequence[Level], side: int, grid: InstrumentGrid) -> LevelArray:
    texts = []
    for level in levels:
        sign = SIDES.get(level.side)
        if sign is None:
            raise RemoteProtocolError(f"book of {grid.instrument.name}: side {level.side!r:.20} is no side")
        if sign == side:
            texts.append((level.price, level.size))
    return grid.levels(texts)


def _sorted(levels: LevelArray, side: int) -> LevelArray:
    """Return levels by price, best first."""
    ordered = levels[np.argsort(-side * levels[:, 0], kind="stable")]
    ordered.setflags(write=False)
    return ordered
