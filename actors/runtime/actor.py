"""What an actor is: private state, a synchronous `handle`, and outputs that are data."""

from collections.abc import Callable
from typing import Any, ClassVar

from market.messages import SetTimer
from market.units import Nanos

TIMERS = "timers"


class Actor:
    """Base of every actor.

    A subclass fills `self.on`, a dict from message type to the method that takes it, and appends `(port, message)` to
    `self.out`; the nursery sets `self.now` before each delivery and sends `self.out` after `handle` has returned, so a
    handler that raises has sent nothing.  No awaits, clocks, files or unseeded randomness in here.
    """

    ports: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str) -> None:
        self.name = name
        self.now: Nanos = 0
        self.out: list[tuple[str, Any]] = []
        self.on: dict[type, Callable[[Any], None]] = {}

    def handle(self, message: Any) -> None:
        """Take one message.  A type that is not in `self.on` is a wiring mistake: KeyError."""
        self.on[type(message)](message)

    def set_timer(self, at: Nanos, token: int) -> None:
        """Ask for `TimerFired(token)` at `at`; the nursery delivers it through the actor's own mailbox."""
        self.out.append((TIMERS, SetTimer(at, token)))
