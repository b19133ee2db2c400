"""Market frames to messages: one frame, one event; what is told twice or is of no use to us is counted and skipped."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, Final, Literal, TypeAlias

import msgspec
import numpy as np

from market.columns import NOT_STATED
from market.instrument import Instrument
from market.messages import BookDelta, BookSnapshot, LevelArray, Mark, Trade
from market.units import MS, InstrumentId, Lots, Nanos, Ticks
from venues.binance.structs import (
    AggregateTrade,
    AnyFrame,
    BookTicker,
    Depth,
    DepthUpdate,
    MarketEvent,
    MarketFrame,
    MarkPriceUpdate,
    SingleTrade,
)
from venues.wire import InstrumentGrid, RemoteProtocolError, decode

TradeStream: TypeAlias = Literal["aggTrade", "trade"]

_FRAMES: Final = msgspec.json.Decoder(MarketFrame)
_EVENTS: Final = msgspec.json.Decoder(MarketEvent)
_ANY: Final = msgspec.json.Decoder(AnyFrame)
_DEPTHS: Final = msgspec.json.Decoder(Depth)
_EVENT_NAMES: Final = ("depthUpdate", "aggTrade", "trade", "bookTicker", "markPriceUpdate")
_MAX_NAMES: Final = 64  # of events that we do not know; more are counted together


class DepthDiff(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A delta as the venue chains it: it holds updates `first` to `delta.seq` and follows `delta.prev_seq`."""

    first: int
    delta: BookDelta


