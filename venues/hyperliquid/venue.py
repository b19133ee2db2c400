"""Hyperliquid's perpetuals as a venue: a public socket, a private one by which actions go as well, and REST."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import attrs

from market.messages import ConnectionLost, ConnectionUp, RequestSnapshot
from market.units import Nanos
from venues.hyperliquid.accounts import account_of
from venues.hyperliquid.dead_mans_switch import SwitchConfig
from venues.hyperliquid.gate import NOBODY, Gate
from venues.hyperliquid.instruments import NAME
from venues.hyperliquid.limits import MESSAGES, RESERVED, WEIGHT
from venues.hyperliquid.preparation import instruments_of, preparation
from venues.hyperliquid.public_feed import PUBLIC, PublicFeed
from venues.hyperliquid.sweep import sweep
from venues.hyperliquid.trading_account import TradingAccount
from venues.rate_window import RateWindow
from venues.venue import NEVER, HttpAnswer, Output, Tell, VenueKind, VenueSetup


@attrs.frozen
class HyperliquidConfig:
    """How Hyperliquid is used.

    Attributes:
        weight: of REST that may be spent a minute, by address of the network.
    """

    weight: int = attrs.field(default=WEIGHT, validator=attrs.validators.ge(2 * RESERVED))
    switch: SwitchConfig = attrs.field(factory=SwitchConfig)


class HyperliquidVenue:
    """One account, or the market data alone: then the connection that is told of is the public one."""

    name: ClassVar[str] = NAME

    def __init__(self, setup: VenueSetup, config: HyperliquidConfig | None = None) -> None:
        config = config or HyperliquidConfig()
        self._setup = setup
        account = account_of(setup.credentials, setup.connection.network) if setup.credentials is not None else None
        self._gate = Gate(setup.venue, NOBODY if account is None else account.address, config.weight)
        self._messages = messages = RateWindow(MESSAGES)
        self.feed = PublicFeed(setup.instruments, self._gate, messages)
        self.account: TradingAccount | None = None
        if account is not None:
            self.account = TradingAccount(setup, account, self._gate, messages, config.switch)
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
        found = {"weight": (self._gate.weight.used(now), self._gate.weight.limit)}
        found["messages"] = (self._messages.used(now), self._messages.limit)
        return found | dict(self.account.used if self.account is not None else {})

    def begin(self, now: Nanos, epoch: int = 0) -> Sequence[Output]:
        """Open the public socket; the account's follows when the venue's clock is known."""
        self._epoch = epoch
        self._gate.due = now
        if self.account is not None:
            self.account.begin(now)
        return [*self.feed.begin(), *self._gate.ask(now)]

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
            outputs += self.account.watch(outputs, now)
            if self._gate.clock.is_known:
                outputs += self.account.clock_is_known(now)
        return outputs + self._news(now)

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
        of_gate = self._gate.next_deadline()
        due = min(NEVER if of_gate is None else of_gate, self.feed.next_deadline())
        if self.account is not None:
            due = min(due, self.account.next_deadline())
        return None if due >= NEVER else due

    def on_deadline(self, now: Nanos) -> Sequence[Output]:
        """Do what is due."""
        outputs = [*self._gate.ask(now), *self.feed.on_deadline(now)]
        if self.account is not None:
            outputs += self.account.on_deadline(now)
        return outputs + self._news(now, "the connection was given up")

    # --- the connection ----------------------------------------------------------------------------------------------

    def _news(self, now: Nanos, reason: str = "") -> list[Output]:
        """Tell of the connection if it has changed."""
        is_up = self.feed.is_ready if self.account is None else self.account.is_ready
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


KIND: Final = VenueKind(HyperliquidVenue, instruments_of, preparation, sweep, orders_per_s=20.0)
