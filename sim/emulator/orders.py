"""An order, an execution and a position as an emulated venue's books have them, whatever the protocol."""

from decimal import Decimal
from enum import Enum
from typing import Any

import attrs

from market.instrument import Instrument
from market.messages import OrderFlag
from market.units import InstrumentId, Lots, Nanos, Ticks


class Status(Enum):
    """Where an order stands; partly filled is OPEN with `filled` above 0."""

    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"


@attrs.define(eq=False)
class Order:
    """One order of an account.

    Attributes:
        number: unique at the venue, counting up.
        client_id: the client's own id; empty for none.
        price: limit, ticks; of a market order its worst price.
        flags: of `OrderFlag`.
        value: sum of price times lots over its fills, in ticks and lots.
        fee_e12: paid so far, in 1e-12 of the settle asset.
        reason: code of `market.messages.Reason` of its end or refusal.
        terms: what the client said besides, for the venue to repeat.
        seq: of the venue's engine at its last change.
    """

    number: int
    instrument: Instrument
    client_id: str
    side: int
    price: Ticks
    size: Lots
    flags: int
    created: Nanos
    updated: Nanos
    status: Status = Status.OPEN
    filled: Lots = 0
    value: int = 0
    fee_e12: int = 0
    reason: int = 0
    n_amends: int = 0
    seq: int = 0
    realised: Decimal = Decimal(0)
    terms: dict[str, Any] = attrs.field(factory=dict)

    @property
    def is_open(self) -> bool:
        return self.status is Status.OPEN

    @property
    def is_market(self) -> bool:
        return bool(self.flags & OrderFlag.MARKET)

    @property
    def reduces_only(self) -> bool:
        return bool(self.flags & OrderFlag.REDUCE_ONLY)

    @property
    def left(self) -> Lots:
        """Lots that it may still fill; 0 once it has ended."""
        return self.size - self.filled if self.is_open else 0

    @property
    def average_price(self) -> Decimal:
        """Mean price of its fills, quote currency; 0 before the first."""
        return self.instrument.tick * self.value / self.filled if self.filled else Decimal(0)

    def worth(self, price: Ticks, lots: Lots) -> Decimal:
        """Return the notional of a part of it, quote currency."""
        return abs(self.instrument.value(price, lots))


@attrs.frozen(eq=False)
class Execution:
    """One fill, as the account's history keeps it; `order` is the live object, the rest stands still.

    Attributes:
        trade_id: unique at the venue and instrument.
        left: of the order after it, lots.
        closed: lots by which it made the position smaller.
        realised: profit of those, settle asset, before fees.
        number: of the order.
    """

    trade_id: int
    order: Order
    ts: Nanos
    price: Ticks
    size: Lots
    is_maker: bool
    fee_e12: int
    left: Lots
    closed: Lots
    realised: Decimal
    seq: int

    @property
    def fee(self) -> Decimal:
        return Decimal(self.fee_e12).scaleb(-12)

    @property
    def value(self) -> Decimal:
        return self.order.worth(self.price, self.size)


@attrs.frozen(eq=False)
class Payment:
    """Funding paid (negative) or received."""

    payment_id: int
    instrument: Instrument
    ts: Nanos
    amount_e12: int
    position: Lots
    rate_e12: int = 0

    @property
    def amount(self) -> Decimal:
        return Decimal(self.amount_e12).scaleb(-12)


@attrs.define(eq=False)
class Holding:
    """The position in one linear instrument.

    Attributes:
        lots: signed.
        entry: average entry price, quote currency; 0 when flat.
        realised: profit realised since the account began, before fees and funding.
        opened: when it last left flat; 0 never.
    """

    instrument: Instrument
    leverage: Decimal
    lots: Lots = 0
    entry: Decimal = Decimal(0)
    realised: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    opened: Nanos = 0
    updated: Nanos = 0
    seq: int = 0

    def fill(self, side: int, price: Ticks, size: Lots, ts: Nanos) -> tuple[Lots, Decimal]:
        """Take a fill in; return the lots it closed and the profit of those."""
        unit = self.instrument.lot * self.instrument.multiplier
        paid = self.instrument.tick * price
        change = side * size
        closed = min(abs(self.lots), size) if self.lots * change < 0 else 0
        profit = (paid - self.entry) * closed * unit * (1 if self.lots > 0 else -1) if closed else Decimal(0)
        opening = size - closed
        if self.lots == 0 or (closed and opening):
            self.opened = ts
        if closed and opening:  # through flat
            self.entry = paid
        elif opening:
            self.entry = (self.entry * abs(self.lots) + paid * opening) / (abs(self.lots) + opening)
        self.lots += change
        if self.lots == 0:
            self.entry = Decimal(0)
        self.realised += profit
        self.updated = ts
        return closed, profit

    def profit(self, mark: Decimal) -> Decimal:
        """Return the unrealised profit at a mark price, settle asset."""
        return (mark - self.entry) * self.lots * self.instrument.lot * self.instrument.multiplier

    def value(self, mark: Decimal) -> Decimal:
        """Return the notional at a mark price, always positive."""
        return mark * abs(self.lots) * self.instrument.lot * self.instrument.multiplier

    def margin(self, mark: Decimal) -> Decimal:
        """Return the initial margin."""
        return self.value(mark) / self.leverage


# --- what happened, told in the order of events -----------------------------------------------------------------------
# `order` is a picture of that instant: what follows in the same breath is not in it


@attrs.frozen(eq=False)
class Placed:
    order: Order


@attrs.frozen(eq=False)
class Refused:
    """The engine refused the order, which never stood; `order.reason` says why."""

    order: Order


@attrs.frozen(eq=False)
class Amended:
    order: Order


@attrs.frozen(eq=False)
class AmendRefused:
    order: Order
    reason: int


@attrs.frozen(eq=False)
class Executed:
    order: Order
    execution: Execution


@attrs.frozen(eq=False)
class Ended:
    """Cancelled or expired, with `order.reason`."""

    order: Order


@attrs.frozen(eq=False)
class CancelRefused:
    order: Order


@attrs.frozen(eq=False)
class Funded:
    payment: Payment


OrderEvent = Placed | Refused | Amended | AmendRefused | Executed | Ended | CancelRefused
AccountEvent = OrderEvent | Funded


def order_of(event: AccountEvent) -> Order:
    """Return the order of an event that a request brought about."""
    assert not isinstance(event, Funded), "a request pays no funding"
    return event.order


@attrs.frozen
class TrueOrder:
    """An open order as it truly is, for who compares."""

    number: int
    client_id: str
    instrument: InstrumentId
    symbol: str
    side: int
    price: Ticks
    size: Lots
    filled: Lots
