"""WOO X's WebSockets of v3: public topics, and an account's own."""

from abc import ABC, abstractmethod
from typing import Any, Final

import msgspec

from market.units import SECOND, Nanos
from sim.emulator.account import Account
from sim.emulator.mortal_socket import MortalSocket
from sim.emulator.outbox import Outbox
from sim.emulator.requests import encode
from sim.emulator.times import ms
from sim.emulator.woox.public_stream import PublicStreams

PRIVATE_TOPICS: Final = ("executionreport", "algoexecutionreport", "position", "balance", "account")
_MOST_IN_REQUEST: Final = 10
_MOST_TOPICS: Final = 100
_SILENCE: Final = 60 * SECOND

Message = dict[str, Any]


class WooxSocket(MortalSocket, ABC):
    """What both have in common: commands, pings, cuts."""

    def __init__(self, outbox: Outbox, silence: Nanos, lifetime: Nanos, now: Nanos) -> None:
        super().__init__(outbox, min(silence, _SILENCE), lifetime, now)
        self.topics: dict[str, None] = {}

    def receive(self, text: str, now: Nanos) -> None:
        """Take a text message of the client."""
        self._heard_at = now
        try:
            message = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            message = None
        if not isinstance(message, dict):
            self.outbox.answer(encode({"cmd": "ERROR", "success": False, "time": ms(now), "data": "Invalid request!"}))
            return
        act = {"SUBSCRIBE": self._subscribe, "UN_SUBSCRIBE": self._unsubscribe, "LIST_SUBSCRIPTION": self._list}
        command = message.get("cmd")
        if command == "PING":
            self.outbox.answer(encode({"cmd": "PONG", "success": True, "time": ms(now)}))
        elif isinstance(command, str) and command in act:
            act[command](message, now)
        else:
            self._reply({**message, "cmd": "ERROR"}, now, "Command type invalid!", is_success=False)

    @abstractmethod
    def knows(self, topic: str) -> bool: ...

    @abstractmethod
    def on(self, topic: str, now: Nanos) -> None: ...

    @abstractmethod
    def off(self, topic: str) -> None: ...

    def _subscribe(self, message: Message, now: Nanos) -> None:
        asked = message.get("params")
        if not isinstance(asked, list) or not 1 <= len(asked) <= _MOST_IN_REQUEST:
            self._reply(message, now, "Command type invalid!", is_success=False)
            return
        granted = []
        for topic in asked:
            # what is unknown, or subscribed already, is left out without a word
            if isinstance(topic, str) and topic not in self.topics and self.knows(topic):
                if len(self.topics) >= _MOST_TOPICS:
                    break
                self.topics[topic] = None
                granted.append(topic)
        self._reply(message, now, granted)
        for topic in granted:
            self.on(topic, now)

    def _unsubscribe(self, message: Message, now: Nanos) -> None:
        asked = message.get("params")
        left = [t for t in asked if isinstance(t, str) and t in self.topics] if isinstance(asked, list) else []
        for topic in dict.fromkeys(left):
            del self.topics[topic]
            self.off(topic)
        self._reply(message, now, list(dict.fromkeys(left)))

    def _list(self, message: Message, now: Nanos) -> None:
        self._reply(message, now, list(self.topics))

    def _reply(self, message: Message, now: Nanos, data: Any, *, is_success: bool = True) -> None:
        reply = {"id": message.get("id"), "cmd": message.get("cmd"), "success": is_success, "time": ms(now)}
        self.outbox.answer(encode({**reply, "data": data}))


class PublicSocket(WooxSocket):
    """`/v3/public`."""

    def __init__(self, outbox: Outbox, silence: Nanos, lifetime: Nanos, now: Nanos, streams: PublicStreams) -> None:
        super().__init__(outbox, silence, lifetime, now)
        self._streams = streams

    def knows(self, topic: str) -> bool:
        # those of the older API begin with the symbol
        return self._streams.knows(topic) and not topic.startswith(("PERP_", "SPOT_"))

    def on(self, topic: str, now: Nanos) -> None:
        self._streams.subscribe(topic, self.outbox, now)

    def off(self, topic: str) -> None:
        self._streams.unsubscribe(topic, self.outbox)

    def closed(self) -> None:
        self._streams.forget(self.outbox)


class ListenKeys:
    """The keys that open private sockets: one an account, the newest."""

    def __init__(self, seed: int, lifetime: Nanos) -> None:
        self._seed, self._lifetime = seed, lifetime
        self._keys: dict[str, tuple[Account, Nanos]] = {}
        self._n_made = 0

    def make(self, account: Account, now: Nanos) -> tuple[str, Nanos]:
        """Return a new key and its end; the account's key before is of no use any more."""
        self._keys = {key: owned for key, owned in self._keys.items() if owned[0] is not account}
        self._n_made += 1
        key = f"listen-{self._seed}-{account.place}-{ms(now)}-{self._n_made}"
        self._keys[key] = account, now + self._lifetime
        return key, now + self._lifetime

    def owner(self, key: str, now: Nanos) -> Account | None:
        """Return whose key it is; None of one that is of no use."""
        account, ends = self._keys.get(key, (None, 0))
        return account if now < ends else None


class PrivateSocket(WooxSocket):
    """`/v3/private`: an account's own events; `active` is told of who hears.  There is no snapshot."""

    def __init__(
        self,
        outbox: Outbox,
        silence: Nanos,
        lifetime: Nanos,
        now: Nanos,
        account: Account | None,
        active: dict[Outbox, "PrivateSocket"],
    ) -> None:
        super().__init__(outbox, silence, lifetime, now)
        self.account = account
        self._active = active
        if account is None:
            self.cut("invalid key")
        else:
            active[outbox] = self

    def knows(self, topic: str) -> bool:
        return self.account is not None and topic in PRIVATE_TOPICS

    def on(self, topic: str, now: Nanos) -> None: ...

    def off(self, topic: str) -> None: ...

    def closed(self) -> None:
        self._active.pop(self.outbox, None)
