"""A run whose orders stay on paper: market data passes unchanged, orders never leave, and what is held is kept."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest
import trio
import trio.testing

from actors.runtime.journal import JournalFile
from actors.runtime.live_clock import LiveClock
from actors.runtime.nursery import Emit, Shell
from actors.runtime.planned_crash import PlannedCrash
from market import messages as vocabulary
from market.instrument import InstrumentTable
from market.messages import ConnectionLost, OrderAccepted, RequestSnapshot, Started, Stop, Trade
from market.order_log import LogKind
from market.units import SECOND
from sim.config import DataSection, RunConfig
from sim.paper import PaperExchange, paper_model
from sim.paper_shell import PaperVenue
from tests.sim.crash_runs import market
from tests.sim.live_runs import replay
from tests.sim.market_script import perpetual
from tests.sim.paper_runs import OnPaper, run_on_paper

SECONDS = 24


def config() -> RunConfig:
    return attrs.evolve(RunConfig(), data=DataSection(preset="crash", seconds=SECONDS))


def run(**more: Any) -> OnPaper:
    return trio.run(partial(run_on_paper, config(), market(7, SECONDS), **more))


def fills_of(done: OnPaper) -> list[tuple[int, ...]]:
    return [row for row in done.rows if row[0] in (LogKind.FILL_MAKER, LogKind.FILL_TAKER)]


def held(done: OnPaper, instrument: int) -> int:
    """Return the position by the fills of the run's own log."""
    return sum(row[5] * row[7] for row in fills_of(done) if row[3] == instrument)


def check(done: OnPaper, crashed: Sequence[str] = ()) -> None:
    assert (done.outcome.kind, done.outcome.unproven) == ("done", 0)
    assert {name for name, cell in done.nursery.cells.items() if cell.generation} >= set(crashed)
    assert len(fills_of(done)) > 0, "it must have traded, or nothing is shown"
    numbers = [(row[3], row[8]) for row in fills_of(done)]
    assert len(numbers) == len(set(numbers)), "each fill once"
    for paper in done.papers:
        assert paper.positions() == tuple((i, held(done, i)) for i, _ in paper.positions())
        assert paper.open_orders() == ()


