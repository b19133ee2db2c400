"""What has to do with the account: the private socket, signed orders, questions by REST, the token."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from market.messages import QueryOrder, RequestAccount, TradingState
from market.units import Nanos
from venues.paradex.account_asking import ParadexAsking
from venues.paradex.calls import Calls
from venues.paradex.gate import ParadexGate
from venues.paradex.login import Login
from venues.paradex.order_ids import OrderIds
from venues.paradex.order_path import SOCKET, OrderPath
from venues.paradex.order_status import ParadexQueries
from venues.paradex.private import CHANNELS, PrivateData
from venues.paradex.public_feed import PATH
from venues.paradex.requests import OrderCalls
from venues.paradex.rules import Rules
from venues.paradex.signing import Signer, chain_of
from venues.paradex.structs import NAME, Frame, read_frame
from venues.ports import ask_for_person, told
from venues.venue import NEVER, Connect, Output, Reconnect, SendFrame, VenueSetup
from venues.wire import RemoteProtocolError


class TradingAccount:
    """Orders may be sent while the private socket is logged in, guarded and subscribed.

    A connection logs in first; then the venue is asked to cancel all when it drops, and only when that is granted are
    the channels subscribed.
    """

    def __init__(self, setup: VenueSetup, gate: ParadexGate) -> None:
        assert setup.credentials is not None, "an account without a key"
        listed, ids = setup.instruments, OrderIds()
        signer = Signer(setup.credentials.key, setup.credentials.secret, chain_of(setup.connection.network))
        self._gate = gate
        self._calls = Calls()
        self.login = Login(signer, gate)
        self.data = PrivateData(listed, ids)
        self.rules = Rules(listed, gate)
        self._queries = ParadexQueries(listed, ids, self.data, self.login, gate)
        self.path = OrderPath(OrderCalls(listed, signer, ids), self.data, self._calls, self.login, gate)
        self._asking = ParadexAsking(listed, ids, self.data, self.login, gate)
        self._is_begun = self._is_open = False
        self._told_refusal = ""
        self._failure = ""
        self._awaited: dict[str, None] = {}
        self._is_logged_in = False

    @property
    def seen(self) -> Counter[str]:
        """What was skipped or came unlooked for, by what it was."""
        return self.data.skipped + self.path.seen

    @property
    def is_ready(self) -> bool:
        """Orders can be sent, and what becomes of them is heard."""
        return self._is_logged_in and not self._awaited

    def begin(self, now: Nanos) -> None:
        """A life begins."""
        self._queries.begin(now)

    def clock_is_known(self, now: Nanos) -> list[Output]:
        """Log in, and open the private socket, once."""
        if self._is_begun:
            return []
        self._is_begun = True
        self.rules.due = now
        self.login.doubt(now)
        return [Connect(SOCKET, PATH), *self.login.on_deadline(now), *self.rules.ask(now)]

    # --- the socket --------------------------------------------------------------------------------------------------

    def opened(self, socket: str, now: Nanos) -> list[Output]:
        self._is_open = True
        return self._log_in(now)

    def closed(self, socket: str, now: Nanos) -> list[Output]:
        self._clear()
        return [each for each in self._calls.closed(now) if not isinstance(each, SendFrame)]

    def watch(self, outputs: Sequence[Output], now: Nanos) -> list[Output]:
        """Go on with what waits for a token, and tell of one that is refused."""
        found = self._log_in(now) if self._is_open and "auth" not in self._awaited and not self._is_logged_in else []
        if self.login.refusal and self.login.refusal != self._told_refusal:
            self._told_refusal = self.login.refusal
            found += ask_for_person(NAME, TradingState.HALTED, self.login.refusal, now)
        return found

    def _log_in(self, now: Nanos) -> list[Output]:
        if not self.login.token:
            self.login.doubt(now)
            return self.login.on_deadline(now)
        self._awaited["auth"] = None
        return [self._call("auth", {"bearer": self.login.token}, "auth", now)]

    def _call(self, method: str, params: Mapping[str, Any], name: str, now: Nanos) -> Output:
        def answered(frame: Frame | None, at: Nanos) -> list[Output]:
            return self._granted(name, frame, at)

        return SendFrame(SOCKET, self._calls.call(method, params, answered, now))

    def _granted(self, name: str, frame: Frame | None, now: Nanos) -> list[Output]:
        if not self._is_open:
            return []
        if frame is None or frame.error is not None:
            self._failure = f"{name} was not granted"
            if frame is not None and frame.error is not None:
                self._failure = f"{name} was refused: {frame.error.code} {frame.error.message:.200}"
                if name == "auth":
                    self.login.refused(now)
            return []
        self._awaited.pop(name, None)
        if name == "auth":
            self._awaited["cancel on disconnect"] = None
            return [self._call("order.cancel_on_disconnect", {"enabled": True}, "cancel on disconnect", now)]
        if name == "cancel on disconnect":
            self._is_logged_in = True
            self._awaited.update(dict.fromkeys(CHANNELS))
            return [self._call("subscribe", {"channel": each}, each, now) for each in CHANNELS]
        return []

    def receive(self, socket: str, raw: str | bytes, now: Nanos) -> list[Output]:
        """Take a frame.

        Raises:
            RemoteProtocolError: it breaks the protocol.
        """
        frame = read_frame(raw)
        if frame.params is None:
            outputs: list[Output] = self._calls.receive(frame, now)
        else:
            outputs = told(self.data.receive(frame.params, now))
        if self._failure:
            failure, self._failure = self._failure, ""
            raise RemoteProtocolError(f"paradex: {failure}")
        if self.data.alarm:
            outputs += ask_for_person(NAME, TradingState.HALTED, self.data.alarm, now)
            self.data.alarm = ""
        self._notice(now)
        return outputs

    def _notice(self, now: Nanos) -> None:
        """See to what was noticed on the way."""
        if self.data.is_doubted:
            self.data.is_doubted = False
            self._asking.doubt(now)
        if self.path.wants_instruments:
            self.path.wants_instruments = False
            self.rules.doubt(now)

    def _clear(self) -> None:
        self._is_open = self._is_logged_in = False
        self._awaited, self._failure = {}, ""
        self.path.is_up = False

    # --- commands ----------------------------------------------------------------------------------------------------

    def command(self, message: Any, now: Nanos) -> list[Output]:
        """Take a command about orders or the account."""
        if isinstance(message, RequestAccount):
            return self._asking.request(message, now)
        if isinstance(message, QueryOrder):
            return self._queries.ask(message, now)
        return self.path.on[type(message)](message, now)

    def commands(self, messages: Sequence[Any], now: Nanos) -> list[Output]:
        """Take several of one instant, one after the other."""
        return [output for message in messages for output in self.command(message, now)]

    def set_up(self, now: Nanos, *, is_up: bool) -> None:
        """The trading path has come, or gone."""
        self.path.is_up = is_up

    # --- the clock ---------------------------------------------------------------------------------------------------

    def next_deadline(self) -> Nanos:
        if not self._is_begun:
            return NEVER
        return min(
            self._calls.next_deadline(),
            self.login.next_deadline(),
            self._queries.next_deadline(),
            self.path.next_deadline(),
            self._asking.due,
            self.rules.due,
        )

    def on_deadline(self, now: Nanos) -> list[Output]:
        if not self._is_begun:
            return []
        outputs: list[Output] = self._calls.on_deadline(now)
        if self._failure:
            outputs.append(Reconnect(SOCKET, self._failure))
            self._clear()
        outputs += self.login.on_deadline(now)
        outputs += self.path.on_deadline(now)
        outputs += self._asking.on_deadline(now)
        outputs += self._queries.on_deadline(now)
        outputs += self.rules.ask(now)
        self._notice(now)
        return outputs
