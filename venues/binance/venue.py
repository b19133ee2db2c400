"""Binance USD-M futures as one venue: its four sockets, its requests, its clock, and one account.

Books come by the socket `public`, trades and marks by `market`, what becomes of our orders by `private`; orders go by
`trade`, the WebSocket API, and by REST what that has not.  Without credentials there is market data alone.

The trading path is up while `trade` and `private` are open and the venue's clock is known.  No message to a socket
brings one back that is gone: the account is to be asked for then, and whoever trades does that.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final

import attrs

from market.messages import (
    ClockOffset,
    ConnectionLost,
    ConnectionUp,
    RequestSnapshot,
    TradingState,
)
from market.units import HOUR, SECOND, Nanos
from venues import actions
from venues.binance.instruments import VenueRules, changed
from venues.binance.limits import RateLimits
from venues.binance.market_session import MarketSession, MarketSessionConfig, Route
from venues.binance.queries import EXCHANGE_INFO, SERVER_TIME
from venues.binance.remedies import Remedies
from venues.binance.request_gate import RequestGate
from venues.binance.start import instruments, preparation
from venues.binance.structs import VENUE
from venues.binance.subscriptions import NEVER
from venues.binance.sweep import sweep
from venues.binance.trading_account import PRIVATE, TRADE, AccountConfig, TradingAccount
from venues.binance.venue_clock import BinanceClock
from venues.ports import PORTS, ask_for_person
from venues.venue import (
    Connect,
    HttpAnswer,
    Output,
    Reconnect,
    Replace,
    SendFrame,
    Tell,
    VenueKind,
    VenueSetup,
    settings_of,
)

_ROUTES: Final[tuple[Route, ...]] = ("public", "market")
_ACCOUNT: Final = "account"
_RULES_EVERY: Final = HOUR
_RULES_RETRY: Final = 30 * SECOND


@attrs.frozen
class BinanceConfig:
    """How Binance is used.

    Attributes:
        reserve: this part of every limit is kept for cancels and the dead man's switch.
    """

    market: MarketSessionConfig = attrs.field(factory=MarketSessionConfig)
    account: AccountConfig = attrs.field(factory=AccountConfig)
    reserve: float = attrs.field(default=0.1, validator=[attrs.validators.ge(0), attrs.validators.le(0.9)])


class BinanceVenue:
    """See `venues.venue.Venue`.

    Attributes:
        gate: requests and limits.  clock: of the venue.
        account: the trading half; None without credentials.
    """

    name: ClassVar[str] = VENUE

    def __init__(self, setup: VenueSetup, config: BinanceConfig | None = None) -> None:
        config = config or settings_of(setup, BinanceConfig)
        self.setup = setup
        self.clock = BinanceClock()
        limits = RateLimits(reserve=config.reserve)
        self.remedies = Remedies(self.clock, limits)
        self.gate = RequestGate(self.clock, limits, self.remedies)
        listed = setup.instruments
        self._routes: dict[str, MarketSession] = {
            route: MarketSession(route, listed, config.market) for route in _ROUTES
        }
        self.account: TradingAccount | None = None
        if setup.credentials is not None:
            self.account = TradingAccount(setup, self.gate, self.remedies, config.account)
        self._open: set[str] = set()
        # of each part the next deadline: a frame changes that of its own part, and is asked about after each
        self._dues: dict[str, Nanos] = dict.fromkeys((*_ROUTES, _ACCOUNT), NEVER)
        self._rules_at: Nanos = NEVER
        self._told: str = ""  # of changed rules
        self._epoch = 0
        self._is_up = False

    @property
    def seen(self) -> Counter[str]:
        """What was skipped, and what documentation leaves open and came one way or the other: how often."""
        found: Counter[str] = Counter()
        for session in self._routes.values():
            found += session.data.skipped
            for book in session.books.values():
                found += book.skipped
        return found + self.account.seen if self.account is not None else found

    def limits(self, now: Nanos) -> Mapping[str, tuple[int, int]]:
        """What the limits have been used by."""
        return self.gate.limits.used(self.clock.at(now))

    def begin(self, now: Nanos, epoch: int = 0) -> Sequence[Output]:
        """Ask for the time, the rules and a listen key, and open the sockets."""
        self._epoch = epoch
        outputs = [*self._ask_time(now), *self._ask_rules(now)]
        outputs += [Connect(route, session.begin().target) for route, session in self._routes.items()]
        if self.account is not None:
            outputs += self.account.begin(now)
        self._look_at_all()
        return outputs

    # --- sockets -----------------------------------------------------------------------------------------------------

    def opened(self, socket: str, now: Nanos) -> Sequence[Output]:
        """A socket is open."""
        self._open.add(socket)
        session = self._routes.get(socket)
        if session is not None:
            outputs = [*self._of_market(socket, session.opened(now), now), *self._look(now)]
        else:
            assert self.account is not None, socket
            outputs = [*self.account.opened(socket, now), *self._look(now)]
        self._look_at_all()
        return outputs

    def closed(self, socket: str, reason: str, now: Nanos) -> Sequence[Output]:
        """A socket is gone."""
        if socket not in self._open:
            return []  # given up already
        outputs = self._gone(socket, reason, now)
        self._look_at_all()
        return outputs

    def receive(self, socket: str, frame: str | bytes, now: Nanos) -> Sequence[Output]:
        """A frame came.

        Raises:
            RemoteProtocolError: it is none of what the venue documents.
        """
        if socket not in self._open:
            return []  # the last words of a connection that is given up
        data = frame.encode() if isinstance(frame, str) else frame
        session = self._routes.get(socket)
        if session is not None:
            outputs = self._of_market(socket, session.receive(data, now), now)
            self._dues[socket] = session.next_deadline()
            return outputs
        assert self.account is not None, socket
        outputs = self._of_account(self.account.receive(socket, data, now), now)
        self._dues[_ACCOUNT] = self.account.next_deadline()
        return outputs

    # --- requests and commands ---------------------------------------------------------------------------------------

    def answered(self, token: int, answer: HttpAnswer | None, now: Nanos) -> Sequence[Output]:
        """An answer came, or will not.

        Raises:
            RemoteProtocolError: it makes no sense.
        """
        try:
            return self._of_account(self.gate.answered(token, answer, now), now)
        finally:
            self._look_at_all()

    def command(self, message: Any, now: Nanos) -> Sequence[Output]:
        """Take a command."""
        if isinstance(message, RequestSnapshot):
            session = self._routes["public"]
            outputs = self._of_market("public", session.restart_book(message.instrument, now), now)
            self._dues["public"] = session.next_deadline()
            return outputs
        if self.account is None:
            raise ValueError(f"{type(message).__name__} to binance without credentials: there is only market data")
        outputs = self.account.command(message, now)
        self._dues[_ACCOUNT] = self.account.next_deadline()
        return outputs

    # --- time --------------------------------------------------------------------------------------------------------

    def commands(self, messages: Sequence[Any], now: Nanos) -> Sequence[Output]:
        """Take what is commanded at one instant, one after the other: the trade socket has nothing for several."""
        return [output for message in messages for output in self.command(message, now)]

    def next_deadline(self) -> Nanos | None:
        """Return when `on_deadline` is to be called."""
        found = min(self.clock.ask_at, self._rules_at, *self._dues.values())
        return None if found >= NEVER else found

    def on_deadline(self, now: Nanos) -> Sequence[Output]:
        """Do what is due."""
        outputs: list[Output] = []
        if now >= self.clock.ask_at:
            outputs += self._ask_time(now)
        if now >= self._rules_at:
            outputs += self._ask_rules(now)
        for route, session in self._routes.items():
            if now >= session.next_deadline():
                outputs += self._of_market(route, session.on_deadline(now), now)
        if self.account is not None:
            outputs += self._of_account(self.account.on_deadline(now), now)
        self._look_at_all()
        return outputs

    # --- the clock and the rules -------------------------------------------------------------------------------------

    def _ask_time(self, now: Nanos) -> list[Output]:
        self.clock.asked(now)
        if self.gate.free_at(now, SERVER_TIME.weight) > now:
            return []
        return [self.gate.send(SERVER_TIME, self._on_time, now)]

    def _on_time(self, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if answer is None or answer.status != 200:
            return []
        self.clock.on_answer(answer.body, answer.ts_sent, answer.ts_recv)
        offset = ClockOffset(self.setup.venue, now, self.clock.offset, self.clock.error)
        return [Tell("clock", offset), *self._look(now)]

    def _ask_rules(self, now: Nanos) -> list[Output]:
        self._rules_at = now + _RULES_RETRY  # unless it is answered
        if self.gate.free_at(now, EXCHANGE_INFO.weight) > now:
            return []
        return [self.gate.send(EXCHANGE_INFO, self._on_rules, now)]

    def _on_rules(self, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if answer is None or answer.status != 200:
            return []
        rules = VenueRules.of(answer.body)
        self._rules_at = now + _RULES_EVERY
        self.gate.limits.use(rules.rate_limits)
        text = "; ".join(changed(self.setup.instruments, rules))
        if text == self._told:
            return []
        self._told = text
        # what was computed with other ticks and lots is of no use; a new run reads the new ones
        return ask_for_person(VENUE, TradingState.HALTED, text, now) if text else []

    def _look_at_all(self) -> None:
        self._dues.update({route: session.next_deadline() for route, session in self._routes.items()})
        if self.account is not None:
            self._dues[_ACCOUNT] = self.account.next_deadline()

    # --- inside ------------------------------------------------------------------------------------------------------

    def _of_market(self, route: str, said: Iterable[Any], now: Nanos) -> list[Output]:
        outputs: list[Output] = []
        for each in said:
            port = PORTS.get(type(each))
            if port is not None:
                outputs.append(Tell(port, each))
            elif isinstance(each, actions.SendFrame):
                outputs.append(SendFrame(route, each.data))
            elif isinstance(each, actions.SendRequest):
                outputs += self._ask_depth(route, each, now)
            elif isinstance(each, actions.Replace):
                outputs.append(Replace(route, each.overlap_s))
            else:
                assert isinstance(each, actions.Reconnect), each
                outputs.append(Reconnect(route, each.reason))
                return [*outputs, *self._gone(route, each.reason, now)]
        return outputs

    def _ask_depth(self, route: str, asked: actions.SendRequest, now: Nanos) -> list[Output]:
        session = self._routes[route]

        def answered(answer: HttpAnswer | None, at: Nanos) -> list[Output]:
            status, body = (0, b"") if answer is None else (answer.status, answer.body)
            return self._of_market(route, session.on_response(asked.token, status, body, at), at)

        free_at = self.gate.free_at(now, asked.request.weight)
        if free_at > now:
            return self._of_market(route, session.put_off(asked.token, free_at, now), now)
        return [self.gate.send(asked.request, answered, now)]

    def _of_account(self, outputs: Sequence[Output], now: Nanos) -> list[Output]:
        """Give up what the account gives up, and see to what it doubts."""
        if self.remedies.is_rules_doubted:
            self.remedies.is_rules_doubted = False
            self._rules_at = min(self._rules_at, now)
        found = [*outputs, *self.account.watch(outputs, now)] if self.account is not None else list(outputs)
        for each in outputs:
            if isinstance(each, Reconnect | Connect) and each.socket in self._open:
                reason = each.reason if isinstance(each, Reconnect) else "it is opened anew"
                found += self._gone(each.socket, reason, now)
        return found

    def _gone(self, socket: str, reason: str, now: Nanos) -> list[Output]:
        self._open.discard(socket)
        session = self._routes.get(socket)
        if session is not None:
            told = self._of_market(socket, session.closed(now), now)
            return [*told, *self._look(now, f"{socket}: {reason}")]
        assert self.account is not None, socket
        return [*self.account.closed(socket, now), *self._look(now, f"{socket}: {reason}")]

    def _look(self, now: Nanos, reason: str = "") -> list[Output]:
        """Tell of the trading path (or, without an account, of the books) if it has come or gone."""
        needed = {"public"} if self.account is None else {PRIVATE, TRADE}
        is_up = needed <= self._open and self.clock.is_known
        if is_up == self._is_up:
            return []
        self._is_up = is_up
        if self.account is not None:
            self.account.set_up(now, is_up=is_up)
        if is_up:
            return [Tell("connection", ConnectionUp(self.setup.venue, now, self._epoch))]
        self._epoch += 1
        return [Tell("connection", ConnectionLost(self.setup.venue, now, self._epoch - 1, reason))]


KIND: Final = VenueKind(BinanceVenue, instruments, preparation, sweep, orders_per_s=20.0, settings=BinanceConfig)
