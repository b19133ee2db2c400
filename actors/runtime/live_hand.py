"""The hand: takes a person's halts, clearings and hedges, writes down what comes of them, and shows that the actors are
alive.

A heartbeat is written only for an answer of the order manager that came by way of the guard: a process that hangs, or
whose order manager is down or held up, stops beating, whatever else in it still runs.
"""

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

import attrs
import loguru
import msgspec
import trio
import trio.to_thread

from actors.runtime.live_clock import LiveClock
from actors.runtime.nursery import Emit, Shell
from actors.runtime.state_folder import Beat, Halt, StateError, StateFolder
from market.messages import (
    HaltCause,
    HaltCleared,
    HaltRequested,
    Heartbeat,
    HeartbeatAsked,
    HedgeAnswered,
    HedgeRequested,
    Started,
    Stop,
    TradingState,
    TradingStateChanged,
)
from market.units import SECOND

if TYPE_CHECKING:
    from loguru import Logger

_POLL_S: Final = 0.2
_BEAT_S: Final = 1.0
_OLDEST_WISH: Final = 30 * SECOND  # one that waited longer was meant for another market
_NO_DESK: Final = 'this run has no hedge desk: add a [[quoter]] with strategy = "portfolio"'
_HALTED: Final = int(TradingState.HALTED)


@attrs.define(eq=False)
class HandBox:
    """What outlives a restart of the hand.

    Attributes:
        pid: of this process, for the heartbeat.
        halt: the halt in force; None: there is none.
        is_written: it stands in the folder.
        has_desk: there is somebody who takes a person's hedges.
        hedge: name of the one that waits for its answer; empty: none.
        thrown: why a person has asked for a halt, by a signal, until the guard is told.
    """

    folder: StateFolder
    clock: LiveClock
    pid: int
    logger: "Logger" = attrs.field(factory=lambda: loguru.logger)
    halt: Halt | None = None
    is_written: bool = False
    has_desk: bool = False
    hedge: str = ""
    thrown: list[str] = attrs.field(factory=list)

    def throw(self, reason: str) -> None:
        """Halt: whoever calls this speaks for a person."""
        self.thrown.append(reason)

    def start(self, name: str = "hand") -> "Hand":
        """Make the shell; to be called for every start."""
        return Hand(name, self)


