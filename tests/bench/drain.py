"""What the virtual drain costs: a toy of twelve stages, each making one message of each; prints one JSON line.

Run as `python tests/bench/drain.py`.  The least of many short runs, since the machine may be busy with other things.
"""

import json
import sys
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from actors.runtime.actor import Actor
from actors.runtime.child_spec import ChildSpec, Strategy, SupervisorSpec
from actors.runtime.mailbox import Edge, Policy
from actors.runtime.nursery import ActorSpec, Shell
from actors.runtime.run_log import RunLog
from market.messages import OrderAccepted, Position
from market.order_log import PACK
from sim.virtual import VirtualNursery

N_STAGES, N_RUNS = 12, 300


class Relay(Actor):
    """Passes on what it is given."""

    ports = ("next",)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.on = {Position: self._on_position}

    def _on_position(self, position: Position) -> None:
        self.out.append(("next", Position(position.instrument, position.ts, position.lots + 1, 0.0)))


def main() -> None:
    """Measure and print."""
    nursery, event = chain()
    relay, message = Relay("alone"), Position(0, 0, 0, 0.0)

    def one_event() -> None:
        nursery.at(nursery.now + 1)
        nursery.post(event, message)
        nursery.drain()

    def handler_alone() -> None:
        relay.on[Position](message)
        relay.out.clear()

    log, fact = RunLog(), OrderAccepted(1, 0, 1, 1)
    print(
        json.dumps(
            {
                "message_us": round(least(one_event) / N_STAGES, 3),
                "of_that_handler_us": round(least(handler_alone), 3),
                "log_row_us": round(least(lambda: log.append(PACK[OrderAccepted](fact, 5)), n=2048), 3),
            }
        )
    )


def chain() -> tuple[VirtualNursery, Edge]:
    """Wire the stages in a line and start them."""
    nursery = VirtualNursery(RunLog(), 1)
    names = [f"stage {i}" for i in range(N_STAGES)]
    nursery.spawn(ActorSpec("venue", "connector", is_shell=True))
    for i, name in enumerate(names):
        nursery.spawn(ActorSpec(name, "quoter", i))
    event = nursery.connect("venue", "books", names[0], Policy.FAIL, 64, "the first stage")
    for source, target in pairwise(names):
        nursery.connect(source, "next", target, Policy.FAIL, 64, "the next stage")
    children = [ChildSpec(name, partial(Relay, name)) for name in names]
    venue = ChildSpec("venue", lambda: Shell("venue"))
    nursery.supervise(SupervisorSpec("top", Strategy.ONE_FOR_ONE, (venue, *children)))
    nursery.start()
    return nursery, event


def least(action: Callable[[], None], n: int = 200) -> float:
    """Return the time of one `action`, microseconds, in the fastest of many runs of `n`."""
    best = float("inf")
    for _ in range(N_RUNS):
        begun = perf_counter()
        for _ in range(n):
            action()
        best = min(best, perf_counter() - begun)
    return best / n * 1e6


if __name__ == "__main__":
    main()
