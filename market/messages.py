"""Everything that crosses an actor's border.

Messages are frozen and hold ints, strings, tuples or read-only arrays handed over for good.  Facts are named in the
past tense, commands in the imperative, state reports as nouns.  `gc=False`: a message never holds a reference cycle,
and the collector need not look at it (0.1 us to make, against 0.25 for a tracked class).

A message that carries an array has `eq=False`; tests compare what `encode` makes of it.
"""

from enum import IntEnum, IntFlag

import msgspec
import numpy as np
import numpy.typing as npt

from market.units import ClientOrderId, InstrumentId, Lots, Nanos, Ticks, VenueId

LevelArray = npt.NDArray[np.int64]


class TimeInForce(IntEnum):
    """How long an order may wait.  GTD and price-match orders are refused by not being here."""

    GTC = 0
    IOC = 1
    FOK = 2


class OrderFlag(IntFlag):
    """What an order asks of the venue besides its price, as one int in commands and in the run's log."""

    NONE = 0
    IOC = 1
    FOK = 2
    POST_ONLY = 4
    REDUCE_ONLY = 8
    MARKET = 16


class OrderState(IntEnum):
    """Where an order stands.  `0 < filled < size` is partly filled, which is not a state of its own."""

    PENDING_NEW = 0
    OPEN = 1
    PENDING_CANCEL = 2
    PENDING_AMEND = 3
    FILLED = 4
    CANCELLED = 5
    REJECTED = 6
    EXPIRED = 7
    UNKNOWN = 8

    @property
    def is_final(self) -> bool:
        return OrderState.FILLED <= self <= OrderState.EXPIRED


class Reason(IntEnum):
    """Why an order, an amend or a cancel was refused, ended, or was pulled."""

    NONE = 0
    # the venue's
    POST_ONLY_WOULD_TAKE = 1
    INVALID_PRICE = 2
    INVALID_SIZE = 3
    BELOW_MIN_SIZE = 4
    BELOW_MIN_NOTIONAL = 5
    ABOVE_MAX_SIZE = 6
    REDUCE_ONLY = 7
    UNKNOWN_ORDER = 8
    TOO_MANY_ORDERS = 9
    NO_LIQUIDITY = 10
    REMAINDER_EXPIRED = 11
    FOK_NOT_FILLABLE = 12
    DUPLICATE_ID = 13
    CANCEL_ALL = 14
    VENUE_OTHER = 19
    # our own, before anything is sent
    LIMIT_ORDER_SIZE = 20
    LIMIT_ORDER_NOTIONAL = 21
    LIMIT_POSITION = 22
    LIMIT_OPEN_ORDERS = 23
    LIMIT_ORDER_RATE = 24
    PRICE_COLLAR = 25
    STALE_BOOK = 26
    NO_BOOK = 27
    DRAINING = 28
    QUOTER_DOWN = 29
    QUOTER_SILENT = 30
    NOT_CONNECTED = 31
    NO_ANSWER = 32
    NOT_FOUND_IN_SNAPSHOT = 33


# --- market data: connector -> book keeper, quoters, recorder -------------------------------------------------------


