"""A live run, from a config and venues to a run directory."""

import gc
import inspect
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import tomli_w
import trio

from actors.market_recording import MarketRecording, open_recording
from actors.recorder_shell import RecorderShell
from actors.runtime.journal import JournalFile
from actors.runtime.live import LiveNursery
from actors.runtime.live_clock import LiveClock
from actors.runtime.live_hand import HandBox
from actors.runtime.log import open_log
from actors.runtime.log_reader import LOG_NAME
from actors.runtime.nursery import Outcome
from actors.runtime.run_log import RunLog
from actors.runtime.safety_record import safety_record
from actors.runtime.state_folder import StateFolder
from actors.runtime.wiring import MARKET_RECORDER, wire
from market.archive import log_tables
from market.archive.instrument_record import to_record
from market.archive.live_tables import LiveTables
from market.portfolio import as_record, held_at, positions_by_base
from market.units import SECOND, Nanos
from scripts.live.beside import Beside
from scripts.live.config import LiveConfig
from scripts.live.overview import Overview
from scripts.live.trading import trading_of
from scripts.live.venues import Venues
from sim.config import config_dict
from sim.simulation import versions

if TYPE_CHECKING:
    from loguru import Logger

JOURNAL: Final = "journal"
_SWITCH_S: Final = 0.0005


