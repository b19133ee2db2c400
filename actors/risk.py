"""Limits that every order must pass before it is sent, and the running sums that they are checked against.

Everything that may still happen counts: the worst position of a side is our position plus all lots that orders of that
side may still fill, those whose fate is unknown included.  The sums are kept as orders change; no check walks orders.
"""

from collections.abc import Mapping
from decimal import Decimal
from math import ceil, floor
from typing import Final

import attrs

from market.book_view import BookView
from market.instrument import ConstantStep, Instrument, InstrumentTable
from market.messages import OrderFlag, Reason
from market.units import MS, SECOND, InstrumentId, Lots, Nanos, Side, Ticks

_REDUCE_ONLY: Final = int(OrderFlag.REDUCE_ONLY)
_MARKET: Final = int(OrderFlag.MARKET)
_OK: Final = int(Reason.NONE)
LOOK_EVERY: Final = 100 * MS
_MOST: Final = 1 << 62  # beyond any sum of lots or orders; the simulation keeps the limits in 64 bits, with room to add
_WIDEST_COLLAR: Final = 1e6  # of the mid, either way


def _finite(instance: object, attribute: "attrs.Attribute[float]", value: float) -> None:
    if not 0 < value < float("inf"):
        raise ValueError(f"{attribute.name} must be above 0 and finite, got {value}: there is no 'no limit'")


def _limit(default: float) -> float:
    return attrs.field(default=default, converter=float, validator=_finite)


@attrs.frozen
class Limits:
    """Pre-trade limits of one instrument.  The defaults are wide but finite.

    Attributes:
        max_order_size, max_position: units of size (base currency or contracts), position signed either way.
        max_order_notional, max_position_notional: quote currency, at the order's price.
        max_open_orders: live orders of all quoters, pending and unknown included.
        max_order_rate: orders and amends per second, over a burst of one second; cancels are never held back.
        price_collar_bps: farthest that a price may be from our own mid, either way; a market order is sent with that
            as its worst price.
    """

    max_order_size: float = _limit(1e9)
    max_order_notional: float = _limit(100_000.0)
    max_position: float = _limit(1e9)
    max_position_notional: float = _limit(1_000_000.0)
    max_open_orders: int = attrs.field(default=500, validator=attrs.validators.ge(1))
    max_order_rate: float = _limit(500.0)
    price_collar_bps: float = _limit(1000.0)


