"""What actors may expect of whatever stands before a venue: one suite for the simulated venue and for the real ones.

Each check talks to a connector alone, by its commands and its ports, under a live nursery.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, ClassVar, Protocol, TypeVar

import attrs
import trio

from actors.runtime.actor import Actor
from actors.runtime.child_spec import ChildSpec, OnRestart, Strategy, SupervisorSpec
from actors.runtime.live import LiveNursery
from actors.runtime.mailbox import Policy
from actors.runtime.nursery import CONTROL, ActorSpec, Outcome
from market.instrument import Instrument
from market.messages import (
    AccountSnapshot,
    AmendOrder,
    BookSnapshot,
    CancelAll,
    CancelOrder,
    CancelRejected,
    ConnectionLost,
    ConnectionUp,
    Drain,
    Drained,
    Fill,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderFlag,
    OrderRejected,
    OrderState,
    OrderStatus,
    PlaceOrder,
    QueryOrder,
    Reason,
    RequestAccount,
    RequestSnapshot,
    Trade,
    first_client_id,
)
from market.units import MINUTE, Nanos

PORTS = ("books", "trades", "facts", "fills", "connection")
T = TypeVar("T")


class Sender(Actor):
    """Stands where the order manager would, and proves nothing at the end: the connector is left to cancel."""

    ports: ClassVar[tuple[str, ...]] = ("commands", "troubles", CONTROL)

    def __init__(self) -> None:
        super().__init__("sender")
        self.on = {Drain: lambda message: self.out.append((CONTROL, Drained(1)))}


class Elder(Actor):
    """Stands before the connectors in their tree: it knows no message, and its crash has them stopped as well."""

    def __init__(self) -> None:
        super().__init__("elder")


class Background(Protocol):
    """What runs beside the nursery."""

    async def __call__(self, nursery: LiveNursery) -> Outcome: ...


@attrs.define(eq=False)
class Stage:
    """A connector on its own.

    Attributes:
        cut: makes the venue lose the connection, once.
        told: (port, message) in the order in which they came.
        outlives: orders rest when the connection breaks; else the venue cancels them by itself.
    """

    instrument: Instrument
    nursery: LiveNursery
    cut: Callable[[], None]
    told: list[tuple[str, Any]] = attrs.field(factory=list)
    outcome: Outcome | None = None
    outlives: bool = True
    has_ended: trio.Event = attrs.field(factory=trio.Event)
    _n_orders: int = 0
    _news: trio.Event = attrs.field(factory=trio.Event)
    _first: int = first_client_id(7, 0, 0)

    def hear(self, port: str, message: Any) -> None:
        self.told.append((port, message))
        self._news.set()

    async def next(self, kind: type[T], fits: Callable[[T], bool] = lambda message: True, since: int = 0) -> T:
        """Wait for a message and return it; `since`: the place in `told` to look from."""
        with trio.fail_after(30):
            while True:
                for _, message in self.told[since:]:
                    if isinstance(message, kind) and fits(message):
                        return message
                self._news = trio.Event()
                await self._news.wait()

    def of(self, kind: type[T], since: int = 0) -> list[T]:
        return [message for _, message in self.told[since:] if isinstance(message, kind)]

    def send(self, command: Any) -> None:
        """Give the connector a command, as from the order manager."""
        (edge,) = self.nursery.edges_of("sender", "commands")
        self.nursery.put(edge, command)

    def stop_for_another(self) -> None:
        """Have the connector stopped, and started anew, for the crash of somebody else."""
        (edge,) = self.nursery.edges_of("sender", "troubles")
        self.nursery.put(edge, "what is this?")

    def now(self) -> Nanos:
        return self.nursery.clock.now_ns()

    def new_id(self) -> int:
        self._n_orders += 1
        return self._first + self._n_orders

    async def mid(self) -> int:
        book = await self.next(BookSnapshot, lambda book: len(book.bids) > 0 and len(book.asks) > 0)
        return int(book.bids[0, 0] + book.asks[0, 0]) // 2

    async def place(self, away: float, size: int = 0, flags: int = OrderFlag.POST_ONLY, side: int = 1) -> PlaceOrder:
        """Send an order `away` (a share of the price) below the mid for a buy, above it for a sale."""
        price = self.price(side * away, await self.mid())
        order = PlaceOrder(self.new_id(), self.instrument.id, side, price, size or self.size(price), int(flags))
        self.send(order)
        return order

    def price(self, below: float, mid: int) -> int:
        """Return the valid price nearest to one that is a share `below` the mid, ticks."""
        return self.instrument.ticks(self.instrument.price(mid) * (1 - below))

    def size(self, price: int) -> int:
        """Return a size that every venue takes."""
        per_lot = float(self.instrument.tick * self.instrument.lot) * price
        return max(self.instrument.min_size, round(3 * float(self.instrument.min_notional) / per_lot) + 1)

    async def of_order(self, kind: type[T], order: PlaceOrder, since: int = 0) -> T:
        return await self.next(kind, lambda message: message.client_id == order.client_id, since)  # type: ignore[attr-defined]

    async def account(self, since: Nanos | None = None) -> AccountSnapshot:
        """Ask for the account, and return the answer to this question."""
        now = self.now()
        place = len(self.told)
        self.send(RequestAccount(0, now - MINUTE if since is None else since))
        return await self.next(AccountSnapshot, lambda snapshot: snapshot.ts_request >= now, place)

    async def until_up(self) -> None:
        await self.next(ConnectionUp)
        await self.mid()


@asynccontextmanager
async def on_stage(
    instrument: Instrument,
    starts: Mapping[str, Callable[[], Actor]],
    cut: Callable[[], None],
    run: Background,
    nursery: LiveNursery,
) -> AsyncIterator[Stage]:
    """Run connectors under a live nursery, and look at the first, until the block ends or the nursery does."""
    (connector, *_) = starts
    for place, name in enumerate(starts):
        nursery.spawn(ActorSpec(name, "connector", place, is_shell=True))
    nursery.spawn(ActorSpec("sender", "manager"))
    nursery.spawn(ActorSpec("elder", "guard"))
    nursery.connect("sender", "commands", connector, Policy.BLOCK, 1024, "the suite's")
    nursery.connect("sender", "troubles", "elder", Policy.BLOCK, 8, "the suite's")
    children = tuple(ChildSpec(name, start, mailbox=OnRestart.CLEAR) for name, start in starts.items())
    venues = SupervisorSpec("venues", Strategy.ONE_FOR_ONE, children, intensity=6)
    after = SupervisorSpec("elder-first", Strategy.REST_FOR_ONE, (ChildSpec("elder", Elder), venues))
    nursery.supervise(SupervisorSpec("top", Strategy.ONE_FOR_ONE, (after, ChildSpec("sender", Sender))))
    stage = Stage(instrument, nursery, cut)
    for port in PORTS:
        nursery.listen(connector, port, partial(stage.hear, port))

    async def perform() -> None:
        stage.outcome = await run(nursery)
        stage.has_ended.set()

    async with trio.open_nursery() as tasks:
        tasks.start_soon(perform)
        yield stage
        tasks.cancel_scope.cancel()


# --- the suite ------------------------------------------------------------------------------------------------------


async def an_order_is_accepted_amended_and_cancelled(stage: Stage) -> None:
    order = await stage.place(0.02)
    accepted = await stage.of_order(OrderAccepted, order)
    assert accepted.ts_venue > 0
    lower = order.price - 5 * stage.instrument.price_rule.step(order.price)
    stage.send(AmendOrder(order.client_id, order.instrument, lower, order.size + 1))
    amended = await stage.of_order(OrderAmended, order)
    assert (amended.price, amended.size) == (lower, order.size + 1)
    stage.send(CancelOrder(order.client_id, order.instrument))
    cancelled = await stage.of_order(OrderCancelled, order)
    assert cancelled.reason == Reason.NONE
    assert accepted.ts_venue <= amended.ts_venue <= cancelled.ts_venue
    facts = [type(message) for _, message in stage.told if getattr(message, "client_id", 0) == order.client_id]
    # a venue may tell a thing twice, by an answer and by its stream
    assert list(dict.fromkeys(facts)) == [OrderAccepted, OrderAmended, OrderCancelled], facts


async def what_is_commanded_at_one_instant_has_each_its_own_fate(stage: Stage) -> None:
    """A venue may put it into one frame, and each is accepted, refused, cancelled as if it had come alone."""
    mid, post_only = await stage.mid(), int(OrderFlag.POST_ONLY)
    orders = []
    for side, away in ((1, 0.02), (-1, 0.02), (1, -0.02), (1, 0.03), (-1, 0.03)):
        price = stage.price(side * away, mid)
        size = stage.size(price)
        orders.append(PlaceOrder(stage.new_id(), stage.instrument.id, side, price, size, post_only))
    taking = orders[2]
    standing = [order for order in orders if order is not taking]
    for order in orders:
        stage.send(order)
    rejected = await stage.of_order(OrderRejected, taking)
    assert rejected.reason == Reason.POST_ONLY_WOULD_TAKE
    for order in standing:
        await stage.of_order(OrderAccepted, order)
    open_ids = {each.client_id for each in (await stage.account()).open_orders}
    assert open_ids == {order.client_id for order in standing}
    another = PlaceOrder(stage.new_id(), *_terms(standing[0]))
    stranger = stage.new_id()
    # nothing overtakes what is about the same order
    for command in (another, *map(_cancel, standing), CancelOrder(stranger, stage.instrument.id), _cancel(another)):
        stage.send(command)
    for order in (*standing, another):
        await stage.of_order(OrderCancelled, order)
    await stage.next(CancelRejected, lambda refusal: refusal.client_id == stranger)
    assert not (await stage.account()).open_orders


async def what_would_take_is_rejected_if_it_is_post_only(stage: Stage) -> None:
    order = await stage.place(-0.02)
    rejected = await stage.of_order(OrderRejected, order)
    assert rejected.reason == Reason.POST_ONLY_WOULD_TAKE
    assert not [fill for fill in stage.of(Fill) if fill.client_id == order.client_id]


async def what_takes_is_filled_and_told_once(stage: Stage) -> None:
    before = dict((await stage.account()).positions)[stage.instrument.id]
    order = await stage.place(-0.02, flags=OrderFlag.IOC)
    await stage.next(Fill, lambda fill: fill.client_id == order.client_id)
    filled = 0
    while filled < order.size:
        fills = [fill for fill in stage.of(Fill) if fill.client_id == order.client_id]
        filled = sum(fill.size for fill in fills)
        if filled < order.size:
            await stage.next(Fill, lambda fill: fill.client_id == order.client_id, len(stage.told))
    assert filled == order.size
    assert len({fill.fill_id for fill in fills}) == len(fills)
    assert all(fill.side == 1 and not fill.is_maker and fill.price <= order.price for fill in fills)
    account = await stage.account()
    assert dict(account.positions)[stage.instrument.id] == before + order.size
    shown = [fill.fill_id for fill in account.fills if fill.client_id == order.client_id]
    assert sorted(shown) == sorted(fill.fill_id for fill in fills)
    told = [fill.fill_id for fill in stage.of(Fill) if fill.client_id == order.client_id]
    assert sorted(told) == sorted(shown)


async def an_order_that_nobody_knows_cannot_be_cancelled(stage: Stage) -> None:
    stranger = stage.new_id()
    stage.send(CancelOrder(stranger, stage.instrument.id))
    rejected = await stage.next(CancelRejected, lambda message: message.client_id == stranger)
    assert rejected.reason == Reason.UNKNOWN_ORDER


async def an_order_that_finds_nobody_expires(stage: Stage) -> None:
    order = await stage.place(0.02, flags=OrderFlag.IOC)
    expired = await stage.of_order(OrderExpired, order)
    assert expired.reason in (Reason.NO_LIQUIDITY, Reason.REMAINDER_EXPIRED)


async def the_account_is_shown_as_it_is(stage: Stage) -> None:
    order = await stage.place(0.02)
    await stage.of_order(OrderAccepted, order)
    account = await stage.account()
    (shown,) = [each for each in account.open_orders if each.client_id == order.client_id]
    assert (shown.side, shown.price, shown.size, shown.filled) == (1, order.price, order.size, 0)
    assert account.ts_request <= account.ts_recv
    assert stage.instrument.id in dict(account.positions)
    stage.send(CancelAll(stage.instrument.id))
    await stage.of_order(OrderCancelled, order)
    assert not (await stage.account()).open_orders


async def what_became_of_an_order_is_told(stage: Stage) -> None:
    order = await stage.place(0.02)
    await stage.of_order(OrderAccepted, order)
    asked = stage.now()
    stage.send(QueryOrder(order.client_id, order.instrument))
    status = await stage.of_order(OrderStatus, order)
    assert (status.state, status.price, status.size, status.filled) == (OrderState.OPEN, order.price, order.size, 0)
    assert asked <= status.ts_request <= status.ts_recv
    stage.send(CancelOrder(order.client_id, order.instrument))
    await stage.of_order(OrderCancelled, order)
    place = len(stage.told)
    stage.send(QueryOrder(order.client_id, order.instrument))
    # a venue may have forgotten what has ended
    ended = await stage.of_order(OrderStatus, order, place)
    assert ended.state in (OrderState.CANCELLED, OrderState.UNKNOWN)


async def all_are_cancelled_at_once(stage: Stage) -> None:
    orders = [await stage.place(0.02 + 0.001 * n) for n in range(4)]
    for order in orders:
        await stage.of_order(OrderAccepted, order)
    stage.send(CancelAll(stage.instrument.id))
    for order in orders:
        await stage.of_order(OrderCancelled, order)
    assert not (await stage.account()).open_orders


async def a_book_comes_when_it_is_asked_for(stage: Stage) -> None:
    await stage.next(Trade)
    await stage.mid()
    place = len(stage.told)
    stage.send(RequestSnapshot(stage.instrument.id))
    book = await stage.next(BookSnapshot, since=place)
    assert len(book.bids) > 1
    assert book.bids[0, 0] < book.asks[0, 0]
    assert (book.bids[:-1, 0] > book.bids[1:, 0]).all()


async def a_lost_connection_is_told_and_comes_back(stage: Stage) -> None:
    """Orders rest if nobody cancels them; what was sent into the outage got in or did not: the account says which."""
    resting = await stage.place(0.02)
    await stage.of_order(OrderAccepted, resting)
    first = stage.of(ConnectionUp)[-1]
    place = len(stage.told)
    stage.cut()
    doubtful = await stage.place(0.03)
    up = await stage.next(ConnectionUp, lambda up: up.epoch > first.epoch, place)
    assert up.epoch > first.epoch
    account = await stage.account()
    assert stage.outlives == (resting.client_id in [each.client_id for each in account.open_orders])
    is_open = doubtful.client_id in [each.client_id for each in account.open_orders]
    was_rejected = doubtful.client_id in [each.client_id for each in stage.of(OrderRejected)]
    assert not (is_open and was_rejected)
    book = await stage.next(BookSnapshot, since=place)
    assert len(book.bids) > 0
    order = await stage.place(0.04)  # and trade goes on
    await stage.of_order(OrderAccepted, order)
    stage.send(CancelAll(stage.instrument.id))
    await stage.of_order(OrderCancelled, order)
    if stage.outlives:
        await stage.of_order(OrderCancelled, resting)


async def what_is_filled_in_an_outage_is_told_after_it(stage: Stage) -> None:
    """However far the order, its answer and its fills have come when the connection breaks."""
    for pause_s in (0.0, 0.01):
        since = stage.now()
        before = dict((await stage.account()).positions)[stage.instrument.id]
        first = stage.of(ConnectionUp)[-1]
        order = await stage.place(-0.02, flags=OrderFlag.IOC)
        await trio.sleep(pause_s)
        stage.cut()
        await stage.next(ConnectionUp, partial(_is_later, first))
        account = await stage.account(since - MINUTE)
        shown = {fill.fill_id: fill.size for fill in account.fills if fill.client_id == order.client_id}
        assert dict(account.positions)[stage.instrument.id] == before + sum(shown.values())
        told = {fill.fill_id for fill in stage.of(Fill) if fill.client_id == order.client_id}
        assert told <= shown.keys(), "a fill has one id, whichever way it is told"


def _is_later(first: ConnectionUp, up: ConnectionUp) -> bool:
    return up.epoch > first.epoch


SUITE = (
    an_order_is_accepted_amended_and_cancelled,
    what_is_commanded_at_one_instant_has_each_its_own_fate,
    what_would_take_is_rejected_if_it_is_post_only,
    what_takes_is_filled_and_told_once,
    an_order_that_nobody_knows_cannot_be_cancelled,
    an_order_that_finds_nobody_expires,
    the_account_is_shown_as_it_is,
    what_became_of_an_order_is_told,
    all_are_cancelled_at_once,
    a_book_comes_when_it_is_asked_for,
    a_lost_connection_is_told_and_comes_back,
    what_is_filled_in_an_outage_is_told_after_it,
)


# --- another connector of the account, for which not all sockets open -------------------------------------------------


async def a_cancel_gets_through_without_a_socket(stage: Stage, other: Stage) -> None:
    """By whatever way is open.  It is sent until it has its effect, as the order manager does."""
    await other.next(ConnectionLost)
    for command in (_cancel, _cancel_all):
        order = await stage.place(0.02)
        await stage.of_order(OrderAccepted, order)
        async with trio.open_nursery() as tasks:
            tasks.start_soon(_send_again, other, command(order))
            await stage.of_order(OrderCancelled, order)
            tasks.cancel_scope.cancel()
    assert not (await stage.account()).open_orders


async def a_connector_that_its_supervisor_stops_leaves_no_order(stage: Stage) -> None:
    """Those who look after orders are stopped with it: it cancels all on its way out."""
    order = await stage.place(0.02)
    await stage.of_order(OrderAccepted, order)
    first = stage.of(ConnectionUp)[-1]
    stage.stop_for_another()
    await stage.next(ConnectionUp, partial(_is_later, first))
    assert not (await stage.account()).open_orders


async def nothing_but_cancels_is_sent_without_a_connection(stage: Stage, blind: Stage) -> None:
    """What opens a position, or could, is refused: nobody would hear what becomes of it."""
    price = stage.price(0.02, await stage.mid())
    order = PlaceOrder(stage.new_id(), stage.instrument.id, 1, price, stage.size(price), int(OrderFlag.POST_ONLY))
    blind.send(order)
    rejected = await blind.of_order(OrderRejected, order)
    assert rejected.reason == Reason.NOT_CONNECTED
    assert not blind.of(ConnectionUp)
    assert not (await stage.account()).open_orders


def _terms(order: PlaceOrder) -> tuple[int, int, int, int, int]:
    return order.instrument, order.side, order.price, order.size, order.flags


def _cancel(order: PlaceOrder) -> CancelOrder:
    return CancelOrder(order.client_id, order.instrument)


def _cancel_all(order: PlaceOrder) -> CancelAll:
    return CancelAll(order.instrument)


async def _send_again(stage: Stage, command: CancelOrder | CancelAll) -> None:
    while True:
        stage.send(command)
        await trio.sleep(1.0)


async def is_given_up(stage: Stage) -> None:
    """The last of all: nobody but the connector is left to cancel, and it proves that no order is open."""
    stage.nursery.request_stop()
    with trio.fail_after(60):
        await stage.has_ended.wait()
    assert stage.outcome is not None
    assert stage.outcome.unproven == 0
