"""Which streams a connection carries: asked for in steps that the venue allows, and watched until they speak.

The venue grants a stream that will never say a word, as when it belongs to another route; so what is granted and still
silent after a while is taken to have failed.
"""

from collections.abc import Collection, Hashable, Mapping
from typing import Final

import msgspec

from market.units import SECOND, Nanos
from venues.binance.market_data import Answer

NEVER: Final[Nanos] = 1 << 62
MAX_STREAMS: Final = 1024
_PER_FRAME: Final = 100
_PACE: Final = SECOND // 5  # half of the ten messages a second that are allowed
_ANSWER: Final = 10 * SECOND
_FIRST_WORD: Final = 30 * SECOND


class Subscriptions:
    """The streams of one connection.

    Args:
        streams: name of each, and what its messages are told apart by; None for one that may well be silent.

    Attributes:
        failure: why the connection is of no use; empty if it is.
    """

    def __init__(self, streams: Mapping[str, Hashable | None]) -> None:
        if not 1 <= len(streams) <= MAX_STREAMS:
            raise ValueError(f"{len(streams)} streams on a connection: must be 1 to {MAX_STREAMS}")
        self.streams = dict(streams)
        self.failure = ""
        self._to_send: list[tuple[str, list[str]]] = []
        self._n_sent = 0  # on this connection
        self._unanswered: dict[int, Nanos] = {}
        self._silent: dict[Hashable, str] = {}
        self._next_at: Nanos = NEVER
        self._speak_by: Nanos = NEVER

    def opened(self, now: Nanos) -> None:
        """A connection is up, with no stream yet."""
        names = list(self.streams)
        steps = range(0, len(names), _PER_FRAME)
        self._to_send = [("SUBSCRIBE", names[at : at + _PER_FRAME]) for at in steps]
        self._n_sent = 0
        self._unanswered.clear()
        self._silent = {kind: name for name, kind in self.streams.items() if kind is not None}
        self._next_at, self._speak_by, self.failure = now, NEVER, ""

    def closed(self) -> None:
        """The connection is gone, and what was still to be asked for on it is asked for on the next."""
        self._to_send.clear()
        self._unanswered.clear()
        self._next_at = self._speak_by = NEVER

    def renew(self, kinds: Collection[Hashable], now: Nanos) -> None:
        """Ask anew for the streams of some kinds, the others left as they are; they have to speak again."""
        renewed = {name: kind for name, kind in self.streams.items() if kind in kinds}
        if not self._to_send:
            self._next_at = now
        self._to_send += [("UNSUBSCRIBE", list(renewed)), ("SUBSCRIBE", list(renewed))]
        self._silent |= {kind: name for name, kind in renewed.items() if kind is not None}
        self._speak_by = NEVER  # counts from when all is granted

    def frames(self, now: Nanos) -> list[bytes]:
        """Return the frame that is due, if one is."""
        if not self._to_send or now < self._next_at:
            return []
        method, names = self._to_send.pop(0)
        self._n_sent += 1
        self._unanswered[self._n_sent] = now
        self._next_at = now + _PACE if self._to_send else NEVER
        return [msgspec.json.encode({"method": method, "params": names, "id": self._n_sent})]

    def on_answer(self, answer: Answer, now: Nanos) -> None:
        """Take what the venue says to a frame."""
        if answer.error:
            self.failure = f"a subscription was refused: {answer.error}"
        elif self._unanswered.pop(answer.id, None) is not None and not self._unanswered and not self._to_send:
            self._speak_by = now + _FIRST_WORD if self._silent else NEVER

    def heard(self, kind: Hashable) -> None:
        """A message of this kind has come."""
        if self._silent and self._silent.pop(kind, None) is not None and not self._silent:
            self._speak_by = NEVER

    @property
    def is_complete(self) -> bool:
        """All is granted."""
        return not self._to_send and not self._unanswered

    def next_deadline(self) -> Nanos:
        due = min(self._next_at, self._speak_by)
        return min(due, min(self._unanswered.values()) + _ANSWER) if self._unanswered else due

    def check(self, now: Nanos) -> None:
        """Note a failure if something has not come in time."""
        if self.failure:
            return
        if any(sent + _ANSWER <= now for sent in self._unanswered.values()):
            self.failure = f"no answer to a subscription in {_ANSWER // SECOND} s"
        elif now >= self._speak_by:
            names = ", ".join(list(self._silent.values())[:3])
            self.failure = f"{len(self._silent)} streams are granted and silent, such as {names}"
