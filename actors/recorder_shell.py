"""The shell that brings a live recording to the disk, in threads: trading waits for none of it."""

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

import trio

from actors.lost_books import LostBooks
from actors.market_recording import MarketRecording
from actors.recording_alarm import Notice, RecordingAlarm
from actors.runtime.live import SleepClock
from actors.runtime.nursery import Clock, Emit, Shell
from actors.runtime.together import run_together
from market.archive.recorder import FLUSH_EVERY, RecorderStatus
from market.archive.rolling import RollReport
from market.messages import ActorDown, RequestSnapshot, Started
from market.units import HOUR, MINUTE, SECOND, Nanos

if TYPE_CHECKING:
    from loguru import Logger

T = TypeVar("T")

_LOOK_EVERY: Final = 1 * SECOND
# an hour is complete when nothing of it can come any more
_ROLL_AFTER: Final = 10 * SECOND


class RecorderShell(Shell):
    """In: falls of connectors.  Out: requests for the books that the recording has lost, by port `snapshots:{venue}`.

    What is recorded does not come through its mailbox: see `MarketRecording`.
    """

    ports: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str, recording: MarketRecording, clock: SleepClock, logger: "Logger") -> None:
        super().__init__(name)
        self._recording = recording
        self._clock = clock
        self._logger = logger
        self._alarm = RecordingAlarm()
        self._lost = LostBooks()
        self._problems: dict[str, None] = {}
        self._rolled: Nanos = 0
        self.on = {Started: self._start, ActorDown: self._down}

    def _start(self, started: Started) -> None:
        self._recording.resume()

    def _down(self, down: ActorDown) -> None:
        if down.kind == "connector":
            self._recording.lost(down.index, self.now, "restart of the connector")

    # --- beside the mailbox -----------------------------------------------------------------------------------------

    async def run(self, emit: Emit) -> None:
        await run_together(partial(self._keep_flushing, emit), self._keep_looking, self._keep_rolling)

    async def _keep_flushing(self, emit: Emit) -> None:
        while True:
            began = self._clock.now_ns()
            if self._recording.failure is not None:
                raise self._recording.failure
            self._recording.take_own()
            status = await in_thread(self._recording, "flush", partial(self._recording.flush, began))
            if status is not None:
                for i in self._lost.due(status, began):
                    emit(f"snapshots:{self._recording.venue_of(i)}", RequestSnapshot(i))
            await self._sleep_until(began + FLUSH_EVERY)

    async def _keep_looking(self) -> None:
        while True:
            for notice in self._alarm.look(self._recording.status(), self._clock.now_ns()):
                self._tell(notice)
            await self._sleep_until(self._clock.now_ns() + _LOOK_EVERY)

    async def _keep_rolling(self) -> None:
        while True:
            pause = _LOOK_EVERY
            hour = (self._clock.now_ns() - _ROLL_AFTER) // HOUR
            if hour != self._rolled:
                report = await in_thread(self._recording, "roll", self._recording.roll)
                if report is not None:
                    self._tell_of_hours(report)
                if report is None or report.problems:
                    pause = MINUTE
                else:
                    self._rolled = hour
            await self._sleep_until(self._clock.now_ns() + pause)

    async def _sleep_until(self, at: Nanos) -> None:
        await trio.sleep(self._clock.seconds_until(at))

    def _tell_of_hours(self, report: RollReport) -> None:
        if report.hours:
            self._tell(Notice("INFO", "recording: hours written", {"n_hours": len(report.hours)}))
        for problem in report.problems:
            if problem not in self._problems:
                self._problems[problem] = None
                self._tell(Notice("ERROR", "recording: an hour is not written", {"error": problem}))

    def _tell(self, notice: Notice) -> None:
        self._logger.bind(child=self.name, **notice.facts).log(notice.level, notice.text)


async def in_thread(recording: MarketRecording, what: str, work: Callable[[], T]) -> T | None:
    """Do work on the disk in a thread; None: the one before, which nobody waits for any more, is still at it."""

    def do() -> T | None:
        claim = object()
        if recording.at_work.setdefault(what, claim) is not claim:
            return None
        try:
            return work()
        finally:
            del recording.at_work[what]

    # a disk that hangs holds nobody up: the thread is left alone with it
    return await trio.to_thread.run_sync(do, abandon_on_cancel=True)


async def end_recording(
    recording: MarketRecording, clock: Clock, close_s: float = 10.0, roll_s: float = math.inf
) -> tuple[RecorderStatus, RollReport] | None:
    """End a recording once nobody trades any more: what waits is written, and the hours are made.

    None: the disk has not done it in so many seconds; what it has is finished by the next start, or by `repair`.
    """
    status = report = None
    recording.take_own()
    with trio.move_on_after(close_s):
        status = await _in_turn(recording, "flush", partial(recording.close, clock.now_ns()))
    if status is not None:
        with trio.move_on_after(roll_s):
            report = await _in_turn(recording, "roll", recording.roll)
    return None if status is None or report is None else (status, report)


async def _in_turn(recording: MarketRecording, what: str, work: Callable[[], T]) -> T:
    """Do work on the disk when the one before is done."""
    # one that was left alone can wake nobody
    while (done := await in_thread(recording, what, work)) is None:  # noqa: ASYNC110
        await trio.sleep(0.01)
    return done
