"""What has to do with the account: the private socket, orders and questions by REST, the dead man's switch."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from market.messages import QueryOrder, RequestAccount
from market.units import InstrumentId, Nanos, Ticks
from venues.ports import told
from venues.venue import NEVER, Output, Reconnect, SendFrame, VenueSetup
from venues.woox.account_asking import WooxAsking
from venues.woox.dead_mans_switch import CancelAllAfter, SwitchConfig
from venues.woox.gate import WooxGate
from venues.woox.listen_keys import ListenKeys
from venues.woox.order_index import OrderIndex
from venues.woox.order_path import OrderPath
from venues.woox.order_status import WooxQueries
from venues.woox.private import TOPICS, PrivateData
from venues.woox.requests import OrderRequests
from venues.woox.rules import Rules
from venues.woox.session import Session
from venues.woox.signing import Signer
from venues.woox.structs import read_frame

PRIVATE: Final = "private"


class TradingAccount:
    """Orders may be sent while the private socket is subscribed, and the venue is not under maintenance.

    Args:
        marks: by instrument, the mark price as last heard, ticks.
    """

    def __init__(
        self, setup: VenueSetup, gate: WooxGate, marks: Mapping[InstrumentId, Ticks], switch: SwitchConfig
    ) -> None:
        assert setup.credentials is not None, "an account without a key"
        listed, orders = setup.instruments, OrderIndex()
        self._gate = gate
        self.requests = OrderRequests(listed, Signer(setup.credentials.key, setup.credentials.secret))
        self.data = PrivateData(listed, orders)
        self.rules = Rules(listed, marks, gate)
        self.switch = CancelAllAfter(self.requests, gate, switch)
        self._queries = WooxQueries(listed, self.requests, orders, gate)
        self.path = OrderPath(listed, self.requests, orders, self.data, self._queries, self.switch, self.rules, gate)
        self._asking = WooxAsking(listed, self.requests, orders, self.data, gate)
        self._keys = ListenKeys(PRIVATE, self.requests, gate)
        self._session = Session(TOPICS)
        self._is_begun = False

    @property
    def seen(self) -> Counter[str]:
        """What was skipped or came unlooked for, by what it was."""
        return self.data.skipped + self.path.seen + self.switch.seen

    @property
    def is_ready(self) -> bool:
        """What becomes of orders is heard."""
        return self._session.is_ready

    def begin(self, now: Nanos) -> None:
        """A life begins."""
        self._queries.begin(now)

    def clock_is_known(self, now: Nanos) -> list[Output]:
        """Ask for what opens the private socket, once."""
        if self._is_begun:
            return []
        self._is_begun = True
        self.rules.due = now
        return [*self._keys.begin(now), *self.rules.ask(now)]

    def opened(self, socket: str, now: Nanos) -> list[Output]:
        self._keys.opened()
        return [SendFrame(PRIVATE, frame) for frame in self._session.opened(now)]

    def closed(self, socket: str, now: Nanos) -> list[Output]:
        self._keys.closed(now, was_good=self._session.is_ready)
        self._session.closed()
        return []

    def receive(self, socket: str, frame: str | bytes, now: Nanos) -> list[Output]:
        """Take a frame.

        Raises:
            RemoteProtocolError: it breaks the protocol.
        """
        envelope = read_frame(frame)
        if not envelope.topic:
            self._session.receive(envelope, now)
            return []
        messages = self.data.receive(envelope, now)
        for message in messages:
            client_id = getattr(message, "client_id", None)
            if client_id is not None:
                self._queries.heard_of(client_id)
        if self.data.is_doubted:
            self.data.is_doubted = False
            self._asking.doubt(now)
        return told(messages)

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

    def watch(self, outputs: Sequence[Output], now: Nanos) -> list[Output]:
        return self.switch.watch(outputs, now)

    def set_up(self, now: Nanos, *, is_up: bool) -> None:
        """The trading path has come, or gone."""
        self.path.is_up = is_up
        self.switch.healthy(now, is_well=is_up)

    def next_deadline(self) -> Nanos:
        if not self._is_begun:
            return NEVER
        return min(
            self._session.next_deadline(),
            self._keys.due,
            self._queries.next_deadline(),
            self.path.next_deadline(),
            self._asking.due,
            self.switch.next_deadline(),
            self.rules.due,
        )

    def on_deadline(self, now: Nanos) -> list[Output]:
        if not self._is_begun:
            return []
        outputs: list[Output] = [SendFrame(PRIVATE, frame) for frame in self._session.on_deadline(now)]
        if self._session.failure:
            outputs.append(Reconnect(PRIVATE, self._session.failure))
            self._session.closed()
        outputs += self.path.on_deadline(now)
        outputs += self._keys.on_deadline(now)
        outputs += self._asking.on_deadline(now)
        outputs += self._queries.on_deadline(now)
        outputs += self.switch.on_deadline(now)
        outputs += self.rules.ask(now)
        return outputs
