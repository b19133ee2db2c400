"""The strategy API: what a quoter sees, and what it can ask for.

A strategy subclasses `Quoter` and writes any of `on_start`, `on_book`, `on_trade`, `on_fill`, `on_order`,
`on_position`, `on_timer`.  What it reads (`book`, `tape`, `orders`, `position`) are its own mirrors: what it has been
told, not the truth.  It reads floats in price and size units, and gives ints: `instrument.ticks(price)`,
`round_price(price, side)`, `lots(size)`.
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

import attrs

from actors.risk import Limits
from actors.runtime.actor import Actor
from market.book import Book
from market.instrument import Instrument, InstrumentTable
from market.messages import (
    AmendWish,
    BookUpdate,
    CancelAllWish,
    CancelWish,
    CountedPosition,
    CountsWish,
    Declaration,
    Drain,
    Fill,
    Fresh,
    HedgeAnswered,
    HedgeRequested,
    OrderFlag,
    OrderState,
    OrderUpdate,
    Position,
    Stale,
    Started,
    Stop,
    SubmitOrder,
    TimerFired,
    Trade,
    VenueMargin,
    WantedQuotes,
)
from market.tape import Tape
from market.units import SECOND, InstrumentId, Lots, Nanos, Side, Ticks

Levels = Sequence[tuple[Ticks, Lots]]


@attrs.frozen
class QuoterContext:
    """What a quoter is born with.

    Attributes:
        name: of the quoter in the config.
        index: its place among the quoters.
        instruments: the run's table.
        quoted: what it quotes; the first is `self.instrument`.
        references: what it reads besides; the first is `self.reference`.
        depth: levels a side that its books show.
        tape_capacity: trades that its tapes keep.
        limits: of each instrument of the table, by id.
        has_desk: there is a hedge desk in the run, `hedge_portfolio` is heard.
        account_every_s: accounts are asked about at this period, and tell of their margin; 0: they need not.
    """

    name: str
    index: int
    instruments: InstrumentTable
    quoted: tuple[Instrument, ...]
    references: tuple[Instrument, ...] = ()
    depth: int = 20
    tape_capacity: int = 1024
    limits: tuple[Limits, ...] = ()
    has_desk: bool = False
    account_every_s: float = 0.0


@attrs.frozen
class LiveOrder:
    """An own order, as the quoter was told of it; `tag` 0 if it came from wanted quotes."""

    client_id: int
    tag: int
    side: Side
    price: Ticks
    size: Lots
    filled: Lots
    state: OrderState


class Quoter(Actor):
    """Base of every strategy.

    Class attributes:
        params: attrs class of the strategy's parameters, read from `[quoter.params]`; `self.params` is an instance.
        hears_reference: `on_book` and `on_trade` are called for the references too, not only for what is quoted.
        reads_orders: the strategy calls `orders` (or writes `on_order`); one that only quotes is spared two messages an
            order.
        hedges_itself: it takes back what it fills; nobody else is to hedge the same asset.
        is_desk: it takes `HedgeRequested` and answers by a port `hedged`; a run has at most one.
    """

    ports: ClassVar[tuple[str, ...]] = ("quotes", "orders", "declarations", "hedges")
    params_class: ClassVar[type | None] = None
    hears_reference: ClassVar[bool] = False
    reads_orders: ClassVar[bool] = True
    hedges_itself: ClassVar[bool] = False
    is_desk: ClassVar[bool] = False

    def __init__(self, context: QuoterContext, params: Any = None) -> None:
        super().__init__(context.name)
        self.context = context
        self.params = params
        self.index = context.index
        self.instrument = context.quoted[0]
        self.reference = context.references[0] if context.references else context.quoted[0]
        used = {i.id: i for i in (*context.quoted, *context.references)}
        self._quoted = frozenset(i.id for i in context.quoted)
        self._heard = frozenset(i.id for i in (context.quoted if not self.hears_reference else used.values()))
        self.books: dict[InstrumentId, Book] = {i: Book(used[i], context.depth) for i in used}
        self.tapes: dict[InstrumentId, Tape] = {i: Tape(used[i], context.tape_capacity) for i in used}
        self._orders: dict[InstrumentId, dict[int, OrderUpdate]] = {i: {} for i in used}
        self._positions: dict[InstrumentId, Position] = {}
        self._stale: dict[InstrumentId, str] = {}
        self._timers: dict[int, Nanos] = {}
        self._next_tag = 0
        self._is_draining = False
        self.on = {
            BookUpdate: self._take_book,
            Trade: self._take_trade,
            OrderUpdate: self._take_order,
            Fill: self.on_fill,
            Position: self._take_position,
            CountedPosition: self.on_counted,
            VenueMargin: self.on_margin,
            HedgeAnswered: self.on_hedged,
            TimerFired: self._take_timer,
            Stale: self._take_stale,
            Fresh: self._take_fresh,
            Started: self._take_start,
            Drain: self._take_drain,
            Stop: self._take_stop,
        }

    @classmethod
    def check(cls, context: QuoterContext, params: Any) -> None:
        """Refuse a config that cannot be traded; called once, before anything runs.

        Raises:
            ValueError: what is wrong, and what is allowed.
        """

    # --- what a strategy writes -------------------------------------------------------------------------------------

    def on_start(self, generation: int) -> None:
        """Begin; a generation above 0 follows a crash.  Timers are asked for here."""

    def on_book(self, book: Book) -> None:
        """A book changed: the mirror itself, which the next update changes; `book.copy()` to keep it."""

    def on_trade(self, trade: Trade) -> None:
        """A public trade; it is on the tape already."""

    def on_fill(self, fill: Fill) -> None:
        """An own order was filled; position and orders show it already."""

    def on_order(self, order: OrderUpdate) -> None:
        """An own order changed its state."""

    def on_position(self, position: Position) -> None:
        """The net position of an instrument changed."""

    def on_counted(self, position: CountedPosition) -> None:
        """A position as the order manager counts it: only after `count_positions`."""

    def on_margin(self, margin: VenueMargin) -> None:
        """The margin of a venue's account as it was told last: only after `count_positions`."""

    def on_hedged(self, answer: HedgeAnswered) -> None:
        """The hedge desk tells what has come of a request, anybody's."""

    def on_timer(self, token: int) -> None:
        """A timer of `every` fired."""

    # --- what it reads ----------------------------------------------------------------------------------------------

    def book(self, instrument: Instrument) -> Book:
        """Return the mirror of a book; empty before the first update."""
        return self.books[instrument.id]

    def tape(self, instrument: Instrument) -> Tape:
        """Return the last public trades."""
        return self.tapes[instrument.id]

    def is_stale(self, instrument: Instrument) -> bool:
        """Tell whether the book of an instrument is known to be out of date."""
        return instrument.id in self._stale

    def orders(self, instrument: Instrument, side: Side | None = None) -> list[LiveOrder]:
        """Return the own orders that may still fill, pending and unknown ones included, sorted from the touch."""
        found = [
            LiveOrder(o.client_id, o.tag, Side(o.side), o.price, o.size, o.filled, OrderState(o.state))
            for o in self._orders[instrument.id].values()
            if side is None or o.side == side
        ]
        found.sort(key=lambda o: (-o.side, -o.price * o.side, o.client_id))
        return found

    def position(self, instrument: Instrument) -> Lots:
        """Return the signed net position, lots."""
        position = self._positions.get(instrument.id)
        return 0 if position is None else position.lots

    # --- what it asks for -------------------------------------------------------------------------------------------

    def quote(self, instrument: Instrument, bids: Levels = (), asks: Levels = ()) -> None:
        """Say all the quotes that are wanted on an instrument; the order manager places and cancels accordingly.

        Raises:
            ValueError: the config does not list it among what this quoter quotes.
        """
        if instrument.id not in self._quoted:
            self._must_quote(instrument)
        self.out.append(("quotes", WantedQuotes(self.index, instrument.id, tuple(bids), tuple(asks))))

    def limit(
        self,
        instrument: Instrument,
        side: Side,
        price: Ticks,
        size: Lots,
        *,
        post_only: bool = False,
        time_in_force: str = "GTC",
        reduce_only: bool = False,
    ) -> int:
        """Send a limit order; return its tag, by which it is amended and cancelled.

        Raises:
            ValueError: `time_in_force` is not GTC, IOC or FOK (GTD and price-match orders are not supported).
        """
        if time_in_force not in ("GTC", "IOC", "FOK"):
            raise ValueError(f"time_in_force {time_in_force!r} is not supported; use GTC, IOC or FOK")
        flags = 0 if time_in_force == "GTC" else int(OrderFlag[time_in_force])
        return self._submit(instrument, side, price, size, flags | 4 * post_only | 8 * reduce_only)

    def market(self, instrument: Instrument, side: Side, size: Lots, *, reduce_only: bool = False) -> int:
        """Send a market order; return its tag."""
        return self._submit(instrument, side, 0, size, OrderFlag.MARKET | 8 * reduce_only)

    def hedge(self, instrument: Instrument, side: Side, size: Lots, price: Ticks = 0) -> int:
        """Send an order that takes at once what it can and rests nowhere; return its tag.

        Other books, connections and accounts of this strategy may be in trouble: its quotes are pulled then, and this
        goes through.

        Args:
            price: the worst one; 0: a market order, whose worst price is the order manager's collar.
        """
        flags = OrderFlag.IOC if price else OrderFlag.MARKET
        return self._submit(instrument, side, price, size, flags, is_hedge=True)

    def hedge_portfolio(
        self,
        request: str,
        base: str = "",
        on: Sequence[tuple[str, float]] = (),
        *,
        by: Literal["", "room", "equal", "margin"] = "",
        order: Literal["market", "limit"] = "market",
    ) -> None:
        """Ask the hedge desk to bring what positions over all venues come to, to nothing; `on_hedged` has the answer.

        Args:
            request: its name; asked again by the same name, it is not done again.
            base: the asset; empty: all.
            on: `venue` or `venue:symbol`, and its share; none: wherever the desk trades, shared as `by` says.
            by: `room` that the position limits leave, `equal`, or `margin` that is available; empty: the desk's own.
                With shares in `on`, only `margin` counts besides.
            order: `limit` rests at the touch for a while, `market` takes at once.

        Raises:
            ValueError: the run has no desk.
        """
        if not self.context.has_desk:
            raise ValueError(f'{self.name} asks for a hedge, but there is no [[quoter]] with strategy = "portfolio"')
        self.out.append(("hedges", HedgeRequested(self.now, request, base, tuple(on), by, order)))

    def count_positions(self) -> None:
        """Ask for `on_counted` of every instrument and `on_margin` of every venue, now and after each change; from
        `on_start`, in every life."""
        self.out.append(("orders", CountsWish(self.index)))

    def amend(self, instrument: Instrument, tag: int, price: Ticks, size: Lots) -> None:
        """Change an order's price and total size (filled part included)."""
        self.out.append(("orders", AmendWish(self.index, instrument.id, tag, price, size)))

    def cancel(self, instrument: Instrument, tag: int) -> None:
        """Cancel a single order."""
        self.out.append(("orders", CancelWish(self.index, instrument.id, tag)))

    def cancel_all(self, instrument: Instrument) -> None:
        """Cancel all own orders of an instrument, quotes included."""
        self.quote(instrument)
        self.out.append(("orders", CancelAllWish(self.index, instrument.id)))

    def every(self, interval_s: float, token: int = 0) -> None:
        """Call `on_timer(token)` at every multiple of the interval, UTC.

        Raises:
            ValueError: the interval is not at least a microsecond.
        """
        interval = round(interval_s * SECOND)
        if interval < 1000:
            raise ValueError(f"interval_s {interval_s} is below a microsecond")
        self._timers[token] = interval
        self.set_timer(self.now - self.now % interval + interval, token)

    def declare(self, key: str, value: float, instrument: Instrument | None = None, group: str = "") -> None:
        """Record a named value at the present time, for research."""
        place = -1 if instrument is None else instrument.id
        self.out.append(("declarations", Declaration(self.now, key, value, place, group, self.index)))

    # --- the plumbing -----------------------------------------------------------------------------------------------

    def straight(self, message: BookUpdate | Trade) -> tuple[Callable[[Any], None], Any] | None:
        """Return the call that handling such news of an attached mirror comes to, and its argument.

        An argument of None stands for the message.  It holds until the actor is told anything else; None where the news
        must be handled as any message.
        """
        i = message.instrument
        if i not in self._heard or self._is_draining:
            return _pass_over, None
        if isinstance(message, BookUpdate):
            return (self.on_book, self.books[i]) if self.books[i].is_attached else None
        return (self.on_trade, None) if self.tapes[i].is_attached else None

    def _must_quote(self, instrument: Instrument) -> None:
        if instrument.id not in self._quoted:
            raise ValueError(
                f"{self.name} may not trade {instrument.name}: its config does not list it in `instruments`"
            )

    def _submit(
        self, instrument: Instrument, side: Side, price: Ticks, size: Lots, flags: int, *, is_hedge: bool = False
    ) -> int:
        self._must_quote(instrument)
        self._next_tag += 1
        order = SubmitOrder(self.index, instrument.id, self._next_tag, int(side), price, size, int(flags), is_hedge)
        self.out.append(("orders", order))
        return self._next_tag

    def _take_book(self, update: BookUpdate) -> None:
        book = self.books.get(update.instrument)
        if book is None:  # another instrument of the same venue
            return
        bids, asks = update.bids, update.asks
        if bids is not None and asks is not None:
            book.load(bids, asks, update.ts_venue, update.ts_recv, update.seq)
        if not self._is_draining and update.instrument in self._heard:
            self.on_book(book)

    def _take_trade(self, trade: Trade) -> None:
        tape = self.tapes.get(trade.instrument)
        if tape is None:
            return
        if not tape.is_attached:
            tape.append(trade.ts_venue, trade.ts_recv, trade.price, trade.size, trade.taker)
        if not self._is_draining and trade.instrument in self._heard:
            self.on_trade(trade)

    def _take_order(self, order: OrderUpdate) -> None:
        if OrderState.FILLED <= order.state <= OrderState.EXPIRED:
            self._orders[order.instrument].pop(order.client_id, None)
        else:
            self._orders[order.instrument][order.client_id] = order
        self.on_order(order)

    def _take_position(self, position: Position) -> None:
        self._positions[position.instrument] = position
        self.on_position(position)

    def _take_timer(self, timer: TimerFired) -> None:
        self.set_timer(self.now + self._timers[timer.token], timer.token)
        if not self._is_draining:
            self.on_timer(timer.token)

    def _take_stale(self, stale: Stale) -> None:
        self._stale[stale.instrument] = stale.reason

    def _take_fresh(self, fresh: Fresh) -> None:
        self._stale.pop(fresh.instrument, None)

    def _take_start(self, started: Started) -> None:
        self.on_start(started.generation)

    def _take_drain(self, drain: Drain) -> None:
        self._is_draining = True

    def _take_stop(self, stop: Stop) -> None:
        pass


def _pass_over(news: object) -> None:
    pass
