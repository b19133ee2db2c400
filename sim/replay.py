"""A simulated run, from a config and market data to a run directory."""

import gc
import json
import platform
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import Any, Final

import attrs
import tomli_w

from actors.quoter import Quoter
from actors.runtime.actor import Actor
from actors.runtime.children import Hooks
from actors.runtime.log import open_log
from actors.runtime.nursery import ActorSpec, Outcome
from actors.runtime.planned_crash import PlannedCrash
from actors.runtime.run_log import RunLog
from actors.runtime.wiring import QuoterPlan, Trading, connector_name, wire
from market.archive.run_tables import RunTables
from market.book import Book
from market.instrument import Instrument, InstrumentTable
from market.units import InstrumentId, Nanos
from sim.config import RunConfig, config_dict
from sim.exchange import Capacity, Exchange, StreamSpec
from sim.latency import Channel, RecordedLatency, quantiles
from sim.market_data import MarketData
from sim.source import MarketSource
from sim.state_kernels import AT_CHANNEL, CHANNEL_SIZE, HEARD, N_CHANNELS, SILENT, SPOKEN, TRADES
from sim.virtual import VirtualNursery
from sim.windows import KINDS, FeedTiming, Merger, Window

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
        on_progress: called about every `progress_every` events that an actor hears of.
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
        table = InstrumentTable(market.instruments)
        models = [config.venue_model(name) for name in table.venues]
        self.instruments = InstrumentTable(attrs.evolve(i) for i in table)
        trading = Trading(
            self.instruments,
            config.quoter,
            config.orders,
            depth=config.run.depth,
            stamp_s=config.run.stamp_s,
            folder=folder,
            service_ns={kind: round(us * 1000) for kind, us in config.run.service_us.items()},
        )
        plans = [QuoterPlan(trading, index) for index in range(len(config.quoter))]
        is_spoken = config.run.deliver == "all" or any(config.run.service_us.values())
        streams = market.streams()
        specs = [
            StreamSpec(
                s.instrument, KINDS[s.kind], self._mode(self.instruments[s.instrument], KINDS[s.kind], plans, is_spoken)
            )
            for s in streams
        ]
        self.exchange = Exchange(self.instruments, models, specs, config.run.seed, config.run.depth, Capacity())
        self._merger = Merger(streams, [self._timing(place, spec) for place, spec in enumerate(specs)])
        windows = iter(self._merger)
        first = next(windows)
        start = int(first.events[0, 0]) if len(first.events) else 0
        self.start: Nanos = start
        self._tables = RunTables(out)
        self.log = RunLog(out / "orders.log")
        self.source = MarketSource(
            self.exchange, self.instruments, specs, _chained(first, windows), self._tables, is_spoken=is_spoken
        )
        self._closing = ExitStack()
        logger = self._closing.enter_context(open_log(out / "log.jsonl", lambda: self.nursery.now, "sim"))
        self.nursery = VirtualNursery(
            self.log,
            config.run.seed,
            logger=logger,
            start=start,
            hooks=Hooks(self._attach, self._down),
            on_progress=lambda nursery: on_progress(),
            progress_every=progress_every,
        )
        connectors = [
            self.source.venue_factory(v, connector_name(venue)) for v, venue in enumerate(self.instruments.venues)
        ]
        wires = wire(self.nursery, trading, connectors, self._tables)
        self.source.bind(self.nursery)
        self.source.on_speak = self._detach
        for place, spec in enumerate(specs):
            edges = wires.trades if spec.kind == TRADES else wires.books
            self.source.heard[place] = [
                edges[spec.instrument, plan.index]
                for plan in plans
                if self._hears(plan, spec.kind, self.instruments[spec.instrument])
            ]

    # --- the run ----------------------------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Run to the end of the data, or until `nursery.stop_requested`."""
        # what stands now stands to the end: the collector need not walk it again and again
        gc.collect()
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
        data["streams"] = self._merger.counts()
        data["venue_side_gaps"], data["unknown_deletes"] = self.exchange.gaps()
        n_events = self.source.n_events
        result = {
            "complete": outcome.kind == "done",
            "outcome": attrs.asdict(outcome),
            "start_ns": self.start,
            "until_ns": self.nursery.now,
            "digest": digest,
            "n_events": n_events,
            "n_messages": self.nursery.number,
            "wall_s": round(wall_s, 4),
            "events_per_s": round(n_events / wall_s) if wall_s > 0 else 0,
            "fill_model": {model.name: model.fill_model.value for model in self.exchange.venues},
            "seed": self.config.run.seed,
            "data": data,
            "versions": versions(),
            **(extra or {}),
        }
        (self.out / "run.toml").write_text(tomli_w.dumps(self._effective()), encoding="utf-8")
        (self.out / "result.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        return result

    # --- set-up -----------------------------------------------------------------------------------------------------

    def _mode(self, instrument: Instrument, kind: int, plans: list[QuoterPlan], is_spoken: bool) -> int:
        if is_spoken:
            return SPOKEN
        return HEARD if any(self._hears(plan, kind, instrument) for plan in plans) else SILENT

    @staticmethod
    def _hears(plan: QuoterPlan, kind: int, instrument: Instrument) -> bool:
        if instrument not in plan.used:
            return False
        return plan.hears_trades(instrument) if kind == TRADES else plan.hears_books(instrument)

    def _timing(self, place: int, spec: StreamSpec) -> FeedTiming:
        venue = self.exchange.venue_of(spec.instrument)
        model = self.exchange.venues[venue]
        latency = model.latency.get(Channel.FEED_PUBLIC, RecordedLatency())
        channel = self.exchange.view(AT_CHANNEL).reshape(-1, CHANNEL_SIZE)[venue * N_CHANNELS + Channel.FEED_PUBLIC]
        shift = self._market.clock_shifts.get(model.name, 0)
        # streams number from 1: the venue's other channels take their numbers below 2**20
        seed = self.config.run.seed * 1_000_003 + (place + 1 << 20)
        return FeedTiming(shift, channel.copy(), quantiles(latency), seed)

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
        plain["instrument"] = [instrument_record(i) for i in self.instruments]
        return plain


def instrument_record(instrument: Instrument) -> dict[str, Any]:
    """Return an instrument as plain values: decimals as text."""
    return {
        "venue": instrument.venue,
        "symbol": instrument.symbol,
        "base": instrument.base,
        "quote": instrument.quote,
        "settle": instrument.settle,
        "tick": str(instrument.tick),
        "lot": str(instrument.lot),
        "multiplier": str(instrument.multiplier),
        "inverse": instrument.inverse,
        "maker_fee": str(instrument.maker_fee),
        "taker_fee": str(instrument.taker_fee),
        "min_size": instrument.min_size,
        "min_notional": str(instrument.min_notional),
    }


def versions() -> dict[str, str]:
    """Return the versions of what a result depends on."""
    found = {"python": platform.python_version()}
    for package in ("lockstep", *PACKAGES):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _chained(first: Window, rest: Iterator[Window]) -> Iterator[Window]:
    yield first
    yield from rest
