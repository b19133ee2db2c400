"""A maker on one venue that hedges on another: what its quotes fill is taken back there, at once."""

from typing import Any, ClassVar, Final, Literal

import attrs

from actors.quoter import Levels, QuoterContext
from actors.strategies.vamp import VampParams, VampQuoter
from market.book import Book
from market.instrument import Instrument
from market.messages import CountedPosition, Drain, Fresh, OrderState, OrderUpdate, Reason
from market.units import SECOND, InstrumentId, Lots, Nanos, Side, Ticks

_CHECK: Final = 1  # timer token
_ROUNDING: Final = 1e-6  # of a lot: what sums of floats may lack
_TOO_LARGE: Final = frozenset(
    (Reason.LIMIT_ORDER_SIZE, Reason.LIMIT_ORDER_NOTIONAL, Reason.LIMIT_POSITION, Reason.ABOVE_MAX_SIZE)
)
_ge0 = attrs.validators.ge(0.0)
_gt0 = attrs.validators.gt(0.0)


@attrs.frozen
class HedgedParams(VampParams):
    """Parameters of `HedgedQuoter`, besides those of its quotes.

    Attributes:
        max_unhedged: exposure, units of base, at which quotes that add to it are pulled; 0: no such limit.
        max_unhedged_notional: the same in quote currency; one of the two must be set, the nearer one holds.
        hedge_order: `ioc`, at most `slippage_bps` behind the touch, or `market`, whose worst price is the price collar
            of `[orders.limits]`.
        slippage_bps: of one order, from the touch that is taken.
        max_hedge_notional: of one order, quote currency; a larger exposure takes several, one after the other.
        target: net position of the pair that is left as it is, units of base.
        retry_s: until the next order after one that filled nothing; doubled each time, up to `max_retry_s`.
        max_failures: orders in a row that filled nothing, after which quotes that add to the exposure are pulled,
            however small it is.
        check_s: period at which it looks by itself.
    """

    max_unhedged: float = attrs.field(default=0.0, validator=_ge0)
    max_unhedged_notional: float = attrs.field(default=0.0, validator=_ge0)
    hedge_order: Literal["ioc", "market"] = attrs.field(
        default="ioc", validator=attrs.validators.in_(("ioc", "market"))
    )
    slippage_bps: float = attrs.field(default=10.0, validator=[_ge0, attrs.validators.lt(10_000.0)])
    max_hedge_notional: float = attrs.field(default=10_000.0, validator=_gt0)
    target: float = 0.0
    retry_s: float = attrs.field(default=0.25, validator=_gt0)
    max_retry_s: float = attrs.field(default=5.0, validator=_gt0)
    max_failures: int = attrs.field(default=5, validator=attrs.validators.ge(1))
    check_s: float = attrs.field(default=0.25, validator=attrs.validators.ge(0.01))


