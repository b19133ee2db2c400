"""One account at one emulated venue: its orders, executions, position and money, and what may be asked of them."""

from collections import deque
from collections.abc import Sequence
from copy import copy
from decimal import Decimal
from typing import Any, Final

from market.instrument import Instrument
from market.messages import (
    AmendOrder,
    AmendRejected,
    CancelAll,
    CancelOrder,
    CancelRejected,
    Fill,
    FundingPayment,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderRejected,
    PlaceOrder,
)
from market.units import InstrumentId, Lots, Nanos, Ticks
from sim.emulator.config import AccountSection, VenueSection
from sim.emulator.engine import Engine
from sim.emulator.orders import (
    AccountEvent,
    Amended,
    AmendRefused,
    CancelRefused,
    Ended,
    Executed,
    Execution,
    Funded,
    Holding,
    Order,
    Payment,
    Placed,
    Refused,
    Status,
    TrueOrder,
)

_KEPT: Final = 200_000  # ended orders, executions and payments


class Account:
    """The venue's own books of one account.

    Attributes:
        section: its name, key and permissions.
        place: among the accounts.
        orders: open ones by number, oldest first.
        ended: those that have ended, oldest first.
        executions, payments: all, oldest first.
        holdings: by instrument.
    """

    def __init__(self, engine: Engine, venue: VenueSection, section: AccountSection, place: int) -> None:
        self.section = section
        self.place = place
        self.orders: dict[int, Order] = {}
        self.ended: deque[Order] = deque(maxlen=_KEPT)
        self.executions: deque[Execution] = deque(maxlen=_KEPT)
        self.payments: deque[Payment] = deque(maxlen=_KEPT)
        self.opening = Decimal(str(venue.balance))
        self.holdings: dict[InstrumentId, Holding] = {
            view.instrument.id: Holding(view.instrument, Decimal(venue.leverage))
            for view in engine.views.values()
            if view.instrument.venue == venue.name
        }
        self.updated: Nanos = engine.times[venue.name].wall_start
        self._by_number: dict[int, Order] = {}
        self._by_client_id: dict[str, Order] = {}
        self._used: deque[Order] = deque()
        self._engine = engine
        self._times = engine.times[venue.name]
        self._realised = self._fees = self._funding = Decimal(0)

    # --- requests -----------------------------------------------------------------------------------------------------

    def submit(
        self,
        instrument: Instrument,
        client_id: str,
        side: int,
        price: Ticks,
        size: Lots,
        flags: int,
        terms: dict[str, Any],
        now: Nanos,
    ) -> list[AccountEvent]:
        """Send a new order to the engine; the first event is `Placed` or `Refused`."""
        order = Order(self._engine.new_number(), instrument, client_id, side, price, size, flags, now, now, terms=terms)
        self._remember(order)
        return self._do(PlaceOrder(order.number, instrument.id, side, price, size, flags), now)

    def amend(self, order: Order, price: Ticks, size: Lots, now: Nanos) -> list[AccountEvent]:
        """Change an open order; the first event is `Amended` or `AmendRefused`."""
        return self._do(AmendOrder(order.number, order.instrument.id, price, size), now)

    def cancel(self, order: Order, now: Nanos) -> list[AccountEvent]:
        """Cancel an order; the first event is `Ended` or `CancelRefused`."""
        return self._do(CancelOrder(order.number, order.instrument.id), now)

    def cancel_all(self, instrument: Instrument, now: Nanos) -> list[AccountEvent]:
        """Cancel every order of an instrument."""
        return self._do(CancelAll(instrument.id), now)

    def forget(self, number: int) -> None:
        """Leave no trace of an order that the venue refuses in its answer."""
        order = self._by_number.pop(number)
        if self._by_client_id.get(order.client_id) is order:
            del self._by_client_id[order.client_id]
        last = self.ended.pop()
        assert last is order, f"order {number} was not the last to end"

    def can_afford(self, instrument: Instrument, side: int, price: Ticks, size: Lots) -> bool:
        """Tell whether the free margin is enough for what an order would add to the position."""
        holding = self.holdings[instrument.id]
        closing = min(abs(holding.lots), size) if holding.lots * side < 0 else 0
        needed = abs(instrument.value(price, size - closing)) / holding.leverage
        return needed <= self.available

    # --- what is asked ------------------------------------------------------------------------------------------------

    def find(self, number: int | None = None, client_id: str = "") -> Order | None:
        """Return an order, open or not, by the venue's number or else the client's id (the newest of that id)."""
        if number is not None:
            return self._by_number.get(number)
        return self._by_client_id.get(client_id) if client_id else None

    def has_open(self, client_id: str) -> bool:
        """Tell whether an open order has this client's id."""
        order = self._by_client_id.get(client_id) if client_id else None
        return order is not None and order.is_open

    @property
    def wallet(self) -> Decimal:
        """Cash: the opening balance, profit realised, funding, less fees; settle asset."""
        return self.opening + self._realised - self._fees + self._funding

    @property
    def realised(self) -> Decimal:
        """Profit realised, fees and funding included."""
        return self.wallet - self.opening

    @property
    def unrealised(self) -> Decimal:
        """Profit of the open positions at their marks."""
        return sum((h.profit(self.mark(h.instrument)) for h in self.holdings.values() if h.lots), Decimal(0))

    @property
    def position_margin(self) -> Decimal:
        """Initial margin of the positions."""
        return sum((h.margin(self.mark(h.instrument)) for h in self.holdings.values() if h.lots), Decimal(0))

    def maintenance(self, share: Decimal) -> Decimal:
        """Return a share of the positions' value: what a venue wants to be kept."""
        return share * sum((h.value(self.mark(h.instrument)) for h in self.holdings.values()), Decimal(0))

    @property
    def order_margin(self) -> Decimal:
        """Initial margin of the open orders that may make a position larger."""
        total = Decimal(0)
        for order in self.orders.values():
            if not order.reduces_only:
                total += order.worth(order.price, order.left) / self.holdings[order.instrument.id].leverage
        return total

    @property
    def available(self) -> Decimal:
        """What new orders may use."""
        return max(Decimal(0), self.wallet + self.unrealised - self.position_margin - self.order_margin)

    def mark(self, instrument: Instrument) -> Decimal:
        """Return the mark price."""
        return self._engine.views[instrument.id].mark

    def true_orders(self) -> list[TrueOrder]:
        """Return the open orders, oldest first."""
        return [
            TrueOrder(o.number, o.client_id, o.instrument.id, o.instrument.symbol, o.side, o.price, o.size, o.filled)
            for o in self.orders.values()
        ]

    # --- what the engine says -----------------------------------------------------------------------------------------

    def take(self, facts: Sequence[Any]) -> list[AccountEvent]:
        """Take the engine's facts into the books."""
        return [event for fact in facts for event in self._take(fact)]

    def _do(self, command: Any, now: Nanos) -> list[AccountEvent]:
        return self.take(self._engine.submit(self.place, command, self._times.market(now)))

    def _take(self, fact: Any) -> list[AccountEvent]:
        ts = self._times.wall(fact.ts_venue)
        self.updated = ts
        if isinstance(fact, FundingPayment):
            return [self._fund(fact, ts)]
        order = self._by_number[fact.client_id]
        order.seq = self._engine.views[order.instrument.id].seq
        if isinstance(fact, Fill):
            execution = self._fill(order, fact, ts)
            return [Executed(copy(order), execution)]
        if isinstance(fact, AmendRejected):
            return [AmendRefused(copy(order), fact.reason)]
        if isinstance(fact, CancelRejected):
            return [CancelRefused(copy(order))]
        order.updated = ts
        if isinstance(fact, OrderAccepted):
            self.orders[order.number] = order
            return [Placed(copy(order))]
        if isinstance(fact, OrderAmended):
            order.price, order.size = fact.price, fact.size
            order.n_amends += 1
            if order.filled == order.size:
                self._end(order, Status.FILLED)
            return [Amended(copy(order))]
        order.reason = fact.reason
        if isinstance(fact, OrderRejected):
            self._end(order, Status.REJECTED)
            return [Refused(copy(order))]
        assert isinstance(fact, OrderCancelled | OrderExpired), f"{fact!r} is no fact of an order"
        self._end(order, Status.CANCELLED if isinstance(fact, OrderCancelled) else Status.EXPIRED)
        return [Ended(copy(order))]

    def _fill(self, order: Order, fill: Fill, ts: Nanos) -> Execution:
        holding = self.holdings[order.instrument.id]
        closed, profit = holding.fill(fill.side, fill.price, fill.size, ts)
        order.filled += fill.size
        order.value += fill.price * fill.size
        order.fee_e12 += fill.fee_e12
        order.realised += profit
        order.updated = ts
        holding.seq = order.seq
        fee = Decimal(fill.fee_e12).scaleb(-12)
        holding.fees += fee
        self._realised += profit
        self._fees += fee
        left = order.size - order.filled
        if left == 0:
            self._end(order, Status.FILLED)
        execution = Execution(
            self._engine.new_number(),
            order,
            ts,
            fill.price,
            fill.size,
            fill.is_maker,
            fill.fee_e12,
            left,
            closed,
            profit,
            order.seq,
        )
        self.executions.append(execution)
        return execution

    def _fund(self, fact: FundingPayment, ts: Nanos) -> Funded:
        holding = self.holdings[fact.instrument]
        payment = Payment(self._engine.new_number(), holding.instrument, ts, fact.amount_e12, holding.lots)
        self._funding += payment.amount
        self.payments.append(payment)
        return Funded(payment)

    def _end(self, order: Order, status: Status) -> None:
        order.status = status
        self.orders.pop(order.number, None)
        self.ended.append(order)

    def _remember(self, order: Order) -> None:
        self._by_number[order.number] = order
        if order.client_id:
            self._by_client_id[order.client_id] = order
        self._used.append(order)
        while len(self._used) > _KEPT and not self._used[0].is_open:
            old = self._used.popleft()
            self._by_number.pop(old.number, None)
            if self._by_client_id.get(old.client_id) is old:
                del self._by_client_id[old.client_id]
