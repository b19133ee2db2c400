"""What the guard makes of readings, wishes and restarts."""

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from actors.guard import Guard
from actors.guard_config import GuardConfig
from actors.risk import Limits
from market.instrument import Instrument, InstrumentTable
from market.messages import (
    ActorCrashed,
    ActorDown,
    ClockOffset,
    EquityStamp,
    Fresh,
    GuardMemory,
    HaltCause,
    HaltCleared,
    HaltRequested,
    HeartbeatAsked,
    Stale,
    Started,
    TimerFired,
    TradingState,
    TradingStateChanged,
    VenueRefused,
)
from market.units import MS, SECOND

T0 = 1_700_000_000 * SECOND
A, R, H = TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED


class Watch:
    """A guard, and what it says."""

    def __init__(self, halted: str = "", generation: int = 0, **config: Any) -> None:
        table = InstrumentTable(
            [
                Instrument(0, "bybit", "SOLUSDT", "SOL", "USDT", "USDT", Decimal("0.01"), Decimal("0.1")),
                Instrument(1, "bybit", "ETHUSDT", "ETH", "USDT", "USDT", Decimal("0.01"), Decimal("0.1")),
                Instrument(2, "binance-futures", "SOLUSDT", "SOL", "USDT", "USDT", Decimal("0.01"), Decimal("0.1")),
            ]
        )
        limits = dict.fromkeys((0, 1), Limits(max_position=10.0, max_position_notional=2_000.0))
        self._make: Callable[[], Guard] = lambda: Guard(
            "guard", table, (0, 1), (0, 2), limits, GuardConfig(**config), halted
        )
        self.guard = self._make()
        self.now = T0
        self.said: list[TradingStateChanged] = []
        self.memory: GuardMemory | None = None
        self.give(Started(generation))

    def give(self, message: Any) -> None:
        self.guard.now = self.now
        self.guard.handle(message)
        self.said += [m for port, m in self.guard.out if port == "state"]
        self.memory = next((m for _, m in self.guard.out if isinstance(m, GuardMemory)), self.memory)
        self.guard.out.clear()

    def restart(self) -> None:
        """It crashes, and the nursery tells the next life what it does."""
        self.guard = self._make()
        self.give(Started(1))
        if self.memory is not None:
            self.give(self.memory)
        self.give(self.said[-1])

    def stamp(self, *pnls: float, lots: int = 0, mid: float = 100.0) -> None:
        """One reading of each: PnL of the first instrument, nothing on the second."""
        for pnl in pnls:
            self.now += SECOND
            self.give(EquityStamp(self.now, 0, lots, 100.0, 0.0, 0.0, 0.0, mid, pnl))
            self.give(EquityStamp(self.now, 1, 0, 100.0, 0.0, 0.0, 0.0, mid, 0.0))

    def check(self, n: int = 1) -> None:
        """So many ticks of its timer."""
        for _ in range(n):
            self.now += SECOND
            self.give(TimerFired(1))

    @property
    def states(self) -> list[tuple[TradingState, HaltCause]]:
        return [(TradingState(m.state), HaltCause(m.cause)) for m in self.said]


def test_it_says_at_once_that_all_may_be_traded() -> None:
    assert Watch().states == [(A, HaltCause.NONE)]


def test_drawdown_from_the_peak_counts_in_a_row() -> None:
    w = Watch(max_drawdown=50.0)
    w.stamp(100.0, 49.0, 49.0, 60.0, 49.0, 49.0)
    assert w.states == [(A, HaltCause.NONE)]
    w.stamp(49.0)
    assert w.states[1:] == [(H, HaltCause.DRAWDOWN)]
    assert w.said[-1].text == "PnL 49.00 is 51.00 below 100.00, limit 50"
    w.stamp(100.0, 100.0, 100.0, 100.0)
    assert w.states[2:] == [], "only a person ends a halt"


def test_drawdown_from_the_start_forgets_the_peak() -> None:
    w = Watch(max_drawdown=50.0, drawdown_from="start")
    w.stamp(100.0, 0.0, 0.0, 0.0, -49.0, -50.0, -50.0, -50.0)
    assert w.states == [(A, HaltCause.NONE)]
    w.stamp(-51.0, -51.0, -51.0)
    assert w.states[1:] == [(H, HaltCause.DRAWDOWN)]


def test_a_reading_without_a_mark_is_none() -> None:
    w = Watch(max_drawdown=50.0, n_bad=2)
    w.stamp(-60.0, math.nan, math.nan)
    assert w.states == [(A, HaltCause.NONE)]
    w.stamp(-60.0)
    assert w.states[1:] == [(H, HaltCause.DRAWDOWN)]


