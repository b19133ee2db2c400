"""The trader of the live benchmark: `python -m tests.bench.live_trader TASK`, TASK a JSON object.

A whole live run, recording and journal as the task says.  Writes a line of JSON when it can trade, and one for each
line that it reads: what it has come to.  It ends with its input.
"""

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any

import trio

from actors.runtime.live_clock import LiveClock
from scripts.live.config import LiveConfig, make_live_config
from scripts.live.real_venues import RealVenues, prepare_venues
from scripts.live.run import LiveRun


def config_of(task: dict[str, Any]) -> LiveConfig:
    """Return the config: one venue, one instrument, limits that hold nothing back."""
    record = {"record": {"root": str(Path(task["out"]) / "archive")}} if task["record"] else {}
    return make_live_config(
        {
            "live": {"status": task["status"], "journal": task["journal"]},
            "venue": [{"name": "bybit", "network": "custom", "rest": task["rest"], "sockets": task["sockets"]}],
            "quoter": [
                {
                    "name": "q",
                    "instruments": ["bybit:SOLUSDT"],
                    "strategy": f"tests.bench.live_quoter:{task['strategy']}",
                }
            ],
            "orders": {"account_every_s": 600.0, "limits": {"max_order_rate": 100_000.0}},
            "guard": {f"on_{check}": "off" for check in ("refusals", "stale_data", "drawdown", "clock_skew")},
            **record,
        }
    )


async def main(task: dict[str, Any]) -> None:
    os.environ |= {"LOCKSTEP_BYBIT_KEY": task["key"], "LOCKSTEP_BYBIT_SECRET": task["secret"]}
    config, clock = config_of(task), LiveClock()
    prepared = await prepare_venues(config, Path(), clock, Path("/no/such/file"))
    out = Path(task["out"]) / "run"
    out.mkdir()
    run = LiveRun(config, RealVenues(prepared, 7, 20), out, session=task["session"], clock=clock)
    async with trio.open_nursery() as tasks:
        tasks.start_soon(serve, run)
        outcome = await run.run()
        tasks.cancel_scope.cancel()
    print(json.dumps({"result": run.finish(outcome)}), flush=True)


async def serve(run: LiveRun) -> None:
    while not len(run.log):  # noqa: ASYNC110  # the first order says that it can trade
        await trio.sleep(0.05)
    print(json.dumps({"ready": True}), flush=True)
    while await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
        usage = resource.getrusage(resource.RUSAGE_SELF)
        print(json.dumps({"cpu_s": usage.ru_utime + usage.ru_stime, "n_messages": run.nursery.number}), flush=True)
    run.nursery.request_stop()


if __name__ == "__main__":
    trio.run(main, json.loads(sys.argv[1]))
