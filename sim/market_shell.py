"""The simulated market under a live nursery: in the time of its clock, as a task beside the actors.

Everything is spoken, as whole messages through the shells' ports; commands reach the exchange at the clock's time.  One
task serves all venues: a connection that is down misses what is told meanwhile, the market goes on.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import trio
import trio.lowlevel

from actors.runtime.actor import Actor
from actors.runtime.children import Hooks
from actors.runtime.live import LiveNursery
from actors.runtime.live_clock import LiveClock
from actors.runtime.nursery import ActorSpec, Outcome
from market.units import SECOND
from sim.market_world import MarketWorld
from sim.spoken import SpokenTeller

_LONGEST_WAIT: Final = 3600 * SECOND


class MarketTask(SpokenTeller):
    """Plays a market to a nursery, and asks the nursery to stop when it is over.

    Args:
        world: built without a `mode_of`: all is spoken.
    """

    def __init__(self, world: MarketWorld) -> None:
        self._world = world
        self._nursery: LiveNursery
        self._clock: LiveClock
        self._wake = trio.Event()

    @property
    def hooks(self) -> Hooks:
        """What the nursery must tell: a connector that falls loses what is under way."""
        return Hooks(on_down=self._down)

    def bind(self, nursery: LiveNursery, clock: LiveClock) -> None:
        """Say whom to tell, and when."""
        self._nursery, self._clock = nursery, clock
        self._world.source.bind(self)

    def connectors(self) -> Sequence[Callable[[], Actor]]:
        """Return what starts each venue's connector; a request wakes the market."""
        return [partial(self._connector, start) for start in self._world.connectors()]

    async def run(self) -> Outcome:
        """Run the nursery, and the market beside it to the end and through the drain; return how it ended."""
        async with trio.open_nursery() as tasks:
            tasks.start_soon(self.play)
            outcome = await self._nursery.run()
            tasks.cancel_scope.cancel()
        return outcome

    async def play(self) -> None:
        """Play the market, until cancelled."""
        source, clock = self._world.source, self._clock
        while True:
            self._wake = trio.Event()
            while source.advance(clock.now_ns()) is not None:
                await trio.lowlevel.checkpoint()  # the actors' turn
            now = clock.now_ns()
            if source.finished and now > source.end:
                self._nursery.request_stop()
            due = min(source.next_at, now + _LONGEST_WAIT)
            with trio.move_on_after(clock.seconds_until(due) if due > now else 0.0):
                await self._wake.wait()

    def _connector(self, start: Callable[[], Actor]) -> Actor:
        shell = start()
        shell.on = {kind: partial(self._handle, handler) for kind, handler in shell.on.items()}
        return shell

    def _handle(self, handler: Callable[[Any], None], message: Any) -> None:
        handler(message)
        self._wake.set()

    def _down(self, spec: ActorSpec) -> None:
        if spec.kind == "connector":
            self._world.source.disconnect(spec.index)

    # --- what the source tells --------------------------------------------------------------------------------------

    def emit(self, shell: str, port: str, message: Any, *, is_logged: bool = False) -> bool:
        """Tell a message through a shell's port; False: the shell is down, and nobody heard."""
        return self._nursery.emit(shell, port, message, is_logged=is_logged)
