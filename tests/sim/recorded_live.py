"""Live runs on the generated market that are recorded."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import loguru

from actors.market_recording import MarketRecording, open_recording
from actors.record_config import RecordConfig
from actors.recorder_shell import RecorderShell, end_recording
from actors.runtime.journal import JournalFile
from actors.runtime.live import LiveNursery
from actors.runtime.live_clock import LiveClock
from actors.runtime.nursery import Outcome
from actors.runtime.planned_crash import PlannedCrash
from actors.runtime.run_log import RunLog
from actors.runtime.wiring import MARKET_RECORDER, wire
from market.archive.recorder import RecorderStatus
from market.archive.rolling import RollReport
from market.order_log import Row
from sim.config import RunConfig
from sim.market_data import ColumnData
from sim.market_shell import MarketTask
from sim.market_world import MarketWorld, instruments_of, trading_of
from tests.sim.crash_runs import NoTables

SCALE = 20.0  # virtual seconds in a real one


@attrs.frozen
class Recorded:
    """What a recorded live run came to; `end` is None where the disk did not answer."""

    outcome: Outcome
    nursery: LiveNursery
    recording: MarketRecording
    end: tuple[RecorderStatus, RollReport] | None
    rows: list[Row]
    notices: list[dict[str, Any]]


async def record_live(
    config: RunConfig,
    data: ColumnData,
    archive: Path,
    *,
    crashes: Sequence[PlannedCrash] = (),
    record: RecordConfig | None = None,
    sockets: Mapping[str, Sequence[str]] | None = None,
    close_s: float = 10.0,
    journal: Path | None = None,
    meanwhile: Callable[[MarketRecording, LiveNursery], Any] | None = None,
) -> Recorded:
    """Run a config on the real clock, twenty times as fast, and record it.

    Args:
        meanwhile: called once all is wired.
    """
    instruments = instruments_of(data)
    log = RunLog()
    world = MarketWorld(config, data, instruments, NoTables(), log=log)
    clock = LiveClock(start=world.start, scale=SCALE)
    task = MarketTask(world)
    notices: list[dict[str, Any]] = []
    handler = loguru.logger.add(
        lambda message: notices.append(_notice(message.record)),
        filter=lambda each: each["extra"].get("run") is notices,
    )
    logger = loguru.logger.bind(run=notices)
    kept = None if journal is None else JournalFile(journal)
    nursery = LiveNursery(log, config.run.seed, clock, hooks=task.hooks, crashes=crashes, journal=kept, logger=logger)
    settings = record or RecordConfig(str(archive))
    recording = open_recording(settings, Path(), instruments, world.start, sockets=sockets, own=log.rows_from)
    wire(
        nursery,
        trading_of(config, instruments),
        task.connectors(),
        NoTables(),
        lambda: RecorderShell(MARKET_RECORDER, recording, clock, logger),
    )
    task.bind(nursery, clock)
    recording.listen(nursery)
    if meanwhile is not None:
        meanwhile(recording, nursery)
    outcome = await task.run()
    end = await end_recording(recording, clock, close_s)
    loguru.logger.remove(handler)
    return Recorded(outcome, nursery, recording, end, list(log.rows()), notices)


def _notice(record: Any) -> dict[str, Any]:
    """Return a record of the log as its text and facts."""
    raised = record["exception"]
    error = {} if raised is None else {"error": repr(raised.value)}
    return {
        "text": record["message"],
        **{key: value for key, value in record["extra"].items() if key != "run"},
        **error,
    }