def test_half_a_reading_is_none() -> None:
    w = Watch(max_drawdown=50.0, n_bad=1)
    w.give(EquityStamp(w.now, 0, 0, 100.0, 0.0, 0.0, 0.0, 100.0, -60.0))
    w.now += SECOND
    w.give(EquityStamp(w.now, 1, 0, 100.0, 0.0, 0.0, 0.0, 100.0, 0.0))
    assert w.states == [(A, HaltCause.NONE)], "two halves of different instants"


@pytest.mark.parametrize(("lots", "mid"), [(106, 1.0), (-106, 1.0), (100, 211.0)])
def test_position_beyond_its_limit_reduces_until_it_is_not(lots: int, mid: float) -> None:
    w = Watch()
    w.stamp(0.0, 0.0, lots=lots, mid=mid)
    assert w.states == [(A, HaltCause.NONE)]
    w.stamp(0.0, lots=lots, mid=mid)
    assert w.states[1:] == [(R, HaltCause.POSITION)]
    w.stamp(0.0, 0.0, lots=100, mid=1.0)
    w.stamp(0.0, lots=lots, mid=mid)
    w.stamp(0.0, 0.0, lots=100, mid=1.0)
    assert w.states[2:] == []
    w.stamp(0.0, lots=100, mid=1.0)
    assert w.states[2:] == [(A, HaltCause.NONE)]


def test_a_book_stale_for_too_long_halts() -> None:
    w = Watch(stale_s=10.0)
    w.give(Stale(2, w.now, "gap"))
    w.check(10)
    w.give(Fresh(2, w.now))
    w.check(5)
    w.give(Stale(1, w.now, "nobody uses it"))
    w.give(Stale(2, w.now, "gap"))
    w.give(Stale(2, w.now + 5 * SECOND, "said again: it is as old as it was"))
    w.check(12)
    assert w.states == [(A, HaltCause.NONE)]
    w.check()
    assert w.states[1:] == [(H, HaltCause.STALE_DATA)]
    assert w.said[-1].text.startswith("binance-futures:SOLUSDT: no fresh book for 13 s")


def test_a_thin_book_is_no_stale_one() -> None:
    w = Watch(stale_s=10.0)
    w.give(Stale(2, w.now, "gap"))
    w.check(8)
    w.give(Stale(2, w.now, "too thin: a side is empty", is_thin=True))
    w.check(60)
    assert w.states == [(A, HaltCause.NONE)]
    w.give(Stale(2, w.now, "gap"))
    w.check(13)
    assert w.states[1:] == [(H, HaltCause.STALE_DATA)]


def test_a_keeper_that_is_down_has_no_fresh_book() -> None:
    w = Watch(stale_s=10.0)
    w.give(ActorDown("keeper", 1, "crash"))
    w.check(13)
    assert w.states[1:] == [(H, HaltCause.STALE_DATA)]


def test_refusals_in_a_window() -> None:
    w = Watch(max_refusals=3, refusals_window_s=4.0)
    for _ in range(3):
        w.give(VenueRefused(w.now, 0, 19))
    w.check(5)
    for _ in range(4):
        w.give(VenueRefused(w.now, 0, 19))
    w.check(2)
    assert w.states == [(A, HaltCause.NONE)]
    w.check()
    assert w.states[1:] == [(H, HaltCause.REJECTS)]


def test_crashes_in_a_window_but_not_the_recorders() -> None:
    w = Watch(max_crashes=2, crashes_window_s=100.0)
    for kind in ("recorder", "recorder", "quoter", "tracker"):
        w.give(ActorCrashed(kind, 0, "boom"))
    w.check(5)
    assert w.states == [(A, HaltCause.NONE)]
    w.give(ActorCrashed("keeper", 0, "boom"))
    w.check(3)
    assert w.states[1:] == [(H, HaltCause.CRASHES)]


def test_a_clock_must_surely_be_wrong_and_each_venue_counts_alone() -> None:
    w = Watch(max_clock_skew_ms=500.0)
    for _ in range(5):
        w.give(ClockOffset(0, w.now, -900 * MS, 400 * MS))
    for venue in (0, 1, 0, 1):
        w.give(ClockOffset(venue, w.now, -900 * MS, 300 * MS))
    assert w.states == [(A, HaltCause.NONE)]
    w.give(ClockOffset(1, w.now, -900 * MS, 300 * MS))
    assert w.states[1:] == [(H, HaltCause.CLOCK_SKEW)]


def test_a_check_that_is_off_trips_nothing() -> None:
    w = Watch(on_drawdown="off", on_clock_skew="off", on_stale_data="off", max_drawdown=1.0, stale_s=1.0)
    w.stamp(-100.0, -100.0, -100.0, -100.0)
    for _ in range(5):
        w.give(ClockOffset(1, w.now, 9 * SECOND, 0))
    w.give(Stale(0, w.now, "gap"))
    w.check(10)
    assert w.states == [(A, HaltCause.NONE)]


