"""A tiny venue and the world around one order manager, for its tests: channels that reorder, lose and stand still."""

from collections import deque
from decimal import Decimal
from typing import Any

import attrs
import msgspec
import numpy as np

from actors.order_config import OrderManagerConfig, QuoterSpec
from actors.order_manager import OrderManager
from market.instrument import Instrument, InstrumentTable
from market.messages import (
    AccountSnapshot,
    AmendOrder,
    AmendRejected,
    CancelAll,
    CancelOrder,
    CancelRejected,
    ConnectionLost,
    ConnectionUp,
    CountedPosition,
    Fill,
    LogReplayed,
    OpenOrder,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderRefused,
    OrderRejected,
    OrderState,
    OrderStatus,
    OrderUpdate,
    PlaceOrder,
    PositionsCompared,
    QueryOrder,
    Reason,
    RequestAccount,
    SetTimer,
    Started,
    TimerFired,
    WantedQuotes,
)
from market.order_log import PACK, Row, unpack
from market.units import MS, SECOND

START = 1_700_000_000 * SECOND
S = OrderState


def instruments() -> InstrumentTable:
    """Two linear perpetuals of one venue."""
    return InstrumentTable(
        Instrument(i, "bybit", symbol, symbol[:3], "USDT", "USDT", Decimal("0.01"), Decimal("0.1"), min_size=2)
        for i, symbol in enumerate(("SOLUSDT", "ETHUSDT"))
    )


def load_book(manager: OrderManager, instrument: int, bid: int, ask: int) -> None:
    """Show one level a side."""
    manager.books[instrument].load(np.array([[bid, 100]]), np.array([[ask, 100]]), START, START, 1)


@attrs.define
class VenueOrder:
    """An order as the venue has it."""

    place: PlaceOrder
    price: int
    size: int
    filled: int = 0
    is_open: bool = True


