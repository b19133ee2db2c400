"""A market written down by hand, each row and request at its nanosecond, and the facts that it gives."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

import numpy as np

from market.columns import BookColumns, Columns, FundingColumns, TradeColumns
from market.instrument import Instrument, InstrumentTable
from market.messages import Reason
from market.stream import Stream
from sim import command_kernels as commands
from sim import engine_kernels as e
from sim import matching_kernels as m
from sim import state_kernels as k
from sim.exchange import Capacity, Exchange, StreamSpec, VenueModel
from sim.latency import Channel, ConstantLatency, Latency, RecordedLatency, quantiles
from sim.windows import KINDS, FeedTiming, Merger, Window

Level = tuple[int, int]
Script = Callable[..., "MarketScript"]

BIDS: Final[list[Level]] = [(100, 10), (99, 20), (97, 30)]
ASKS: Final[list[Level]] = [(102, 10), (103, 20), (105, 30)]

BUY: Final = 1
SELL: Final = -1
TURN: Final = 202  # a mirrored script quotes TURN - price: the books of the tests are symmetric about 101


class Fact(NamedTuple):
    """A fact as it is delivered; `ts` is when it happened at the venue, `detail` a reason or a fill's number."""

    due: int
    kind: int
    client_id: int
    instrument: int
    ts: int
    side: int
    price: int
    size: int
    detail: int


class Heard(NamedTuple):
    """A market event that an actor would have heard of."""

    due: int
    what: int
    stream: int


class _Request(NamedTuple):
    ts: int
    venue: int
    kind: int
    client_id: int
    instrument: int
    side: int
    price: int
    size: int
    flags: int


def ns(nanos: int) -> ConstantLatency:
    """Return a latency of so many nanoseconds."""
    return ConstantLatency(nanos / 1_000_000)


def perpetual(i: int = 0, *, venue: str = "v", **fields: Any) -> Instrument:
    """Return an instrument whose ticks and lots are whole units."""
    grid = {"tick": Decimal(1), "lot": Decimal(1), **fields}
    return Instrument(i, venue, f"S{i}", "S", "USD", "USD", **grid)


def latencies(**nanos: int | Latency) -> dict[Channel, Latency]:
    """Return latencies by lower-case channel name, constants in ns; the others are 0, the public feed as recorded."""
    found: dict[Channel, Latency] = {c: ns(0) for c in Channel}
    found[Channel.FEED_PUBLIC] = RecordedLatency()
    for name, latency in nanos.items():
        found[Channel[name.upper()]] = ns(latency) if isinstance(latency, int) else latency
    return found


