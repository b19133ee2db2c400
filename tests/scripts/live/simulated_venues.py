"""The generated market in the place of real venues, in live time."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import trio

from actors.market_recording import open_recording
from actors.record_config import RecordConfig
from actors.runtime.actor import Actor
from actors.runtime.children import Hooks
from actors.runtime.live import LiveNursery
from actors.runtime.live_clock import LiveClock
from actors.runtime.nursery import ActorSpec, Outcome
from actors.runtime.planned_crash import PlannedCrash
from actors.runtime.run_log import RunLog
from market.instrument import InstrumentTable
from scripts.live.config import LiveConfig, LiveSection
from scripts.live.run import LiveRun
from scripts.live.venues import SocketEars
from sim.config import RunConfig
from sim.market_data import MarketData
from sim.market_shell import MarketTask
from sim.market_world import MarketWorld, instruments_of
from tests.sim.crash_runs import NoTables, market

if TYPE_CHECKING:
    from loguru import Logger

SCALE = 20.0  # virtual seconds in a real one


class SimulatedVenues:
    """Stands in the venues' place; the run ends with the market."""

    def __init__(self, data: MarketData, config: RunConfig | None = None) -> None:
        self._data = data
        self._config = config or RunConfig()
        self.instruments: InstrumentTable = instruments_of(data)
        self.sockets: Mapping[str, Sequence[str]] = {}
        self.late: Sequence[str] = ()
        self.start = MarketWorld(self._config, data, self.instruments, NoTables()).start
        self.world: MarketWorld
        self._task: MarketTask

    @property
    def hooks(self) -> Hooks:
        return Hooks(on_down=self._down)

    def _down(self, spec: ActorSpec) -> None:
        self._task.hooks.on_down(spec)

    def connectors(
        self, log: RunLog, clock: LiveClock, logger: "Logger", ears: SocketEars | None
    ) -> Sequence[Callable[[], Actor]]:
        self.world = MarketWorld(self._config, self._data, self.instruments, NoTables(), log=log)
        self._task = MarketTask(self.world)
        return self._task.connectors()

    def bind(self, nursery: LiveNursery, clock: LiveClock) -> None:
        self._task.bind(nursery, clock)

    async def serve(self) -> None:
        await self._task.play()

    def describe(self) -> dict[str, Any]:
        return {"source": "live"}

    @property
    def execution(self) -> dict[str, str]:
        return {"bybit": "simulated"}


@attrs.frozen
class Ended:
    """A run that is over."""

    run: LiveRun
    venues: SimulatedVenues
    outcome: Outcome
    result: dict[str, Any]


def quiet(record: Path | None = None, **live: Any) -> LiveConfig:
    """Return a config whose run shows nothing.

    Args:
        record: the archive to record into.
    """
    recorded = None if record is None else RecordConfig(str(record))
    return LiveConfig(live=LiveSection(**{"status": False, "drain_s": 10.0, **live}), record=recorded)


def trade(out: Path, config: LiveConfig, **more: Any) -> Ended:
    """Run a config over the generated market; see `trade_in`, whose arguments it takes."""
    out.mkdir()
    return trio.run(partial(trade_in, out, config, **more))


async def trade_in(
    out: Path,
    config: LiveConfig,
    *,
    seed: int = 7,
    seconds: float = 60,
    scale: float = SCALE,
    crashes: Sequence[PlannedCrash] = (),
    meanwhile: Callable[[LiveRun], Any] | None = None,
) -> Ended:
    """Run a config over the generated market.

    Args:
        scale: how many seconds of the market pass in a real one.
        meanwhile: an async function that is run beside.
    """
    venues = SimulatedVenues(market(seed, seconds))
    if config.record is not None:  # what it compiles and loads the first time must not cost market time
        open_recording(config.record, Path(), venues.instruments, venues.start).close(venues.start)
    run = LiveRun(config, venues, out, session=3, clock=LiveClock(venues.start, scale))
    run.nursery.plan_crashes(crashes)
    async with trio.open_nursery() as tasks:
        if meanwhile is not None:
            tasks.start_soon(meanwhile, run)
        outcome = await run.run()
        tasks.cancel_scope.cancel()
    return Ended(run, venues, outcome, run.finish(outcome))
