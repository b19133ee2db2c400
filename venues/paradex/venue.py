"""Paradex's perpetuals as a venue: a public socket, a private one by which orders go as well, and REST.

While the venue is in `maintenance` or takes cancels alone its connection counts as lost: quotes are pulled, and come
back with it.  In `post_only` quotes go on, and what would take is refused.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from market.messages import ConnectionLost, ConnectionUp, RequestSnapshot
from market.units import Nanos
from venues.paradex.gate import OK, Gate
from venues.paradex.instruments import NAME
from venues.paradex.preparation import instruments_of, preparation
from venues.paradex.public_feed import PUBLIC, PublicFeed
from venues.paradex.sweep import sweep
from venues.paradex.trading_account import TradingAccount
from venues.venue import NEVER, HttpAnswer, Output, Tell, VenueKind, VenueSetup

_QUOTABLE: Final = frozenset({OK, "post_only"})


class ParadexVenue:
    """One account, or the market data alone: then the connection that is told of is the public one."""

    name: ClassVar[str] = NAME

    def __init__(self, setup: VenueSetup) -> None:
        self._setup = setup
        self._gate = Gate(setup.venue)
        self.feed = PublicFeed(setup.instruments)
        self.account = TradingAccount(setup, self._gate) if setup.credentials is not None else None
        self._epoch = 0
        self._is_up = False

    @property
    def seen(self) -> Counter[str]:
        """What was skipped or came unlooked for, by what it was."""
        found = Counter(self.feed.data.skipped)
        found += self.account.seen if self.account is not None else Counter()
        return +found

    def limits(self, now: Nanos) -> Mapping[str, tuple[int, int]]:
        """What the limits have been used by."""
        return self._gate.used(now)

    def begin(self, now: Nanos, epoch: int = 0) -> Sequence[Output]:
        """Open the public socket; the account's follows when the venue's clock is known."""
        self._epoch = epoch
        self._gate.begin(now)
        if self.account is not None:
            self.account.begin(now)
        return [*self.feed.begin(), *self._gate.on_deadline(now)]

    def opened(self, socket: str, now: Nanos) -> Sequence[Output]:
        """A socket is open."""
        return self.feed.opened(now) if socket == PUBLIC else self._of_account().opened(now)

    def closed(self, socket: str, reason: str, now: Nanos) -> Sequence[Output]:
        """A socket is gone."""
        outputs = self.feed.closed(reason, now) if socket == PUBLIC else self._of_account().closed(now)
        return [*outputs, *self._news(now, f"{socket}: {reason}")]

    def receive(self, socket: str, frame: str | bytes, now: Nanos) -> Sequence[Output]:
        """A frame came.

        Raises:
            RemoteProtocolError: it breaks the protocol.
        """
        outputs = self.feed.receive(frame, now) if socket == PUBLIC else self._of_account().receive(frame, now)
        return outputs if self._is_up else [*outputs, *self._news(now)]

    def answered(self, token: int, answer: HttpAnswer | None, now: Nanos) -> Sequence[Output]:
        """An answer came, or will not.

        Raises:
            RemoteProtocolError: it makes no sense.
        """
        outputs = self._gate.answered(token, answer, now)
        if self.account is not None:
            if self._gate.clock.is_known:
                outputs += self.account.clock_is_known(now)
            outputs += self.account.look(now)
        return outputs + self._news(now, f"the venue is in state {self._gate.state}")

    def command(self, message: Any, now: Nanos) -> Sequence[Output]:
        """Take a command."""
        if isinstance(message, RequestSnapshot):
            return self.feed.restart_book(message.instrument, now)
        if self.account is None:
            raise ValueError(
                f"{self.name} has no key in this run, and was given {message!r}; market data alone is read"
            )
        return self.account.command(message, now)

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
        return outputs + self._news(now, "the connection was given up")

    # --- the connection ----------------------------------------------------------------------------------------------

    def _news(self, now: Nanos, reason: str = "") -> list[Output]:
        """Tell of the connection if it has changed."""
        is_up = self.feed.is_ready if self.account is None else self.account.is_ready and self._gate.state in _QUOTABLE
        if is_up == self._is_up:
            return []
        self._is_up = is_up
        if self.account is not None:
            self.account.set_up(now, is_up=is_up)
        venue, epoch = self._setup.venue, self._epoch
        if is_up:
            return [Tell("connection", ConnectionUp(venue, now, epoch))]
        self._epoch += 1
        return [Tell("connection", ConnectionLost(venue, now, epoch, reason))]

    def _of_account(self) -> TradingAccount:
        assert self.account is not None, "a socket of the account without a key"
        return self.account


KIND: Final = VenueKind(ParadexVenue, instruments_of, preparation, sweep, orders_per_s=100.0)
