"""Public frames of the venue to messages: books by snapshot and deltas, trades, marks."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Final

import msgspec
import numpy as np

from market.columns import NOT_STATED
from market.instrument import Instrument
from market.messages import BookDelta, BookGap, BookSnapshot, LevelArray, Mark, Trade
from market.units import MS, InstrumentId, Lots, Nanos, Ticks
from venues.paradex.binary import BookFrame, SummaryFrame, read_binary
from venues.paradex.scale import Scale
from venues.paradex.structs import BookRow, Level, Params, SummaryRow, TradeRow, time_of
from venues.wire import InstrumentGrid, RemoteProtocolError, decode, money_e12, number_of, rounded

MarketMessage = BookSnapshot | BookDelta | BookGap | Trade | Mark
Sides = Callable[[InstrumentGrid], tuple[LevelArray, LevelArray]]

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
        listed = tuple(instruments)
        self._grids = {each.symbol: InstrumentGrid(each) for each in listed}
        self._scales = {each.symbol: Scale(each) for each in listed}
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

    def receive_binary(self, frame: bytes, ts_recv: Nanos) -> Sequence[MarketMessage]:
        """Return the messages of a binary frame; raises as `receive`."""
        told = read_binary(frame)
        if isinstance(told, BookFrame):
            bids, asks = told.bids, told.asks

            def sides(grid: InstrumentGrid) -> tuple[LevelArray, LevelArray]:
                scale = self._scales[grid.instrument.symbol]
                return scale.levels(bids), scale.levels(asks)

            return self._step(told.market, told.seq_no, told.ts, ts_recv, sides, is_whole=told.is_whole)
        if told is None:
            return ()
        grid = self._grid(told.market)
        if grid is None:
            return ()
        scale = self._scales[told.market]
        if isinstance(told, SummaryFrame):
            return (scale.mark(told, ts_recv),)
        trade_id = self._new_trade(grid, told.kind, told.name)
        if trade_id is None:
            return ()
        price, size = scale.deal(told.price_e8, told.size_e8)
        return self._told_trade(grid, trade_id, told.ts, ts_recv, price, size, told.side)

    def _grid(self, symbol: str) -> InstrumentGrid | None:
        grid = self._grids.get(symbol)
        if grid is None:
            self.skipped["market that is not ours"] += 1
        return grid

    # --- books -------------------------------------------------------------------------------------------------------

    def _book(self, params: Params, ts_recv: Nanos) -> Sequence[MarketMessage]:
        row = decode(_BOOK, params.data, "paradex book")
        if row.update_type not in ("s", "d"):
            raise RemoteProtocolError(f"book of {row.market:.40} of the unknown kind {row.update_type!r:.20}")
        is_whole = row.update_type == "s"

        def sides(grid: InstrumentGrid) -> tuple[LevelArray, LevelArray]:
            return _both(row.inserts, grid) if is_whole else self._changes(row, grid)

        return self._step(row.market, row.seq_no, row.last_updated_at * MS, ts_recv, sides, is_whole=is_whole)

    def _step(
        self, market: str, seq_no: int, ts_venue: Nanos, ts_recv: Nanos, sides: Sides, *, is_whole: bool
    ) -> Sequence[MarketMessage]:
        """Take a whole book, or the change that follows the last one."""
        grid = self._grid(market)
        if grid is None:
            return ()
        instrument = grid.instrument.id
        if is_whole:
            bids, asks = (_sorted(levels, side) for levels, side in zip(sides(grid), (1, -1), strict=True))
            _check_whole(bids, asks, grid.instrument.name)
            self._seq[market] = seq_no
            return (BookSnapshot(instrument, ts_venue, ts_recv, seq_no, bids, asks),)
        last = self._seq.get(market)
        if last is None:
            self.skipped["change before the book"] += 1
            return ()
        if seq_no != last + 1:
            self.forget(market)
            return (BookGap(instrument, ts_recv, f"number {seq_no} follows {last}"),)
        self._seq[market] = seq_no
        bids, asks = sides(grid)
        return (BookDelta(instrument, ts_venue, ts_recv, last, seq_no, bids, asks),)

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
        trade_id = self._new_trade(grid, row.trade_type, row.id)
        if trade_id is None:
            return ()
        side, size = SIDES.get(row.side), grid.lots[row.size]
        if side is None or not size:
            raise RemoteProtocolError(f"trade of {grid.instrument.name}: {row.side!r:.20} {row.size:.40} is no deal")
        ts_venue = time_of(row.created_at, "created_at")
        return self._told_trade(grid, trade_id, ts_venue, ts_recv, grid.ticks[row.price], size, side)

    def _new_trade(self, grid: InstrumentGrid, kind: str, name: str) -> int | None:
        """Return the number of a trade; None: it is told again, or no order of ours could have met it."""
        if kind not in _TRADES:
            self.skipped[f"trade of type {kind[:20]}"] += 1
            return None
        trade_id = number_of(f"{kind}/{name}")
        if (grid.instrument.id, trade_id) in self._told:
            self.skipped["trade told again"] += 1
            return None
        return trade_id

    def _told_trade(
        self,
        grid: InstrumentGrid,
        trade_id: int,
        ts_venue: Nanos,
        ts_recv: Nanos,
        price: Ticks,
        size: Lots,
        side: int,
    ) -> Sequence[MarketMessage]:
        instrument = grid.instrument.id
        self._told[instrument, trade_id] = None
        if len(self._told) > _MOST_KNOWN:
            del self._told[next(iter(self._told))]
        return (Trade(instrument, ts_venue, ts_recv, price, size, side, trade_id),)

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


def _both(levels: Sequence[Level], grid: InstrumentGrid) -> tuple[LevelArray, LevelArray]:
    texts: dict[int, list[tuple[str, str]]] = {1: [], -1: []}
    for level in levels:
        sign = SIDES.get(level.side)
        if sign is None:
            raise RemoteProtocolError(f"book of {grid.instrument.name}: side {level.side!r:.20} is no side")
        texts[sign].append((level.price, level.size))
    return grid.sides(texts[1], texts[-1])


def _check_whole(bids: LevelArray, asks: LevelArray, name: str) -> None:
    for side, levels in (("bids", bids), ("asks", asks)):
        if not levels[:, 1].all() or not np.diff(levels[:, 0]).all():
            raise RemoteProtocolError(f"the {side} of {name} have a level of size 0, or one twice")
    if len(bids) and len(asks) and bids[0, 0] >= asks[0, 0]:
        raise RemoteProtocolError(f"the book of {name} is crossed: {bids[0, 0]} against {asks[0, 0]} ticks")


def _sorted(levels: LevelArray, side: int) -> LevelArray:
    """Return levels by price, best first."""
    ordered = levels[np.argsort(-side * levels[:, 0], kind="stable")]
    ordered.setflags(write=False)
    return ordered
