"""Whether the messages of one depth topic make a whole book: a snapshot first, then deltas without a hole.

The venue sends the snapshot by itself after a subscription; a resync is a new subscription.
"""

from enum import Enum

import attrs

from market.units import Nanos


class Step(Enum):
    """What to do with a message of the book."""

    REPLACE = "replace the book by it"
    APPLY = "apply it"
    DROP = "pass it over: it is old, or the book waits for a snapshot"
    GAP = "something before it is lost: ask for a snapshot"


@attrs.define
class BookSync:
    """Follows the update ids of one topic.

    `u` of a delta is one more than that of the message before.  This is documented for some depths only; recordings of
    orderbook.200 keep it.  Should a depth not, `is_strict=False` only asks that `u` rises and `seq` does not fall.

    Attributes:
        last: `u` of the last message that counted; -1 while a snapshot is awaited.
        last_seq: its `seq`.
        heard: when the last message of any kind came, our clock; 0: none on this connection.
        n_early: deltas before a snapshot.  n_old: messages that were told again.  n_gaps: holes.
    """

    is_strict: bool = True
    last: int = -1
    last_seq: int = -1
    heard: Nanos = 0
    n_early: int = 0
    n_old: int = 0
    n_gaps: int = 0

    @property
    def is_waiting(self) -> bool:
        """Whether a snapshot must come first."""
        return self.last < 0

    def reset(self) -> None:
        """Wait for a snapshot: after a new connection or subscription, or when the book was found wrong."""
        self.last = self.last_seq = -1

    def step(self, kind: str, u: int, seq: int, ts_recv: Nanos) -> Step:
        """Take a message in, `kind` being its type; the book is whole only while no step is GAP."""
        self.heard = ts_recv
        if kind == "snapshot" or u == 1:  # 1: the service began anew, and its first message is the whole book
            self.last, self.last_seq = u, seq
            return Step.REPLACE
        if self.last < 0:
            self.n_early += 1
            return Step.DROP
        if u <= self.last:
            self.n_old += 1
            return Step.DROP
        if seq < self.last_seq or (self.is_strict and u != self.last + 1):
            self.n_gaps += 1
            self.reset()
            return Step.GAP
        self.last, self.last_seq = u, seq
        return Step.APPLY
