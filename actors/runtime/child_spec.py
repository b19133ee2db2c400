"""What a supervision tree is made of, in OTP's words.  Nothing here runs."""

from collections.abc import Callable
from enum import Enum
from typing import Any, Union

import attrs


class Strategy(Enum):
    """Whom a supervisor restarts when one of its children crashes."""

    ONE_FOR_ONE = "one_for_one"  # the child
    REST_FOR_ONE = "rest_for_one"  # the child and those that stand after it
    ONE_FOR_ALL = "one_for_all"  # all


class Restart(Enum):
    """When a child is restarted."""

    PERMANENT = "permanent"  # always, also after a normal end
    TRANSIENT = "transient"  # after a crash
    TEMPORARY = "temporary"  # never; comes back only when its supervisor is started anew


class OnRestart(Enum):
    """What happens to the messages that waited while a child was down."""

    KEEP = "keep"  # they are still wanted: the order manager's
    CLEAR = "clear"  # they do not fit a fresh start: old deltas do not fit a fresh book


def _positive(instance: object, attribute: "attrs.Attribute[float]", value: float) -> None:
    if not value > 0:
        raise ValueError(f"{attribute.name} must be above 0, got {value}")


@attrs.frozen
class Backoff:
    """How long a supervisor waits before a restart: `min(base_s * 2**n, cap_s)` after n restarts in a row.

    Attributes:
        base_s: the first wait, seconds; 0 restarts at once, always.
        cap_s: the longest wait, seconds.
        jitter: share of the wait that chance may take off, 0 to 1, so that the cap stays a cap.
        reset_after_s: a child that has run this long counts from n = 0 again.
    """

    base_s: float = attrs.field(default=0.2, validator=attrs.validators.ge(0))
    cap_s: float = attrs.field(default=10.0, validator=attrs.validators.ge(0))
    jitter: float = attrs.field(default=0.2, validator=[attrs.validators.ge(0), attrs.validators.le(1)])
    reset_after_s: float = attrs.field(default=60.0, validator=_positive)


@attrs.frozen
class ChildSpec:
    """One actor or shell of the tree.

    Attributes:
        id: its name in the tree, in the log and in the wiring.
        start: makes a fresh one; called for every start.
        restart: when it is restarted.
        shutdown_s: grace between the `Stop` message and the axe, seconds.
        mailbox: what happens at a restart to what waited.
    """

    id: str
    start: Callable[[], Any]
    restart: Restart = Restart.PERMANENT
    shutdown_s: float = attrs.field(default=5.0, validator=_positive)
    mailbox: OnRestart = OnRestart.KEEP


@attrs.frozen
class SupervisorSpec:
    """A supervisor and, in the order of their start, its children; itself a permanent child where it stands in another.

    Attributes:
        id: its name in the tree; no other supervisor or child has it.
        strategy: whom a crash restarts.
        children: started in this order, stopped in reverse.
        intensity: restarts that are borne in any `period_s` seconds; one more and its parent decides.
        is_expendable: over that limit its children stay down, and nobody else is touched: what the others can do
            without.
    """

    id: str
    strategy: Strategy
    children: tuple[Union[ChildSpec, "SupervisorSpec"], ...]
    intensity: int = attrs.field(default=3, validator=attrs.validators.ge(0))
    period_s: float = attrs.field(default=30.0, validator=_positive)
    backoff: Backoff = Backoff()
    is_expendable: bool = False
