"""Live runs on the generated market, their journals, and what follows them."""

from collections.abc import Sequence
from pathlib import Path

import attrs

from actors.runtime.actor import Actor
from actors.runtime.journal import JournalFile
from actors.runtime.live import LiveNursery
from actors.runtime.live_clock import LiveClock
from actors.runtime.nursery import Outcome
from actors.runtime.planned_crash import PlannedCrash
from actors.runtime.run_log import RunLog
from actors.runtime.wiring import wire
from actors.strategies.vamp import VampQuoter
from market.book import Book
from market.units import SECOND, Nanos
from sim.config import RunConfig
from sim.journal_replay import JournalReplay
from sim.market_data import ColumnData
from sim.market_shell import MarketTask
from sim.market_world import MarketWorld, instruments_of, trading_of
from tests.sim.crash_runs import NoTables

SCALE = 20.0  # virtual seconds in a real one
# a minute of a busy machine: these runs are about what is decided, not about how soon it is proven
PATIENCE: Nanos = 1200 * SECOND


@attrs.frozen
class Finished:
    """What a live run came to."""

    outcome: Outcome
    digest: str
    world: MarketWorld
    nursery: LiveNursery
    n_rows: int


async def run_live(
    config: RunConfig,
    data: ColumnData,
    journal: Path,
    crashes: Sequence[PlannedCrash] = (),
    drain_ns: Nanos = PATIENCE,
) -> Finished:
    """Run a config on the real clock, twenty times as fast, and write a journal."""
    instruments = instruments_of(data)
    log = RunLog()
    world = MarketWorld(config, data, instruments, NoTables(), log=log)
    clock = LiveClock(start=world.start, scale=SCALE)
    task = MarketTask(world)
    nursery = LiveNursery(
        log,
        config.run.seed,
        clock,
        hooks=task.hooks,
        crashes=crashes,
        journal=JournalFile(journal),
        drain_ns=drain_ns,
    )
    wire(nursery, trading_of(config, instruments), task.connectors(), NoTables())
    task.bind(nursery, clock)
    outcome = await task.run()
    return Finished(outcome, log.digest(), world, nursery, len(log))


def replay(config: RunConfig, data: ColumnData, journal: Path, *, is_recorded: bool = False) -> str:
    """Follow a journal with the actors of a config; return the digest."""
    instruments = instruments_of(data)
    follower = JournalReplay(RunLog())
    shells = [_never_started for _ in instruments.venues]
    recorder = _never_started if is_recorded else None
    wire(follower, trading_of(config, instruments), shells, NoTables(), recorder)
    return follower.follow(journal)


def _never_started() -> Actor:
    raise AssertionError("what shells sent stands in the journal")


class OneDecisionElse(VampQuoter):
    """Quotes as its base does, but at its 400th book one tick lower."""

    n_books = 0

    def on_book(self, book: Book) -> None:
        super().on_book(book)
        self.n_books += 1
        if self.n_books == 400 and self.out:
            quotes = self.out.pop()[1]
            bids = tuple((price - 1, size) for price, size in quotes.bids)
            self.quote(self.instrument, bids, quotes.asks)
