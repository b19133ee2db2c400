"""A live run on venues that fail, watched from beside: what it left over, and whether both sides agree."""

import math
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final

import attrs
import trio

from actors.runtime.live_clock import LiveClock
from actors.runtime.log_reader import LOG_NAME
from actors.runtime.nursery import Outcome
from market.messages import LevelArray
from market.order_log import LogKind
from market.units import ClientOrderId
from scripts.live.config import load_live_config
from scripts.live.real_venues import RealVenues, prepare_venues
from scripts.live.run import LiveRun
from scripts.live_demo import EmulatorProcess
from scripts.replay_journal import EXIT_SAME, follow
from venues.binance.client_ids import id_text
from venues.bybit.order_ids import link_of
from venues.hyperliquid.order_ids import cloid_of
from venues.paradex.order_ids import text_of

MAX_MB_A_MINUTE: Final = 0.5
_QUIET_S: Final = 5.0  # without faults, at the beginning and the end; of a short run less
_SETTLED_AFTER: Final = 0.25  # of the time, what grows is growth
_JUDGED_AFTER_S: Final = 600.0  # a shorter run fills caches and rings still
_N_LOOKS: Final = 200
_TRY_S: Final = 0.05
_HEALED_S: Final = 90.0  # Binance wants to be left alone for a minute after one request too many
_ROLLED_S: Final = 15  # after an hour has ended its files are made
_FEWEST_LEVELS: Final = 10
_MORE: Final = 12  # handles or tasks more than at the beginning: those of connections that are being opened
# how an order of ours is named to a venue
_NAME_OF: Final[Mapping[str, Callable[[ClientOrderId], str]]] = {
    "binance-futures": id_text,
    "bybit": link_of,
    "hyperliquid": cloid_of,
    "paradex": text_of,
    "woox": str,
}
_FILLS: Final = (LogKind.FILL_MAKER, LogKind.FILL_TAKER)
_DONE: Final = (LogKind.REJECTED, LogKind.CANCELLED, LogKind.EXPIRED)


@attrs.frozen
class Look:
    """What the process holds at one instant; `rss` in MB, `hour` since the epoch, UTC."""

    at_s: float
    hour: int
    rss: float
    n_tasks: int
    n_handles: int