def test_a_person_halts_at_once_and_only_a_person_goes_on() -> None:
    w = Watch(max_drawdown=50.0)
    w.stamp(100.0)
    w.give(HaltRequested(w.now, R, HaltCause.VENUE, "no margin"))
    w.give(HaltRequested(w.now, H, HaltCause.PERSON, "SIGUSR1"))
    w.give(HaltRequested(w.now, R, HaltCause.VENUE, "no margin"))
    assert w.states[1:] == [(R, HaltCause.VENUE), (H, HaltCause.PERSON)]
    w.stamp(0.0, 0.0, 0.0, 0.0)
    w.give(HaltCleared(w.now, "by hand"))
    assert w.states[3:] == [(A, HaltCause.NONE)]
    w.stamp(0.0, 0.0, 0.0, -49.0)
    assert w.states[4:] == [], "the drawdown is counted from the PnL at which a person let it go on"


def test_a_halt_of_an_earlier_run_holds_from_the_start() -> None:
    w = Watch(halted="DRAWDOWN: far below")
    assert w.states == [(H, HaltCause.EARLIER_RUN)]
    assert w.said[0].text == "DRAWDOWN: far below"


def test_a_restarted_guard_goes_on_with_what_the_last_one_said() -> None:
    w = Watch(generation=1)
    assert w.said == []
    w.give(TradingStateChanged(T0, H, HaltCause.REJECTS, "many"))
    w.stamp(0.0, 0.0, 0.0, 0.0)
    assert w.states == [(H, HaltCause.REJECTS)]
    w = Watch("an earlier run's, cleared since", generation=1)
    w.give(TradingStateChanged(T0, A, HaltCause.NONE, "by hand"))
    w.stamp(0.0)
    assert w.states == [(A, HaltCause.NONE)]
    w = Watch(generation=1)
    w.give(TradingStateChanged(T0, R, HaltCause.POSITION, "beyond"))
    w.stamp(0.0, 0.0, 0.0)
    assert w.states == [(R, HaltCause.POSITION), (A, HaltCause.NONE)]
    w = Watch(generation=1)
    w.give(TradingStateChanged(T0, R, HaltCause.VENUE, "no margin"))
    w.stamp(0.0, 0.0, 0.0)
    assert w.states == [(R, HaltCause.VENUE)], "a venue's wish is kept"


@pytest.mark.parametrize("drawdown_from", ["peak", "start"])
def test_a_restarted_guard_knows_from_where_a_drawdown_counts(drawdown_from: str) -> None:
    w = Watch(max_drawdown=50.0, drawdown_from=drawdown_from)
    w.stamp(100.0)
    w.give(HaltCleared(w.now, "begin here"))
    w.stamp(120.0, 60.0)
    w.restart()
    said = len(w.said)
    w.stamp(60.0, 60.0, 60.0)
    assert len(w.said) == said + (drawdown_from == "peak")
    w.stamp(49.0, 49.0, 49.0)
    assert w.states[-1] == (H, HaltCause.DRAWDOWN)


def test_a_restarted_guard_counts_the_refusals_and_crashes_of_before() -> None:
    w = Watch(max_refusals=4, n_bad=1)
    for _ in range(3):
        w.give(VenueRefused(w.now, 0, 1))
    w.check()
    w.restart()
    w.give(VenueRefused(w.now, 0, 1))
    w.check()
    assert w.states[-1] == (A, HaltCause.NONE)
    w.give(VenueRefused(w.now, 0, 1))
    w.check()
    assert w.states[-1] == (H, HaltCause.REJECTS)
    w = Watch(max_crashes=2, n_bad=1)
    for _ in range(3):
        w.give(ActorCrashed("keeper", 0, "it does so again and again"))
        w.restart()
    w.check()
    assert w.states[-1] == (H, HaltCause.CRASHES)


def test_a_restarted_guard_keeps_a_venues_wish_behind_a_check_that_trips_besides() -> None:
    w = Watch()
    w.give(HaltRequested(w.now, R, HaltCause.VENUE, "no margin"))
    w.stamp(0.0, 0.0, 0.0, lots=106, mid=1.0)
    w.restart()
    w.stamp(0.0, 0.0, 0.0)
    assert w.states[-1][0] == R, "the position is small again, the margin is not there yet"


def test_a_heartbeat_goes_on_to_the_order_manager() -> None:
    w = Watch()
    w.guard.handle(HeartbeatAsked(7))
    assert w.guard.out == [("beat", HeartbeatAsked(7))]


def test_amounts_are_above_zero_and_finite() -> None:
    with pytest.raises(ValueError, match=r"^max_drawdown must be above 0 and finite, got 0.0; a check is"):
        GuardConfig(max_drawdown=0.0)
    with pytest.raises(ValueError, match="'on_drawdown' must be in"):
        GuardConfig(on_drawdown="stop")  # type: ignore[arg-type]