class LiveRun:
    """One live run.  Made inside of `trio.run`: `run` it, then `finish` it.

    Args:
        config: what to run.
        venues: what to trade on.
        out: the run directory; it exists and is empty.
        session: of the client order ids; never used before on this account.
        folder: that strategies' files and the archive are relative to.
        state: of the account; None: no person can halt it, and no heartbeat is written.
        clock: of the run; the wall's, unless somebody knows better.

    Attributes:
        start: when it was made, ns.
        hand: by which a person halts it; None without a state folder.

    Raises:
        ValueError, BlockingIOError, OSError: a strategy, or the archive to record into, is not as it must be.
    """

    def __init__(
        self,
        config: LiveConfig,
        venues: Venues,
        out: Path,
        *,
        session: int,
        folder: Path = Path(),
        state: StateFolder | None = None,
        clock: LiveClock | None = None,
    ) -> None:
        self.config = config
        self.out = out
        self.session = session
        self.clock = clock or LiveClock()
        self.start: Nanos = self.clock.now_ns()
        self.instruments = venues.instruments
        self._venues = venues
        self._closing = ExitStack()
        self._beside: Beside
        self.logger: Logger = self._closing.enter_context(
            open_log(out / LOG_NAME, self.clock.now_ns, f"live-{session}", heard=self._on_record)
        )
        self.hand = None if state is None else HandBox(state, self.clock, os.getpid(), self.logger)
        self._trading = attrs.evolve(
            trading_of(config, self.instruments, session, folder),
            halted="" if state is None else state.halted(),
            hand=None if self.hand is None else self.hand.start,
        )
        if self.hand is not None:
            self.hand.has_desk = self._trading.has_desk
        names = [plan.config.name for plan in self._trading.plans]
        self.tables = LiveTables(out)
        facts = {"run": str(out.resolve()), "session": session}
        self._beside = Beside(
            config.live, config.guard, self.instruments, names, self.tables, self.logger, self.start, facts
        )
        self.log = RunLog(out / log_tables.LOG_NAME, patient=True)
        text = self._write_config()
        self.nursery = LiveNursery(
            self.log,
            config.run.seed,
            self.clock,
            hooks=venues.hooks,
            journal=JournalFile(out / JOURNAL, text, patient=True) if config.live.journal else None,
            logger=self.logger,
            drain_ns=round(config.live.drain_s * SECOND),
            sync_s=config.live.sync_s,
        )
        recording = self._open_recording(folder)
        wire(
            self.nursery,
            self._trading,
            venues.connectors(self.log, self.clock, self.logger, recording),
            self.tables,
            None if recording is None else partial(self._start_recorder, recording),
        )
        venues.bind(self.nursery, self.clock)
        self._beside.listen(self.nursery, recording)
        self._keep_code()
        self._write_result({"complete": False, "unfinished": "the run: it goes on, or was killed"})

    @property
    def overview(self) -> Overview:
        """How it stands."""
        return self._beside.overview

    @property
    def metrics_port(self) -> int:
        """Where the metrics are served; 0: they are not, or not yet."""
        return self._beside.metrics_port

    def look(self) -> None:
        """Bring the overview and log.jsonl up to date."""
        self._beside.look()

    async def run(self) -> Outcome:
        """Run until `nursery.request_stop`, or until the root gives up; return how it ended."""
        ended: list[Outcome] = []

        async def trade() -> None:
            async with trio.open_nursery() as tasks:
                tasks.start_soon(self._serve)
                outcome = await self.nursery.run()
                if outcome.unproven:
                    self.logger.bind(n_orders=outcome.unproven).critical("cancels are not proven")
                ended.append(outcome)
                tasks.cancel_scope.cancel()

        with quick_process():
            await self._beside.run(trade)
        return ended[0]

    def strategy_files(self) -> list[Path]:
        """Return the source files of the strategies, each once."""
        return list(dict.fromkeys(Path(inspect.getfile(plan.strategy)) for plan in self._trading.plans))

    def finish(self, outcome: Outcome, extra: dict[str, Any] | None = None) -> dict[str, Any]:
        """Write the ends of log and tables, `run.toml` and `result.json`; return the result."""
        end = self.nursery.now
        faults = self._finish_files()
        wall_s = (end - self.start) / SECOND
        n_events = self.tables.n_rows["touch"] + self.tables.n_rows["trades"]
        is_whole = outcome.kind == "done" and outcome.unproven == 0 and not self.nursery.left_down
        result = {
            "mode": "live",
            "complete": is_whole and not faults,
            "outcome": attrs.asdict(outcome),
            "left_down": list(self.nursery.left_down),
            "faults": faults,
            **safety_record(self.nursery.trading, self.nursery.safety),
            "positions_by_base": as_record(positions_by_base(held_at(self.instruments, self.tables.newest()))),
            "balances": self.overview.balances(),
            "margins": self.overview.margins(),
            "refusals": {plan.config.name: self.tables.refusals(plan.index) for plan in self._trading.plans},
            "start_ns": self.start,
            "until_ns": end,
            "digest": self.log.digest(),
            "session": self.session,
            "execution": self._venues.execution,
            "journal": JOURNAL if self.nursery.journal is not None else "",
            "n_events": n_events,
            "n_messages": self.nursery.number,
            "wall_s": round(wall_s, 4),
            "events_per_s": round(n_events / wall_s) if wall_s > 0 else 0,
            "seed": self.config.run.seed,
            "data": self._venues.describe(),
            **({"recorded": self._beside.recorded} if self._beside.recorded else {}),
            "versions": dict(versions()),
            **(extra or {}),
        }
        self._write_config(end)
        self._write_result(result)
        return result

    # --- parts ------------------------------------------------------------------------------------------------------

    def _on_record(self, record: dict[str, Any]) -> None:
        self._beside.on_record(record)

    async def _serve(self) -> None:
        try:
            await self._venues.serve()
        except Exception as error:
            self.logger.opt(exception=error).critical("the venues have failed")
            self.nursery.request_stop()

    def _open_recording(self, folder: Path) -> MarketRecording | None:
        record, venues = self.config.record, self._venues
        if record is None:
            return None
        own, late = self.log.rows_from, venues.late
        return open_recording(record, folder, self.instruments, self.start, sockets=venues.sockets, own=own, late=late)

    def _start_recorder(self, recording: MarketRecording) -> RecorderShell:
        return RecorderShell(MARKET_RECORDER, recording, self.clock, self.logger)

    # --- files ------------------------------------------------------------------------------------------------------

    def _finish_files(self) -> list[str]:
        """Close all that was written while running; return what a disk did not take."""
        faults = [f"table {name}: {n} rows are lost" for name, n in self.tables.n_lost.items()]
        self.tables.write_now()
        journal = self.nursery.journal
        files = [*self.tables.files, *([journal.file] if journal is not None and journal.file is not None else [])]
        faults += [f"{file.path.name}: {file.error or 'cut short'}" for file in files if file.error or file.n_lost]
        faults += [f"{JOURNAL}: {journal.fault}"] if journal is not None and journal.fault else []
        self._closing.close()
        try:
            self.log.close()
            self.tables.close()
        except OSError as error:
            faults.append(f"tables: {error}")
        return faults

    def _keep_code(self) -> None:
        (self.out / "code").mkdir()
        for source in self.strategy_files():
            shutil.copyfile(source, self.out / "code" / source.name)

    def _write_config(self, end: Nanos | None = None) -> str:
        """Write `run.toml`, which with the code says all that the actors were made of; return its text."""
        plain = config_dict(self.config)
        plain["run"] |= {
            "start_ns": self.start,
            "session": self.session,
            "halted": self._trading.halted,
            "hand": self.hand is not None,
            **({} if end is None else {"end_ns": end}),
        }
        plain["instrument"] = [to_record(each) for each in self.instruments]
        text = tomli_w.dumps(plain)
        self._write(self.out / "run.toml", text)
        return text

    def _write_result(self, result: dict[str, Any]) -> None:
        self._write(self.out / "result.json", json.dumps(result, indent=2) + "\n")

    @staticmethod
    def _write(file: Path, text: str) -> None:
        half = file.with_name(f"{file.name}.part")
        half.write_text(text, encoding="utf-8")
        half.replace(file)


@contextmanager
def quick_process() -> Iterator[None]:
    """Let this process answer quickly while the block lasts.

    What stands now stands to the end: the collector need not walk it again and again.  Collected once more it forgets
    how much that was: it would else wait for a quarter of it to come together before it looks at the old, while what
    ends in cycles (each lost connection, each request) keeps its buffers.  A thread that writes tables or a
    recording gives way to who trades within half a millisecond, not five.
    """
    interval = sys.getswitchinterval()
    gc.collect()
    gc.freeze()
    gc.collect()
    sys.setswitchinterval(_SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.unfreeze()