class HedgedQuoter(VampQuoter):
    """Quotes the first of its two instruments as `VampQuoter` does, and holds the second against what it has filled.

    The exposure is what both positions come to in units of base, less the target: not what this life remembers of its
    fills, so that a restart, a missed fill or an adjustment changes nothing.  Every whole lot of it is taken back on
    the second instrument, by one order at a time; what is less waits for more.  The next order goes out only when the
    end of the last is known and the position counts all its fills: no fill is hedged twice, and an order whose fate is
    unknown is waited for.  The reference is `references[0]`, or the second instrument.

    Exposure stays within the limit, what rests on the side that adds to it when it is reached, and what is under way.
    """

    params_class = HedgedParams
    reads_orders: ClassVar[bool] = True
    hedges_itself: ClassVar[bool] = True

    def __init__(self, context: QuoterContext, params: HedgedParams) -> None:
        super().__init__(context, params)
        self.params: HedgedParams = params
        self._pair = context.quoted
        self.hedged_on = context.quoted[1]
        if not context.references:
            self.reference = self.hedged_on
        self._counted: dict[InstrumentId, CountedPosition] = {}
        self._wanted: tuple[Levels, Levels] = ((), ())
        self._may_add = dict.fromkeys(Side, False)
        self._sent = 0  # tag of the hedge that has no end yet
        self._largest: Lots = self.hedged_on.max_size or 1 << 62
        self._most = self._largest  # of one hedge: less, while our limits refuse as much
        self._n_failed = 0
        self._next_try: Nanos = 0
        self._declared = 0.0

    @classmethod
    def check(cls, context: QuoterContext, params: Any) -> None:
        if len(context.quoted) != 2:
            raise ValueError(f"instruments must be two, to quote and to hedge on; got {len(context.quoted)}")
        maker, hedge = context.quoted
        if maker.base != hedge.base:
            raise ValueError(f"{maker.name} is {maker.base}, {hedge.name} is {hedge.base}: one cannot hedge the other")
        if not (params.max_unhedged or params.max_unhedged_notional):
            raise ValueError("set max_unhedged (units of base) or max_unhedged_notional (quote currency)")

    # --- what it hears -----------------------------------------------------------------------------------------------

    def on_start(self, generation: int) -> None:
        self.count_positions()
        self.every(self.params.check_s, _CHECK)

    def on_book(self, book: Book) -> None:
        if book.instrument.id == self.instrument.id:
            super().on_book(book)

    def on_counted(self, position: CountedPosition) -> None:
        self._counted[position.instrument] = position
        if any(position.instrument == each.id for each in self._pair):
            self._look()

    def on_order(self, order: OrderUpdate) -> None:
        if order.instrument != self.hedged_on.id or not order.tag or not OrderState(order.state).is_final:
            return
        if order.tag == self._sent:
            self._sent = 0
        if order.filled:
            self._n_failed, self._next_try = 0, self.now
            self._most = min(self._largest, 2 * self._most)
        else:
            if order.reason in _TOO_LARGE:
                self._most = max(1, order.size // 2)
            wait_s = min(self.params.retry_s * 2.0 ** min(self._n_failed, 30), self.params.max_retry_s)
            self._n_failed, self._next_try = self._n_failed + 1, self.now + round(wait_s * SECOND)
        self._look()

    def on_timer(self, token: int) -> None:
        self._look()

    def quote(self, instrument: Instrument, bids: Levels = (), asks: Levels = ()) -> None:
        """Say the quotes that are wanted; the side that would add to an exposure at its limit is left out."""
        if instrument.id == self.instrument.id:
            self._wanted = bids, asks
            self._may_add = self._what_may_add()
            bids = bids if self._may_add[Side.BUY] else ()
            asks = asks if self._may_add[Side.SELL] else ()
        super().quote(instrument, bids, asks)

    def _take_fresh(self, fresh: Fresh) -> None:
        super()._take_fresh(fresh)
        if fresh.instrument == self.hedged_on.id:
            self._next_try = self.now
            self._look()

    def _take_drain(self, drain: Drain) -> None:
        super()._take_drain(drain)
        self._wanted = ((), ())

    # --- the exposure ------------------------------------------------------------------------------------------------

    @property
    def unhedged(self) -> float | None:
        """Units of base, signed: positions as they are counted, less the target; None: not known."""
        return self._base({each.id: self._counted[each.id].lots for each in self._pair}, -self.params.target)

    @property
    def _is_known(self) -> bool:
        """Both accounts have been compared: what is counted of one alone is no exposure."""
        return all(each.id in self._counted and self._counted[each.id].is_known for each in self._pair)

    def _base(self, lots: dict[InstrumentId, Lots], total: float = 0.0) -> float | None:
        """Return the sum of positions in units of base; None where one of an inverse contract has no price."""
        for each in self._pair:
            held = lots.get(each.id, 0)
            if held:
                price = self._price(each) if each.inverse else 1.0
                if price is None:
                    return None
                total += each.base_size(price, held)
        return total

    def _price(self, instrument: Instrument) -> float | None:
        """Return its mid, or the other's, of the same base."""
        for each in (instrument, *self._pair):
            mid = self.books[each.id].mid
            if mid > 0.0:  # no NaN
                return mid
        return None

    def _worst(self, side: Side) -> float | None:
        """Return the exposure with doubts and hedges that add to it on a side; those of the other side may fail."""
        lots = {}
        for each in self._pair:
            counted = self._counted[each.id]
            lots[each.id] = counted.lots + side * max(0, side * counted.doubt)
        lots[self.hedged_on.id] += side * sum(
            order.size - order.filled for order in self._orders[self.hedged_on.id].values() if order.side == side
        )
        return self._base(lots, -self.params.target)

    def _what_may_add(self) -> dict[Side, bool]:
        if self._is_draining or not self._is_known:
            return dict.fromkeys(Side, False)
        return {side: self._may_grow(side) for side in Side}

    def _may_grow(self, side: Side) -> bool:
        worst = self._worst(side)
        if worst is None:
            return False
        exposure = side * worst
        if exposure <= 0.0:
            return True
        p = self.params
        if self._n_failed >= p.max_failures or 0.0 < p.max_unhedged <= exposure:
            return False
        if not p.max_unhedged_notional:
            return True
        price = self._price(self.instrument)
        return price is not None and exposure * price < p.max_unhedged_notional

    # --- the hedge ---------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Pull what may not add any more, let be quoted again what may, and hedge what can be hedged."""
        if self._is_draining:
            return
        may_add = self._what_may_add()
        if may_add != self._may_add:
            self.quote(self.instrument, *self._wanted)
        if not self._is_known:
            return
        exposure = self.unhedged
        if exposure is None:
            return
        if exposure != self._declared:
            self._declared = exposure
            self.declare("unhedged", exposure, self.instrument, "hedge")
        is_under_way = self._sent or self._orders[self.hedged_on.id]
        is_sure = not any(self._counted[each.id].doubt for each in self._pair)
        if exposure and is_sure and not is_under_way and self.now >= self._next_try:
            self._hedge(exposure)

    def _hedge(self, exposure: float) -> None:
        hedge, p = self.hedged_on, self.params
        side = Side.SELL if exposure > 0.0 else Side.BUY
        book = self.books[hedge.id]
        touch = book.best_ask if side is Side.BUY else book.best_bid
        if not touch or self.is_stale(hedge):
            return
        best = hedge.price(touch)
        worst: Ticks = hedge.round_price(best * (1.0 + side * p.slippage_bps * 1e-4), side)
        lots = int(abs(exposure) / hedge.base_size(best, 1) + _ROUNDING)
        least = hedge.least_lots(hedge.price(worst))
        if lots < least:
            self._n_failed = 0  # nothing is left that could be hedged by itself
            return
        most = min(self._most, hedge.lots_of(p.max_hedge_notional, best))
        size = max(least, min(lots, most))
        self._sent = self.hedge(hedge, side, size, worst if p.hedge_order == "ioc" else 0)
