"""A spawned actor as the nursery holds it: its mailbox and outlets stay, the actor inside is replaced at a restart."""

from collections.abc import Callable
from typing import Any

from actors.runtime.actor import Actor
from actors.runtime.mailbox import Edge, Mailbox, Policy
from actors.runtime.nursery import ActorSpec, stands_in_the_log
from actors.runtime.run_log import RunLog
from market.messages import Started, Stop
from market.order_log import PACK

_OWN_CAPACITY = 65_536


class Cell:
    """One actor's place.

    Attributes:
        actor, on: the present generation and its handlers.
        outlets: the edges of each port, in wiring order; a shell's lead to `emissions` through the nursery, which logs.
        is_slow: the virtual drain must look closer: down, held, holding, serving, or watched.
        is_runnable: a live nursery has it in the line of those that have mail.
        n_held: full BLOCK edges that lead out of here.  n_holding: those that lead in.
        serving: the message under way, when the actor has a service time.
        n_delivered: messages, all generations, counted only where a crash is planned.
        give_back: the actor's state is kept by another at present, who must give it back before it handles anything.
        orders: the edge of what the nursery says.  timers: the edge of what its timers say.
    """

    __slots__ = (
        "actor",
        "crash_plan",
        "emissions",
        "generation",
        "give_back",
        "is_runnable",
        "is_slow",
        "is_up",
        "line",
        "mailbox",
        "n_delivered",
        "n_held",
        "n_holding",
        "on",
        "orders",
        "outlets",
        "place",
        "serving",
        "spec",
        "timers",
    )

    def __init__(self, spec: ActorSpec, place: int) -> None:
        self.spec = spec
        self.place = place
        self.actor: Actor
        self.on: dict[type, Callable[[Any], None]] = {}
        self.outlets: dict[str, tuple[Edge, ...]] = {}
        self.emissions: dict[str, tuple[Edge, ...]] = {}
        self.generation = -1
        self.is_up = False
        self.is_slow = True
        self.is_runnable = False
        self.n_held = self.n_holding = 0
        self.serving: tuple[Edge, Any] | None = None
        self.crash_plan: dict[int, bool] = {}
        self.n_delivered = 0
        self.give_back: Callable[[], None] | None = None
        self.mailbox = Mailbox(spec.name)
        self.line = self.mailbox.line
        self.orders = Edge("nursery", "orders", spec.name, Policy.FAIL, _OWN_CAPACITY, "news of others, and stops")
        self.timers = Edge("nursery", "timers", spec.name, Policy.FAIL, _OWN_CAPACITY, "its own timers")
        self.mailbox.join(self.orders, self)
        self.mailbox.join(self.timers, self)

    @property
    def name(self) -> str:
        return self.spec.name

    def handles(self, message_type: type) -> bool:
        """Tell whether the actor takes messages of this type."""
        return message_type in self.on

    def build(self, actor: Actor, log: RunLog) -> None:
        """Put a fresh actor in place.  A shell's commands are logged before it sees them."""
        self.actor = actor
        self.on = dict(actor.on)
        if self.spec.is_shell:
            self.on = {kind: _logged(handler, kind, actor, log) for kind, handler in actor.on.items()}
        self.on.setdefault(Started, _ignore)
        self.on.setdefault(Stop, _ignore)


def _logged(handler: Callable[[Any], None], kind: type, actor: Actor, log: RunLog) -> Callable[[Any], None]:
    pack = PACK.get(kind)
    if pack is None:
        return handler
    append = log.append

    def log_only(message: Any) -> None:
        append(pack(message, actor.now))

    def log_and_handle(message: Any) -> None:
        append(pack(message, actor.now))
        handler(message)

    return log_only if handler is stands_in_the_log else log_and_handle


def _ignore(message: Any) -> None:
    pass
