"""Small actors and a scripted market, the same for the virtual and the live nursery."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import attrs
import trio

from actors.runtime.actor import Actor
from actors.runtime.child_spec import Backoff, ChildSpec, OnRestart, Strategy, SupervisorSpec
from actors.runtime.live import SleepClock
from actors.runtime.mailbox import Policy
from actors.runtime.nursery import ActorSpec, Emit, Nursery, Shell
from market.messages import (
    ActorDown,
    ActorUp,
    CancelAll,
    ConnectionLost,
    ConnectionUp,
    Drain,
    Drained,
    Fill,
    Fresh,
    LogReplayed,
    OrderAccepted,
    PlaceOrder,
    Position,
    Started,
    Stop,
    TimerFired,
)
from market.units import Nanos
from sim.virtual import VirtualNursery

Script: TypeAlias = Sequence[tuple[Nanos, str, str, Any]]  # (time, shell, port, message)
Diary: TypeAlias = list[tuple[str, int, Any]]  # (actor, generation, message)
Reaction: TypeAlias = Callable[["Toy", Any], None]
KINDS = (
    ActorDown,
    ActorUp,
    CancelAll,
    ConnectionLost,
    ConnectionUp,
    Fill,
    Fresh,
    LogReplayed,
    OrderAccepted,
    PlaceOrder,
    Position,
    Started,
    Stop,
    TimerFired,
)


class Toy(Actor):
    """Writes down what it is delivered, and does with it what its reaction says."""

    ports = ("next", "control")

    def __init__(self, name: str, diary: Diary, reaction: Reaction) -> None:
        super().__init__(name)
        self.generation = 0
        self.diary = diary
        self.reaction = reaction
        self.on = dict.fromkeys(KINDS, self._take)

    def send(self, message: Any, port: str = "next") -> None:
        self.out.append((port, message))

    def _take(self, message: Any) -> None:
        if isinstance(message, Started):
            self.generation = message.generation
        self.diary.append((self.name, self.generation, message))
        self.reaction(self, message)


class ToyManager(Toy):
    """A toy that answers `Drain`."""

    def __init__(self, name: str, diary: Diary, reaction: Reaction) -> None:
        super().__init__(name, diary, reaction)
        self.on[Drain] = lambda drain: self.send(Drained(0), "control")


class MuteManager(Toy):
    """A toy that hears of a drain and does not answer."""

    def __init__(self, name: str, diary: Diary, reaction: Reaction) -> None:
        super().__init__(name, diary, reaction)
        self.on[Drain] = self._take


class ToyVenue(Shell):
    """Accepts every order at once."""

    ports = ("books", "facts")

    def __init__(self, name: str, script: Script = (), clock: SleepClock | None = None) -> None:
        super().__init__(name)
        self._script = script
        self._clock = clock
        self.on = {PlaceOrder: self._on_place}

    def _on_place(self, order: PlaceOrder) -> None:
        self.out.append(("facts", OrderAccepted(order.client_id, order.instrument, self.now, self.now)))

    async def run(self, emit: Emit) -> None:
        if self._clock is not None:
            for at, _, port, message in self._script:
                await trio.sleep(self._clock.seconds_until(at))
                emit(port, message)


class ScriptedSource:
    """Plays a script into a virtual nursery."""

    def __init__(self, nursery: VirtualNursery, script: Script, end: Nanos) -> None:
        self._nursery = nursery
        self._script = list(script)
        self.end = end

    @property
    def finished(self) -> bool:
        return not self._script

    def advance(self, until: Nanos) -> Nanos | None:
        if not self._script or self._script[0][0] > until:
            return None
        at, shell, port, message = self._script.pop(0)
        self._nursery.at(at)
        self._nursery.emit(shell, port, message)
        return at


def forward(toy: Toy, message: Any) -> None:
    """Pass on what came, marked by one lot more."""
    if isinstance(message, Position):
        toy.send(Position(message.instrument, message.ts, message.lots + 1, message.average_entry))


def keep(toy: Toy, message: Any) -> None:
    """Do nothing with it."""


def position(lots: int, instrument: int = 0) -> Position:
    return Position(instrument, 0, lots, 0.0)


def child(
    name: str, diary: Diary, reaction: Reaction = keep, mailbox: OnRestart = OnRestart.KEEP, kind: type[Toy] = Toy
) -> ChildSpec:
    return ChildSpec(name, lambda: kind(name, diary, reaction), mailbox=mailbox)


SHORT = Backoff(base_s=0.001, cap_s=0.001)


@attrs.frozen
class Line:
    """A venue whose books go to the first actor, and from each to the next; the last gives to the venue."""

    names: tuple[str, ...]
    diary: Diary = attrs.field(factory=list)
    policy: Policy = Policy.FAIL
    capacity: int = 64
    strategy: Strategy = Strategy.ONE_FOR_ONE
    mailbox: OnRestart = OnRestart.KEEP
    reactions: dict[str, Reaction] = attrs.field(factory=dict)
    services: dict[str, Nanos] = attrs.field(factory=dict)
    replays_log: tuple[str, ...] = ()
    backoff: Backoff = SHORT
    intensity: int = 100
    script: Script = ()

    def wire(self, nursery: Nursery, clock: SleepClock | None = None) -> None:
        nursery.spawn(ActorSpec("venue", "connector", is_shell=True))
        for i, name in enumerate(self.names):
            nursery.spawn(
                ActorSpec(
                    name,
                    "quoter",
                    i,
                    replays_log=name in self.replays_log,
                    service_time_ns=self.services.get(name, 0),
                )
            )
        ways = zip(("venue", *self.names[:-1]), ("books", *["next"] * len(self.names)), self.names, strict=False)
        for source, port, target in ways:
            nursery.connect(source, port, target, self.policy, self.capacity, "a toy")
        nursery.connect(self.names[-1], "next", "venue", Policy.FAIL, 64, "orders of a toy")
        for port in ("facts", "fills"):
            nursery.connect("venue", port, self.names[-1], Policy.FAIL, 64, "answers to a toy")
        usual = dict.fromkeys(self.names, forward) | {self.names[-1]: keep}
        reactions = usual | self.reactions
        children = [child(name, self.diary, reactions[name], self.mailbox) for name in self.names]
        venue = ChildSpec("venue", lambda: ToyVenue("venue", self.script, clock))
        toys = SupervisorSpec("toys", self.strategy, tuple(children), self.intensity, backoff=self.backoff)
        nursery.supervise(SupervisorSpec("top", Strategy.ONE_FOR_ONE, (venue, toys), intensity=0, backoff=self.backoff))
