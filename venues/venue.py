"""What a venue is to the shell that drives it: sockets, requests and deadlines as data, without IO or a clock.

All times are ours, in ns since the Unix epoch.  A venue names its sockets (`public`, `trade`); what it wants done it
returns as a list of `Output`, to be carried out in order.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, ClassVar, Final, Generic, Protocol, TypeAlias, TypeVar

import attrs
import msgspec

from market.instrument import Instrument
from market.units import Nanos, VenueId
from venues.connection import Credentials, VenueConnection
from venues.wire import HttpRequest

T = TypeVar("T")

NEVER: Final[Nanos] = 1 << 62  # of deadlines
URGENT: Final = "urgent"  # the lane of what waits for nothing: cancels


class Tell(msgspec.Struct, frozen=True, gc=False):
    """Let a message leave the connector by a port: books, trades, marks, facts, fills, connection, clock, halts."""

    port: str
    message: Any


class Connect(msgspec.Struct, frozen=True, gc=False):
    """Open a socket at this path and query of its address, in place of one that is open or being opened.

    The target may hold a credential, so that it is not shown.
    """

    socket: str
    target: str

    def __repr__(self) -> str:
        return f"Connect({self.socket}, ...)"


class SendFrame(msgspec.Struct, frozen=True, gc=False):
    """Write a text frame; where the socket is not open it is lost, and `closed` has been or will be called."""

    socket: str
    data: bytes

    def __repr__(self) -> str:
        return f"SendFrame({self.socket}, {len(self.data)} bytes)"  # a sign-on holds a key


class MakeFrame(msgspec.Struct, frozen=True, gc=False):
    """Write a text frame that takes long to make, as by a slow signature: it is made in a thread.

    What is written after it on the socket waits for it, so that the order stays.  `make` raises nothing.
    """

    socket: str
    make: Callable[[], bytes]


class SendRequest(msgspec.Struct, frozen=True, gc=False):
    """Send a request by HTTP; `answered` is called once under its token, whatever becomes of it.

    Attributes:
        token: never used twice by a venue.
        lane: requests of one lane are sent one after another, in order; "": as soon as may be, so many at a time;
            `URGENT`: at once, whatever hangs or waits.
    """

    request: HttpRequest
    token: int
    lane: str = ""


class Reconnect(msgspec.Struct, frozen=True, gc=False):
    """Close a socket and open it anew at its last target, after the usual pause; `closed` is called with the reason."""

    socket: str
    reason: str


class Replace(msgspec.Struct, frozen=True, gc=False):
    """Open another connection to the last target beside one that is open; where that fails, nothing is told.

    Else `opened` is called again, without `closed` before, frames go to the new one, and what the old one says is heard
    for `overlap_s` more.
    """

    socket: str
    overlap_s: float


Output: TypeAlias = Tell | Connect | SendFrame | MakeFrame | SendRequest | Reconnect | Replace


class HttpAnswer(msgspec.Struct, frozen=True, gc=False):
    """An answer to a request, whatever its status; `headers` have names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    ts_sent: Nanos
    ts_recv: Nanos

    def __repr__(self) -> str:
        return f"HttpAnswer({self.status}, {len(self.body)} bytes)"


Answered: TypeAlias = Callable[
    [HttpAnswer | None, Nanos], list[Output]
]  # who waits for an answer: it, and when it came


class Venue(Protocol):
    """One account on one venue, or only its market data; used for one life of a connector and then thrown away.

    `receive` and `answered` raise `RemoteProtocolError` where the venue breaks its protocol: the shell then drops the
    socket (for `receive`), says so, and goes on.  Nothing else is raised but by our own mistakes, which crash.
    """

    name: ClassVar[str]

    @property
    def seen(self) -> Mapping[str, int]:
        """What was skipped, and what documentation leaves open and came one way or the other: how often each."""
        ...

    def limits(self, now: Nanos) -> Mapping[str, tuple[int, int]]:
        """Return what the venue's limits have been used by, and what they allow, by name; for people."""
        ...

    def begin(self, now: Nanos, epoch: int = 0) -> Sequence[Output]:
        """Start; `ConnectionUp` and `ConnectionLost` count their epochs from `epoch` on."""
        ...

    def opened(self, socket: str, now: Nanos) -> Sequence[Output]:
        """A socket is open, or another connection of it has taken the place of one that was (`Replace`)."""
        ...

    def closed(self, socket: str, reason: str, now: Nanos) -> Sequence[Output]:
        """An open socket is gone; the shell opens it again at its last target, unless told another meanwhile."""
        ...

    def receive(self, socket: str, frame: str | bytes, now: Nanos) -> Sequence[Output]:
        """A frame came at `now`, which is its `ts_recv`."""
        ...

    def answered(self, token: int, answer: HttpAnswer | None, now: Nanos) -> Sequence[Output]:
        """The answer to a request; None: there is none, and it may have taken effect."""
        ...

    def command(self, message: Any, now: Nanos) -> Sequence[Output]:
        """Take PlaceOrder, AmendOrder, CancelOrder, CancelAll, QueryOrder, RequestAccount or RequestSnapshot.

        What cannot be sent, or is not answered in time, stays without an answer: whoever asked has deadlines.
        CancelAll goes by HTTP, so that it works without any socket.
        """
        ...

    def commands(self, messages: Sequence[Any], now: Nanos) -> Sequence[Output]:
        """Take what is commanded at one instant, in this order; some of it may share a frame.

        Each order has its own fate, whatever else is in its frame.
        """
        ...

    def next_deadline(self) -> Nanos | None:
        """Return when `on_deadline` is to be called, None for never; asked after each of the other calls."""
        ...

    def on_deadline(self, now: Nanos) -> Sequence[Output]:
        """Do what is due by now; `next_deadline` is later afterwards, at the latest when a `Reconnect` is done."""
        ...


