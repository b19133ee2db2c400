"""The hand: what it tells the guard, what it writes down, and when it stops beating."""

import errno
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.runtime.live_clock import LiveClock
from actors.runtime.live_hand import Hand, HandBox
from actors.runtime.state_folder import Beat, Halt, StateFolder
from market.messages import (
    HaltCause,
    HaltCleared,
    HaltRequested,
    Heartbeat,
    HeartbeatAsked,
    Stop,
    TradingState,
    TradingStateChanged,
)

pytestmark = pytest.mark.slow

NONE = Beat(0, 0, 0, 0, "", 0)
ACTIVE, HALTED = int(TradingState.ACTIVE), int(TradingState.HALTED)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for what the disk's threads bring about; each virtual tenth of a second is a while of real time."""
    for _ in range(3000):
        if is_so():
            return
        await trio.sleep(0.1)
    raise AssertionError("it has not come about")


class FillingFolder(StateFolder):
    """On a disk that is full at times."""

    is_full = False

    def write_halt(self, halt: Halt) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().write_halt(halt)


class Bench:
    """A hand, and in the place of the actors one who answers, or does not."""

    def __init__(self, path: Path) -> None:
        self.box = HandBox(FillingFolder(path), LiveClock(), pid=77)
        self.hand = self.box.start()
        self.said: list[Any] = []
        self.answers = True
        self.state = ACTIVE
        self.obeys = True

    def emit(self, port: str, message: Any) -> bool:
        if isinstance(message, HeartbeatAsked):
            assert port == "beat"
            if self.answers:
                self.hand.handle(Heartbeat(message.number, 2, self.state, 5))
            return True
        assert port == "wishes"
        self.said.append(message)
        if self.obeys and isinstance(message, HaltRequested):
            self.tell(HALTED, HaltCause(message.cause), message.text)
        elif self.obeys and isinstance(message, HaltCleared):
            self.tell(ACTIVE, HaltCause.NONE, message.text)
        return True

    def tell(self, state: int, cause: HaltCause, text: str) -> None:
        self.state = state
        self.hand.handle(TradingStateChanged(123, state, cause, text))

    @property
    def folder(self) -> StateFolder:
        return self.box.folder


@pytest.fixture
async def bench(tmp_path: Path, autojump_clock: MockClock) -> AsyncIterator[Bench]:
    autojump_clock.autojump_threshold = 0.02  # the disk's threads have their time
    made = Bench(tmp_path)
    async with trio.open_nursery() as tasks:
        tasks.start_soon(made.hand.run, made.emit)
        yield made
        tasks.cancel_scope.cancel()


async def test_it_beats_for_answers_only(bench: Bench, autojump_clock: MockClock) -> None:
    await until(lambda: (bench.folder.beat() or NONE).number >= 3)
    beat = bench.folder.beat()
    assert beat is not None
    assert (beat.pid, beat.generation, beat.state, beat.n_live, beat.is_over) == (77, 2, "ACTIVE", 5, False)
    bench.answers = False
    await trio.sleep(1.5)
    last = bench.folder.beat()
    await trio.sleep(5)
    assert bench.folder.beat() == last
    bench.answers = True
    await until(lambda: bench.folder.beat() != last)


async def test_an_answer_to_an_old_question_is_no_sign_of_life(bench: Bench, autojump_clock: MockClock) -> None:
    bench.answers = False
    await trio.sleep(5)
    last = bench.folder.beat()
    bench.hand.handle(Heartbeat(1, 2, ACTIVE, 5))
    await trio.sleep(1)
    assert bench.folder.beat() == last


async def test_a_file_halts_and_the_halt_is_written_down(bench: Bench, autojump_clock: MockClock) -> None:
    await trio.sleep(1)
    assert bench.said == []
    bench.folder.wish_halt("a test")
    await until(lambda: bench.folder.halt() is not None)
    assert [type(m) for m in bench.said] == [HaltRequested]
    assert (bench.said[0].state, bench.said[0].cause, bench.said[0].text) == (HALTED, HaltCause.PERSON, "a test")
    assert bench.folder.halt() == Halt(123, "PERSON", "a test")


