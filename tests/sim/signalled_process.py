"""A process that trades on the simulated market, under the live nursery and with a state folder, until it is signalled.

`python -m tests.sim.signalled_process STATE_DIR [--stuck]`: writes "quoting" when orders rest at the venue, and at the
end a line of JSON.  Stuck: its order manager never says that all is cancelled.
"""

import json
import os
import sys
from pathlib import Path

import attrs
import trio

from actors.guard_config import GuardConfig
from actors.order_manager import OrderManager
from actors.runtime.live import LiveNursery
from actors.runtime.live_clock import LiveClock
from actors.runtime.live_hand import HandBox
from actors.runtime.run_log import RunLog
from actors.runtime.signals import heed_signals
from actors.runtime.state_folder import StateFolder
from actors.runtime.wiring import wire
from market.units import SECOND
from sim.config import DataSection, RunConfig
from sim.market_shell import MarketTask
from sim.market_world import MarketWorld, instruments_of, trading_of
from tests.sim.crash_runs import NoTables, market

DRAIN_S = 120


async def trade(folder: StateFolder) -> int:
    """Trade until stopped; return the exit code."""
    config = RunConfig(data=DataSection(preset="crash", seconds=3600), guard=GuardConfig(on_drawdown="off"))
    data = market(7, 3600)
    instruments = instruments_of(data)
    session = folder.next_session(1_735_690_200 * SECOND)  # the first, by the clock
    log = RunLog()
    world = MarketWorld(config, data, instruments, NoTables(), log=log)
    clock = LiveClock(start=world.start)
    task = MarketTask(world)
    nursery = LiveNursery(log, 7, clock, hooks=task.hooks, drain_ns=DRAIN_S * SECOND)
    box = HandBox(folder, clock, os.getpid())
    trading = attrs.evolve(trading_of(config, instruments), session=session, halted=folder.halted(), hand=box.start)
    wire(nursery, trading, task.connectors(), NoTables())
    task.bind(nursery, clock)

    def n_open() -> int:
        return sum(len(world.exchange.open_orders(v)) for v in range(len(instruments.venues)))

    async def tell_when_quoting() -> None:
        while n_open() == 0:  # noqa: ASYNC110  # the exchange tells nobody
            await trio.sleep(0.01)
        print("quoting", flush=True)

    async with trio.open_nursery() as tasks:
        await tasks.start(heed_signals, nursery, box.throw)
        tasks.start_soon(tell_when_quoting)
        outcome = await task.run()
        tasks.cancel_scope.cancel()
    if outcome.unproven == 0:
        folder.end()
    states = [change.state for change in nursery.trading]
    print(json.dumps({"outcome": attrs.asdict(outcome), "open": n_open(), "states": states, "session": session}))
    return 0 if outcome.unproven == 0 else 1


def main(path: str, *options: str) -> int:
    if "--stuck" in options:
        OrderManager._end_drain = lambda self: None  # type: ignore[method-assign]
    folder = StateFolder(Path(path))
    with folder.lock():
        return trio.run(trade, folder)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