class World:
    """One order manager, one venue, and what is under way between them.

    Commands reach the venue in order.  Order facts, and fills with account snapshots, come back on two channels, each
    in order; what is emitted is logged and waits in the mailbox, as in the runtime.
    """

    def __init__(self, config: OrderManagerConfig, quoters: tuple[QuoterSpec, ...]) -> None:
        self.table = instruments()
        self.config = config
        self.quoters = quoters
        self.now = START
        self.generation = 0
        self.epoch = 0
        self.log: list[Row] = []
        self.requests: deque[Any] = deque()
        self.facts: deque[Any] = deque()
        self.fills: deque[Any] = deque()
        self.mailbox: deque[Any] = deque()
        self.timers: list[tuple[int, int]] = []
        self.at_venue: dict[int, VenueOrder] = {}
        self.all_fills: list[Fill] = []
        self.updates: list[OrderUpdate] = []
        self.refused: list[OrderRefused] = []
        self.told: dict[int, OrderUpdate] = {}
        self.told_fills: list[Fill] = []
        self.counted: list[CountedPosition] = []
        self.control: list[Any] = []
        self.reports: list[Any] = []
        self.commands: list[Any] = []
        self.manager = self._build()
        self.give(Started(0))

    def _build(self) -> OrderManager:
        manager = OrderManager("manager", self.table, self.config, self.quoters)
        for i in range(len(self.table)):
            if i in manager.books:
                load_book(manager, i, 9_990, 10_010)
        return manager

    # --- the manager -------------------------------------------------------------------------------------------------

    def give(self, message: Any) -> None:
        """Deliver a message, and send what comes out."""
        self.manager.now = self.now
        self.manager.on[type(message)](message)
        for port, out in self.manager.out:
            if port == "timers":
                assert isinstance(out, SetTimer)
                self.timers.append((out.at, out.token))
            elif port == "control":
                self.control.append(out)
            elif port.startswith("commands:"):
                if type(out) in PACK:
                    self.log.append(PACK[type(out)](out, self.now))
                self.commands.append(out)
                self.requests.append((self.now, out) if isinstance(out, RequestAccount | QueryOrder) else out)
            elif isinstance(out, Fill):
                self.told_fills.append(out)
            elif isinstance(out, CountedPosition):
                self.counted.append(out)
            elif port in ("refused", "beat"):
                self.reports.append(out)
            elif port == "refusals":
                self.refused.append(out)
            else:
                assert isinstance(out, OrderUpdate)
                self.updates.append(out)
                if out.client_id:
                    self.told[out.client_id] = out
        self.manager.out.clear()

    def restart(self) -> None:
        """The manager crashes and is built anew from the log; its mailbox stays."""
        self.generation += 1
        self.timers.clear()
        self.manager = self._build()
        self.give(Started(self.generation))
        before = len(self.commands)
        for row in list(self.log):
            self.give(unpack(row))
        assert len(self.commands) == before, "a replayed log must not send anything"
        self.told.clear()
        self.give(LogReplayed(self.log[0][1] if self.log else 0))

    def advance(self, ns: int) -> None:
        """Let time pass, and timers fire."""
        until = self.now + ns
        while due := [t for t in self.timers if t[0] <= until]:
            at, token = min(due)
            self.timers.remove((at, token))
            self.now = max(self.now, at)
            self.give(TimerFired(token))
        self.now = until

    # --- the venue ---------------------------------------------------------------------------------------------------

    def serve(self, answer: str = "yes") -> None:
        """The venue takes the next request: "yes", "no", or "lost" (it never got there)."""
        request = self.requests.popleft()
        self.now += MS
        if answer == "lost":
            return
        match request:
            case PlaceOrder():
                self._serve_place(request, is_refused=answer == "no")
            case CancelOrder():
                self._serve_cancel(request, is_refused=answer == "no")
            case CancelAll():
                self._serve_cancel_all(request, is_refused=answer == "no")
            case AmendOrder():
                self._serve_amend(request, is_refused=answer == "no")
            case (asked, RequestAccount()):
                self.fills.append(self.snapshot(asked, request[1].fills_since))
            case (asked, QueryOrder()):
                self.fills.append(self.status(asked, request[1]))

    def _serve_place(self, m: PlaceOrder, *, is_refused: bool) -> None:
        if is_refused:
            reason = int(Reason.POST_ONLY_WOULD_TAKE)
            self.facts.append(OrderRejected(m.client_id, m.instrument, self.now, self.now, reason))
            return
        assert m.client_id not in self.at_venue, "a client id was used twice"
        self.at_venue[m.client_id] = VenueOrder(m, m.price, m.size)
        self.facts.append(OrderAccepted(m.client_id, m.instrument, self.now, self.now))

    def _serve_cancel(self, m: CancelOrder, *, is_refused: bool) -> None:
        order = self.at_venue.get(m.client_id)
        if order is None or not order.is_open:
            reason = int(Reason.UNKNOWN_ORDER)
            self.facts.append(CancelRejected(m.client_id, m.instrument, self.now, self.now, reason))
        elif is_refused:
            reason = int(Reason.VENUE_OTHER)
            self.facts.append(CancelRejected(m.client_id, m.instrument, self.now, self.now, reason))
        else:
            order.is_open = False
            self.facts.append(OrderCancelled(m.client_id, m.instrument, self.now, self.now, 0, order.filled or -1))

    def _serve_cancel_all(self, m: CancelAll, *, is_refused: bool) -> None:
        for client_id, order in self.at_venue.items():
            if order.is_open and order.place.instrument == m.instrument and not is_refused:
                order.is_open = False
                reason = int(Reason.CANCEL_ALL)
                cancelled = OrderCancelled(client_id, m.instrument, self.now, self.now, reason, order.filled or -1)
                self.facts.append(cancelled)

    def _serve_amend(self, m: AmendOrder, *, is_refused: bool) -> None:
        order = self.at_venue.get(m.client_id)
        if order is None or not order.is_open:
            reason = int(Reason.UNKNOWN_ORDER)
            self.facts.append(AmendRejected(m.client_id, m.instrument, self.now, self.now, reason))
        elif is_refused or m.size <= order.filled:
            reason = int(Reason.VENUE_OTHER)
            self.facts.append(AmendRejected(m.client_id, m.instrument, self.now, self.now, reason))
        else:
            order.price, order.size = m.price, m.size
            self.facts.append(OrderAmended(m.client_id, m.instrument, self.now, self.now, m.price, m.size))

    def fill(self, client_id: int, size: int) -> None:
        """Somebody takes a part of an open order."""
        order = self.at_venue[client_id]
        self.now += MS
        size = min(size, order.size - order.filled)
        order.filled += size
        order.is_open = order.filled < order.size
        m = order.place
        n = len(self.all_fills) + 1
        fill = Fill(client_id, m.instrument, self.now, self.now, n, m.side, order.price, size, True, 0)
        self.all_fills.append(fill)
        self.fills.append(fill)

    def snapshot(self, asked: int, since: int) -> AccountSnapshot:
        """Return the account as it stands."""
        opened = tuple(
            OpenOrder(i, o.place.instrument, o.place.side, o.price, o.size, o.filled, o.place.flags)
            for i, o in self.at_venue.items()
            if o.is_open
        )
        fills = tuple(f for f in self.all_fills if f.ts_venue >= since)
        return AccountSnapshot(0, asked, self.now, self.now, since, opened, fills, ())

    def status(self, asked: int, query: QueryOrder) -> OrderStatus:
        """Return what became of an order."""
        stamps = (query.client_id, query.instrument, asked, self.now, self.now)
        order = self.at_venue.get(query.client_id)
        if order is None:
            return OrderStatus(*stamps, int(S.UNKNOWN), 0, 0, 0)
        ended = S.FILLED if order.filled == order.size else S.CANCELLED
        return OrderStatus(*stamps, int(S.OPEN if order.is_open else ended), order.price, order.size, order.filled)

    def open_orders(self) -> list[int]:
        """Return the ids of the orders that are open at the venue."""
        return [i for i, order in self.at_venue.items() if order.is_open]

    # --- the way back ------------------------------------------------------------------------------------------------

    def emit(self, channel: deque[Any]) -> None:
        """The next fact of a channel reaches us: it is logged, and waits in the mailbox."""
        fact = channel.popleft()
        fact = msgspec.structs.replace(fact, ts_recv=self.now)
        if type(fact) in PACK:
            self.log.append(PACK[type(fact)](fact, self.now))
        self.mailbox.append(fact)

    def handle(self) -> None:
        """The manager takes the next message of its mailbox; a snapshot has been seen by the tracker by then."""
        message = self.mailbox.popleft()
        if isinstance(message, AccountSnapshot):
            self.give(PositionsCompared(message.venue, message.ts_request))
        self.give(message)

    def reconnect(self) -> None:
        """The connection breaks, and comes back: what was in flight is lost."""
        self.requests.clear()
        self.facts.clear()
        self.fills.clear()
        self.mailbox.append(ConnectionLost(0, self.now, self.epoch, "test"))
        self.epoch += 1
        self.mailbox.append(ConnectionUp(0, self.now, self.epoch))

    def settle(self) -> None:
        """Serve and deliver everything that is under way."""
        while self.requests or self.facts or self.fills or self.mailbox:
            while self.mailbox:
                self.handle()
            for channel in (self.facts, self.fills):
                while channel:
                    self.emit(channel)
            if self.requests and not self.mailbox:
                self.serve()


def world(config: OrderManagerConfig | None = None, **quoter: Any) -> World:
    return World(config or OrderManagerConfig(session=5), (QuoterSpec(0, "q", (0,), (1,), **quoter),))


def want(w: World, bids: Any = (), asks: Any = ()) -> list[Any]:
    """Give wanted quotes; return the commands that follow, as (what, price or id's counter)."""
    w.commands.clear()
    w.give(WantedQuotes(0, 0, tuple(bids), tuple(asks)))
    return said(w)


def said(w: World) -> list[Any]:
    out: list[Any] = []
    for command in w.commands:
        match command:
            case PlaceOrder():
                out.append(("place", command.side, command.price, command.size))
            case CancelOrder():
                out.append(("cancel", w.manager.ledger.live[command.client_id].price))
            case _:
                out.append(type(command).__name__)
    w.commands.clear()
    return out


def states(w: World) -> dict[int, S]:
    """Price -> state of the live orders."""
    return {o.price: S(o.state) for o in w.manager.ledger.live.values()}


def refusals(w: World) -> list[tuple[int, Reason]]:
    return [(u.price, Reason(u.reason)) for u in w.updates if u.state == S.REJECTED and u.client_id == 0]
