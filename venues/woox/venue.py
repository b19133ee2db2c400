"""WOO X's perpetuals as a venue: a public socket, a private one, and REST, by which orders go.

`woox` trades on the book that everybody can take.  `woox-rpi` is market data alone: the same book with the orders that
only the venue's own customers can take, most of what is near the price; a reference, and not what an order will meet.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Final

import attrs

from market.messages import ConnectionLost, ConnectionUp, RequestSnapshot
from market.units import Nanos
from venues.venue import NEVER, HttpAnswer, Output, Tell, VenueKind, VenueSetup
from venues.woox.dead_mans_switch import SwitchConfig
from venues.woox.gate import Gate
from venues.woox.limits import RateLimits
from venues.woox.preparation import instruments_of, preparation
from venues.woox.public_feed import SOCKET as PUBLIC
from venues.woox.public_feed import PublicFeed
from venues.woox.structs import NAME
from venues.woox.sweep import sweep
from venues.woox.trading_account import TradingAccount


@attrs.frozen
class WooxConfig:
    """How WOO X is used.

    Attributes:
        is_rpi: books have the orders, too, that only the venue's own customers can take.
        limits: requests in the window of a kind of request (`venues.woox.limits.RULES`) that has another by agreement.
    """

    is_rpi: bool = False
    limits: Mapping[str, int] = attrs.field(factory=dict)
    switch: SwitchConfig = attrs.field(factory=SwitchConfig)


class WooxVenue:
    """One account, or the market data alone: then the connection that is told of is the public one."""

    name: ClassVar[str] = NAME

    def __init__(self, setup: VenueSetup, config: WooxConfig | None = None) -> None:
        config = config or WooxConfig()
        self._setup = setup
        self._gate = Gate(setup.venue, RateLimits(config.limits))
        self.feed = PublicFeed(setup.instruments, self._gate, is_rpi=config.is_rpi)
        self.account: TradingAccount | None = None
        if setup.credentials is not None:
            self.account = TradingAccount(setup, self._gate, self.feed.data.marks, config.switch)
        self._epoch = 0
        self._is_up = False

    @property
    def seen(self) -> Counter[str]:
        """What was skipped or came unlooked for, by what it was."""
        found = Counter(self.feed.data.skipped)
        for sync in self.feed.data.syncs.values():
            found["book by REST that does not fit the socket's"] += sync.n_misfits
        found += self.account.seen if self.account is not None else Counter()
        return +found

    def limits(self, now: Nanos) -> Mapping[str, tuple[int, int]]:
        """What the limits have been used by."""
        return self._gate.limits.used(now)

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
        return outputs + self._news(now, self._gate.maintenance)

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
        is_up = self.feed.is_ready if self.account is None else self.account.is_ready and not self._gate.maintenance
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


class WooxRpiFeed(WooxVenue):
    """The book with the orders that only the venue's own customers can take; it takes no order."""

    name: ClassVar[str] = "woox-rpi"

    def __init__(self, setup: VenueSetup) -> None:
        """Raises ValueError if there is a key: orders go to `woox`."""
        if setup.credentials is not None:
            raise ValueError("woox-rpi is market data alone, to be read and not quoted; quote woox")
        super().__init__(setup, WooxConfig(is_rpi=True))


KIND: Final = VenueKind(WooxVenue, partial(instruments_of, "woox"), preparation, sweep, orders_per_s=5.0)
RPI_KIND: Final = VenueKind(WooxRpiFeed, partial(instruments_of, "woox-rpi"), preparation, sweep, orders_per_s=5.0)