class Touch(msgspec.Struct, frozen=True, gc=False):
    """Best bid and ask after update `seq` of the book."""

    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    seq: int
    bid: Ticks
    bid_size: Lots
    ask: Ticks
    ask_size: Lots


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The answer to request `id` on a stream connection; `error` is empty if it was granted."""

    id: int
    error: str


class MarketData:
    """Decodes the market frames of the instruments of one venue.

    Args:
        trades: the stream that trades are taken from; those of the other would be the same ones again.

    Attributes:
        skipped: by what it was, how often something was passed over.
        n_missed_trades: by how much the ids of aggregate trades jumped.
    """

    def __init__(self, instruments: Iterable[Instrument], trades: TradeStream = "aggTrade") -> None:
        self._grids = {each.symbol: InstrumentGrid(each) for each in instruments}
        self._by_id = {grid.instrument.id: grid for grid in self._grids.values()}
        self._trades = trades
        self._last_trade: dict[InstrumentId, int] = {}
        self.skipped: Counter[str] = Counter()
        self.n_missed_trades = 0
        self._on: dict[type, Any] = {
            DepthUpdate: self._diff,
            AggregateTrade: self._aggregate_trade,
            SingleTrade: self._single_trade,
            BookTicker: self._touch,
            MarkPriceUpdate: self._mark,
        }

    def decode(self, frame: bytes, ts_recv: Nanos) -> DepthDiff | Trade | Touch | Mark | Answer | None:
        """Return what a frame says, wrapped in the name of its stream or not; None if it is skipped.

        Raises:
            RemoteProtocolError: it is none of what the venue documents, or a number does not fit the instrument.
        """
        event: MarketEvent
        try:
            event = _FRAMES.decode(frame).data if frame.startswith(b'{"stream"') else _EVENTS.decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._other(frame, ts_recv)
        return self._take(event, ts_recv)

    def snapshot(self, instrument: InstrumentId, body: bytes, ts_recv: Nanos) -> BookSnapshot:
        """Return the book in an answer to `GET /fapi/v1/depth`.

        Raises:
            RemoteProtocolError: it is not one: of another shape, out of order, crossed, with empty levels.
        """
        grid = self._by_id[instrument]
        where = f"the depth of {grid.instrument.name}"
        depth = decode(_DEPTHS, body, where)
        bids, asks = grid.sides(depth.bids, depth.asks)
        _check_side(bids, -1, f"bids of {where}")
        _check_side(asks, 1, f"asks of {where}")
        if len(bids) and len(asks) and bids[0, 0] >= asks[0, 0]:
            raise RemoteProtocolError(f"{where} is crossed: best bid {bids[0, 0]} ticks, best ask {asks[0, 0]}")
        return BookSnapshot(instrument, depth.ts_engine * MS, ts_recv, depth.last, bids, asks)

    # --- events ------------------------------------------------------------------------------------------------------

    def _take(self, event: MarketEvent, ts_recv: Nanos) -> DepthDiff | Trade | Touch | Mark | None:
        grid = self._grids.get(event.symbol)
        if grid is None:
            self.skipped["unknown symbol"] += 1
            return None
        message: DepthDiff | Trade | Touch | Mark | None = self._on[type(event)](event, grid, ts_recv)
        return message

    def _diff(self, event: DepthUpdate, grid: InstrumentGrid, ts_recv: Nanos) -> DepthDiff:
        if not event.previous <= event.first <= event.last:
            raise RemoteProtocolError(
                f"depth of {grid.instrument.name}: updates {event.first} to {event.last} after {event.previous}"
                " are out of order"
            )
        delta = BookDelta(
            grid.instrument.id,
            event.ts_engine * MS,
            ts_recv,
            event.previous,
            event.last,
            *grid.sides(event.bids, event.asks),
        )
        return DepthDiff(event.first, delta)

    def _aggregate_trade(self, event: AggregateTrade, grid: InstrumentGrid, ts_recv: Nanos) -> Trade | None:
        if self._trades != "aggTrade":
            self.skipped["aggTrade"] += 1
            return None
        instrument, last = grid.instrument.id, self._last_trade.get(grid.instrument.id)
        trade = self._trade(event, grid, ts_recv)
        # these ids are consecutive, those of single trades are not known to be
        if trade is not None and last is not None and event.trade_id > last + 1:
            self.n_missed_trades += event.trade_id - last - 1
        self._last_trade[instrument] = max(event.trade_id, last or 0)
        return trade

    def _single_trade(self, event: SingleTrade, grid: InstrumentGrid, ts_recv: Nanos) -> Trade | None:
        if self._trades != "trade" or event.kind != "MARKET":
            self.skipped["trade" if event.kind == "MARKET" else "trade outside the book"] += 1
            return None
        trade = self._trade(event, grid, ts_recv)
        if trade is not None:
            self._last_trade[grid.instrument.id] = event.trade_id
        return trade

    def _trade(self, event: AggregateTrade | SingleTrade, grid: InstrumentGrid, ts_recv: Nanos) -> Trade | None:
        instrument = grid.instrument
        price, size = grid.ticks[event.price], grid.lots[event.quantity]
        if size == 0:
            raise RemoteProtocolError(f"trade {event.trade_id} of {instrument.name} has size {event.quantity}")
        last = self._last_trade.get(instrument.id)
        if last is not None and event.trade_id <= last:  # told again, as after a reconnect
            self.skipped["repeated trade"] += 1
            return None
        taker = -1 if event.is_buyer_maker else 1
        return Trade(instrument.id, event.ts_trade * MS, ts_recv, price, size, taker, event.trade_id)

    def _touch(self, event: BookTicker, grid: InstrumentGrid, ts_recv: Nanos) -> Touch:
        return Touch(
            grid.instrument.id,
            event.ts_engine * MS,
            ts_recv,
            event.last,
            grid.ticks[event.bid],
            grid.lots[event.bid_quantity],
            grid.ticks[event.ask],
            grid.lots[event.ask_quantity],
        )

    def _mark(self, event: MarkPriceUpdate, grid: InstrumentGrid, ts_recv: Nanos) -> Mark:
        micro_tick = grid.instrument.tick / 10**6
        name = grid.instrument.name
        return Mark(
            grid.instrument.id,
            event.ts_event * MS,
            ts_recv,
            _scaled(event.mark, micro_tick, f"mark price of {name}"),
            _scaled(event.index, micro_tick, f"index price of {name}"),
            _scaled(event.rate, Decimal("1e-12"), f"funding rate of {name}"),
            event.ts_funding * MS or NOT_STATED,
            NOT_STATED,
        )

    # --- the rest ----------------------------------------------------------------------------------------------------

    def _other(self, frame: bytes, ts_recv: Nanos) -> DepthDiff | Trade | Touch | Mark | Answer | None:
        """Take an answer, an event of another kind, or a frame whose keys stand in another order than usual."""
        found = decode(_ANY, frame, "a market stream of Binance")
        if found.id is not None or found.error is not None or found.code is not None:
            refusal = found.error
            if refusal is not None:
                text = f"{refusal.code} {refusal.message}"
            else:
                text = "" if found.code is None else f"{found.code} {found.message}"
            return Answer(found.id if isinstance(found.id, int) else -1, text)
        name = found.event or (found.data.name if found.data is not None else "")
        if name in _EVENT_NAMES:
            if found.stream is not None:
                return self._take(decode(_FRAMES, frame, f"{name} of Binance").data, ts_recv)
            return self._take(decode(_EVENTS, frame, f"{name} of Binance"), ts_recv)
        if not name:
            raise RemoteProtocolError(f"a market stream of Binance sent neither event nor answer: {frame[:200]!r}")
        self.skipped[f"event {name}" if len(self.skipped) < _MAX_NAMES else "other events"] += 1
        return None


def _check_side(levels: LevelArray, direction: int, what: str) -> None:
    if len(levels) and levels[:, 1].min() < 1:
        raise RemoteProtocolError(f"{what} have an empty level")
    if (np.diff(levels[:, 0]) * direction <= 0).any():
        raise RemoteProtocolError(f"{what} are not sorted best first")


def _scaled(text: str, unit: Decimal, what: str) -> int:
    """Return a decimal text to the nearest `unit`; an empty one says nothing."""
    if not text:
        return NOT_STATED
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not (value.is_finite() and -40 < value.adjusted() < 18):
        raise RemoteProtocolError(f"{what} {text!r} is not a usable number")
    scaled = round(Fraction(value) / Fraction(unit))
    if abs(scaled) >= 1 << 62:
        raise RemoteProtocolError(f"{what} {text} is too large")
    return scaled
