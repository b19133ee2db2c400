"""Crashes on purpose, to test what follows them."""

import attrs

from market.units import Nanos


@attrs.frozen
class PlannedCrash:
    """A crash on purpose.

    Attributes:
        at_message: with the n-th message that the actor is delivered, all generations counted; 1 the first.
        at_ns: at a time, between messages.
        after_handler: the handler has run, but nothing was sent yet.
    """

    actor: str
    at_message: int | None = None
    at_ns: Nanos | None = None
    after_handler: bool = False


class PlannedCrashError(Exception):
    """What a `PlannedCrash` raises.

    Attributes:
        is_before: the handler of the message has not run.
    """

    def __init__(self, text: str, *, is_before: bool = False) -> None:
        super().__init__(text)
        self.is_before = is_before
