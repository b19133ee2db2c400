"""A live run, from a config and venues to a run directory."""

import inspect
import json
import shutil
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import attrs
import tomli_w
import trio

from actors.market_recording import MarketRecording, open_recording
from actors.recorder_shell import RecorderShell, end_recording
from actors.runtime.journal import JournalFile
from actors.runtime.live import LiveNursery
from actors.runtime.live_clock import LiveClock
from actors.runtime.log import open_log
from actors.runtime.log_reader import LOG_NAME
from actors.runtime.nursery import Outcome
from actors.runtime.run_log import RunLog
from actors.runtime.safety_record import safety_record
from actors.runtime.wiring import GUARD, MANAGER, MARKET_RECORDER, TRACKER, connector_name, keeper_name, wire
from market.archive import log_tables
from market.archive.instrument_record import to_record
from market.archive.live_tables import LiveTables
from market.messages import (
    AccountSnapshot,
    ClockOffset,
    ConnectionLost,
    ConnectionUp,
    EquityStamp,
    Fresh,
    HaltRequested,
    OrderRefused,
    Position,
    Stale,
    TradingStateChanged,
)
from market.units import SECOND, Nanos
from scripts.live.action_records import ActionRecords
from scripts.live.alerts import Alerts
from scripts.live.config import LiveConfig
from scripts.live.metrics import RunMetrics
from scripts.live.metrics_server import MetricsServer
from scripts.live.overview import Overview
from scripts.live.snapshot import Snapshot, snapshot
from scripts.live.status import Status
from scripts.live.trading import trading_of
from scripts.live.venues import Venues
from sim.config import config_dict
from sim.simulation import versions

if TYPE_CHECKING:
    from loguru import Logger

JOURNAL: Final = "journal"
_LOOK_S: Final = 0.2  # orders stand in log.jsonl so long after they were sent
_GOODBYE_S: Final = 5.0  # for those beside the run, when it is over
_RECORDING_S: Final = 10.0  # for a recording, to reach the disk
_HOURS_S: Final = 60.0  # and to become hours
_MOST_HEARD: Final = 100_000
_HEARD: Final = frozenset(
    {
        AccountSnapshot,
        ClockOffset,
        ConnectionLost,
        ConnectionUp,
        EquityStamp,
        Fresh,
        HaltRequested,
        OrderRefused,
        Position,
        Stale,
        TradingStateChanged,
    }
)