class MarketScript:
    """Feeds and requests are written down first; `run` plays them and returns the facts."""

    def __init__(
        self,
        instruments: Sequence[Instrument] | None = None,
        *,
        venues: Mapping[str, Mapping[str, Any]] | None = None,
        capacity: Capacity | None = None,
        chunk: int = 1 << 20,
        seed: int = 1,
        is_mirrored: bool = False,
        mode: int = k.HEARD,
        **venue: Any,
    ) -> None:
        self.instruments = InstrumentTable(instruments or [perpetual()])
        self.facts: list[Fact] = []
        self.heard: list[Heard] = []
        self.log: list[Fact | Heard] = []
        self.batches: list[int] = []  # how many facts each event brought
        self.gaps: list[Heard] = []
        self.n_grown = 0
        self.on_heard: Callable[[Heard], None] = lambda heard: None
        own = venues or {}
        self._models = [VenueModel(name, **own.get(name, venue)) for name in self.instruments.venues]
        self._capacity = capacity
        self._chunk = chunk
        self._seed = seed
        self._is_mirrored = is_mirrored
        self._mode = mode
        self._rows: dict[tuple[int, str], list[tuple[Any, ...]]] = {}
        self._feeds: dict[tuple[int, str], Columns] = {}
        self._requests: list[_Request] = []
        self._exchange: Exchange | None = None

    # --- the feeds ---------------------------------------------------------------------------------------------------

    def book(
        self,
        ts: int,
        bids: Iterable[Level],
        asks: Iterable[Level],
        *,
        recv: int | None = None,
        i: int = 0,
        seq: int = 0,
        prev_seq: int | None = None,
    ) -> None:
        """Show a full book; with `prev_seq` a delta."""
        sides = [[(self.turned(p), s) for p, s in side] for side in (bids, asks)]
        if self._is_mirrored:
            sides.reverse()
        row = (ts, ts if recv is None else recv, seq, -1 if prev_seq is None else prev_seq, prev_seq is None, *sides)
        self._rows.setdefault((i, "book"), []).append(row)

    def trade(self, ts: int, price: int, lots: int, taker: int, *, recv: int | None = None, i: int = 0) -> None:
        """Print a trade."""
        row = (ts, ts if recv is None else recv, self.turned(price), lots, self._side(taker), -1)
        self._rows.setdefault((i, "trades"), []).append(row)

    def funding(self, ts: int, rate_e12: int, mark: int, *, recv: int | None = None, i: int = 0) -> None:
        """Let funding fall due."""
        self._rows.setdefault((i, "funding"), []).append((ts, ts if recv is None else recv, rate_e12, mark))

    def feed(self, i: int, kind: str, columns: Columns) -> None:
        """Give whole columns of a feed instead of single rows."""
        self._feeds[i, kind] = columns

    # --- what we send ------------------------------------------------------------------------------------------------

    def place(self, ts: int, client_id: int, side: int, price: int, size: int, flags: int = 0, *, i: int = 0) -> None:
        """Send an order; a price of 0 is none."""
        self._send(ts, commands.PLACE, client_id, i, self._side(side), self.turned(price), size, flags)

    def amend(self, ts: int, client_id: int, price: int, size: int, *, i: int = 0) -> None:
        """Send a change of price or total size."""
        self._send(ts, commands.AMEND, client_id, i, 0, self.turned(price), size)

    def cancel(self, ts: int, client_id: int, *, i: int = 0) -> None:
        """Send a cancel."""
        self._send(ts, commands.CANCEL, client_id, i)

    def cancel_all(self, ts: int, *, i: int = 0) -> None:
        """Send a cancel of all orders of an instrument."""
        self._send(ts, commands.CANCEL_ALL, 0, i)

    def _send(
        self, ts: int, kind: int, client_id: int, i: int, side: int = 0, price: int = 0, size: int = 0, flags: int = 0
    ) -> None:
        venue = self.instruments.venues.index(self.instruments[i].venue)
        self._requests.append(_Request(ts, venue, kind, client_id, i, side, price, size, flags))

    # --- the play ----------------------------------------------------------------------------------------------------

    @property
    def exchange(self) -> Exchange:
        """The exchange; what was written down until its first use is played."""
        if self._exchange is None:
            self._begin()
        assert self._exchange is not None
        return self._exchange

    def run(self, until: int = k.NEVER - 1) -> list[Fact]:
        """Play up to and including `until`; return the facts delivered since the last call, in order."""
        exchange = self.exchange
        begin = len(self.facts)
        now = -1
        while self._next < len(self._requests) and self._requests[self._next].ts <= until:
            request = self._requests[self._next]
            self._next += 1
            if request.ts > now:  # what is sent at one instant is sent at once
                now = request.ts
                self._advance(now)
            while not commands.submit(exchange.state, *request):
                self._grow(self.exchange.grow_orders)
        self._advance(until)
        return self.facts[begin:]

    def order(self, client_id: int) -> list[int] | None:
        """Return an open order as it stands at the venue (columns: sim.state_kernels.O_*); None if it is not open."""
        for row in self.exchange.view(k.AT_ORDER).reshape(-1, k.ORDER_SIZE).tolist():
            if row[k.O_CLIENT_ID] == client_id:
                return list(map(int, row))
        return None

    def ahead(self, client_id: int) -> float:
        """Return the lots ahead of an open order."""
        order = self.order(client_id)
        assert order is not None, f"order {client_id} is not open"
        return order[k.O_AHEAD] / k.AHEAD_SCALE

    def position(self, i: int = 0) -> int:
        """Return the position in an instrument as the script is written."""
        return self._side(1) * dict(self.exchange.positions(self.exchange.venue_of(i)))[i]

    def streams(self) -> list[Stream]:
        """Return the feeds, cut into chunks."""
        feeds = {(i, kind): _columns(kind, rows) for (i, kind), rows in self._rows.items()} | self._feeds
        return [Stream(i, kind, _cut(columns, self._chunk)) for (i, kind), columns in feeds.items()]

    def _begin(self) -> None:
        streams = self.streams()
        specs = [StreamSpec(s.instrument, KINDS[s.kind], self._mode) for s in streams]
        exchange = Exchange(self.instruments, self._models, specs, self._seed, 20, self._capacity)
        self._requests.sort(key=lambda request: request.ts)  # stable: at one instant in the order they were written in
        self._next = 0
        self._exchange = exchange
        self._windows = iter(Merger(streams, [self._timing(exchange, spec) for spec in specs]) if specs else ())
        self.window = Window.empty(is_last=not specs)
        exchange.next_window(self.window)

    def _timing(self, exchange: Exchange, spec: StreamSpec) -> FeedTiming:
        venue = exchange.venue_of(spec.instrument)
        channel = exchange.view(k.AT_CHANNEL).reshape(-1, k.CHANNEL_SIZE)[venue * k.N_CHANNELS + Channel.FEED_PUBLIC]
        table = quantiles(self._models[venue].latency.get(Channel.FEED_PUBLIC, RecordedLatency()))
        return FeedTiming(0, channel.copy(), table, seed=self._seed + spec.instrument)

    def _advance(self, until: int) -> None:
        exchange = self.exchange
        last = -1
        while True:
            window = self.window
            what, now, a, _, _ = e.advance(exchange.state, window.flat, until)
            assert now >= last, f"time ran back from {last} to {now}"
            last = now
            match what:
                case k.QUIET:
                    return
                case k.OVER:
                    pass
                case k.NEED_WINDOW:
                    self.window = next(self._windows)
                    exchange.next_window(self.window)
                case k.FACTS:
                    self.batches.append(a)
                    self._keep(Fact(now, *self._columns_of(row)) for row in exchange.facts[:a].tolist())
                case k.HEARD_BOOK | k.HEARD_TRADE | k.SPOKEN_ROW:
                    self.heard.append(Heard(now, what, a))
                    self.log.append(self.heard[-1])
                    self.on_heard(self.heard[-1])
                case k.GAP:
                    self.gaps.append(Heard(now, what, a))
                    exchange.set_mode(exchange.venue_of(0), k.SPOKEN)
                case k.FLUSH:
                    exchange.state[[k.N_TOUCH, k.N_TRADE]] = 0
                case k.GROW:
                    self._grow(self.exchange.grow)
                case k.GROW_ORDERS:
                    self._grow(self.exchange.grow_orders)
                case _:
                    raise AssertionError(f"the engine came back with {what} at {now}")

    def _grow(self, how: Callable[[], None]) -> None:
        self.n_grown += 1
        how()

    def _keep(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            self.facts.append(fact)
            self.log.append(fact)

    def _columns_of(self, row: list[int]) -> tuple[int, int, int, int, int, int, int, int]:
        return (
            row[k.R_KIND],
            row[k.R_CLIENT_ID],
            row[k.R_INSTRUMENT],
            row[k.R_TS],
            self._side(row[k.R_SIDE]),
            self.turned(row[k.R_PRICE]),
            row[k.R_SIZE],
            row[k.R_DETAIL],
        )

    def turned(self, price: int) -> int:
        """Return a price as the venue has it, or back."""
        return TURN - price if self._is_mirrored and price > 0 else price

    def _side(self, side: int) -> int:
        return -side if self._is_mirrored else side


def _columns(kind: str, rows: Sequence[tuple[Any, ...]]) -> Columns:
    if kind == "trades":
        return TradeColumns(*zip(*rows, strict=True))
    if kind == "funding":
        return FundingColumns(*zip(*rows, strict=True))
    ts, recv, seq, prev_seq, is_snapshot, bids, asks = zip(*rows, strict=True)
    n_bids, n_asks = np.array([len(side) for side in bids]), np.array([len(side) for side in asks])
    start = np.cumsum(n_bids + n_asks) - n_bids - n_asks
    levels = np.array([level for row in rows for side in row[5:] for level in side], np.int64).reshape(-1, 2)
    return BookColumns(ts, recv, seq, prev_seq, is_snapshot, start, n_bids, n_asks, levels)


def _cut(columns: Columns, size: int) -> Any:
    for begin in range(0, len(columns), size):
        yield columns.rows(begin, min(begin + size, len(columns)))


def said(facts: Iterable[Fact]) -> list[tuple[Any, ...]]:
    """Return facts in short: what, order, then what matters of it."""
    return [(_WORDS[fact.kind], fact.client_id, *_DETAILS[fact.kind](fact)) for fact in facts]


def fills(facts: Iterable[Fact]) -> list[tuple[Any, ...]]:
    """Return the fills among facts, in short: maker or taker, order, price, size."""
    return [told for told in said(facts) if told[0] in ("maker", "taker")]


_WORDS: Final = {
    m.ACCEPTED: "accepted",
    m.REJECTED: "rejected",
    m.AMENDED: "amended",
    m.AMEND_REJECTED: "amend rejected",
    m.CANCELLED: "cancelled",
    m.CANCEL_REJECTED: "cancel rejected",
    m.EXPIRED: "expired",
    m.FILL_MAKER: "maker",
    m.FILL_TAKER: "taker",
    m.FUNDING_PAID: "funding",
}
_DETAILS: Final[dict[int, Callable[[Fact], tuple[Any, ...]]]] = {
    m.ACCEPTED: lambda fact: (),
    m.REJECTED: lambda fact: (Reason(fact.detail),),
    m.AMENDED: lambda fact: (fact.price, fact.size),
    m.AMEND_REJECTED: lambda fact: (Reason(fact.detail),),
    m.CANCELLED: lambda fact: (fact.size, Reason(fact.detail)),
    m.CANCEL_REJECTED: lambda fact: (Reason(fact.detail),),
    m.EXPIRED: lambda fact: (fact.size, Reason(fact.detail)),
    m.FILL_MAKER: lambda fact: (fact.price, fact.size),
    m.FILL_TAKER: lambda fact: (fact.price, fact.size),
    m.FUNDING_PAID: lambda fact: (fact.price, fact.size),
}


def with_a_book(**options: Any) -> MarketScript:
    """Return a script, as written, that begins with a book."""
    made = MarketScript(**options)
    made.book(10, BIDS, ASKS)
    return made