async def test_a_wish_is_repeated_until_it_is_obeyed(bench: Bench, autojump_clock: MockClock) -> None:
    bench.obeys = False
    bench.folder.wish_halt("a test")
    await trio.sleep(1)
    assert len(bench.said) > 2
    assert bench.folder.halt() is None


async def test_a_signal_halts(bench: Bench, autojump_clock: MockClock) -> None:
    bench.box.throw("signal SIGUSR1")
    await until(lambda: bench.folder.halted() == "PERSON: signal SIGUSR1")
    assert [m.text for m in bench.said] == ["signal SIGUSR1"]


async def test_the_guards_halt_is_written_down_and_cleared_by_a_person_alone(
    bench: Bench, autojump_clock: MockClock
) -> None:
    bench.tell(HALTED, HaltCause.DRAWDOWN, "far below")
    await until(lambda: bench.folder.halted() == "DRAWDOWN: far below")
    await trio.sleep(10)
    assert bench.said == []
    bench.folder.clear(0, "looked")
    await until(lambda: bench.said != [])
    assert [type(m) for m in bench.said] == [HaltCleared]
    assert bench.folder.halted() == ""
    bench.tell(HALTED, HaltCause.REJECTS, "many")
    await until(lambda: bench.folder.halted() == "REJECTS: many")


async def test_a_folder_that_is_gone_clears_nothing(bench: Bench, autojump_clock: MockClock) -> None:
    bench.tell(HALTED, HaltCause.DRAWDOWN, "far below")
    await until(lambda: bench.folder.halted() != "")
    away = bench.folder.path.with_name("away")
    bench.folder.path.rename(away)
    await trio.sleep(5)
    assert bench.said == []
    away.rename(bench.folder.path)
    bench.folder.clear(0, "looked")
    await until(lambda: bench.said != [])
    assert [type(m) for m in bench.said] == [HaltCleared]


async def test_an_earlier_halt_keeps_its_own_words(bench: Bench, autojump_clock: MockClock) -> None:
    bench.folder.write_halt(Halt(5, "DRAWDOWN", "far below"))
    bench.tell(HALTED, HaltCause.EARLIER_RUN, bench.folder.halted())
    await trio.sleep(1)
    assert bench.folder.halt() == Halt(5, "DRAWDOWN", "far below")
    bench.folder.clear(0, "looked")
    await until(lambda: bench.said != [])
    assert [type(m) for m in bench.said] == [HaltCleared]


async def test_an_earlier_wish_becomes_a_halt(bench: Bench, autojump_clock: MockClock) -> None:
    bench.folder.wish_halt("before the start")
    bench.tell(HALTED, HaltCause.EARLIER_RUN, bench.folder.halted())
    await until(lambda: bench.folder.halted() == "EARLIER_RUN: PERSON: before the start")
    assert bench.said == []


async def test_a_halt_that_cannot_be_written_is_no_clearing_and_is_tried_again(
    bench: Bench, autojump_clock: MockClock
) -> None:
    assert isinstance(bench.folder, FillingFolder)
    bench.folder.is_full = True
    bench.tell(HALTED, HaltCause.DRAWDOWN, "far below")
    await until(lambda: bench.folder.halted() == "the last heartbeat tells of a halt that could not be written down")
    assert bench.said == []
    bench.folder.is_full = False
    await until(lambda: bench.folder.halted() == "DRAWDOWN: far below")


async def test_a_halt_is_written_at_the_end_of_a_life_and_outlives_a_crash_of_the_hand(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    autojump_clock.autojump_threshold = 0.02
    box = HandBox(StateFolder(tmp_path), LiveClock(), pid=77)
    first = Hand("hand", box)
    first.handle(TradingStateChanged(123, HALTED, HaltCause.DRAWDOWN, "far below"))
    second = box.start()
    said: list[Any] = []

    def emit(port: str, message: Any) -> bool:
        said.append(message)
        return True

    async with trio.open_nursery() as tasks:
        tasks.start_soon(second.run, emit)
        await until(lambda: box.folder.halted() == "DRAWDOWN: far below")
        tasks.cancel_scope.cancel()
    box.folder.clear(0, "looked")
    second.handle(TradingStateChanged(456, HALTED, HaltCause.REJECTS, "many"))
    second.handle(Stop())
    assert box.folder.halted() == "REJECTS: many"
