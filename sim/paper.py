"""Orders on paper: a venue's live market data in, and the facts that its simulation makes of our orders out.

Assumptions:
- The simulated venue sees a row when we receive it: it stands behind the real one by the feed's latency f, which is
  measured anew with every row.  An order that is sent at t reaches the real venue at t + r, r being the latency of the
  request channels, and what that shows then we receive at t + r + f: so this is when the order arrives here.
- Answers and fills become known with the market data of their instant; acknowledgement and private feed latencies
  come on top of that.
- Nobody's order moves the real market, and ours take only what it displays: see docs/simulation.md for the rest.
- While the market data is broken nothing is displayed and nothing is filled; orders, queues and positions stay.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from market.archive.paid_funding import PaidFunding
from market.columns import FundingColumns
from market.instrument import InstrumentTable
from market.messages import (
    AmendOrder,
    BookDelta,
    BookGap,
    BookSnapshot,
    CancelAll,
    CancelOrder,
    ClockOffset,
    Mark,
    OpenOrder,
    PlaceOrder,
    Trade,
)
from market.order_log import PACK
from market.units import SECOND, InstrumentId, Lots, Nanos, VenueId
from sim.command_kernels import submit
from sim.exchange import Capacity, Exchange, StreamSpec, VenueModel
from sim.latency import Channel, ConstantLatency, Latency, RecordedLatency
from sim.live_windows import LiveWindows
from sim.source import MarketSource
from sim.spoken import SpokenTeller
from sim.state_kernels import (
    AT_VENUE,
    BOOK,
    FUNDING,
    N_WINDOW_EVENTS,
    NEXT_EVENT,
    SILENT,
    TRADES,
    V_FEED_LATENCY,
    VENUE_SIZE,
    IntArray,
)
from sim.venue import SimVenue
from sim.window_kernels import CLASS_BOOK, CLASS_TRADE

# beyond it the difference of two clocks is meant, not a latency
_LONGEST_FEED: Final = 1 * SECOND
_KINDS: Final = (BOOK, TRADES, FUNDING)
_BREAK: Final = -2  # the number that a change never follows: it shows a gap


def default_latency() -> dict[Channel, Latency]:
    """Return how long messages are under way where a config is silent: requests as long as market data is."""
    zero = ConstantLatency(0.0)
    recorded = (Channel.REQUEST_PUBLIC, Channel.REQUEST_PRIVATE, Channel.FEED_PUBLIC)
    return {channel: RecordedLatency() if channel in recorded else zero for channel in Channel}


def paper_model(name: str) -> VenueModel:
    """Return how a venue's orders are matched on paper where a config is silent."""
    return VenueModel(name, latency=default_latency())