@attrs.frozen
class VenueSetup:
    """What a venue is made of.

    Attributes:
        venue: its number in the run.
        instruments: those of the run on this venue.
        connection: where it is reached.
        credentials: None: market data alone; no order is taken, and no account is asked.
        settings: how the venue is used, of the class that its kind names; None: as usual.
        batches: what is commanded at one instant may share a frame, where the venue has such.
    """

    venue: VenueId
    instruments: tuple[Instrument, ...]
    connection: VenueConnection
    credentials: Credentials | None = None
    settings: object | None = None
    batches: bool = True


def key_of(setup: VenueSetup) -> Credentials:
    """Return the key of a setup that has one."""
    assert setup.credentials is not None, f"an account on venue {setup.venue} without a key"
    return setup.credentials


def settings_of(setup: VenueSetup, kind: Callable[[], T]) -> T:
    """Return the settings of a setup, or the usual ones of this class."""
    found: Any = setup.settings
    return kind() if found is None else found


# a talk over HTTP before the run: it yields requests, is sent their answers, and returns what it was held for
Conversation: TypeAlias = Generator[HttpRequest, HttpAnswer, T]


@attrs.frozen
class Swept:
    """What came of a sweep.

    Attributes:
        n_open: orders that the venue says are open on the account after it.
        refused: what the venue would not do, for people.
    """

    n_open: int
    refused: tuple[str, ...] = ()


@attrs.frozen
class VenueKind:
    """All that is known of one kind of venue (see `venues.registry`).

    Attributes:
        make: a fresh venue.
        instruments: (symbols, first id, now) -> the instruments, ids counted from the first; raises
            ValueError for a symbol that does not trade here, naming it.
        preparation: (setup, now) -> the setup's instruments with the fees of the account; checks before that the
            account is fit for trading and sets what it needs; raises ValueError with the remedy where a person must
            act: a key that may withdraw, hedge mode.
        sweep: (setup, whether to cancel) -> cancels all orders of an account, of which nothing need be known, its
            instruments neither, and says what is open after that; raises RemoteProtocolError where nothing is proven.
        orders_per_s: that an account may place when nothing else is agreed; what is more is refused.
        tells_missed_trades: after an outage of the market data it tells the trades of it, and `TradesCaughtUp`.
        settings: class of `VenueSetup.settings`, whose fields are the keys of a config; None: nothing can be set.
    """

    make: Callable[[VenueSetup], Venue]
    instruments: Callable[[Sequence[str], int, Nanos], Conversation[tuple[Instrument, ...]]]
    preparation: Callable[[VenueSetup, Nanos], Conversation[tuple[Instrument, ...]]]
    sweep: Callable[[VenueSetup, bool], Conversation[Swept]]
    orders_per_s: float
    settings: type | None = None
    tells_missed_trades: bool = False


class Questions(Generic[T]):
    """Requests in flight, each under a token that is used once; what a token stands for is kept until its answer.

    A venue has one of them, whatever the number of sessions that ask.
    """

    def __init__(self) -> None:
        self._asked: dict[int, T] = {}
        self._n_asked = 0

    def __len__(self) -> int:
        return len(self._asked)

    def ask(self, request: HttpRequest, what: T, lane: str = "") -> SendRequest:
        """Return the action that sends a request which stands for `what`."""
        self._n_asked += 1
        self._asked[self._n_asked] = what
        return SendRequest(request, self._n_asked, lane)

    def answered(self, token: int) -> T:
        """Return what was asked, and forget it."""
        return self._asked.pop(token)