class Hand(Shell):
    """In: `TradingStateChanged`, `Heartbeat`, `HedgeAnswered`.

    Out: `wishes` to the guard, `hedges` to the hedge desk, `beat`: the question that it passes on.
    """

    ports: ClassVar[tuple[str, ...]] = ("wishes", "hedges", "beat")

    def __init__(self, name: str, box: HandBox) -> None:
        super().__init__(name)
        self._box = box
        self._answer: Heartbeat | None = None
        self._hedged: HedgeAnswered | None = None  # to be written down
        self._n_asked = 0
        self.on = {
            TradingStateChanged: self._on_state,
            Heartbeat: self._on_heartbeat,
            HedgeAnswered: self._on_hedged,
            Started: lambda m: None,
            Stop: self._on_stop,
        }

    # --- what the actors say -----------------------------------------------------------------------------------------

    def _on_state(self, news: TradingStateChanged) -> None:
        box = self._box
        if news.state != _HALTED:
            box.halt, box.is_written = None, False
            return
        box.halt = Halt(news.ts, HaltCause(news.cause).name, news.text)
        # of an earlier run the reason is there already, unless it was only wished for
        box.is_written = news.cause == HaltCause.EARLIER_RUN and (box.folder.path / "halt.json").exists()

    def _on_heartbeat(self, answer: Heartbeat) -> None:
        self._answer = answer

    def _on_hedged(self, answer: HedgeAnswered) -> None:
        waits = self._box.hedge
        # others ask the desk as well; one that was restarted answers whatever it was asked
        if not waits or answer.request not in ("", waits):
            return
        self._hedged = msgspec.structs.replace(answer, request=waits)
        if answer.is_over:
            self._box.hedge = ""

    def _on_stop(self, message: Stop) -> None:
        if self._hedged is not None:
            self._write_answer(self._hedged)
        # the last chance: the loop below is not waited for
        if self._box.halt is not None and not self._box.is_written:
            self._write_halt(self._box.halt)

    # --- the folder --------------------------------------------------------------------------------------------------

    async def run(self, emit: Emit) -> None:
        """Look at the folder a few times a second, beat once a second."""
        beat_at = trio.current_time()
        while True:
            await self._see_to_halts(emit)
            await self._see_to_hedges(emit)
            if trio.current_time() >= beat_at:
                beat_at = trio.current_time() + _BEAT_S
                self._n_asked += 1
                emit("beat", HeartbeatAsked(self._n_asked))
            await self._beat()
            await trio.sleep(_POLL_S)

    async def _see_to_halts(self, emit: Emit) -> None:
        box = self._box
        now = box.clock.now_ns()
        while box.thrown:
            emit("wishes", HaltRequested(now, _HALTED, HaltCause.PERSON, box.thrown.pop(0)))
        halt = box.halt
        if halt is None:
            wish = box.folder.wish()
            if wish is not None:
                emit("wishes", HaltRequested(now, _HALTED, HaltCause.PERSON, wish))
        elif not box.is_written:
            await trio.to_thread.run_sync(partial(self._write_halt, halt))
        elif box.folder.is_cleared:
            emit("wishes", HaltCleared(now, "cleared in the state folder"))

    def _write_halt(self, halt: Halt) -> None:
        """Write a halt down; where the disk does not take it, the heartbeat tells of it, and it is tried again."""
        box = self._box
        try:
            box.folder.write_halt(halt)
        except OSError as error:
            box.logger.bind(error=str(error)).error("halt not written")
        else:
            box.is_written = box.halt is halt

    async def _see_to_hedges(self, emit: Emit) -> None:
        box = self._box
        answer, self._hedged = self._hedged, None
        if answer is None:
            try:
                wish = box.folder.take_hedge()
            except (StateError, OSError) as error:
                box.logger.bind(error=str(error)).error("hedge wish not readable")
                return
            if wish is not None:
                answer = self._pass_on(wish, emit)
        if answer is not None:
            await trio.to_thread.run_sync(partial(self._write_answer, answer))

    def _pass_on(self, wish: HedgeRequested, emit: Emit) -> HedgeAnswered | None:
        """Give a wish to the desk, or answer why not."""
        box, now = self._box, self._box.clock.now_ns()
        box.logger.bind(**msgspec.to_builtins(wish)).info("hedge asked for")
        age = now - wish.ts
        text = ""
        if not box.has_desk:
            text = _NO_DESK
        elif age > _OLDEST_WISH:
            text = f"the request is {age / SECOND:.0f} s old: ask again"
        elif box.hedge not in ("", wish.request):
            text = f"request {box.hedge!r} is under way: ask again when it is over"
        if text:
            return HedgeAnswered(now, wish.request, True, text)
        box.hedge = wish.request
        emit("hedges", wish)
        return None

    def _write_answer(self, answer: HedgeAnswered) -> None:
        box = self._box
        box.logger.bind(**msgspec.to_builtins(answer)).info("hedge answered")
        try:
            box.folder.write_hedge_answer(answer)
        except OSError as error:
            box.logger.bind(error=str(error)).error("hedge answer not written")

    async def _beat(self) -> None:
        answer, self._answer = self._answer, None
        # the answer to an older question proves nothing of now
        if answer is None or answer.number != self._n_asked:
            return
        box = self._box
        state = TradingState(answer.state).name
        beat = Beat(answer.number, box.clock.now_ns(), box.pid, answer.generation, state, answer.n_live)
        try:
            await trio.to_thread.run_sync(box.folder.write_beat, beat)
        except OSError as error:
            box.logger.bind(error=str(error)).error("heartbeat not written")
