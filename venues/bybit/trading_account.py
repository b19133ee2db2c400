"""What has to do with the account: the private socket, the one for orders, and what is asked by REST."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from market.messages import QueryOrder, RequestAccount, TradingState
from market.units import Nanos
from venues.bybit.account_asking import BybitAsking
from venues.bybit.gate import BybitGate
from venues.bybit.order_ids import OrderIds
from venues.bybit.order_path import SOCKET as TRADE
from venues.bybit.order_path import OrderPath
from venues.bybit.order_status import BybitQueries
from venues.bybit.private import TOPICS, PrivateData
from venues.bybit.requests import MAX_BATCH, OrderRequests
from venues.bybit.session import Channel, Session
from venues.bybit.signing import Signer
from venues.bybit.structs import NAME, Envelope, read_frame
from venues.connection import addresses_of
from venues.order_frames import in_frames
from venues.ports import ask_for_person, on_socket
from venues.venue import NEVER, Connect, Output, Reconnect, VenueSetup
from venues.wire import RemoteProtocolError

PRIVATE: Final = "private"
_PATIENT: Final = 2  # sign-ons that may be refused, as when our clock is off, before a person is asked for


class TradingAccount:
    """Orders may be sent only while both sockets are signed on: one takes them, the other tells what becomes of them.

    On networks without a socket for orders they go by HTTP, and the private one is all.
    """

    def __init__(self, setup: VenueSetup, gate: BybitGate) -> None:
        assert setup.credentials is not None
        signer = Signer(setup.credentials.key, setup.credentials.secret)
        self._gate = gate
        self._sessions = {PRIVATE: Session(Channel.PRIVATE, TOPICS, signer)}
        if TRADE in addresses_of("bybit", setup.connection).sockets:
            self._sessions[TRADE] = Session(Channel.TRADE, (), signer)
        ids = OrderIds()
        requests = OrderRequests(setup.instruments, ids, signer)
        self.data = PrivateData(setup.instruments, ids)
        self._queries = BybitQueries(setup.instruments, requests, gate, signer.recv_window_ms)
        by_socket = TRADE in self._sessions
        self.path = OrderPath(requests, self.data, self._queries, gate, by_socket=by_socket)
        self._asking = BybitAsking(setup.instruments, requests, ids, gate)
        self._is_begun = False
        self._n_refused = 0

    @property
    def is_ready(self) -> bool:
        """Orders can be sent, and what becomes of them is heard."""
        return all(session.is_ready for session in self._sessions.values())

    @property
    def seen(self) -> Counter[str]:
        """What was skipped or came unlooked for, by what it was."""
        return self.data.n_skipped + self.path.seen

    def begin(self, now: Nanos) -> None:
        """A life begins."""
        self._queries.begin(now)

    def clock_is_known(self, now: Nanos) -> list[Output]:
        """Sign on with the venue's time: open the sockets, once."""
        for session in self._sessions.values():
            session.offset = self._gate.clock.offset
        if self._is_begun:
            return []
        self._is_begun = True
        channels = {PRIVATE: Channel.PRIVATE, TRADE: Channel.TRADE}
        return [Connect(socket, channels[socket].value) for socket in self._sessions]

    def opened(self, socket: str, now: Nanos) -> list[Output]:
        return on_socket(socket, self._sessions[socket].opened(now))

    def closed(self, socket: str, now: Nanos) -> list[Output]:
        self._sessions[socket].closed()
        if socket == TRADE:
            self.path.closed()
        return []

    def receive(self, socket: str, frame: str | bytes, now: Nanos) -> list[Output]:
        """Take a frame.

        Raises:
            RemoteProtocolError: it breaks the protocol.
        """
        envelope = read_frame(frame)
        if envelope.topic:
            return self._news(envelope, now)
        if socket == TRADE and envelope.op.startswith("order."):
            return self.path.receive(envelope, now)
        outputs = self._session_frame(socket, envelope, now)
        self.path.is_open = TRADE in self._sessions and self._sessions[TRADE].is_ready
        return outputs

    def command(self, message: Any, now: Nanos) -> list[Output]:
        """Take a command about orders or the account."""
        if isinstance(message, RequestAccount):
            return self._asking.request(message, now)
        if isinstance(message, QueryOrder):
            return self._queries.ask(message, now)
        return self.path.on[type(message)](message, now)

    def commands(self, messages: Sequence[Any], now: Nanos) -> list[Output]:
        """Take several of one instant: those of one kind share a frame."""
        outputs: list[Output] = []
        for frame in in_frames(messages, type, MAX_BATCH):
            outputs += self.path.together(frame, now) if len(frame) > 1 else self.command(frame[0], now)
        return outputs

    def watch(self, outputs: Sequence[Output], now: Nanos) -> list[Output]:
        """Nothing follows from an answer but what whoever asked has said."""
        return []

    def set_up(self, now: Nanos, *, is_up: bool) -> None:
        """The trading path has come, or gone."""
        self.path.is_up = is_up

    def next_deadline(self) -> Nanos:
        dues = [session.deadline for session in self._sessions.values()]
        dues += [self._asking.due, self._queries.next_deadline(), self.path.next_deadline()]
        return min((due for due in dues if due is not None), default=NEVER)

    def on_deadline(self, now: Nanos) -> list[Output]:
        outputs: list[Output] = []
        for socket, session in self._sessions.items():
            outputs += on_socket(socket, session.on_deadline(now))
        outputs += self._asking.on_deadline(now)
        outputs += self._queries.on_deadline(now)
        return outputs + self.path.on_deadline(now)

    def _news(self, envelope: Envelope, now: Nanos) -> list[Output]:
        messages = self.data.receive(envelope, now)
        for message in messages:
            client_id = getattr(message, "client_id", None)
            if client_id is not None:
                self._queries.heard_of(client_id)
        return on_socket(PRIVATE, messages)

    def _session_frame(self, socket: str, envelope: Envelope, now: Nanos) -> list[Output]:
        try:
            outputs = on_socket(socket, self._sessions[socket].receive(envelope, now))
        except RemoteProtocolError as refusal:
            if envelope.op != "auth":
                raise
            self._n_refused += 1
            self._gate.doubt_clock(now)
            outputs = [Reconnect(socket, str(refusal))]
            if self._n_refused > _PATIENT:
                outputs += ask_for_person(NAME, TradingState.HALTED, f"{refusal}; is it a key of this network?", now)
            return outputs
        if envelope.op == "auth":
            self._n_refused = 0
        return outputs
