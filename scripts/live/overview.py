"""How a live run stands, for people and for metrics: kept from what leaves the actors' ports, and from the run's log.

Nothing in here is seen by an actor, and no actor's state is read: what is shown is what was said.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from market.instrument import Instrument, InstrumentTable
from market.messages import (
    AccountSnapshot,
    BookUpdate,
    ClockOffset,
    ConnectionLost,
    ConnectionUp,
    EquityStamp,
    Fresh,
    LimitsUsed,
    Margin,
    OrderRefused,
    OrderStatus,
    Position,
    Reason,
    Stale,
    TradingState,
    TradingStateChanged,
)
from market.portfolio import Held, NetBase, positions_by_base
from market.units import InstrumentId, Lots, Nanos, VenueId
from scripts.live.own_orders import OwnOrders


@attrs.define
class Feed:
    """What is heard of an instrument.

    Attributes:
        book: the newest, None before the first.
        n_books: counted.
        stale: why it is not to be trusted; empty: it is.
    """

    book: BookUpdate | None = None
    n_books: int = 0
    stale: str = ""
    stale_since: Nanos = 0


@attrs.define
class Connection:
    """A venue's connection.

    Attributes:
        is_up: None before anything was heard of it.
        reason: why it was lost last.
        clock: how far the venue's clock is from ours, as measured last.
        limits: what of its limits is used, and how much it allows, by name.
        balances: of each asset what was in the wallet when it was told first, and last; 0 where it was not told of.
        margin: as it was told last, and when that was asked for.
    """

    is_up: bool | None = None
    since: Nanos = 0
    n_lost: int = 0
    reason: str = ""
    clock: ClockOffset | None = None
    limits: dict[str, tuple[int, int]] = attrs.field(factory=dict)
    account: AccountSnapshot | None = None
    balances: dict[str, tuple[float, float]] = attrs.field(factory=dict)
    margin: tuple[Margin, Nanos] | None = None


class Overview:
    """The state; `take` is told of messages in the order in which they came.

    Attributes:
        n_restarts: of each child.  n_refused: of our own side, by reason.
    """

    def __init__(self, instruments: InstrumentTable) -> None:
        self.instruments = instruments
        self.orders = OwnOrders([instruments.venues.index(i.venue) for i in instruments])
        self.feeds: dict[InstrumentId, Feed] = {i.id: Feed() for i in instruments}
        self.connections: dict[VenueId, Connection] = {v: Connection() for v in range(len(instruments.venues))}
        self.stamps: dict[InstrumentId, EquityStamp] = {}
        self.positions: dict[InstrumentId, Position] = {}
        self.trading: TradingStateChanged | None = None
        self.n_restarts: Counter[str] = Counter()
        self.n_refused: Counter[str] = Counter()
        self._takers: dict[type, Callable[[Any], None]] = {
            ConnectionUp: self._up,
            ConnectionLost: self._lost,
            ClockOffset: self._clock,
            LimitsUsed: self._limits,
            AccountSnapshot: self._account,
            OrderStatus: self.orders.learn,
            Stale: self._stale,
            Fresh: self._fresh,
            EquityStamp: self._stamp,
            Position: self._position,
            OrderRefused: self._refused,
            TradingStateChanged: self._trading,
        }

    def hear_book(self, update: BookUpdate) -> None:
        """Keep the newest book: called for every one, and so cheap."""
        feed = self.feeds[update.instrument]
        feed.book = update
        feed.n_books += 1

    def take(self, message: object) -> None:
        """Take a message; what is not shown is passed over."""
        taker = self._takers.get(type(message))
        if taker is not None:
            taker(message)

    @property
    def pnl(self) -> float:
        """Of all instruments, quote currency, by the newest stamps."""
        return sum(
            stamp.pnl * (stamp.mid if self.instruments[stamp.instrument].inverse else 1.0)
            for stamp in self.stamps.values()
            if stamp.pnl
        )

    def lots(self, instrument: InstrumentId) -> Lots | None:
        """Return what we hold of an instrument; None: nobody has said."""
        position, stamp = self.positions.get(instrument), self.stamps.get(instrument)
        return position.lots if position is not None else stamp.position if stamp is not None else None

    def positions_by_base(self) -> list[NetBase]:
        """Return the net exposures by asset, with what our live orders may still fill."""
        return positions_by_base(self._held(each) for each in self.instruments)

    def _held(self, instrument: Instrument) -> Held:
        buying, selling = (sum(o.size - o.filled for o in self.orders.live(instrument.id, side)) for side in (1, -1))
        book, mid = self.feeds[instrument.id].book, math.nan
        if book is not None and book.bids is not None and book.asks is not None and len(book.bids) and len(book.asks):
            mid = (instrument.price(int(book.bids[0, 0])) + instrument.price(int(book.asks[0, 0]))) / 2
        return Held(instrument, self.lots(instrument.id) or 0, mid, buying, selling)

    def balances(self) -> dict[str, dict[str, dict[str, float]]]:
        """Return by venue and asset what was in the wallet at first and last, of accounts that tell it."""
        return {
            self.instruments.venues[venue]: {
                asset: {"first": first, "last": last} for asset, (first, last) in connection.balances.items()
            }
            for venue, connection in self.connections.items()
            if connection.balances
        }

    def margins(self) -> dict[str, dict[str, float]]:
        """Return by venue what stood behind its positions last, of accounts that tell it."""
        return {
            self.instruments.venues[venue]: amounts(connection.margin[0])
            for venue, connection in self.connections.items()
            if connection.margin is not None
        }

    @property
    def state(self) -> str:
        """The trading state in a word."""
        return TradingState(self.trading.state).name if self.trading is not None else TradingState.ACTIVE.name

    def take_record(self, record: Mapping[str, object]) -> None:
        """Take a record of the log."""
        if record["message"] == "child restarting":
            self.n_restarts[str(record.get("child", ""))] += 1

    def _up(self, message: ConnectionUp) -> None:
        connection = self.connections[message.venue]
        connection.is_up, connection.since = True, message.ts_recv

    def _lost(self, message: ConnectionLost) -> None:
        connection = self.connections[message.venue]
        connection.n_lost += connection.is_up is not None  # one that is born says that it is not connected yet
        connection.is_up, connection.since, connection.reason = False, message.ts_recv, message.reason

    def _clock(self, message: ClockOffset) -> None:
        self.connections[message.venue].clock = message

    def _limits(self, message: LimitsUsed) -> None:
        self.connections[message.venue].limits = {name: (used, most) for name, used, most in message.used}

    def _account(self, snapshot: AccountSnapshot) -> None:
        connection = self.connections[snapshot.venue]
        is_first = not connection.balances
        connection.account = snapshot
        if snapshot.margin is not None:
            connection.margin = snapshot.margin, snapshot.ts_request
        told = {asset: e8 / 10**8 for asset, e8 in snapshot.balances}
        for asset in {**connection.balances, **told} if told else ():
            now = told.get(asset, 0.0)
            connection.balances[asset] = (now if is_first else connection.balances.get(asset, (0.0, now))[0], now)
        self.orders.reconcile(snapshot)

    def _stale(self, message: Stale) -> None:
        feed = self.feeds[message.instrument]
        feed.stale, feed.stale_since = message.reason, message.ts

    def _fresh(self, message: Fresh) -> None:
        self.feeds[message.instrument].stale = ""

    def _stamp(self, stamp: EquityStamp) -> None:
        self.stamps[stamp.instrument] = stamp

    def _position(self, position: Position) -> None:
        self.positions[position.instrument] = position

    def _refused(self, refused: OrderRefused) -> None:
        self.n_refused[Reason(refused.reason).name] += 1

    def _trading(self, message: TradingStateChanged) -> None:
        self.trading = message


def amounts(margin: Margin) -> dict[str, float]:
    """Return what is told of a margin, by name."""
    told = {"equity": margin.equity_e6, "available": margin.available_e6, "used": margin.used_e6}
    return {name: e6 / 10**6 for name, e6 in told.items() if e6 is not None}