@pytest.mark.realtime
def test_a_run_on_paper_trades_and_is_followed_from_its_journal(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    done = run(journal=JournalFile(journal))
    check(done)
    for feed, told in zip(done.feeds, done.told, strict=True):
        assert len(told) > len(feed) / 2, "a busy machine may come to the end before all is told"
        assert [id(each[2]) for each in feed[: len(told)]] == [id(each) for each in told], "unchanged, in order"
    assert {type(message) for message in done.got} <= {RequestSnapshot}
    assert replay(config(), market(7, SECONDS), journal) == done.nursery.log.digest()


@pytest.mark.realtime
def test_positions_are_kept_over_connections() -> None:
    done = run(crashes=(PlannedCrash("venue:bybit", at_message=30), PlannedCrash("venue:bybit", at_message=80)))
    check(done, ["venue:bybit"])


@pytest.mark.realtime
def test_a_run_that_is_given_up_cancels_all_and_proves_it() -> None:
    begin = market(7, SECONDS).feeds[0][2].ts_recv[0]
    done = run(crashes=[PlannedCrash("manager", at_ns=int(begin) + (5 + n) * SECOND) for n in range(12)])
    assert (done.outcome.kind, done.outcome.unproven) == ("gave up", 0)
    assert [row[0] for row in done.rows].count(LogKind.CANCEL_ALL) == 2, "one an instrument, in the run's own log"
    assert done.rows[-1][0] in (LogKind.CANCEL_ALL, LogKind.CANCELLED)
    assert all(paper.open_orders() == () for paper in done.papers)


# --- nothing private reaches the venue -------------------------------------------------------------------------------


class Inside(Shell):
    """A connection that would take anything, and tells what it is given to tell."""

    def __init__(self, tells: Sequence[tuple[str, Any]] = ()) -> None:
        super().__init__("inside")
        self.on = dict.fromkeys(MESSAGES, lambda message: None)
        self.got: list[Any] = []
        self.tells = tells

    def handle(self, message: Any) -> None:
        self.got.append(message)

    async def run(self, emit: Emit) -> None:
        for port, message in self.tells:
            emit(port, message)
        await trio.sleep_forever()


def paper_venue(inside: Shell) -> PaperVenue:
    paper = PaperExchange(InstrumentTable([perpetual()]), 0, paper_model("v"), "venue:v", seed=1)
    return PaperVenue("venue:v", inside, paper, LiveClock(start=SECOND))


MESSAGES = [
    each
    for name in vocabulary.__all__
    if isinstance(each := getattr(vocabulary, name), type) and issubclass(each, msgspec.Struct)
]
NUMBER: dict[Any, Any] = {int: 1, str: "x", bool: True, float: 1.0}


async def test_a_trade_that_is_told_late_fills_nothing() -> None:
    late, live = Trade(0, 1, 2, 100, 1, 1, 7), Trade(0, 2, 2, 100, 1, 1, 8)
    taken: list[Any] = []

    class Watched(PaperExchange):
        def take(self, message: Any, now: int) -> None:
            taken.append(message)
            super().take(message, now)

    inside = Inside([("marks", late), ("trades", live)])
    paper = Watched(InstrumentTable([perpetual()]), 0, paper_model("v"), "venue:v", seed=1)
    shell = PaperVenue("venue:v", inside, paper, LiveClock(start=SECOND))
    told: list[tuple[str, Any]] = []
    both = trio.Event()

    def emit(port: str, message: Any) -> bool:
        told.append((port, message))
        if len(told) == 2:
            both.set()
        return True

    with trio.fail_after(30):
        async with trio.open_nursery() as tasks:
            tasks.start_soon(shell.run, emit)
            await both.wait()
            await trio.testing.wait_all_tasks_blocked()
            tasks.cancel_scope.cancel()
    assert told == [("marks", late), ("trades", live)], "who records hears both"
    assert taken == [live]


async def test_no_command_can_reach_the_connection_inside() -> None:
    assert len(MESSAGES) > 40
    inside = Inside()
    shell = paper_venue(inside)
    n_taken = 0
    for kind in MESSAGES:
        message = kind(*(NUMBER.get(field.type, 1) for field in msgspec.structs.fields(kind)))
        try:
            shell.handle(message)
        except (KeyError, IndexError):  # it is not taken, or names an instrument that there is none of
            continue
        n_taken += 1
    assert n_taken >= 7
    assert {type(message) for message in inside.got} == {RequestSnapshot, Started, Stop}
    shell.abandon()
    assert {type(message) for message in inside.got} == {RequestSnapshot, Started, Stop}


@pytest.mark.parametrize("port", ["facts", "fills"])
async def test_a_connection_that_speaks_of_orders_is_refused(port: str) -> None:
    inside = Inside([(port, OrderAccepted(1, 0, 1, 1))])
    told: list[Any] = []

    def hear(port: str, message: Any) -> bool:
        told.append((port, message))
        return True

    with pytest.raises(RuntimeError, match=rf"^inside told OrderAccepted by port {port}: it must have no key$"):
        await paper_venue(inside).run(hear)
    assert told == []


async def test_a_lost_connection_is_told_and_orders_stay() -> None:
    lost = ConnectionLost(0, SECOND, 0, "gone")
    inside = Inside([("connection", lost)])
    told: list[tuple[str, Any]] = []

    def hear(port: str, message: Any) -> bool:
        told.append((port, message))
        heard.set()
        return True

    heard = trio.Event()
    shell = paper_venue(inside)
    async with trio.open_nursery() as tasks:
        tasks.start_soon(shell.run, hear)
        await heard.wait()
        tasks.cancel_scope.cancel()
    assert told == [("connection", lost)]
