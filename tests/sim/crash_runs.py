"""Short runs in which an actor crashes, and what must be true after each of them."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any, Self

import attrs

from actors.order_manager import OrderManager
from actors.position_tracker import PositionTracker
from actors.quoter import Quoter
from actors.runtime.child_spec import ChildSpec, Strategy, SupervisorSpec
from actors.runtime.children import Hooks
from actors.runtime.nursery import ActorSpec, Outcome
from actors.runtime.planned_crash import PlannedCrash
from actors.runtime.run_log import RunLog
from actors.runtime.wiring import MANAGER, TRACKER, wire
from market.columns import Columns, IntArray
from market.messages import Declaration, EquityStamp, OpenOrder, OrderRefused, QuotesBack, QuotesPulled
from market.order_log import LogKind
from market.units import SECOND, InstrumentId, Nanos
from sim.config import DataSection, RunConfig
from sim.generator import crash_market, generate
from sim.market_data import ColumnData
from sim.market_world import MarketWorld, instruments_of, trading_of
from sim.virtual import VirtualNursery
from tests.sim.generated import joined

_FILLS = (LogKind.FILL_MAKER, LogKind.FILL_TAKER)


class NoTables:
    """Takes a run's tables, and keeps nothing."""

    def take(self, touch: IntArray, trades: IntArray) -> None: ...

    def stamp(self, stamp: EquityStamp) -> None: ...

    def declare(self, declaration: Declaration) -> None: ...

    def refuse(self, refused: OrderRefused) -> None: ...


@cache
def market(seed: int = 7, seconds: float = 20) -> ColumnData:
    """Return the generated market that crashes happen in."""
    instruments, config = crash_market(seed, seconds)
    feeds: list[tuple[InstrumentId, str, Columns]] = []
    for stream in generate(config):
        chunks = list(stream.chunks)
        if chunks:
            feeds.append((stream.instrument, stream.kind, joined(chunks)))
    return ColumnData(instruments, feeds)


class OneStrategy(VirtualNursery):
    """Supervises by one strategy everywhere; None: as wired.

    Attributes:
        pulled: quoters whose quotes are not back, since when.
    """

    strategy: Strategy | None = None

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.pulled: dict[int, Nanos] = {}

    def _take_control(self, message: Any) -> None:
        super()._take_control(message)
        if isinstance(message, QuotesPulled):
            self.pulled.setdefault(message.quoter, message.ts)
        elif isinstance(message, QuotesBack):
            self.pulled.pop(message.quoter, None)

    def supervise(self, root: SupervisorSpec) -> None:
        super().supervise(root if self.strategy is None else self._changed(root, self.strategy))

    def _changed(self, spec: SupervisorSpec, strategy: Strategy) -> SupervisorSpec:
        below: list[ChildSpec | SupervisorSpec] = [
            self._changed(each, strategy) if isinstance(each, SupervisorSpec) else each for each in spec.children
        ]
        return attrs.evolve(spec, strategy=strategy, children=tuple(below))


