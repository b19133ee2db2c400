"""Short runs of the hedged quoter whose hedge venue fails as a script says, and what must be true of them."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from actors.runtime.planned_crash import PlannedCrash
from actors.strategies.hedged_quoter import HedgedQuoter
from market.messages import OrderState
from market.order_log import LogKind
from market.units import MS, SECOND, Nanos
from sim.config import RunConfig, make_config
from sim.state_kernels import AT_INSTRUMENT, I_MIN_SIZE, INSTRUMENT_SIZE
from tests.sim.crash_runs import CrashRun, market

MAKER, HEDGE = "bybit", "binance-futures"
MAX_UNHEDGED = 4.0  # SOL
QUOTE = 400.0  # notional of a quote: about two SOL
_LOOK_EVERY = 5 * MS
_ENDS = (LogKind.REJECTED, LogKind.EXPIRED, LogKind.CANCELLED)
_FILLS = (LogKind.FILL_MAKER, LogKind.FILL_TAKER)

What = Literal["down", "lost", "refused", "stale", "maker", "manager", "quoter"]


class Fault(NamedTuple):
    """What goes wrong at `at_s` of the run, for `for_s` where it lasts."""

    what: What
    at_s: float
    for_s: float = 0.0


def config(**params: Any) -> RunConfig:
    """Return the config of a pair that quotes close, so that twenty seconds have many fills."""
    slow = {"request_private": 4, "ack_private": 6, "feed_private": 9}
    return make_config(
        {
            "data": {"preset": "crash", "seconds": 20.0},
            "orders": {"request_timeout_s": 0.5, "limits": {"max_position_notional": 1e6, "max_order_notional": 1e5}},
            "venue": [{"name": MAKER, "latency": slow}, {"name": HEDGE, "latency": slow}],
            "quoter": [
                {
                    "name": "hedged",
                    "strategy": "hedged",
                    "instruments": [f"{MAKER}:SOLUSDT", f"{HEDGE}:SOLUSDT"],
                    "params": {
                        "notional": QUOTE,
                        "spread_bps": 0.3,
                        "skew_bps": 0.2,
                        "max_unhedged": MAX_UNHEDGED,
                        **params,
                    },
                }
            ],
        }
    )


class HedgedRun(CrashRun):
    """A run, looked at as the venues have it every few milliseconds.

    Attributes:
        exposures: (time, units of base) of both venues' own positions.
        resting: most that lay at the maker's venue on one side at once, units of base.
    """

    def __init__(self, faults: Sequence[Fault] = (), *, seed: int = 7, made: RunConfig | None = None) -> None:
        self.config = made or config()
        super().__init__(config=self.config, data=market(seed))
        self.maker = self.instruments.find(MAKER, "SOLUSDT")
        self.hedge = self.instruments.find(HEDGE, "SOLUSDT")
        self.venue = self.instruments.venues.index(HEDGE)
        self.exposures: list[tuple[Nanos, float]] = []
        self.resting = 0.0
        self._tells_all = {fault.what for fault in faults} <= {"refused"}
        self._crash(faults)
        self.nursery.agenda.schedule(self.world.start, self._look)

    @property
    def quoter(self) -> HedgedQuoter:
        actor = self.nursery.cells["quoter:hedged"].actor
        assert isinstance(actor, HedgedQuoter)
        return actor

    def hedges(self) -> list[Any]:
        """Return the rows of the log that placed hedges."""
        return [row for row in self.log.rows() if row[0] == LogKind.PLACE and row[3] == self.hedge.id]

    def exposure(self) -> float:
        """Return the exposure as the venues have it, units of base."""
        exchange = self.world.exchange
        lots = {i: n for venue in range(len(self.instruments.venues)) for i, n in exchange.positions(venue)}
        return sum(each.base_size(1.0, lots[each.id]) for each in (self.maker, self.hedge))

    # --- faults ------------------------------------------------------------------------------------------------------

    def _crash(self, faults: Sequence[Fault]) -> None:
        actors = {
            "down": f"venue:{HEDGE}",
            "stale": f"keeper:{HEDGE}",
            "maker": f"venue:{MAKER}",
            "manager": "manager",
            "quoter": "quoter:hedged",
        }
        for what, at_s, for_s in faults:
            at = self.world.start + round(at_s * SECOND)
            if what in actors:
                self.nursery.plan_crashes([PlannedCrash(actors[what], at_ns=at)])
            elif what == "lost":
                for n in range(1 + round(for_s * SECOND) // _LOOK_EVERY):
                    self.nursery.agenda.schedule(at + n * _LOOK_EVERY, self._lose)
            else:
                self.nursery.agenda.schedule(at, self._ask_for, 1 << 40)
                self.nursery.agenda.schedule(at + round(for_s * SECOND), self._ask_for, self.hedge.min_size)

    def _lose(self) -> None:
        """Lose what is under way to and from the hedge venue; what has been filled stays in the venue's list."""
        self.world.source.history.keep_in_flight(self.world.exchange, self.venue)
        self.world.exchange.drop_in_flight(self.venue)

    def _ask_for(self, min_size: int) -> None:
        """Let the hedge venue refuse all that is smaller."""
        self.world.exchange.view(AT_INSTRUMENT).reshape(-1, INSTRUMENT_SIZE)[self.hedge.id, I_MIN_SIZE] = min_size

    # --- what must be true -------------------------------------------------------------------------------------------

    def _look(self) -> None:
        exchange, now = self.world.exchange, self.nursery.now
        self.exposures.append((now, self.exposure()))
        for side in (1, -1):
            orders = [each for each in exchange.open_orders(1 - self.venue) if each.side == side]
            self.resting = max(self.resting, sum(self.maker.size(each.size - each.filled) for each in orders))
        self.nursery.agenda.schedule(now + _LOOK_EVERY, self._look)

    @property
    def most(self) -> float:
        """The largest exposure, either way."""
        return max(abs(exposure) for _, exposure in self.exposures)

    @property
    def bound(self) -> float:
        """What the exposure stays within: the limit, what rests on a side, and one quote that is under way."""
        notional = self.config.quoter[0].params["notional"]
        return MAX_UNHEDGED + self.resting + self.maker.size(self.maker.lots_of(notional, 185.0))

    def wrongs(self) -> list[str]:
        """Return what is wrong with the hedging."""
        found = [] if self.most <= self.bound else [f"exposure {self.most:g} is beyond {self.bound:g}"]
        exposure, seen, at = 0.0, [0.0], 0
        for kind, ts, _, instrument, _, side, _, size, *_ in self.log.rows():
            if ts > at:
                at, seen = ts, [exposure]  # what falls due at one instant is in the log before the first of it is heard
            if kind in _FILLS:
                exposure += side * self.instruments[instrument].size(size)
                seen.append(exposure)
            elif kind == LogKind.PLACE and instrument == self.maker.id:
                if min(side * each for each in seen) >= MAX_UNHEDGED:
                    found.append(f"at {ts} a quote adds to an exposure of {exposure:g}")
            elif kind == LogKind.PLACE and max(-side * each for each in seen) < self.hedge.size(size) - 1e-9:
                found.append(f"at {ts} a hedge of {side * self.hedge.size(size):g} meets {exposure:g}")
        return found + self._at_once()

    def _at_once(self) -> list[str]:
        """Return hedges that went out beside another; what an account tells of an end is not in the log."""
        if not self._tells_all:
            return []
        left, found = 0, []
        for kind, ts, _, instrument, _, _, _, size, *_ in self.log.rows():
            if instrument != self.hedge.id:
                continue
            if kind == LogKind.PLACE:
                found += [f"at {ts} a hedge goes out beside another"] * (left > 0)
                left = size
            elif kind in _FILLS:
                left -= size
            elif kind in _ENDS:
                left = 0
        return found

    def was_flat(self, last_s: float = 3.0) -> bool:
        """Tell whether, in the last seconds, nothing was left at some time that a hedge could take."""
        since = self.world.source.end - round(last_s * SECOND)
        left = min(abs(exposure) for at, exposure in self.exposures if at >= since)
        return left < self.hedge.size(max(1, self.hedge.least_lots(185.0)))

    def states(self) -> list[OrderState]:
        """Return the states of the hedges whose end the manager does not know."""
        return [OrderState(o.state) for o in self.manager.ledger.live.values() if o.instrument == self.hedge.id]
