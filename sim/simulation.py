"""A simulated run, from a config and market data to a run directory."""

import gc
import inspect
import json
import platform
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import Any, Final

import attrs
import tomli_w

from actors.quoter import Quoter
from actors.runtime.actor import Actor
from actors.runtime.children import Hooks
from actors.runtime.delivery_table import DeliveryTable
from actors.runtime.log import open_log
from actors.runtime.nursery import ActorSpec, Outcome
from actors.runtime.planned_crash import PlannedCrash
from actors.runtime.run_log import RunLog
from actors.runtime.safety_record import safety_record
from actors.runtime.wiring import QuoterPlan, wire
from market.archive.instrument_record import to_record
from market.archive.run_tables import RunTables
from market.book import Book
from market.instrument import Instrument
from market.portfolio import as_record, held_at, positions_by_base
from market.units import InstrumentId
from sim.config import RunConfig, config_dict
from sim.market_data import MarketData
from sim.market_world import MarketWorld, instruments_of, trading_of
from sim.plain_quoting import PlainQuoting
from sim.plain_stamps import PlainStamps
from sim.state_kernels import HEARD, SILENT, TRADES
from sim.virtual import NoShortcut, VirtualNursery

PACKAGES: Final = ("numpy", "numba", "msgspec", "attrs", "pyarrow", "trio")


@attrs.frozen
class Figures:
    """Where a run stands; `pnl` in quote currency, by the newest stamp of each instrument."""

    n_events: int
    n_fills: int
    pnl: float


