"""A client's WebSocket as a venue keeps it open: not for one that is silent, nor for ever."""

from typing import ClassVar

from market.units import Nanos
from sim.emulator.outbox import NEVER, Outbox


class MortalSocket:
    """Cut when nothing was heard for `silence`, or `lifetime` after it was opened."""

    cut_reason: ClassVar[str] = "no ping"

    def __init__(self, outbox: Outbox, silence: Nanos, lifetime: Nanos, now: Nanos) -> None:
        self.outbox = outbox
        self._silence = silence
        self._heard_at = now
        self._ends = now + lifetime

    def ponged(self, now: Nanos) -> None:
        """Take a ping of the protocol, or the answer to one, as a sign of life."""
        self._heard_at = now

    def next_due(self) -> Nanos:
        return min(self._ends, self._heard_at + self._silence)

    def on_due(self, now: Nanos) -> None:
        """Cut a client that has been silent, or a socket that is too old."""
        if self.next_due() <= now:
            self.cut(self.cut_reason)

    def cut(self, reason: str) -> None:
        """Close the socket."""
        self._ends = self._silence = NEVER
        self.outbox.close(reason)

    def closed(self) -> None:
        """The socket is gone: let go of what it holds."""