class PaperExchange(SpokenTeller):
    """One venue's simulation beside its live market data.  It outlives connections: orders, positions and fills stay.

    Args:
        instruments: of the run.
        venue: whose orders are matched here.
        model: how; its feed is as it comes.
        name: of the venue's connector.
        capital: what the account begins with, for its margin; 0: none is told.

    Attributes:
        desk: answers what is asked of the account, as in a simulation.
    """

    def __init__(
        self,
        instruments: InstrumentTable,
        venue: VenueId,
        model: VenueModel,
        name: str,
        *,
        seed: int,
        depth: int = 20,
        capital: float = 0.0,
    ) -> None:
        self._venue = venue
        self._told: list[tuple[str, Any]] = []
        models = [model if v == venue else VenueModel(other) for v, other in enumerate(instruments.venues)]
        own = [i.id for i in instruments if i.venue == instruments.venues[venue]]
        specs = [StreamSpec(i, kind, SILENT) for i in own for kind in _KINDS]
        self._stream: dict[tuple[InstrumentId, int], int] = {
            (spec.instrument, spec.kind): place for place, spec in enumerate(specs)
        }
        self._exchange = Exchange(instruments, models, specs, seed, depth, Capacity())
        self._windows = LiveWindows()
        self._source = MarketSource(
            self._exchange, instruments, specs, self._windows, _NoTables(), is_spoken=True, capital=capital
        )
        self._source.bind(self)
        self.desk: SimVenue
        self._make_desk = self._source.venue_factory(venue, name)
        self._funding = {i: PaidFunding() for i in own}
        self._shift: Nanos = 0  # added to the venue's stamps
        self._played: Nanos = 0
        self._takers: dict[type, Callable[[Any, Nanos], None]] = {
            BookSnapshot: self._take_book,
            BookDelta: self._take_book,
            Trade: self._take_trade,
            Mark: self._take_mark,
            BookGap: self._take_gap,
            ClockOffset: self._take_offset,
        }
        self.connect()

    def connect(self) -> None:
        """Begin the life of a connector: nobody is asked yet, and what was under way to the one before is lost."""
        desk = self._make_desk()
        assert isinstance(desk, SimVenue)
        self.desk = desk
        self.lose_connection()

    def lose_connection(self) -> None:
        """Lose what is under way; what is displayed is not known until the next full books."""
        self._source.disconnect(self._venue)
        for i in self._funding:
            self._break(i, self._played)

    # --- in ---------------------------------------------------------------------------------------------------------

    def take(self, message: Any, now: Nanos) -> None:
        """Let the venue see a message of its market data, by what came before it."""
        taker = self._takers.get(type(message))
        if taker is not None:
            taker(message, max(now, self._played))

    def submit(self, command: PlaceOrder | AmendOrder | CancelOrder | CancelAll, now: Nanos) -> None:
        """Send an order command."""
        kind, _, _, instrument, client_id, side, price, size, detail, _ = PACK[type(command)](command, now)
        sent = max(now, self._played) + self._feed_latency
        fields = (kind, client_id, instrument, side, price, size, detail)
        while not submit(self._exchange.state, sent, self._venue, *fields):
            self._exchange.grow_orders()

    # --- out --------------------------------------------------------------------------------------------------------

    def advance(self, now: Nanos) -> Sequence[tuple[str, Any]]:
        """Play on up to `now`; return what is told meanwhile, by port: facts, fills, account snapshots.

        On port `commands` stand the desk's own commands, for the run's log: they are sent already.
        """
        self._play(now)
        told, self._told = self._told, []
        return told

    @property
    def next_at(self) -> Nanos:
        """When there is something to tell, as far as is known."""
        return self._source.next_at

    def positions(self) -> tuple[tuple[InstrumentId, Lots], ...]:
        """Return (instrument, signed lots) of what the account on paper holds."""
        return self._exchange.positions(self._venue)

    def open_orders(self) -> tuple[OpenOrder, ...]:
        """Return the orders that stand at the simulated venue."""
        return self._exchange.open_orders(self._venue)

    def emit(self, shell: str, port: str, message: Any, *, is_logged: bool = False) -> bool:
        """Take what the source tells; what the desk commands is sent at once, as it is not to overtake a question."""
        if port == "commands":
            self.submit(message, self.desk.now)
        self._told.append((port, message))
        return True

    # --- rows -------------------------------------------------------------------------------------------------------

    def _take_book(self, book: BookSnapshot | BookDelta, at: Nanos) -> None:
        is_snapshot = isinstance(book, BookSnapshot)
        prev_seq = -1 if isinstance(book, BookSnapshot) else book.prev_seq
        self._measure(book.ts_venue, book.ts_recv)
        header = (book.ts_venue + self._shift, book.ts_recv, book.seq, prev_seq, int(is_snapshot))
        self._put(at, CLASS_BOOK, (book.instrument, BOOK), header, book.bids, book.asks)

    def _take_trade(self, trade: Trade, at: Nanos) -> None:
        self._measure(trade.ts_venue, trade.ts_recv)
        stamps = (trade.ts_venue + self._shift, trade.ts_recv)
        self._put(at, CLASS_TRADE, (trade.instrument, TRADES), (*stamps, trade.price, trade.size, trade.taker))

    def _take_mark(self, mark: Mark, at: Nanos) -> None:
        payments = self._funding.get(mark.instrument)
        paid = None if payments is None else payments.add(mark)
        if isinstance(paid, FundingColumns):
            header = (int(paid.ts_venue[0]), at, int(paid.rate_e12[0]), int(paid.mark[0]))
            self._put(at, CLASS_TRADE, (mark.instrument, FUNDING), header)

    def _take_gap(self, gap: BookGap, at: Nanos) -> None:
        self._break(gap.instrument, at)

    def _take_offset(self, offset: ClockOffset, at: Nanos) -> None:
        self._shift = -offset.offset_ns

    def _break(self, instrument: InstrumentId, at: Nanos) -> None:
        self._put(at, CLASS_BOOK, (instrument, BOOK), (at, at, 0, _BREAK, 0))

    def _put(self, at: Nanos, what: int, feed: tuple[InstrumentId, int], header: tuple[int, ...], *sides: Any) -> None:
        stream = self._stream.get(feed)
        if stream is None:
            return
        self._play(at - 1)  # at one instant a row comes before the requests
        self._windows.put(at, what, stream, header, *sides)
        state = self._exchange.state
        state[NEXT_EVENT] = state[N_WINDOW_EVENTS]  # the window that is at its end gives way to the next
        self._play(at)

    def _play(self, until: Nanos) -> None:
        while self._source.advance(until) is not None:
            pass
        self._played = max(self._played, until)

    # --- how far behind the venue we are ----------------------------------------------------------------------------

    @property
    def _feed_latency(self) -> Nanos:
        return int(self._exchange.view(AT_VENUE)[self._venue * VENUE_SIZE + V_FEED_LATENCY])

    def _measure(self, ts_venue: Nanos, ts_recv: Nanos) -> None:
        latency = min(max(0, ts_recv - ts_venue - self._shift), _LONGEST_FEED)
        self._exchange.view(AT_VENUE)[self._venue * VENUE_SIZE + V_FEED_LATENCY] = latency


class _NoTables:
    """The run's tables are written from what the connectors tell."""

    def take(self, touch: IntArray, trades: IntArray) -> None:
        """Drop the rows."""
