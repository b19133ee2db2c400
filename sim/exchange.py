"""The simulated market: the state that the kernels work on, seen by name, and grown when it is full."""

from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING

import attrs
import numpy as np

from actors.runtime.run_log import RunLog
from market.book import Book
from market.instrument import ConstantStep, Instrument, InstrumentTable, SignificantFigures
from market.messages import OpenOrder
from market.order_log_kernels import LOG_CAP, LOG_HEAD, LOG_N, LOG_READ, LOG_ROW
from market.tape import Tape
from market.units import InstrumentId, Nanos, VenueId
from sim import state_kernels as k
from sim.command_kernels import take_commands
from sim.fill_model import FillModel
from sim.latency import Channel, ConstantLatency, Latency, RecordedLatency, model_code, quantiles
from sim.quoting_kernels import GUARD_LIMIT_SIZE, GUARD_SIZE, LANE_SIZE, OUR_SIZE, QUOTER_SIZE
from sim.state_kernels import TOUCH_SIZE, TRADE_SIZE, IntArray
from sim.windows import Window


def _default_latency() -> dict[Channel, Latency]:
    zero = ConstantLatency(0.0)
    return {c: RecordedLatency() if c is Channel.FEED_PUBLIC else zero for c in Channel}


@attrs.frozen
class VenueModel:
    """How a venue behaves in the simulation.

    Attributes:
        name: of the venue.
        fill_model: how resting orders are filled.
        power: n of the `probabilistic_power` model.
        partial_fills: a print fills at most its size; if not, an order that is reached is filled whole.
        consume: what prints and our own takes took is gone from the display until the next book.
        latency: per channel.
        max_open_orders: the venue refuses one more.
        leverage: notional that one unit of margin carries, for what an account is told of its margin.
    """

    name: str
    fill_model: FillModel = FillModel.RISK_AVERSE
    power: int = attrs.field(default=3, validator=[attrs.validators.ge(1), attrs.validators.le(8)])
    partial_fills: bool = True
    consume: bool = True
    latency: dict[Channel, Latency] = attrs.field(factory=_default_latency)
    max_open_orders: int = attrs.field(default=200, validator=attrs.validators.ge(1))
    leverage: float = attrs.field(default=10.0, validator=attrs.validators.ge(1))


@attrs.frozen
class StreamSpec:
    """A recorded feed, as the kernels know it: `kind` and `mode` are codes of sim.state_kernels."""

    instrument: InstrumentId
    kind: int
    mode: int


@attrs.frozen
class Capacity:
    """Room of the state; all but the buffers of rows and of the log grow by themselves."""

    levels: int = 64
    tape: int = 1024
    orders: int = 64
    rows: int = 16384
    log: int = 4096