def look() -> Look:
    """Look at this process; inside of Trio."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    rss = pages * os.sysconf("SC_PAGESIZE") / 1e6
    n_tasks = trio.lowlevel.current_statistics().tasks_living
    return Look(trio.current_time(), int((time.time() - _ROLLED_S) // 3600), rss, n_tasks, len(handles()))


def handles() -> list[str]:
    """Return what the open files of this process are: paths, sockets, pipes."""
    found = []
    for each in list(Path("/proc/self/fd").iterdir()):
        try:
            found.append(str(each.readlink()))
        except FileNotFoundError:  # the one that lists them
            continue
    return sorted(found)


def slope(looks: Sequence[Look]) -> float:
    """Return how fast the memory grows, MB a minute, by least squares; 0 of fewer than three looks.

    Each hour has a level of its own: the recorder makes files of the one before, which takes more memory once.
    """
    above = below = 0.0
    for _, group in groupby(looks, key=lambda each: each.hour):
        of_hour = list(group)
        mean_t = sum(each.at_s for each in of_hour) / len(of_hour)
        mean_m = sum(each.rss for each in of_hour) / len(of_hour)
        above += sum((each.at_s - mean_t) * (each.rss - mean_m) for each in of_hour)
        below += sum((each.at_s - mean_t) ** 2 for each in of_hour)
    return above / below * 60 if len(looks) > 2 and below else 0.0


class Soak:
    """One run.

    Args:
        config: with the emulator's addresses.  out: the run directory; empty.
        seconds: how long faults come; seed, per_minute, kinds: of them.  venues: that they come at.
    """

    def __init__(
        self,
        config: Path,
        emulator: EmulatorProcess,
        out: Path,
        *,
        seconds: float,
        seed: int,
        per_minute: float,
        kinds: Sequence[str],
        venues: Sequence[str],
    ) -> None:
        self._config = config
        self._emulator = emulator
        self._out = out
        self._seconds = seconds
        self._seed = seed
        quiet_s = min(_QUIET_S, seconds / 5)
        self._plan = {
            "seed": seed,
            "seconds": seconds,
            "per_minute": per_minute,
            "kinds": kinds,
            "venues": venues,
            "quiet_s": quiet_s,
        }
        self._problems: list[str] = []
        self._looks: list[Look] = []
        self._traded_to = math.inf

    def run(self) -> dict[str, Any]:
        """Trade, compare; return figures and problems."""
        before = handles()
        run, outcome = trio.run(self._main)
        result = run.finish(outcome)
        self._blame(outcome != Outcome("done"), f"the run ended otherwise than proven: {outcome}")
        self._blame(not result["complete"], f"the result is not complete: {result['faults']}, {result['left_down']}")
        self._blame(bool(result["halts"]), f"trading was halted: {result['halts']}")
        self._blame(bool(run.overview.n_restarts), f"actors crashed: {dict(run.overview.n_restarts)}")
        shown = sorted(each.client_id for each in run.overview.orders)
        self._blame(bool(shown), f"orders are shown live when the run is over: {shown}")
        is_amiss = '"wallet differs"' in (self._out / LOG_NAME).read_text(encoding="utf-8")
        self._blame(is_amiss, "a wallet is not what the fills make of it: see log.jsonl")
        left = Counter(handles()) - Counter(before)
        self._blame(bool(left), f"files or sockets are left open: {dict(left)}")
        truth = self._emulator.truth(whole=True)
        for venue in run.instruments.venues:
            self._compare(run, venue, truth[venue])
        self._blame(follow(self._out) != EXIT_SAME, "the journal does not replay to the same decisions")
        return {
            "seconds": self._seconds,
            "seed": self._seed,
            "faults": next(iter(truth.values()))["faults"],
            "connections_lost": sum(each.n_lost for each in run.overview.connections.values()),
            "orders": run.overview.orders.counts[LogKind.PLACE],
            "fills": sum(each["n_fills"] for each in truth.values()),
            "recorded": result["recorded"],
            **self._growth(),
            "problems": self._problems,
        }

    # --- while it runs ------------------------------------------------------------------------------------------------

    async def _main(self) -> tuple[LiveRun, Outcome]:
        config, clock = load_live_config(self._config), LiveClock()
        prepared = await prepare_venues(config, self._config.parent, clock, Path("/nowhere"))
        n_tasks = look().n_tasks
        venues = RealVenues(prepared, config.run.seed, config.run.depth)
        run = LiveRun(config, venues, self._out, session=1, folder=self._config.parent, clock=clock)
        async with trio.open_nursery() as tasks:
            tasks.start_soon(self._look)
            tasks.start_soon(self._direct, run)
            outcome = await run.run()
            tasks.cancel_scope.cancel()
        n_left = look().n_tasks - n_tasks
        self._blame(n_left > 0, f"{n_left} tasks are left over")
        return run, outcome

    async def _direct(self, run: LiveRun) -> None:
        """Let the venues fail, and the run end in time."""
        while not run.overview.orders.counts[LogKind.ACCEPTED]:  # noqa: ASYNC110  # the venues say when they take orders
            await trio.sleep(_TRY_S)
        await self._ask(plan=self._plan)
        await trio.sleep(self._seconds)
        self._traded_to = trio.current_time()  # what comparing and ending take is no growth
        await self._compare_books(run)
        await self._compare_orders(run)
        run.nursery.request_stop()

    async def _look(self) -> None:
        while True:
            self._looks.append(look())
            await trio.sleep(max(self._seconds / _N_LOOKS, 0.1))

    async def _ask(self, **asked: Any) -> dict[str, Any]:
        return await trio.to_thread.run_sync(lambda: self._emulator.truth(**asked))

    async def _compare_books(self, run: LiveRun) -> None:
        """See every book equal to the venue's at least once: a wrong one never is, a right one may be under way."""
        wanted = {each.id for each in run.instruments}
        end = trio.current_time() + _HEALED_S
        while trio.current_time() < end:
            truth = await self._ask(whole=True)
            for number in sorted(wanted):
                instrument = run.instruments[number]
                book = run.overview.feeds[number].book
                bids, asks = truth[instrument.venue]["books"][instrument.symbol]
                if book is not None and _is_top_of(book.bids, bids) and _is_top_of(book.asks, asks):
                    wanted.discard(number)
            if not wanted:
                return
            await trio.sleep(_TRY_S)
        for number in sorted(wanted):
            feed = run.overview.feeds[number]
            self._blame(True, f"the book of {run.instruments[number].name} is never the venue's ({feed.stale})")

    async def _compare_orders(self, run: LiveRun) -> None:
        """See the orders that are shown as live equal to those that stand, at each venue at least once."""
        wanted = dict.fromkeys(run.instruments.venues)
        end = trio.current_time() + _HEALED_S
        differences: dict[str, str] = {}
        while trio.current_time() < end:
            truth = await self._ask(whole=True)
            run.look()
            for venue in list(wanted):
                name_of = _NAME_OF[venue]
                mine = [each for each in run.overview.orders if run.instruments[each.instrument].venue == venue]
                ours, theirs = {name_of(each.client_id) for each in mine}, set(truth[venue]["open"])
                differences[venue] = f"only shown {sorted(ours - theirs)}, only there {sorted(theirs - ours)}"
                if ours == theirs:
                    del wanted[venue]
            if not wanted:
                return
            await trio.sleep(_TRY_S)
        for venue in wanted:
            self._blame(True, f"{venue}: what is shown live never is what stands there: {differences[venue]}")

    # --- afterwards ---------------------------------------------------------------------------------------------------

    def _compare(self, run: LiveRun, venue: str, truth: dict[str, Any]) -> None:
        instruments = {each.id: each for each in run.instruments if each.venue == venue}
        rows = [row for row in run.log.rows() if row[3] in instruments]
        placed = {row[4] for row in rows if row[0] == LogKind.PLACE}
        accepted = {row[4] for row in rows if row[0] == LogKind.ACCEPTED}
        ours = Counter(
            (
                _NAME_OF[venue](row[4]),
                instruments[row[3]].symbol,
                row[5],
                row[6],
                row[7],
                row[0] == LogKind.FILL_MAKER,
                row[9],
            )
            for row in rows
            if row[0] in _FILLS
        )
        theirs = Counter(tuple(fill) for fill in truth["fills"])
        self._blame(ours != theirs, f"{venue}: fills differ: only ours {ours - theirs}, only theirs {theirs - ours}")
        held = Counter({each.symbol: 0 for each in instruments.values()})
        for (_, symbol, side, _, size, *_), n in ours.items():
            held[symbol] += side * size * n
        told = {i.symbol: p.lots for number, i in instruments.items() if (p := run.overview.positions.get(number))}
        for name, lots in (("fills", dict(held)), ("the tracker", {**dict.fromkeys(held, 0), **told})):
            self._blame(lots != truth["positions"], f"{venue}: positions {truth['positions']}, by {name} {lots}")
        self._blame(truth["n_open"] > 0, f"{venue}: {truth['n_open']} orders are open there")
        n = truth["n_orders"]
        text = f"{venue}: took {n} orders, of {len(placed)} that were sent and {len(accepted)} it was heard to take"
        self._blame(not len(accepted) <= n <= len(placed), text)

    def _growth(self) -> dict[str, Any]:
        looks = [each for each in self._looks if each.at_s <= self._traded_to]
        begin = looks[0].at_s + self._seconds * _SETTLED_AFTER
        settled = [each for each in looks if each.at_s >= begin]
        rate = slope(settled)
        by_minute = {int((each.at_s - looks[0].at_s) / 60): round(each.rss, 1) for each in looks}
        steps = [round(b.rss - a.rss, 1) for a, b in pairwise(looks) if a.hour != b.hour]
        if self._seconds >= _JUDGED_AFTER_S:
            self._blame(rate >= MAX_MB_A_MINUTE, f"memory grows by {rate:.2f} MB a minute")
        quarter = max(len(looks) // 4, 1)
        for name in ("n_tasks", "n_handles"):
            first, last = (median(getattr(each, name) for each in part) for part in (looks[:quarter], looks[-quarter:]))
            self._blame(last > first + _MORE, f"{name[2:]} grow: {first:g} in the first quarter, {last:g} in the last")
        return {
            "rss_mb": round(looks[-1].rss, 1),
            "rss_mb_per_minute": round(rate, 3),
            "rss_mb_at_hours": steps,
            "rss_mb_by_minute": list(by_minute.values()),
        }

    def _blame(self, is_wrong: bool, text: str) -> None:
        if is_wrong:
            self._problems.append(text)


def _is_top_of(ours: LevelArray | None, theirs: list[list[int]]) -> bool:
    """Tell whether levels are the venue's, as far as they reach: some venues tell of fewer than are compared."""
    if ours is None:
        return not theirs
    n = max(len(ours), min(len(theirs), _FEWEST_LEVELS))
    return [[int(ticks), int(lots)] for ticks, lots in ours] == theirs[:n]
