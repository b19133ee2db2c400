"""What is made to go wrong: armed faults, which requests and messages meet on their way.

Below HTTP it is the TCP proxy that makes faults; the whole emulator's restart is its own.
"""

from collections import Counter
from typing import Final

import attrs

from market.units import SECOND, Nanos

REQUEST_FAULTS: Final = {
    "timeout": "the request is carried out and never answered",
    "swallow": "the request is lost: neither carried out nor answered",
    "reject": "the request is refused, with `code`",
    "unavailable": "the request is carried out, and answered by 503 or the venue's code for an unknown outcome",
    "rate_limit": "the request is refused for its rate",
    "ban": "for `seconds` every request is refused as of a banned address",
    "slow": "the request is carried out, the answer comes `seconds` later",
}
STREAM_FAULTS: Final = {
    "lose": "a message is not sent: a gap in the sequence",
    "duplicate": "a message is sent twice",
    "reorder": "a message is sent after the next one",
    "late": "the stream is held up for `seconds`",
}
SOCKET_FAULTS: Final = {
    "drop": "sockets are reset",
    "close": "sockets are closed in order",
}
NETWORK_FAULTS: Final = {
    "sever": "connections are cut without a close, on both sides",
    "stall": "nothing passes for `seconds`, and then all of it",
    "half_open": "the venue's side is cut, ours is left open and silent",
    "latency": "for connections from now on and those open, every byte is `seconds` late; 0 ends it",
}
WHOLE_FAULTS: Final = {"restart": "everything is down for `seconds`; orders and positions stay"}
FAULTS: Final = REQUEST_FAULTS | STREAM_FAULTS | SOCKET_FAULTS | NETWORK_FAULTS | WHOLE_FAULTS
WHERE: Final = ("", "rest", "public", "private", "trade")


@attrs.frozen
class Fault:
    """One fault.

    Attributes:
        kind: one of `FAULTS`.
        venue: it is met at; empty: at every one.
        where: `rest`, `public`, `private`, `trade`; empty: anywhere.
        count: how many requests or messages meet it.
        seconds: of delay or duration.
        code: the venue's code of a refusal; 0: a usual one.
        topic: what the names of messages begin with that meet it.
        of: `orders`: only requests that place, change or cancel orders meet it; `all`: any.
    """

    kind: str = attrs.field(validator=attrs.validators.in_(tuple(FAULTS)))
    venue: str = ""
    where: str = attrs.field(default="", validator=attrs.validators.in_(WHERE))
    count: int = attrs.field(default=1, validator=attrs.validators.ge(1))
    seconds: float = attrs.field(default=1.0, validator=attrs.validators.ge(0))
    code: int = 0
    topic: str = ""
    of: str = attrs.field(default="orders", validator=attrs.validators.in_(("orders", "all")))


@attrs.define
class _Armed:
    fault: Fault
    left: int
    until: Nanos  # of a ban; 0: counted instead


class Faults:
    """The faults that wait to be met.

    Attributes:
        met: how often each kind was.
    """

    def __init__(self) -> None:
        self.met: Counter[str] = Counter()
        self._requests: list[_Armed] = []
        self._messages: list[_Armed] = []

    def arm(self, fault: Fault, now: Nanos) -> None:
        """Let requests or messages from now on meet a fault.

        Raises:
            ValueError: it is of a kind that is not met by requests or messages.
        """
        until = now + round(fault.seconds * SECOND) if fault.kind == "ban" else 0
        if fault.kind in REQUEST_FAULTS:
            self._requests.append(_Armed(fault, fault.count, until))
        elif fault.kind in STREAM_FAULTS:
            self._messages.append(_Armed(fault, fault.count, 0))
        else:
            raise ValueError(f"a fault {fault.kind!r} happens at once, and is not armed")

    def clear(self) -> None:
        """Disarm all."""
        self._requests.clear()
        self._messages.clear()

    def of_request(self, venue: str, where: str, now: Nanos, *, is_order: bool) -> Fault | None:
        """Return the fault that a request meets, if any."""
        if not self._requests:
            return None
        self._requests = [a for a in self._requests if a.until == 0 or a.until > now]
        for armed in self._requests:
            fault = armed.fault
            fits = is_order or fault.of == "all" or fault.kind == "ban"
            if fits and fault.venue in ("", venue) and fault.where in ("", where):
                self._spend(self._requests, armed)
                return fault
        return None

    def of_message(self, venue: str, where: str, topic: str) -> Fault | None:
        """Return the fault that a message of a stream meets, if any."""
        for armed in self._messages:
            fault = armed.fault
            if fault.venue in ("", venue) and fault.where in ("", where) and topic.startswith(fault.topic):
                self._spend(self._messages, armed)
                return fault
        return None

    def _spend(self, armed: list[_Armed], one: _Armed) -> None:
        self.met[one.fault.kind] += 1
        if one.until == 0:
            one.left -= 1
            if one.left == 0:
                armed.remove(one)