class Exchange:
    """All venues of a run.  `state` goes to the kernels; everything else here reads or builds it."""

    def __init__(
        self,
        instruments: InstrumentTable,
        venues: Sequence[VenueModel],
        streams: Sequence[StreamSpec],
        seed: int,
        depth: int,
        capacity: Capacity | None = None,
    ) -> None:
        self.instruments = instruments
        self.venues = tuple(venues)
        self._streams = tuple(streams)
        self._depth = depth
        self._seed = seed
        self._books: list[tuple[InstrumentId, Book]] = []
        self._tapes: list[tuple[InstrumentId, Tape]] = []
        self._log: RunLog | None = None
        self._allocate(capacity or Capacity())
        self._describe()

    # --- layout ------------------------------------------------------------------------------------------------------

    def _allocate(self, capacity: Capacity) -> None:
        n_i, n_v, n_s = len(self.instruments), len(self.venues), len(self._streams)
        ring = 8 * capacity.orders + 64
        sizes = {
            k.AT_INSTRUMENT: n_i * k.INSTRUMENT_SIZE,
            k.AT_VENUE: n_v * k.VENUE_SIZE,
            k.AT_STREAM: n_s * k.STREAM_SIZE,
            k.AT_CHANNEL: n_v * k.N_CHANNELS * k.CHANNEL_SIZE,
            k.AT_QUANTILE: n_v * k.N_CHANNELS * k.N_QUANTILES,
            k.AT_VENUE_LADDER: n_i * 4 * capacity.levels,
            k.AT_VENUE_SPAN: n_i * 4,
            k.AT_MIRROR_LADDER: n_i * 4 * capacity.levels,
            k.AT_MIRROR_SPAN: n_i * 4,
            k.AT_MIRROR_STAMP: n_i * k.STAMP_SIZE,
            k.AT_TAPE: n_i * capacity.tape * 5,
            k.AT_TAPE_COUNT: n_i,
            k.AT_TAKEN: n_i * 2 * capacity.levels * 2,
            k.AT_ORDER: capacity.orders * k.ORDER_SIZE,
            k.AT_LIVE: n_i * capacity.orders,
            k.AT_RING: n_v * k.N_RINGS * ring * k.ROW_SIZE,
            k.AT_RING_END: n_v * k.N_RINGS * 2,
            k.AT_OUT: n_v * (k.N_RINGS - k.RING_ACK_PUBLIC) * ring * k.ROW_SIZE,
            k.AT_TOUCH: capacity.rows * TOUCH_SIZE,
            k.AT_TRADE: capacity.rows * TRADE_SIZE,
            # room at least for all facts that can fall due at one instant
            k.AT_LOG: LOG_HEAD + (capacity.log + n_v * k.N_RINGS * ring) * LOG_ROW,
            k.AT_GUARD: n_i * GUARD_SIZE,
            k.AT_GUARD_LIMIT: n_i * GUARD_LIMIT_SIZE,
            k.AT_LANE: k.LANES_CAP * LANE_SIZE,
            k.AT_QUOTER: k.LANES_CAP * QUOTER_SIZE,
            k.AT_OURS: k.OURS_CAP * OUR_SIZE,
            k.AT_OUR_ENDED: k.OURS_ENDED_CAP * OUR_SIZE,
        }
        state = np.zeros(k.HEAD_SIZE + sum(sizes.values()), np.int64)
        at = k.HEAD_SIZE
        for register, size in sizes.items():
            state[register] = at
            at += size
        state[[k.N_INSTRUMENTS, k.N_VENUES, k.N_STREAMS]] = n_i, n_v, n_s
        state[[k.LADDER_CAP, k.TAPE_CAP, k.ORDER_CAP]] = capacity.levels, capacity.tape, capacity.orders
        state[[k.RING_CAP, k.TAKEN_CAP, k.ROW_CAP]] = ring, capacity.levels, capacity.rows
        state[k.NEXT_REQUEST] = state[k.NEXT_FACT] = k.NEVER
        self._capacity = capacity
        self._sizes = sizes
        self.state = state
        for spans in (self.view(k.AT_VENUE_SPAN), self.view(k.AT_MIRROR_SPAN)):
            spans[:] = capacity.levels // 2
        self.facts = self.view(k.AT_OUT).reshape(-1, k.ROW_SIZE)
        self.touch = self.view(k.AT_TOUCH).reshape(-1, TOUCH_SIZE)
        self.trades = self.view(k.AT_TRADE).reshape(-1, TRADE_SIZE)
        state[k.LOG_SIZE] = sizes[k.AT_LOG]
        self.view(k.AT_LOG)[LOG_CAP] = (sizes[k.AT_LOG] - LOG_HEAD) // LOG_ROW

    def view(self, register: int) -> IntArray:
        """Return a region of the state, flat."""
        begin = int(self.state[register])
        return self.state[begin : begin + self._sizes[register]]

    def _rows(self, register: int, *shape: int) -> IntArray:
        return self.view(register).reshape(-1, *shape)

    def _describe(self) -> None:
        venue_of = {name: v for v, name in enumerate(self.instruments.venues)}
        for row, instrument in zip(self._rows(k.AT_INSTRUMENT, k.INSTRUMENT_SIZE), self.instruments, strict=True):
            row[k.I_VENUE] = venue_of[instrument.venue]
            row[k.I_MIN_SIZE] = instrument.min_size
            row[k.I_MAX_SIZE] = instrument.max_size or 0
            row[k.I_MIN_UNITS] = _min_units(instrument)
            row[k.I_INVERSE] = instrument.inverse
            match instrument.price_rule:
                case ConstantStep(ticks):
                    row[k.I_STEP] = ticks
                case SignificantFigures(figures, unit):
                    row[k.I_FIGURES] = figures
                    row[k.I_UNIT] = unit
                case rule:
                    raise ValueError(f"price rule {rule!r} of {instrument.name} is not known to the simulated venue")
        channels = self._rows(k.AT_CHANNEL, k.CHANNEL_SIZE)
        tables = self._rows(k.AT_QUANTILE, k.N_QUANTILES)
        for v, (row, venue) in enumerate(zip(self._rows(k.AT_VENUE, k.VENUE_SIZE), self.venues, strict=True)):
            row[k.V_FILL_MODEL] = venue.fill_model.code
            row[k.V_PARTIAL] = venue.partial_fills
            row[k.V_CONSUME] = venue.consume
            row[k.V_POWER] = venue.power
            row[k.V_MAX_ORDERS] = venue.max_open_orders
            for channel in Channel:
                at = v * k.N_CHANNELS + channel
                latency = venue.latency.get(channel, ConstantLatency(0.0))
                channels[at, k.C_MODEL] = model_code(latency)
                channels[at, k.C_QUANTILES] = at
                channels[at, k.C_SEED] = self._seed * 1_000_003 + at
                if isinstance(latency, ConstantLatency):
                    channels[at, k.C_CONSTANT] = round(latency.ms * 1_000_000)
                elif not isinstance(latency, RecordedLatency):
                    tables[at] = quantiles(latency)
        for row, stream in zip(self._rows(k.AT_STREAM, k.STREAM_SIZE), self._streams, strict=True):
            v = venue_of[self.instruments[stream.instrument].venue]
            row[:] = stream.instrument, v, stream.kind, stream.mode

    def grow(self) -> None:
        """Make room for four times as many levels; attached books and tapes follow.

        Raises:
            RuntimeError: there are more levels than any book has.
        """
        was = self._capacity
        if was.levels > 1 << 20:
            raise RuntimeError(f"a book of more than {was.levels} levels a side: is the recording's delta feed sane?")
        self._move(attrs.evolve(was, levels=4 * was.levels))

    def grow_orders(self) -> None:
        """Make room for twice as many orders, requests and facts.

        Raises:
            RuntimeError: there are more than any quoter could want.
        """
        was = self._capacity
        if was.orders > 1 << 20:
            raise RuntimeError(f"more than {was.orders} orders are open or under way: does a quoter place without end?")
        self._move(attrs.evolve(was, orders=2 * was.orders))

    def _move(self, capacity: Capacity) -> None:
        old, old_sizes, was = self.state, self._sizes, self._capacity
        self._allocate(capacity)
        new = self.state

        def regions(register: int, *shape: int) -> tuple[IntArray, IntArray]:
            begin = int(old[register])
            return old[begin : begin + old_sizes[register]].reshape(-1, *shape), self._rows(register, *shape)

        new[k.NOW : k.HEAD_SIZE] = old[k.NOW : k.HEAD_SIZE]
        for register in (
            k.AT_INSTRUMENT,
            k.AT_VENUE,
            k.AT_STREAM,
            k.AT_CHANNEL,
            k.AT_QUANTILE,
            k.AT_MIRROR_STAMP,
            k.AT_TAPE,
            k.AT_TAPE_COUNT,
            k.AT_TOUCH,
            k.AT_TRADE,
            k.AT_GUARD,
            k.AT_GUARD_LIMIT,
            k.AT_LANE,
            k.AT_QUOTER,
            k.AT_OURS,
            k.AT_OUR_ENDED,
        ):
            self.view(register)[:] = regions(register)[0]
        pad = (capacity.levels - was.levels) // 2
        for ladders, spans in ((k.AT_VENUE_LADDER, k.AT_VENUE_SPAN), (k.AT_MIRROR_LADDER, k.AT_MIRROR_SPAN)):
            source, target = regions(ladders, 2, was.levels, 2)[0], self._rows(ladders, 2, capacity.levels, 2)
            target[:, :, pad : pad + was.levels] = source
            self.view(spans)[:] = regions(spans)[0] + pad
        self._rows(k.AT_TAKEN, capacity.levels, 2)[:, : was.levels] = regions(k.AT_TAKEN, was.levels, 2)[0]
        self._rows(k.AT_ORDER, k.ORDER_SIZE)[: was.orders] = regions(k.AT_ORDER, k.ORDER_SIZE)[0]
        self._rows(k.AT_LIVE, capacity.orders)[:, : was.orders] = regions(k.AT_LIVE)[0].reshape(-1, was.orders)
        ring_was, ring_now = int(old[k.RING_CAP]), int(new[k.RING_CAP])
        rings_was = regions(k.AT_RING)[0].reshape(-1, ring_was, k.ROW_SIZE)
        rings_now = self._rows(k.AT_RING, ring_now, k.ROW_SIZE)
        ends_was, ends_now = regions(k.AT_RING_END, 2)
        for r, (head, tail) in enumerate(ends_was):
            for n, place in enumerate(range(head, tail)):
                rings_now[r, n] = rings_was[r, place % ring_was]
            ends_now[r] = 0, tail - head
        for i, book in self._books:
            book.attach(*self._mirror(i))
        for i, tape in self._tapes:
            tape.attach(*self._tape(i))
        log_was, log_now = regions(k.AT_LOG)[0].reshape(-1), self.view(k.AT_LOG)
        log_now[[LOG_N, LOG_READ]] = log_was[[LOG_N, LOG_READ]]
        log_now[LOG_HEAD : len(log_was)] = log_was[LOG_HEAD:]
        new[k.LOG_SIZE] = len(log_now)  # the head above is the old one's
        if self._log is not None:
            self._log.use(log_now)

    @property
    def n_taken(self) -> int:
        """How many messages the plain path of quoting has handled in place of their delivery."""
        return int(self.state[k.N_TAKEN])

    # --- the run's log -----------------------------------------------------------------------------------------------

    def follow(self, log: RunLog) -> None:
        """Take the order commands from a run's log: what stands there is on its way to the venues."""
        self._log = log
        log.follow(self.view(k.AT_LOG), self.take_commands)

    def take_commands(self) -> None:
        """Send what stands in the log and was not sent yet."""
        while not take_commands(self.state):
            self.grow_orders()

    def flush_log(self) -> None:
        """Make room in the log."""
        assert self._log is not None, "the kernels logged facts, so somebody listens to the log"
        self._log.flush()

    def log_facts(self, *, is_on: bool) -> None:
        """Let the kernels log the facts that they hand over; else who tells them logs them."""
        self.state[k.LOGS_FACTS] = is_on

    # --- mirrors -----------------------------------------------------------------------------------------------------

    def _mirror(self, i: InstrumentId) -> tuple[IntArray, IntArray, IntArray]:
        ladder = self._rows(k.AT_MIRROR_LADDER, 2, self._capacity.levels, 2)[i]
        return ladder, self._rows(k.AT_MIRROR_SPAN, 2, 2)[i], self._rows(k.AT_MIRROR_STAMP, k.STAMP_SIZE)[i]

    def _tape(self, i: InstrumentId) -> tuple[IntArray, IntArray]:
        return self._rows(k.AT_TAPE, self._capacity.tape, 5)[i], self.view(k.AT_TAPE_COUNT)[i : i + 1]

    def book(self, i: InstrumentId) -> Book:
        """Return a book that the kernels keep up with what has been delivered."""
        book = Book.attached(self.instruments[i], self._depth, *self._mirror(i))
        self._books.append((i, book))
        return book

    def tape(self, i: InstrumentId) -> Tape:
        """Return a tape that the kernels keep up with what has been delivered."""
        tape = Tape.attached(self.instruments[i], *self._tape(i))
        self._tapes.append((i, tape))
        return tape

    def make_late(self, late: Callable[[], None] | None) -> None:
        """Let every mirror call this before it is read: the kernels are behind what is told; None: they are not."""
        for _, book in self._books:
            book.late = late
        for _, tape in self._tapes:
            tape.late = late

    def forget_mirrors(self) -> None:
        """Stop moving books and tapes along when the state grows: nobody looks at them any more."""
        self._books.clear()
        self._tapes.clear()

    # --- the venue's view ---------------------------------------------------------------------------------------------

    def venue_levels(self, i: InstrumentId) -> tuple[IntArray, IntArray, int, Nanos] | None:
        """Return the venue's own book: bids, asks (n, 2) best first, sequence number, venue time; None if unsound."""
        row = self._rows(k.AT_INSTRUMENT, k.INSTRUMENT_SIZE)[i]
        if row[k.I_BOOK] != 1:
            return None
        ladder = self._rows(k.AT_VENUE_LADDER, 2, self._capacity.levels, 2)[i]
        (bid, bid_end), (ask, ask_end) = self._rows(k.AT_VENUE_SPAN, 2, 2)[i].tolist()
        bids, asks = ladder[0, bid:bid_end].copy(), ladder[1, ask:ask_end].copy()
        bids.flags.writeable = asks.flags.writeable = False
        return bids, asks, int(row[k.I_SEQ]), int(row[k.I_TS])

    def open_orders(self, venue: VenueId) -> tuple[OpenOrder, ...]:
        """Return the open orders at a venue, by instrument and arrival."""
        found = []
        instruments = self._rows(k.AT_INSTRUMENT, k.INSTRUMENT_SIZE)
        orders = self._rows(k.AT_ORDER, k.ORDER_SIZE)
        live = self._rows(k.AT_LIVE, self._capacity.orders)
        for i, row in enumerate(instruments):
            if row[k.I_VENUE] == venue:
                for slot in live[i, : row[k.I_N_LIVE]]:
                    o = orders[slot].tolist()
                    found.append(
                        OpenOrder(
                            o[k.O_CLIENT_ID],
                            i,
                            o[k.O_SIDE],
                            o[k.O_PRICE],
                            o[k.O_SIZE],
                            o[k.O_FILLED],
                            o[k.O_FLAGS],
                        )
                    )
        return tuple(found)

    def positions(self, venue: VenueId) -> tuple[tuple[InstrumentId, int], ...]:
        """Return (instrument, signed lots) of every instrument of a venue."""
        rows = self._rows(k.AT_INSTRUMENT, k.INSTRUMENT_SIZE)
        return tuple((i, int(row[k.I_POSITION])) for i, row in enumerate(rows) if row[k.I_VENUE] == venue)

    def venue_of(self, i: InstrumentId) -> VenueId:
        """Return the venue of an instrument."""
        return int(self._rows(k.AT_INSTRUMENT, k.INSTRUMENT_SIZE)[i, k.I_VENUE])

    def next_window(self, window: Window) -> None:
        """Begin the next window of events."""
        self.state[k.NEXT_EVENT] = 0
        self.state[k.LAST_WINDOW] = window.is_last
        self.state[k.N_WINDOW_EVENTS] = len(window.events)
        self.state[k.N_WINDOW_HEADERS] = len(window.headers)

    def gaps(self) -> tuple[int, int]:
        """Return how often the recording's books broke off on the venue's side, and its deletes of unknown levels."""
        return int(self.state[k.N_VENUE_GAPS]), int(self.state[k.N_UNKNOWN_DELETES])

    def set_mode(self, venue: VenueId, mode: int) -> None:
        """Set how the feeds of a venue are delivered from here on (see sim.state_kernels.SPOKEN)."""
        rows = self._rows(k.AT_STREAM, k.STREAM_SIZE)
        rows[rows[:, k.S_VENUE] == venue, k.S_MODE] = mode

    def facts_in_flight(self, venue: VenueId) -> list[list[int]]:
        """Return the facts that are under way from a venue, by channel, oldest first."""
        ends = self._rows(k.AT_RING_END, k.N_RINGS, 2)[venue]
        cap = int(self.state[k.RING_CAP])
        rings = self._rows(k.AT_RING, k.N_RINGS, cap, k.ROW_SIZE)[venue]
        return [
            rings[ring, place % cap].tolist()
            for ring in range(k.RING_ACK_PUBLIC, k.N_RINGS)
            for place in range(*ends[ring].tolist())
        ]

    def drop_in_flight(self, venue: VenueId) -> None:
        """Lose every request and fact that is under way to or from a venue: its connection broke."""
        self.take_commands()
        ends = self._rows(k.AT_RING_END, k.N_RINGS, 2)[venue]
        ends[:, 0] = ends[:, 1]
        rings = self._rows(k.AT_RING, k.N_RINGS, int(self.state[k.RING_CAP]), k.ROW_SIZE)
        all_ends = self._rows(k.AT_RING_END, k.N_RINGS, 2)
        for register, kinds in (
            (k.NEXT_REQUEST, range(k.RING_ACK_PUBLIC)),
            (k.NEXT_FACT, range(k.RING_ACK_PUBLIC, k.N_RINGS)),
        ):
            due = k.NEVER
            for v in range(len(self.venues)):
                for r in kinds:
                    head, tail = all_ends[v, r].tolist()
                    if head < tail:
                        due = min(due, int(rings[v, r, head % rings.shape[2], k.R_DUE]))
            self.state[register] = due


def _min_units(instrument: Instrument) -> int:
    per_unit = instrument.lot * instrument.multiplier * (1 if instrument.inverse else instrument.tick)
    return int((instrument.min_notional / per_unit).to_integral_value(rounding=ROUND_CEILING))
