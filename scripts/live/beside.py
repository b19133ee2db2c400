"""What works beside the actors of a live run: tables, the log of orders, status, metrics, alerts, the recording.

Trading does not wait for any of it, and does not end with it.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import trio

from actors.guard_config import GuardConfig
from actors.market_recording import MarketRecording
from actors.recorder_shell import end_recording
from actors.runtime.live import LiveNursery
from actors.runtime.wiring import GUARD, MANAGER, TRACKER, connector_name, keeper_name
from market.archive.live_tables import LiveTables
from market.instrument import InstrumentTable
from market.messages import (
    AccountSnapshot,
    BookUpdate,
    ClockOffset,
    ConnectionLost,
    ConnectionUp,
    EquityStamp,
    Fresh,
    HaltRequested,
    LimitsUsed,
    OrderRefused,
    OrderStatus,
    Position,
    Stale,
    TradingStateChanged,
    WalletCompared,
)
from market.units import Nanos
from scripts.live.action_records import ActionRecords
from scripts.live.alerts import Alerts
from scripts.live.config import LiveSection
from scripts.live.leftovers import Leftovers
from scripts.live.metrics import RunMetrics
from scripts.live.metrics_server import MetricsServer
from scripts.live.overview import Overview
from scripts.live.snapshot import Snapshot, snapshot
from scripts.live.status import Status
from scripts.live.wallet_alarm import WalletAlarm

if TYPE_CHECKING:
    from loguru import Logger

Work = Callable[[], Awaitable[None]]

_LOOK_S: Final = 0.2  # orders stand in log.jsonl so long after they were sent
_GOODBYE_S: Final = 5.0  # for a last word on the screen and to the alerts' command
_RECORDING_S: Final = 10.0  # for a recording, to reach the disk
_HOURS_S: Final = 60.0  # and to become hours
_MOST_HEARD: Final = 100_000
_HEARD: Final = frozenset(
    {
        AccountSnapshot,
        ClockOffset,
        LimitsUsed,
        ConnectionLost,
        ConnectionUp,
        EquityStamp,
        Fresh,
        HaltRequested,
        OrderRefused,
        OrderStatus,
        Position,
        Stale,
        TradingStateChanged,
        WalletCompared,
    }
)


class Beside:
    """Hears what leaves the actors' ports, and sees to the rest.

    Args:
        guard: says from when on a wallet differs.
        instruments: of the run.  quoters: their names, by place.
        facts: stand in every alert.

    Attributes:
        overview: how the run stands.
        recorded: what became of the recording, once it has ended.
        metrics_port: where the metrics are served; 0: they are not, or not yet.
    """

    def __init__(
        self,
        config: LiveSection,
        guard: GuardConfig,
        instruments: InstrumentTable,
        quoters: Sequence[str],
        tables: LiveTables,
        logger: "Logger",
        start: Nanos,
        facts: dict[str, Any],
    ) -> None:
        self._config = config
        self._logger = logger
        self._start = start
        self._tables = tables
        self.overview = Overview(instruments)
        self._records = ActionRecords(logger, instruments, quoters)
        self._alerts = Alerts(config.alert, logger, facts, config.alert_timeout_s)
        self._wallets = WalletAlarm(logger, instruments.venues, guard.max_wallet_difference, guard.n_bad)
        self._status = Status(self._snapshot)
        self._leftovers = Leftovers()
        self._heard: deque[Any] = deque(maxlen=_MOST_HEARD)
        self._n_rows = 0
        self._lost_told = 0
        self.metrics_port = 0
        self.recorded: dict[str, Any] = {}
        self._nursery: LiveNursery
        self._recording: MarketRecording | None = None

    def listen(self, nursery: LiveNursery, recording: MarketRecording | None) -> None:
        """Hear what the actors of a nursery say; all is wired."""
        self._nursery, self._recording = nursery, recording
        listen = nursery.listen
        for venue in self.overview.instruments.venues:
            listen(keeper_name(venue), "books", self._hear_book)
            listen(keeper_name(venue), "status", self._hear)
            listen(connector_name(venue), "trades", self._tables.trade)
            for port in ("connection", "facts", "fills", "clock", "halts", "limits"):
                listen(connector_name(venue), port, self._hear)
        for port in ("equity", "positions", "wallets"):
            listen(TRACKER, port, self._hear)
        listen(MANAGER, "refusals", self._hear)
        listen(GUARD, "state", self._hear)
        if recording is not None:
            recording.listen(nursery)

    def on_record(self, record: dict[str, Any]) -> None:
        """Hear a record of the log as it is written."""
        self.overview.take_record(record)
        self._alerts.hear(record)
        self._leftovers.hear(record)

    async def run(self, trade: Callable[[], Awaitable[None]]) -> None:
        """Work while `trade` runs, and say the last word after it."""
        async with trio.open_nursery() as tellers:  # they end by themselves
            tellers.start_soon(self._isolated, "alerts", self._alerts.run)
            if self._config.status:
                tellers.start_soon(self._isolated, "status", self._status.run)
            async with trio.open_nursery() as keepers:
                for name, work in self._keepers():
                    keepers.start_soon(self._isolated, name, work)
                await trade()
                keepers.cancel_scope.cancel()
            await self._isolated("recording", self._end_recording)
            self.look()
            self._status.end()
            self._alerts.end()
            tellers.cancel_scope.deadline = trio.current_time() + _GOODBYE_S

    def look(self) -> None:
        """Take what was heard since, into the overview and into log.jsonl."""
        while self._heard:
            message = self._heard.popleft()
            if isinstance(message, WalletCompared):
                self._wallets.take(message)
                continue
            self.overview.take(message)
            self._records.take(message)
        log = self._nursery.log
        if len(log) > self._n_rows:
            for row in log.rows(self._n_rows):
                self.overview.orders.take(row)
                self._records.row(row)
                self._n_rows += 1

    # --- works ------------------------------------------------------------------------------------------------------

    def _keepers(self) -> list[tuple[str, Work]]:
        works: list[tuple[str, Work]] = [("tables", self._keep_tables), ("log of orders", self._keep_looking)]
        return [*works, ("metrics", self._serve_metrics)] if self._config.metrics_port else works

    async def _isolated(self, name: str, work: Work) -> None:
        """Do work that nobody who trades needs: it may fail, and is heard of no more."""
        try:
            await work()
        except Exception as error:
            self._logger.bind(task=name).opt(exception=error).error("stopped working beside the run")

    async def _keep_tables(self) -> None:
        while True:
            await trio.sleep(self._config.sync_s)
            encoded = await trio.to_thread.run_sync(self._tables.encode, self._tables.take())
            self._tables.add(encoded)
            for file in self._tables.files:
                write = file.begin_write()
                file.settle(write, await trio.to_thread.run_sync(write.run))
            n_lost = self._tables.n_lost.total()
            if n_lost != self._lost_told:
                self._lost_told = n_lost
                self._logger.bind(**self._tables.n_lost).error("table rows are lost")

    async def _keep_looking(self) -> None:
        while True:
            await trio.sleep(_LOOK_S)
            self.look()
            self._leftovers.take_away(trio.current_time())

    async def _serve_metrics(self) -> None:
        metrics = RunMetrics(self.overview, self._nursery.statistics, self._nursery.clock.now_ns)
        async with trio.open_nursery() as tasks:
            server = partial(MetricsServer(metrics.text).run, self._config.metrics_port)
            self.metrics_port = await tasks.start(server)

    async def _end_recording(self) -> None:
        if self._recording is None:
            return
        ended = await end_recording(self._recording, self._nursery.clock, _RECORDING_S, _HOURS_S)
        if ended is None:
            self.recorded = {"problems": ["the disk did not take it in time; the next start finishes it"]}
            self._logger.error("recording: an hour is not written")
            return
        status, report = ended
        self.recorded = {
            "n_rows": status.n_rows,
            "n_lost": status.n_lost,
            "n_hours": len(report.hours),
            "problems": list(report.problems),
        }
        self._logger.bind(**self.recorded).info("recording: ended")

    def _snapshot(self) -> Snapshot:
        now = self._nursery.clock.now_ns()
        return snapshot(self.overview, self._nursery.statistics(), self._start, now, self._notes())

    def _notes(self) -> list[str]:
        notes = self._wallets.notes()
        if self._recording is None:
            return notes
        status = self._recording.status()
        trouble = f", {status.error}" if status.error else ""
        lost = f", {status.n_lost:,} lost" if status.n_lost else ""
        waiting = f", {status.n_waiting / 1e6:.1f} MB wait" if status.n_waiting > 1e6 else ""
        return [*notes, f"recorded {status.n_rows:,} messages, {status.n_written / 1e6:.1f} MB{waiting}{lost}{trouble}"]

    def _hear_book(self, update: BookUpdate) -> None:
        self._tables.book(update)
        self.overview.hear_book(update)

    def _hear(self, message: Any) -> None:
        if type(message) in _HEARD:
            self._heard.append(message)
