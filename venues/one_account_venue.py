"""One account on a venue, or its market data alone, put together of its parts.

The public socket brings market data.  The account's sockets are opened once the venue's clock is known, as what signs
on is stamped with its time.  The parts of a venue fulfil the protocols below; `Gate` is in `venues.gate`.
"""

from abc import ABC
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Protocol

from market.messages import ConnectionLost, ConnectionUp, RequestSnapshot
from market.units import InstrumentId, Nanos, VenueId
from venues.gate import Gate
from venues.venue import NEVER, HttpAnswer, Output, Tell

PUBLIC: Final = "public"


class Feed(Protocol):
    """The public socket, one connection after another: books kept in sync, trades, marks."""

    @property
    def is_ready(self) -> bool:
        """Every subscription is granted."""
        ...

    @property
    def seen(self) -> Mapping[str, int]:
        """What was skipped or came unlooked for: how often each."""
        ...

    def begin(self) -> list[Output]: ...

    def opened(self, now: Nanos) -> list[Output]: ...

    def closed(self, reason: str, now: Nanos) -> list[Output]:
        """Whatever is sent while it is closed is lost: no book is to be trusted."""
        ...

    def receive(self, frame: str | bytes, now: Nanos) -> list[Output]:
        """Take a frame; raises RemoteProtocolError where it breaks the protocol."""
        ...

    def restart_book(self, instrument: InstrumentId, now: Nanos) -> list[Output]:
        """Whoever keeps the book wants it anew."""
        ...

    def next_deadline(self) -> Nanos: ...

    def on_deadline(self, now: Nanos) -> list[Output]: ...


class Account(Protocol):
    """What has to do with the account: its sockets, orders, what is asked by HTTP."""

    @property
    def is_ready(self) -> bool:
        """Orders can be sent, and what becomes of them is heard."""
        ...

    @property
    def seen(self) -> Mapping[str, int]:
        """What was skipped or came unlooked for: how often each."""
        ...

    def begin(self, now: Nanos) -> None:
        """A life begins: orders of the one before may have been sent until now."""
        ...

    def clock_is_known(self, now: Nanos) -> list[Output]:
        """Sign on, at the first call; called again with each answer."""
        ...

    def opened(self, socket: str, now: Nanos) -> list[Output]: ...

    def closed(self, socket: str, now: Nanos) -> list[Output]: ...

    def receive(self, socket: str, frame: str | bytes, now: Nanos) -> list[Output]:
        """Take a frame; raises RemoteProtocolError where it breaks the protocol."""
        ...

    def command(self, message: Any, now: Nanos) -> list[Output]:
        """Take a command about orders or the account."""
        ...

    def commands(self, messages: Sequence[Any], now: Nanos) -> list[Output]:
        """Take several of one instant."""
        ...

    def watch(self, outputs: Sequence[Output], now: Nanos) -> list[Output]:
        """Return what follows from an answer, of which `outputs` are told."""
        ...

    def set_up(self, now: Nanos, *, is_up: bool) -> None:
        """The trading path has come, or gone."""
        ...

    def next_deadline(self) -> Nanos: ...

    def on_deadline(self, now: Nanos) -> list[Output]: ...


class OneAccountVenue(ABC):
    """See `venues.venue.Venue`.  Without an account the connection that is told of is the public one.

    Attributes:
        feed: the market data.
        account: the trading half; None without a key.
    """

    name: ClassVar[str]

    def __init__(self, venue: VenueId, gate: Gate, feed: Feed, account: Account | None) -> None:
        self.feed = feed
        self.account = account
        self._venue, self._gate = venue, gate
        self._epoch = 0
        self._is_up = False

    @property
    def seen(self) -> Mapping[str, int]:
        """What was skipped or came unlooked for, by what it was."""
        found = Counter(self.feed.seen)
        return +(found + Counter(self.account.seen)) if self.account is not None else +found

    def limits(self, now: Nanos) -> Mapping[str, tuple[int, int]]:
        """What the limits have been used by."""
        return self._gate.used(now)

    def begin(self, now: Nanos, epoch: int = 0) -> Sequence[Output]:
        """Open the public socket; those of the account follow when the venue's clock is known."""
        self._epoch = epoch
        if self.account is not None:
            self.account.begin(now)
        return [*self.feed.begin(), *self._gate.begin(now)]

    def opened(self, socket: str, now: Nanos) -> Sequence[Output]:
        """A socket is open."""
        return self.feed.opened(now) if socket == PUBLIC else self._of_account().opened(socket, now)

    def closed(self, socket: str, reason: str, now: Nanos) -> Sequence[Output]:
        """A socket is gone."""
        if socket == PUBLIC:
            outputs = self.feed.closed(reason, now)
        else:
            outputs = self._of_account().closed(socket, now)
        return [*outputs, *self._news(now, f"{socket}: {reason}")]

    def receive(self, socket: str, frame: str | bytes, now: Nanos) -> Sequence[Output]:
        """A frame came.

        Raises:
            RemoteProtocolError: it breaks the protocol.
        """
        if socket == PUBLIC:
            outputs = self.feed.receive(frame, now)
        else:
            outputs = self._of_account().receive(socket, frame, now)
        return outputs if self._is_up else [*outputs, *self._news(now)]

    def answered(self, token: int, answer: HttpAnswer | None, now: Nanos) -> Sequence[Output]:
        """An answer came, or will not.

        Raises:
            RemoteProtocolError: it makes no sense.
        """
        outputs = self._gate.answered(token, answer, now)
        if self.account is not None:
            outputs += self.account.watch(outputs, now)
            if self._gate.clock.is_known:
                outputs += self.account.clock_is_known(now)
        return outputs + self._news(now, self._gate.obstacle)

    def command(self, message: Any, now: Nanos) -> Sequence[Output]:
        """Take a command."""
        if isinstance(message, RequestSnapshot):
            return self.feed.restart_book(message.instrument, now)
        if self.account is None:
            raise ValueError(
                f"{self.name} has no key in this run, and was given {message!r}; market data alone is read"
            )
        return self.account.command(message, now)

    def commands(self, messages: Sequence[Any], now: Nanos) -> Sequence[Output]:
        """Take what is commanded at one instant."""
        if self.account is None or len(messages) == 1:
            return [output for message in messages for output in self.command(message, now)]
        return self.account.commands(messages, now)

    def next_deadline(self) -> Nanos | None:
        """Return when `on_deadline` is to be called."""
        due = min(self._gate.next_deadline(), self.feed.next_deadline())
        if self.account is not None:
            due = min(due, self.account.next_deadline())
        return None if due >= NEVER else due

    def on_deadline(self, now: Nanos) -> Sequence[Output]:
        """Do what is due."""
        outputs = [*self._gate.on_deadline(now), *self.feed.on_deadline(now)]
        if self.account is not None:
            outputs += self.account.on_deadline(now)
        return outputs + self._news(now, self._gate.obstacle or "the connection was given up")

    def _news(self, now: Nanos, reason: str = "") -> list[Output]:
        """Tell of the connection if it has changed."""
        account = self.account
        is_up = self.feed.is_ready if account is None else account.is_ready and not self._gate.obstacle
        if is_up == self._is_up:
            return []
        self._is_up = is_up
        if account is not None:
            account.set_up(now, is_up=is_up)
        epoch = self._epoch
        if is_up:
            return [Tell("connection", ConnectionUp(self._venue, now, epoch))]
        self._epoch += 1
        return [Tell("connection", ConnectionLost(self._venue, now, epoch, reason))]

    def _of_account(self) -> Account:
        assert self.account is not None, "a socket of the account without a key"
        return self.account