class Guard:
    """What is at stake on one instrument, and whether one order more is within its limits.

    Attributes:
        position: ours, signed.
        open_buy, open_sell: lots that live orders may still fill, at the worst.
        n_live: live orders.
        bid, ask: our own touch as last looked at, each the other where its side is empty; to be looked at again at
            `look_at`.  The collar is there for prices far off, and reading the touch after each change of the book
            would cost more than all other checks; an order that the collar would refuse is held against the present.
    """

    __slots__ = (
        "_burst",
        "_collar",
        "_due",
        "_high",
        "_instrument",
        "_interval",
        "_is_inverse",
        "_low",
        "_max_live",
        "_max_lots",
        "_max_notional",
        "_max_position",
        "_max_position_notional",
        "_mid2",
        "_min_lots",
        "_min_notional",
        "_step",
        "_unit",
        "ask",
        "bid",
        "look_at",
        "n_live",
        "open_buy",
        "open_sell",
        "position",
    )

    def __init__(self, instrument: Instrument, limits: Limits) -> None:
        self.position: Lots = 0
        self.open_buy: Lots = 0
        self.open_sell: Lots = 0
        self.n_live = 0
        self._instrument = instrument
        # one rule of prices is checked in line; with another no size passes there, and the instrument is asked
        rule = instrument.price_rule
        self._step = rule.ticks if isinstance(rule, ConstantStep) else 1
        self._min_lots = max(1, instrument.min_size) if isinstance(rule, ConstantStep) else _MOST
        self._max_lots = min(_lots(limits.max_order_size, instrument), instrument.max_size or _MOST)
        self._min_notional = float(instrument.min_notional)
        self._max_notional = limits.max_order_notional
        self._max_position = min(_lots(limits.max_position, instrument), _MOST)
        self._max_position_notional = limits.max_position_notional
        self._max_live = min(limits.max_open_orders, _MOST)
        self._collar = min(limits.price_collar_bps / 10_000, _WIDEST_COLLAR)
        self._is_inverse = instrument.inverse
        # quote currency of one lot (inverse), or of one lot at one tick; as Instrument.notional has it
        per_lot = instrument.lot * instrument.multiplier
        self._unit = float(per_lot if instrument.inverse else per_lot * instrument.tick)
        # one int is the whole token bucket: when it would be full again (the generic cell rate algorithm)
        self._interval = round(min(SECOND / limits.max_order_rate, _MOST))
        self._burst = (max(1, int(limits.max_order_rate)) - 1) * self._interval
        self._due: Nanos = 0
        self.bid = self.ask = self._mid2 = self._low = self._high = 0
        self.look_at: Nanos = 0

    def limits(self) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """Return what never changes: step, least and most lots, most position, most live orders, interval, burst,
        inverse, time between looks; and collar, least and most notional, most notional of the position, unit."""
        whole = (self._step, self._min_lots, self._max_lots, self._max_position, self._max_live, self._interval)
        return (*whole, self._burst, int(self._is_inverse), LOOK_EVERY), (
            self._collar,
            self._min_notional,
            self._max_notional,
            self._max_position_notional,
            self._unit,
        )

    def stake(self, side: int) -> Lots:
        """Return the worst position in the direction of a side: ours, and all that its live orders may still fill."""
        return self.open_buy + self.position if side > 0 else self.open_sell - self.position

    def worst_price(self, side: int) -> Ticks:
        """Return the farthest price that the collar lets an order take at, a valid one; 0 without a book."""
        if not self._mid2:
            return 0
        instrument = self._instrument
        edge = self._high if side > 0 else self._low
        return instrument.round_price(instrument.price(edge), Side.BUY if side > 0 else Side.SELL)

    def most_lots(self, price: Ticks) -> Lots:
        """Return the largest size that one order may have at a price."""
        unit = self._unit if self._is_inverse else self._unit * price
        return min(self._max_lots, int(min(self._max_notional / unit, _MOST)))

    @property
    def state(self) -> tuple[int, ...]:
        """What changes: position, open buys and sells, live orders, the rate's due time; touch, band, time to look."""
        return (
            self.position,
            self.open_buy,
            self.open_sell,
            self.n_live,
            self._due,
            self.bid,
            self.ask,
            self._low,
            self._high,
            self.look_at,
        )

    @state.setter
    def state(self, state: tuple[int, ...]) -> None:
        self.position, self.open_buy, self.open_sell, self.n_live, self._due = state[:5]
        self.bid, self.ask, self._low, self._high, self.look_at = state[5:]
        self._mid2 = self.bid + self.ask

    def look(self, book: BookView | None, now: Nanos) -> None:
        """Take the touch for the collar from our own book."""
        bid, ask = (0, 0) if book is None else (book.best_bid, book.best_ask)
        self.bid = bid or ask
        self.ask = ask or bid
        self._mid2 = self.bid + self.ask
        self._low = max(1, ceil((self._mid2 - self._collar * self._mid2) / 2))
        self._high = floor((self._mid2 + self._collar * self._mid2) / 2)
        # a book that is empty is looked at again each time
        self.look_at = now + LOOK_EVERY if self._mid2 else 0

    def refusal(self, side: int, price: Ticks, size: Lots, flags: int, now: Nanos, more: Lots = -1) -> int:
        """Return why an order may not be sent, 0 if it may; then it counts for the rate.

        Args:
            price: 0 of a market order without a limit, which is valued at the touch.
            more: for an amend: lots that it adds to the worst case, >= 0.
        """
        if price == 0 and flags & _MARKET:
            price = self.ask if side > 0 else self.bid
        worst = (size if more < 0 else more) + (
            self.open_buy + self.position if side > 0 else self.open_sell - self.position
        )
        unit = self._unit if self._is_inverse else self._unit * price
        due = self._due - now
        if (
            self._low <= price <= self._high
            and price % self._step == 0
            and self._min_lots <= size <= self._max_lots
            and self._min_notional <= size * unit <= self._max_notional
            and worst <= self._max_position
            and worst * unit <= self._max_position_notional
            and self.n_live < self._max_live
            and due <= self._burst
        ):
            self._due = now + self._interval if due < 0 else self._due + self._interval
            return _OK
        reason = self._why(price, size, flags, worst, unit, due, more)
        if reason == _OK:
            self._due = max(self._due, now) + self._interval
        return reason

    def _why(self, price: Ticks, size: Lots, flags: int, worst: Lots, unit: float, due: Nanos, more: Lots) -> int:
        """Go through the same checks one by one; some of them do not hold for some orders."""
        if self._mid2 == 0:
            return int(Reason.NO_BOOK)
        if not (flags & _MARKET or self._instrument.is_valid_price(price)):
            return int(Reason.INVALID_PRICE)
        if size < 1:
            return int(Reason.INVALID_SIZE)
        is_reducing = bool(flags & _REDUCE_ONLY)  # a rest below the venue's minimum may still be closed
        if size < self._instrument.min_size and not is_reducing:
            return int(Reason.BELOW_MIN_SIZE)
        if size * unit < self._min_notional and not is_reducing:
            return int(Reason.BELOW_MIN_NOTIONAL)
        if self._instrument.max_size is not None and size > self._instrument.max_size:
            return int(Reason.ABOVE_MAX_SIZE)
        if size > self._max_lots:
            return int(Reason.LIMIT_ORDER_SIZE)
        if size * unit > self._max_notional:
            return int(Reason.LIMIT_ORDER_NOTIONAL)
        # an amend that adds nothing may move even when the market has carried the position over its limit
        if more != 0 and (worst > self._max_position or worst * unit > self._max_position_notional):
            return int(Reason.LIMIT_POSITION)
        if more < 0 and self.n_live >= self._max_live:
            return int(Reason.LIMIT_OPEN_ORDERS)
        if not self._low <= price <= self._high:
            return int(Reason.PRICE_COLLAR)
        if due > self._burst:
            return int(Reason.LIMIT_ORDER_RATE)
        return _OK


def _lots(size: float, instrument: Instrument) -> Lots:
    return _MOST if size > _MOST * float(instrument.lot) else int(Decimal(repr(size)) // instrument.lot)


def guards(instruments: InstrumentTable, default: Limits, special: Mapping[InstrumentId, Limits]) -> list[Guard]:
    """Return one guard for each instrument, by its id."""
    return [Guard(each, special.get(each.id, default)) for each in instruments]