class CrashRun:
    """A run of whole messages on 20 s of market.

    Args:
        crashes: when, of whom.
        strategy: of every supervisor; None: as wired.
        drain_ns: how long the order manager may take to prove its cancels at the end.
    """

    def __init__(
        self,
        crashes: Sequence[PlannedCrash] = (),
        strategy: Strategy | None = None,
        config: RunConfig | None = None,
        data: ColumnData | None = None,
        drain_ns: Nanos = 10 * SECOND,
    ) -> None:
        config = config or RunConfig(data=DataSection(preset="crash", seconds=20))
        data = data or market()
        self.instruments = instruments_of(data)
        self.log = RunLog()
        self.world = MarketWorld(config, data, self.instruments, NoTables(), log=self.log)
        self.nursery = OneStrategy(
            self.log,
            config.run.seed,
            start=self.world.start,
            hooks=Hooks(on_down=self._down),
            crashes=crashes,
            drain_ns=drain_ns,
        )
        self.nursery.strategy = strategy
        wire(self.nursery, trading_of(config, self.instruments), self.world.connectors(), NoTables())
        self.world.source.bind(self.nursery)
        self.outcome: Outcome

    def run(self) -> Self:
        """Run to the end."""
        self.outcome = self.nursery.run(self.world.source)
        return self

    def _down(self, spec: ActorSpec) -> None:
        if spec.kind == "connector":
            self.world.source.disconnect(spec.index)

    def n_messages(self) -> dict[str, int]:
        """Return how many messages each actor was delivered."""
        return {name: cell.n_delivered for name, cell in self.nursery.cells.items()}

    def has_crashed(self) -> bool:
        """Tell whether every crash that was planned at a message has come."""
        return all(cell.n_delivered >= n for cell in self.nursery.cells.values() for n in cell.crash_plan)

    def open_orders(self) -> list[OpenOrder]:
        """Return what is open at the venues."""
        return [order for v in range(len(self.instruments.venues)) for order in self.world.exchange.open_orders(v)]

    # --- what must be true ------------------------------------------------------------------------------------------

    def complaints(self) -> list[str]:
        """Return what is wrong at the end of the run; nothing, if all is well."""
        return [*self._about_orders(), *self.about_fills(), *self._about_positions()]

    def _about_orders(self) -> list[str]:
        found = []
        if (self.outcome.kind, self.outcome.unproven) != ("done", 0):
            found.append(f"ended {self.outcome}")
        if orders := self.open_orders():
            found.append(f"left open: {orders}")
        last = self.world.source.end - 2 * SECOND  # one pulled later need not be back
        if early := {quoter: ts for quoter, ts in self.nursery.pulled.items() if ts < last}:
            found.append(f"quotes were pulled and never came back: {early}")
        ledger = self.manager.ledger
        if ledger.live:
            found.append(f"the order manager has {len(ledger.live)} live orders")
        counted = [(g.n_live, g.open_buy, g.open_sell) for g in ledger.guards]
        if any(map(any, counted)):
            found.append(f"the limits still count orders and lots: {counted}")
        return found

    def about_fills(self) -> list[str]:
        """Return what is wrong with the fills in the log."""
        told = Counter((row[3], row[8]) for row in self.log.rows() if row[0] in _FILLS)
        history = self.world.source.history
        made = {
            (fill.instrument, fill.fill_id)
            for v in range(len(self.instruments.venues))
            for fill in history.since(0, v, self.world.exchange)
        }
        found = [f"fill {fill} stands {n} times in the log" for fill, n in told.items() if n > 1]
        if made != set(told):
            found.append(f"fills of the venue only {sorted(made - set(told))}, ours only {sorted(set(told) - made)}")
        return found

    def _about_positions(self) -> list[str]:
        found = []
        for v in range(len(self.instruments.venues)):
            for instrument, lots in self.world.exchange.positions(v):
                tracked = self.tracker.holding(instrument).lots
                guarded = self.manager.ledger.guards[instrument].position
                if not tracked == guarded == lots:
                    found.append(f"{lots} lots of {instrument}; the tracker has {tracked}, the manager {guarded}")
        for cell in self.nursery.cells.values():
            quoter = cell.actor
            if isinstance(quoter, Quoter) and self.outcome.kind == "done":
                knows = [quoter.position(i) for i in self.instruments]
                holds = [self.tracker.holding(i.id).lots for i in self.instruments]
                if knows != holds:
                    found.append(f"{cell.name} knows of {knows} lots, not of {holds}")
        n_adjusted = sum(row[0] == LogKind.ADJUSTMENT for row in self.log.rows())
        if n_adjusted:
            found.append(f"{n_adjusted} corrections of positions that the fills would have explained")
        return found

    @property
    def manager(self) -> OrderManager:
        actor = self.nursery.cells[MANAGER].actor
        assert isinstance(actor, OrderManager)
        return actor

    @property
    def tracker(self) -> PositionTracker:
        actor = self.nursery.cells[TRACKER].actor
        assert isinstance(actor, PositionTracker)
        return actor