class BookSnapshot(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A full book.  `bids`, `asks` are (n, 2) int64 rows of [ticks, lots], best first, lots > 0."""

    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    seq: int
    bids: LevelArray
    asks: LevelArray


class BookDelta(msgspec.Struct, frozen=True, gc=False, eq=False):
    """Changed levels: rows of [ticks, new lots], 0 lots deletes.  `prev_seq` is -1 where the feed does not chain."""

    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    prev_seq: int
    seq: int
    bids: LevelArray
    asks: LevelArray


class BookGap(msgspec.Struct, frozen=True, gc=False):
    """The feed lost book messages: the book is not to be trusted until the next snapshot."""

    instrument: InstrumentId
    ts_recv: Nanos
    reason: str


class Trade(msgspec.Struct, frozen=True, gc=False):
    """One public trade; `taker` is the side of the order that removed liquidity."""

    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    price: Ticks
    size: Lots
    taker: int
    trade_id: int


class ConnectionUp(msgspec.Struct, frozen=True, gc=False):
    venue: VenueId
    ts_recv: Nanos
    epoch: int


class ConnectionLost(msgspec.Struct, frozen=True, gc=False):
    """What was in flight is lost: commands without an answer are UNKNOWN from here on."""

    venue: VenueId
    ts_recv: Nanos
    epoch: int
    reason: str


# --- book keeper -> quoters, order manager, tracker, recorder -------------------------------------------------------


class BookUpdate(msgspec.Struct, frozen=True, gc=False, eq=False):
    """The best levels after a change.

    `bids`, `asks` are read-only (n, 2) int64 rows [ticks, lots], best first; None when the receiver's mirror is
    attached to the simulation's own arrays, which show this update already.
    """

    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    seq: int
    bids: LevelArray | None
    asks: LevelArray | None


class Stale(msgspec.Struct, frozen=True, gc=False):
    """The book of this instrument is not to be trusted until `Fresh`."""

    instrument: InstrumentId
    ts: Nanos
    reason: str


class Fresh(msgspec.Struct, frozen=True, gc=False):
    instrument: InstrumentId
    ts: Nanos


class RequestSnapshot(msgspec.Struct, frozen=True, gc=False):
    """Ask the venue for a full book (book keeper -> connector)."""

    instrument: InstrumentId


# --- order commands: order manager -> connector ---------------------------------------------------------------------


class PlaceOrder(msgspec.Struct, frozen=True, gc=False):
    """`flags` is an `OrderFlag`; `price` of a market order is its worst acceptable price, 0 for none."""

    client_id: ClientOrderId
    instrument: InstrumentId
    side: int
    price: Ticks
    size: Lots
    flags: int


class AmendOrder(msgspec.Struct, frozen=True, gc=False):
    """Change an open order: `size` is the new total, filled part included."""

    client_id: ClientOrderId
    instrument: InstrumentId
    price: Ticks
    size: Lots


class CancelOrder(msgspec.Struct, frozen=True, gc=False):
    client_id: ClientOrderId
    instrument: InstrumentId


class CancelAll(msgspec.Struct, frozen=True, gc=False):
    """Cancel every order of an instrument."""

    instrument: InstrumentId


class RequestAccount(msgspec.Struct, frozen=True, gc=False):
    """Ask the venue for open orders, positions, and fills with a venue time >= `fills_since`."""

    venue: VenueId
    fills_since: Nanos


# --- order facts: connector -> order manager, position tracker ------------------------------------------------------


class OrderAccepted(msgspec.Struct, frozen=True, gc=False):
    client_id: ClientOrderId
    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos


class OrderRejected(msgspec.Struct, frozen=True, gc=False):
    client_id: ClientOrderId
    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    reason: int


class OrderAmended(msgspec.Struct, frozen=True, gc=False):
    client_id: ClientOrderId
    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    price: Ticks
    size: Lots


class AmendRejected(msgspec.Struct, frozen=True, gc=False):
    client_id: ClientOrderId
    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    reason: int


class OrderCancelled(msgspec.Struct, frozen=True, gc=False):
    client_id: ClientOrderId
    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    reason: int


class CancelRejected(msgspec.Struct, frozen=True, gc=False):
    client_id: ClientOrderId
    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    reason: int


class OrderExpired(msgspec.Struct, frozen=True, gc=False):
    """The venue ended the order by itself: remainder of an IOC, a fill-or-kill, a reduce-only with nothing left."""

    client_id: ClientOrderId
    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    reason: int


class Fill(msgspec.Struct, frozen=True, gc=False):
    """One execution of ours; `fill_id` is unique per venue and instrument; `fee_e12` in 1e-12 of the settle asset."""

    client_id: ClientOrderId
    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    fill_id: int
    side: int
    price: Ticks
    size: Lots
    is_maker: bool
    fee_e12: int


class FundingPayment(msgspec.Struct, frozen=True, gc=False):
    """Cash we were paid (positive) or paid, in 1e-12 of the settle asset; `payment_id` unique per instrument."""

    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    payment_id: int
    amount_e12: int


class OpenOrder(msgspec.Struct, frozen=True, gc=False):
    """An order as the venue has it, inside an `AccountSnapshot`."""

    client_id: ClientOrderId
    instrument: InstrumentId
    side: int
    price: Ticks
    size: Lots
    filled: Lots
    flags: int


class AccountSnapshot(msgspec.Struct, frozen=True, gc=False):
    """The venue's answer to `RequestAccount`, true at `ts_venue`; facts of a later venue time win over it.

    Attributes:
        ts_request: when we asked, our clock.
        open_orders: all that are open.
        fills: those since `fills_since`, by venue time.
        positions: (instrument, signed lots) of every instrument of the venue that we know.
    """

    venue: VenueId
    ts_request: Nanos
    ts_venue: Nanos
    ts_recv: Nanos
    fills_since: Nanos
    open_orders: tuple[OpenOrder, ...]
    fills: tuple[Fill, ...]
    positions: tuple[tuple[InstrumentId, Lots], ...]


class Adjustment(msgspec.Struct, frozen=True, gc=False):
    """A recorded change of position that no fill explains, with its reason."""

    instrument: InstrumentId
    ts: Nanos
    lots: Lots
    reason: str


# --- quoter -> order manager ----------------------------------------------------------------------------------------


class WantedQuotes(msgspec.Struct, frozen=True, gc=False):
    """All the quotes a quoter wants on an instrument: ((ticks, lots), ...) a side; the order manager sees to it."""

    quoter: int
    instrument: InstrumentId
    bids: tuple[tuple[Ticks, Lots], ...]
    asks: tuple[tuple[Ticks, Lots], ...]


class SubmitOrder(msgspec.Struct, frozen=True, gc=False):
    """A single order of a quoter; `tag` (> 0) is the quoter's own number for it until it learns the client id."""

    quoter: int
    instrument: InstrumentId
    tag: int
    side: int
    price: Ticks
    size: Lots
    flags: int


class AmendWish(msgspec.Struct, frozen=True, gc=False):
    quoter: int
    instrument: InstrumentId
    tag: int
    price: Ticks
    size: Lots


class CancelWish(msgspec.Struct, frozen=True, gc=False):
    quoter: int
    instrument: InstrumentId
    tag: int


class CancelAllWish(msgspec.Struct, frozen=True, gc=False):
    """Cancel all of this quoter's orders on an instrument, wanted quotes included."""

    quoter: int
    instrument: InstrumentId


# --- order manager, position tracker -> quoters ---------------------------------------------------------------------


class OrderUpdate(msgspec.Struct, frozen=True, gc=False):
    """An order of this quoter after a change; `tag` is 0 for an order made from wanted quotes."""

    client_id: ClientOrderId
    instrument: InstrumentId
    quoter: int
    tag: int
    state: int
    side: int
    price: Ticks
    size: Lots
    filled: Lots
    reason: int


class Position(msgspec.Struct, frozen=True, gc=False):
    """Our net position after a change; `average_entry` in quote currency, NaN when flat."""

    instrument: InstrumentId
    ts: Nanos
    lots: Lots
    average_entry: float


class EquityStamp(msgspec.Struct, frozen=True, gc=False):
    """One row of the `equity` table (see market.tables): money in the instrument's settle asset."""

    ts: Nanos
    instrument: InstrumentId
    position: Lots
    average_entry: float
    cash: float
    fees: float
    funding: float
    mid: float
    pnl: float


class Declaration(msgspec.Struct, frozen=True, gc=False):
    """A named value that a quoter declared; `instrument` -1 for none."""

    ts: Nanos
    key: str
    value: float
    instrument: InstrumentId
    group: str
    quoter: int


# --- the runtime's own ----------------------------------------------------------------------------------------------


class SetTimer(msgspec.Struct, frozen=True, gc=False):
    """Ask the nursery for `TimerFired(token)` at `at`."""

    at: Nanos
    token: int


class TimerFired(msgspec.Struct, frozen=True, gc=False):
    token: int


class Started(msgspec.Struct, frozen=True, gc=False):
    """First message of every actor's life.  `generation` 0 is the first start; a higher one follows a crash."""

    generation: int


class LogReplayed(msgspec.Struct, frozen=True, gc=False):
    """The run's own log has been delivered to a restarted order manager or position tracker: ask the venue next."""

    last_fill_ts: Nanos


class ActorDown(msgspec.Struct, frozen=True, gc=False):
    """A child crashed or was stopped (nursery -> order manager): `kind` is "quoter", "keeper" or "connector"."""

    kind: str
    index: int
    reason: str


class ActorUp(msgspec.Struct, frozen=True, gc=False):
    kind: str
    index: int


class Drain(msgspec.Struct, frozen=True, gc=False):
    """Stop, phase one: quoters fall silent, the order manager cancels all and waits for proof until `deadline`."""

    deadline: Nanos


class Drained(msgspec.Struct, frozen=True, gc=False):
    """The order manager's answer: `unproven` orders whose end it could not prove."""

    unproven: int


class Stop(msgspec.Struct, frozen=True, gc=False):
    """Stop, phase two: last message of a life."""


class QuotesPulled(msgspec.Struct, frozen=True, gc=False):
    """The order manager cancels all orders of a quoter and takes no new ones, for a `Reason` (to the nursery's log)."""

    quoter: int
    ts: Nanos
    reason: int


class QuotesBack(msgspec.Struct, frozen=True, gc=False):
    """The cause of a `QuotesPulled` is gone, and the quoter has spoken again."""

    quoter: int
    ts: Nanos


# --- client order ids -----------------------------------------------------------------------------------------------

_COUNTER_BITS, _QUOTER_BITS, _GENERATION_BITS, _SESSION_BITS = 27, 7, 9, 20
NO_QUOTER = (1 << _QUOTER_BITS) - 1
MAX_COUNTER = (1 << _COUNTER_BITS) - 1


def first_client_id(session: int, generation: int, quoter: int) -> ClientOrderId:
    """Return the id with counter 0; the counter is added.  The layout makes an order's owner readable from its id.

    Raises:
        ValueError: a part does not fit its bits.
    """
    for name, value, bits in (
        ("session", session, _SESSION_BITS),
        ("generation", generation, _GENERATION_BITS),
        ("quoter", quoter, _QUOTER_BITS),
    ):
        if not 0 <= value < 1 << bits:
            raise ValueError(f"{name} {value} does not fit a client order id: must be in [0, {1 << bits})")
    return ((session << _GENERATION_BITS | generation) << _QUOTER_BITS | quoter) << _COUNTER_BITS


def quoter_of(client_id: ClientOrderId) -> int:
    """Return the place of the quoter that owns an order; NO_QUOTER for none."""
    return client_id >> _COUNTER_BITS & NO_QUOTER