class LiveRun:
    """One live run.  Made inside of `trio.run`: `run` it, then `finish` it.

    Args:
        config: what to run.
        venues: what to trade on.
        out: the run directory; it exists and is empty.
        session: of the client order ids; never used before on this account.
        folder: that strategies' files are relative to.
        clock: of the run; the wall's, unless somebody knows better.
        notes: lines for the screen.

    Attributes:
        start: when it was made, ns.
        overview: how it stands.
        metrics_port: where the metrics are served; 0: they are not, or not yet.
    """

    def __init__(
        self,
        config: LiveConfig,
        venues: Venues,
        out: Path,
        *,
        session: int,
        folder: Path = Path(),
        clock: LiveClock | None = None,
        notes: Callable[[], list[str]] = list,
    ) -> None:
        self.config = config
        self.out = out
        self.session = session
        self.clock = clock or LiveClock()
        self.start: Nanos = self.clock.now_ns()
        self.instruments = venues.instruments
        self._venues = venues
        self._notes = notes
        self._trading = trading_of(config, self.instruments, session, folder)
        plans = self._trading.plans
        self.overview = Overview(self.instruments)
        self.tables = LiveTables(out)
        self.log = RunLog(out / log_tables.LOG_NAME, patient=True)
        self._closing = ExitStack()
        self.logger: Logger = self._closing.enter_context(
            open_log(out / LOG_NAME, self.clock.now_ns, f"live-{session}", heard=self._on_record)
        )
        facts = {"run": str(out.resolve()), "session": session}
        self._alerts = Alerts(config.live.alert, self.logger, facts, config.live.alert_timeout_s)
        self._records = ActionRecords(self.logger, self.instruments, [plan.config.name for plan in plans])
        self._effective = self._write_config()
        journal = JournalFile(out / JOURNAL, self._effective, patient=True) if config.live.journal else None
        self.nursery = LiveNursery(
            self.log,
            config.run.seed,
            self.clock,
            hooks=venues.hooks,
            journal=journal,
            logger=self.logger,
            drain_ns=round(config.live.drain_s * SECOND),
            sync_s=config.live.sync_s,
        )
        self._recording = self._open_recording(folder)
        recorder = None if self._recording is None else partial(self._start_recorder, self._recording)
        wire(self.nursery, self._trading, venues.connectors(self.log), self.tables, recorder)
        venues.bind(self.nursery, self.clock)
        self._heard: deque[Any] = deque(maxlen=_MOST_HEARD)
        self._recorded: dict[str, Any] = {}
        self._n_rows = 0
        self._lost_told = 0
        self._listen()
        self._status = Status(self._snapshot)
        self.metrics_port = 0
        self._keep_code()
        self._write_result({"complete": False, "unfinished": "the run: it goes on, or was killed"})

    # --- the run ----------------------------------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> Outcome:
        """Run until `nursery.request_stop`, or until the root gives up; return how it ended."""
        async with trio.open_nursery() as tellers:  # they end by themselves, with the last word
            tellers.start_soon(self._isolated, "alerts", self._alerts.run)
            if self.config.live.status:
                tellers.start_soon(self._isolated, "status", self._status.run)
            async with trio.open_nursery() as keepers:
                for name, work in self._keepers():
                    keepers.start_soon(self._isolated, name, work)
                keepers.start_soon(self._serve)
                task_status.started()
                outcome = await self.nursery.run()
                if outcome.unproven:
                    self.logger.bind(n_orders=outcome.unproven).critical("cancels are not proven")
                keepers.cancel_scope.cancel()
            await self._end_recording()
            self.look()
            self._status.end()
            self._alerts.end()
            tellers.cancel_scope.deadline = trio.current_time() + _GOODBYE_S
        return outcome

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
            **safety_record(self.nursery.trading, self.nursery.safety),
            "faults": faults,
            "refusals": {plan.config.name: self.tables.refusals(plan.index) for plan in self._trading.plans},
            "start_ns": self.start,
            "until_ns": end,
            "digest": self.log.digest(),
            "session": self.session,
            "journal": JOURNAL if self.nursery.journal is not None else "",
            "n_events": n_events,
            "n_messages": self.nursery.number,
            "wall_s": round(wall_s, 4),
            "events_per_s": round(n_events / wall_s) if wall_s > 0 else 0,
            "seed": self.config.run.seed,
            "data": self._venues.describe(),
            **({"recorded": self._recorded} if self._recorded else {}),
            "versions": dict(versions()),
            **(extra or {}),
        }
        self._write_config(end)
        self._write_result(result)
        return result

    # --- beside the actors ------------------------------------------------------------------------------------------

    def _keepers(self) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        works: list[tuple[str, Callable[[], Awaitable[None]]]]
        works = [("tables", self._keep_tables), ("log of orders", self._keep_looking)]
        return [*works, ("metrics", self._serve_metrics)] if self.config.live.metrics_port else works

    async def _isolated(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do work that nobody who trades needs: it may fail, and is heard of no more."""
        try:
            await work()
        except Exception as error:
            self.logger.bind(task=name).opt(exception=error).error("stopped working beside the run")

    async def _serve(self) -> None:
        try:
            await self._venues.serve()
        except Exception as error:
            self.logger.opt(exception=error).critical("the venues have failed")
            self.nursery.request_stop()

    async def _keep_tables(self) -> None:
        while True:
            await trio.sleep(self.config.live.sync_s)
            encoded = await trio.to_thread.run_sync(self.tables.encode, self.tables.take())
            self.tables.add(encoded)
            for file in self.tables.files:
                write = file.begin_write()
                file.settle(write, await trio.to_thread.run_sync(write.run))
            n_lost = self.tables.n_lost.total()
            if n_lost != self._lost_told:
                self._lost_told = n_lost
                self.logger.bind(**self.tables.n_lost).error("table rows are lost")

    async def _keep_looking(self) -> None:
        while True:
            await trio.sleep(_LOOK_S)
            self.look()

    def look(self) -> None:
        """Take what was heard since, into the overview and into log.jsonl."""
        while self._heard:
            message = self._heard.popleft()
            self.overview.take(message)
            self._records.take(message)
        if len(self.log) > self._n_rows:
            for row in self.log.rows(self._n_rows):
                self.overview.orders.take(row)
                self._records.row(row)
                self._n_rows += 1

    async def _serve_metrics(self) -> None:
        metrics = RunMetrics(self.overview, self.nursery.statistics, self.clock.now_ns)
        async with trio.open_nursery() as tasks:
            server = partial(MetricsServer(metrics.text).run, self.config.live.metrics_port)
            self.metrics_port = await tasks.start(server)

    def _snapshot(self) -> Snapshot:
        now = self.clock.now_ns()
        return snapshot(self.overview, self.nursery.statistics(), self.start, now, self._notes())

    def _listen(self) -> None:
        listen = self.nursery.listen
        for venue in self.instruments.venues:
            listen(keeper_name(venue), "books", self.tables.book)
            listen(keeper_name(venue), "books", self.overview.hear_book)
            listen(keeper_name(venue), "status", self._hear)
            listen(connector_name(venue), "trades", self.tables.trade)
            for port in ("connection", "facts", "clock", "halts"):
                listen(connector_name(venue), port, self._hear)
        for port in ("equity", "positions"):
            listen(TRACKER, port, self._hear)
        listen(MANAGER, "refusals", self._hear)
        listen(GUARD, "state", self._hear)
        if self._recording is not None:
            self._recording.listen(self.nursery)

    def _hear(self, message: Any) -> None:
        if type(message) in _HEARD:
            self._heard.append(message)

    def _on_record(self, record: dict[str, Any]) -> None:
        self.overview.take_record(record)
        self._alerts.hear(record)

    # --- the recording of the market --------------------------------------------------------------------------------

    def _open_recording(self, folder: Path) -> MarketRecording | None:
        record, sockets = self.config.record, self._venues.sockets
        if record is None:
            return None
        return open_recording(record, folder, self.instruments, self.start, sockets=sockets, own=self.log.rows_from)

    def _start_recorder(self, recording: MarketRecording) -> RecorderShell:
        return RecorderShell(MARKET_RECORDER, recording, self.clock, self.logger)

    async def _end_recording(self) -> None:
        if self._recording is None:
            return
        ended = await end_recording(self._recording, self.clock, _RECORDING_S, _HOURS_S)
        if ended is None:
            self.logger.error("recording: not ended in time; the next start finishes it")
            return
        status, report = ended
        n_lost, problems = status.n_lost, list(report.problems)
        self._recorded = {"n_rows": status.n_rows, "n_lost": n_lost, "n_hours": len(report.hours), "problems": problems}
        self.logger.bind(**self._recorded).info("recording: ended")

    # --- files ------------------------------------------------------------------------------------------------------

    def _finish_files(self) -> list[str]:
        """Close all that was written while running; return what a disk did not take."""
        faults = [f"table {name}: {n} rows are lost" for name, n in self.tables.n_lost.items()]
        self.tables.write_now()
        journal = self.nursery.journal
        files = [*self.tables.files, *([journal.file] if journal is not None and journal.file is not None else [])]
        faults += [f"{file.path.name}: {file.error or 'cut short'}" for file in files if file.error or file.n_lost]
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
        plain["run"] |= {"start_ns": self.start, "session": self.session, **({} if end is None else {"end_ns": end})}
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
