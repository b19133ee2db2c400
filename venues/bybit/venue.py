"""Bybit's linear perpetuals as a venue: a public socket, a private one, one for orders, and REST."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from market.messages import ConnectionLost, ConnectionUp, RequestAccount, RequestSnapshot
from market.units import Nanos
from venues.bybit.gate import Gate
from venues.bybit.preparation import instruments_of, preparation
from venues.bybit.public_feed import SOCKET as PUBLIC
from venues.bybit.public_feed import PublicFeed
from venues.bybit.structs import NAME
from venues.bybit.sweep import sweep
from venues.bybit.trading_account import TradingAccount
from venues.venue import HttpAnswer, Output, Tell, VenueKind, VenueSetup


class BybitVenue:
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
        found = Counter(self.feed.data.n_skipped)
        if self.account is not None:
            found += self.account.data.n_skipped + self.account.path.seen
        return found

    def limits(self, now: Nanos) -> Mapping[str, tuple[int, int]]:
        """What the limits have been used by."""
        return self._gate.limits.used(now)

    def begin(self, now: Nanos, epoch: int = 0) -> Sequence[Output]:
        """Open the public socket; those of the account follow when the venue's clock is known."""
        self._epoch = epoch
        self._gate.clock_due = now
        if self.account is not None:
            self.account.begin(now)
        return [*self.feed.begin(), *self._gate.ask_time(now)]

    def opened(self, socket: str, now: Nanos) -> Sequence[Output]:
        """A socket is open."""
        if socket == PUBLIC:
            return self.feed.opened(now)
        return self._of_account().opened(socket, now)

    def closed(self, socket: str, reason: str, now: Nanos) -> Sequence[Output]:
        """A socket is gone."""
        outputs = self.feed.closed(reason, now) if socket == PUBLIC else self._of_account().closed(socket)
        return [*outputs, *self._news(f"{socket}: {reason}", now)]

    def receive(self, socket: str, frame: str | bytes, now: Nanos) -> Sequence[Output]:
        """A frame came.

        Raises:
            RemoteProtocolError: it breaks the protocol.
        """
        if socket == PUBLIC:
            outputs = self.feed.receive(frame, now)
            if self.account is None and not self._is_up:
                outputs += self._news("", now)
            return outputs
        outputs = self._of_account().receive(socket, frame, now)
        if not self._is_up:
            outputs += self._news("", now)
        return outputs

    def answered(self, token: int, answer: HttpAnswer | None, now: Nanos) -> Sequence[Output]:
        """An answer came, or will not.

        Raises:
            RemoteProtocolError: it makes no sense.
        """
        outputs = self._gate.answered(token, answer, now)
        if self.account is not None and self._gate.is_measured:
            outputs += self.account.clock_is_known()
        return outputs

    def command(self, message: Any, now: Nanos) -> Sequence[Output]:
        """Take a command."""
        kind = type(message)
        if kind is RequestSnapshot:
            return self.feed.restart_book(message, now)
        if self.account is None:
            assert kind is not RequestAccount, "the account is asked for, and there is no key"
            raise ValueError(f"bybit has no key in this run, and was given {message!r}; market data alone is read")
        return self.account.command(message, now)

    def next_deadline(self) -> Nanos | None:
        """Return when `on_deadline` is to be called."""
        due = self._gate.next_deadline()
        of_feed = self.feed.next_deadline()
        if due is None or (of_feed is not None and of_feed < due):
            due = of_feed
        of_account = self.account.next_deadline() if self.account is not None else None
        if due is None or (of_account is not None and of_account < due):
            due = of_account
        return due

    def on_deadline(self, now: Nanos) -> Sequence[Output]:
        """Do what is due."""
        outputs = [*self._gate.ask_time(now), *self.feed.on_deadline(now)]
        if self.account is not None:
            outputs += self.account.on_deadline(now)
        return outputs

    # --- the connection ----------------------------------------------------------------------------------------------

    def _news(self, reason: str, now: Nanos) -> list[Output]:
        """Tell of the connection if it has changed."""
        is_up = self.feed.is_ready if self.account is None else self.account.is_up
        if is_up == self._is_up:
            return []
        self._is_up = is_up
        venue, epoch = self._setup.venue, self._epoch
        if is_up:
            return [Tell("connection", ConnectionUp(venue, now, epoch))]
        self._epoch += 1
        return [Tell("connection", ConnectionLost(venue, now, epoch, reason))]

    def _of_account(self) -> TradingAccount:
        assert self.account is not None, "a socket of the account without a key"
        return self.account


KIND = VenueKind(BybitVenue, instruments_of, preparation, sweep, orders_per_s=10.0)
