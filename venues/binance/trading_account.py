"""The trading half of the venue: the stream of one account, its orders, its snapshots, its dead man's switch."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import attrs

from market.messages import (
    AccountSnapshot,
    FundingPayment,
    OrderAccepted,
    OrderAmended,
    PlaceOrder,
    RequestAccount,
)
from market.units import MS, SECOND, Nanos
from venues import actions
from venues.binance import order_path
from venues.binance.account_asking import AccountAsking
from venues.binance.dead_mans_switch import DeadMansSwitch, SwitchConfig
from venues.binance.order_echo import OrderEcho
from venues.binance.order_index import OrderIndex
from venues.binance.order_path import OrderPath
from venues.binance.private import AccountInDoubt, KeyExpired
from venues.binance.private_session import PrivateSession, PrivateSessionConfig
from venues.binance.queries import AccountQueries
from venues.binance.remedies import Remedies
from venues.binance.request_gate import RequestGate
from venues.binance.signing import Credentials
from venues.binance.subscriptions import NEVER
from venues.binance.trade_session import TradeSession
from venues.ports import PORTS, on_socket
from venues.venue import Connect, HttpAnswer, Output, Reconnect, SendFrame, Tell, VenueSetup

PRIVATE: Final = "private"
TRADE: Final = order_path.SOCKET
_DOUBT_PAUSE: Final = SECOND  # several doubts at a time are one
_MARGIN: Final = 2 * SECOND  # beyond the receive window: by then an order has reached the venue, or never will


@attrs.frozen
class AccountConfig:
    """How an account is used.

    Attributes:
        recv_window_ms: a request that comes later than this after its time is refused, in the matching engine too.
    """

    private: PrivateSessionConfig = attrs.field(factory=PrivateSessionConfig)
    switch: SwitchConfig = attrs.field(factory=SwitchConfig)
    recv_window_ms: int = attrs.field(default=5000, validator=[attrs.validators.ge(1), attrs.validators.le(60_000)])


class TradingAccount:
    """One account of the venue, over the sockets `private` and `trade`; who composes it says when both are up."""

    def __init__(self, setup: VenueSetup, gate: RequestGate, remedies: Remedies, config: AccountConfig) -> None:
        assert setup.credentials is not None
        credentials = Credentials(setup.credentials.key, setup.credentials.secret)
        listed, orders = setup.instruments, OrderIndex()
        queries = AccountQueries(credentials, config.recv_window_ms)
        self._gate, self._remedies = gate, remedies
        self._trade = TradeSession(listed, credentials, orders, config.recv_window_ms)
        self._private = PrivateSession(listed, queries, orders, config.private)
        under_way = config.recv_window_ms * MS + _MARGIN
        self.switch = DeadMansSwitch(self._trade.requests, gate, under_way, config.switch)
        self._path = OrderPath(self._trade, orders, gate, remedies, self.switch, under_way)
        self._asking = AccountAsking(listed, queries, orders, gate)
        self._echo = OrderEcho()
        self._doubt_at: Nanos = NEVER

    @property
    def seen(self) -> Counter[str]:
        """What was skipped or came unlooked for, by what it was."""
        return self._path.seen + self._private.stream.symbols.seen + self._trade.answers.symbols.seen

    def begin(self, now: Nanos) -> list[Output]:
        return [Connect(TRADE, self._trade.begin().target), *self._of_private(self._private.begin(now), now)]

    def opened(self, socket: str, now: Nanos) -> list[Output]:
        if socket == TRADE:
            self._path.opened(now)
            return []
        self._echo.begin_anew()
        return self._of_private(self._private.opened(now), now)

    def closed(self, socket: str, now: Nanos) -> list[Output]:
        if socket == TRADE:
            self._path.closed()
            return []
        self._echo.begin_anew()
        return self._of_private(self._private.closed(now), now)

    def receive(self, socket: str, frame: bytes, now: Nanos) -> list[Output]:
        """Take a frame.

        Raises:
            RemoteProtocolError: it is none of what the venue documents; drop the connection.
        """
        if socket == PRIVATE:
            return self._of_private(self._private.receive(frame, now), now)
        outputs = self._path.receive(frame, now)
        for each in outputs:
            if isinstance(each, Tell):
                self._note_answer(each.message, now)
        return outputs

    def command(self, message: Any, now: Nanos) -> list[Output]:
        if isinstance(message, RequestAccount):
            return self._asking.request(message, now)
        outputs = self._path.on[type(message)](message, now)
        if type(message) is PlaceOrder and isinstance(outputs[-1], SendFrame):
            self._echo.placed(message.client_id)
        return outputs

    def watch(self, outputs: Sequence[Output], now: Nanos) -> list[Output]:
        """Return what follows from what is about to be told: an account that shows no order needs no switch."""
        if self._remedies.is_account_doubted:
            self._remedies.is_account_doubted = False
            self._doubt_at = min(self._doubt_at, now + _DOUBT_PAUSE)
        return [
            more
            for each in outputs
            if isinstance(each, Tell) and type(each.message) is AccountSnapshot
            for more in self.switch.seen(each.message, now)
        ]

    def set_up(self, now: Nanos, *, is_up: bool) -> None:
        """The trading path has come, or gone."""
        self._path.is_up = is_up
        self.switch.healthy(now, is_well=is_up)

    def next_deadline(self) -> Nanos:
        return min(
            self._private.next_deadline(),
            self._path.next_deadline(),
            self._asking.ask_at,
            self.switch.next_deadline(),
            self._echo.next_deadline(),
            self._doubt_at,
        )

    def on_deadline(self, now: Nanos) -> list[Output]:
        outputs = self._path.on_deadline(now)
        outputs += self._of_private(self._private.on_deadline(now), now)
        outputs += self._asking.on_deadline(now)
        outputs += self.switch.on_deadline(now)
        if self._echo.is_silent(now):
            self._echo.begin_anew()
            self._private.try_another_form()
            outputs.append(Reconnect(PRIVATE, "an order was accepted, and the private stream does not tell of it"))
        if now >= self._doubt_at:
            self._doubt_at = NEVER
            outputs += self._asking.again(now)
        return outputs

    # --- inside ------------------------------------------------------------------------------------------------------

    def _of_private(self, said: Iterable[Any], now: Nanos) -> list[Output]:
        outputs: list[Output] = []
        for each in said:
            kind = type(each)
            if kind is KeyExpired:
                # whatever is said after it; when the connection is closed a new key is asked for
                return [*outputs, Reconnect(PRIVATE, "the listen key has ended")]
            if kind is AccountInDoubt:
                self._doubt_at = min(self._doubt_at, now + _DOUBT_PAUSE)
            elif kind is actions.SendRequest:
                outputs += self._ask_key(each, now)
            else:
                outputs += on_socket(PRIVATE, (each,))
                if kind in PORTS and kind is not FundingPayment:
                    self._echo.settled(each.client_id)
                    self._path.heard_of(each.client_id)
        return outputs

    def _ask_key(self, asked: actions.SendRequest, now: Nanos) -> list[Output]:
        def answered(answer: HttpAnswer | None, at: Nanos) -> list[Output]:
            status, body = (0, b"") if answer is None else (answer.status, answer.body)
            return self._of_private(self._private.on_response(asked.token, status, body, at), at)

        if self._gate.free_at(now, asked.request.weight, is_urgent=True) > now:
            return answered(None, now)  # the session asks again after a pause
        return [self._gate.send(asked.request, answered, now)]

    def _note_answer(self, fact: Any, now: Nanos) -> None:
        if type(fact) is OrderAccepted:
            self._echo.accepted(fact.client_id, now)
        elif type(fact) is not OrderAmended:
            client_id = getattr(fact, "client_id", None)
            if client_id is not None:
                self._echo.settled(client_id)