class Simulation:
    """One run.  Build it, `run` it, `finish` it; every figure is then made from the run directory alone.

    Args:
        config: what to run.
        market: the data.
        out: the run directory; it exists and is empty.
        folder: that strategies' files are relative to.
        on_progress: called about every `progress_every` deliveries.
    """

    def __init__(
        self,
        config: RunConfig,
        market: MarketData,
        out: Path,
        *,
        folder: Path = Path(),
        on_progress: Callable[[], None] = lambda: None,
        progress_every: int = 4096,
    ) -> None:
        self.config = config
        self.out = out
        self._market = market
        self.instruments = instruments_of(market)
        trading = trading_of(config, self.instruments, folder)
        plans = self._plans = trading.plans
        # mirrors show a book before its keeper has weighed it
        is_spoken = config.run.deliver == "all" or any(config.run.service_us.values()) or config.books.weighs
        mode_of = None if is_spoken else partial(self._mode, plans)
        self._tables = RunTables(out, deliveries=config.run.deliveries)
        self.log = RunLog(out / "orders.log")
        self._world = world = MarketWorld(config, market, self.instruments, self._tables, mode_of, self.log)
        self.exchange, self.source, self.start = world.exchange, world.source, world.start
        self._closing = ExitStack()
        logger = self._closing.enter_context(open_log(out / "log.jsonl", lambda: self.nursery.now, "sim"))
        self.nursery = VirtualNursery(
            self.log,
            config.run.seed,
            journal=DeliveryTable(self._tables.deliver) if config.run.deliveries else None,
            logger=logger,
            start=self.start,
            hooks=Hooks(self._attach, self._down),
            on_progress=lambda nursery: on_progress(),
            progress_every=progress_every,
        )
        try:
            wires = wire(self.nursery, trading, world.connectors(), self._tables)
        except BaseException:
            self._closing.close()
            raise
        self.source.bind(self.nursery)
        self.source.on_speak = self._detach
        self.source.stamps = PlainStamps(self.nursery)
        self.exchange.log_facts(is_on=not is_spoken)
        self._quoting: PlainQuoting | None = None
        if not is_spoken and PlainQuoting.serves(plans):
            self._quoting = PlainQuoting(self.exchange, self.nursery, plans)
            self.nursery.shortcut = self._quoting
        for place, spec in enumerate(world.specs):
            edges = wires.trades if spec.kind == TRADES else wires.books
            self.source.heard[place] = [
                edges[spec.instrument, plan.index]
                for plan in plans
                if self._hears(plan, spec.kind, self.instruments[spec.instrument])
            ]

    # --- the run ----------------------------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Run to the end of the data, or until `nursery.stop_requested`."""
        # what stands now stands to the end: the collector need not walk it again and again, nor once before (80 ms)
        gc.freeze()
        try:
            outcome = self.nursery.run(self.source)
        finally:
            gc.unfreeze()
        self.source.flush()
        return outcome

    def plan_crashes(self, crashes: Iterable[PlannedCrash]) -> None:
        """Let actors crash on purpose; before `run`."""
        self.nursery.plan_crashes(crashes)

    def strategy_files(self) -> list[Path]:
        """Return the source files of the strategies, each once."""
        return list(dict.fromkeys(Path(inspect.getfile(plan.strategy)) for plan in self._plans))

    def figures(self) -> Figures:
        """Return where the run stands: cheap, for a progress line."""
        pnl = 0.0
        for stamp in self._tables.newest():
            if stamp.pnl:
                pnl += stamp.pnl * (stamp.mid if self.instruments[stamp.instrument].inverse else 1.0)
        return Figures(self.source.n_events, len(self.source.history), pnl)

    def finish(self, outcome: Outcome, wall_s: float, extra: dict[str, Any] | None = None) -> dict[str, Any]:
        """Write the tables' ends, `run.toml` and `result.json`; return the result."""
        digest = self.log.digest()
        self._closing.close()
        self.log.close()
        self._tables.close(self.out / "orders.log")
        data = self._market.describe()
        data["streams"] = self._world.merger.counts()
        data["venue_side_gaps"], data["unknown_deletes"] = self.exchange.gaps()
        n_events = self.source.n_events
        result = {
            "complete": outcome.kind == "done" and outcome.unproven == 0 and not self.nursery.left_down,
            "outcome": attrs.asdict(outcome),
            "left_down": list(self.nursery.left_down),
            **self._safety(),
            "positions_by_base": as_record(positions_by_base(held_at(self.instruments, self._tables.newest()))),
            "refusals": {plan.config.name: self._tables.refusals(plan.index) for plan in self._plans},
            "start_ns": self.start,
            "until_ns": self.nursery.now,
            "digest": digest,
            "n_events": n_events,
            "n_messages": self.nursery.number + self.exchange.n_taken,
            "wall_s": round(wall_s, 4),
            "events_per_s": round(n_events / wall_s) if wall_s > 0 else 0,
            "fill_model": {model.name: model.fill_model.value for model in self.exchange.venues},
            "seed": self.config.run.seed,
            "data": data,
            "versions": dict(versions()),
            **(extra or {}),
        }
        (self.out / "run.toml").write_text(tomli_w.dumps(self._effective()), encoding="utf-8")
        (self.out / "result.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        return result

    def _safety(self) -> dict[str, Any]:
        """Return what the guard decided, and what came of it, where there is one."""
        nursery = self.nursery
        return safety_record(nursery.trading, nursery.safety) if self.config.guard is not None else {}

    # --- set-up -----------------------------------------------------------------------------------------------------

    @classmethod
    def _mode(cls, plans: Sequence[QuoterPlan], instrument: Instrument, kind: int) -> int:
        return HEARD if any(cls._hears(plan, kind, instrument) for plan in plans) else SILENT

    @staticmethod
    def _hears(plan: QuoterPlan, kind: int, instrument: Instrument) -> bool:
        if instrument not in plan.used:
            return False
        return plan.hears_trades(instrument) if kind == TRADES else plan.hears_books(instrument)

    def _attach(self, spec: ActorSpec, actor: Actor) -> None:
        """Let the mirrors of a fresh actor show what the kernels have delivered."""
        if self.source.is_spoken:
            return
        books: dict[InstrumentId, Book] = getattr(actor, "books", {})
        for i in books:
            books[i] = self.exchange.book(i)
        if isinstance(actor, Quoter):
            for i in actor.tapes:
                actor.tapes[i] = self.exchange.tape(i)

    def _detach(self) -> None:
        if self._quoting is not None:
            self._quoting.end()
            self.nursery.shortcut = NoShortcut()
        for cell in self.nursery.cells.values():
            actor = getattr(cell, "actor", None)
            for mirror in chain(getattr(actor, "books", {}).values(), getattr(actor, "tapes", {}).values()):
                if mirror.is_attached:
                    mirror.detach()
        self.exchange.forget_mirrors()

    def _down(self, spec: ActorSpec) -> None:
        self.source.speak()
        if spec.kind == "connector":
            self.source.disconnect(spec.index)

    def _effective(self) -> dict[str, Any]:
        plain = config_dict(self.config)
        plain["venue"] = [
            config_dict(attrs.evolve(self.config, venue=(model,)))["venue"][0] for model in self.exchange.venues
        ]
        plain["run"]["start_ns"], plain["run"]["end_ns"] = self.start, self.nursery.now
        plain["instrument"] = [to_record(i) for i in self.instruments]
        return plain


@cache
def versions() -> dict[str, str]:
    """Return the versions of what a result depends on: those of this process, looked up once."""
    found = {"python": platform.python_version()}
    for package in ("lockstep", *PACKAGES):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
