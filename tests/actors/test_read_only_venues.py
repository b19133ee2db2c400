"""A venue that is only read has no key: the order manager neither asks nor commands it, and waits for nothing of it."""

from typing import Any

import pytest

from actors.guard_config import GuardConfig
from actors.order_config import OrderManagerConfig, QuoterSpec
from actors.order_manager import OrderManager
from market.messages import (
    AccountSnapshot,
    CancelAll,
    ConnectionLost,
    ConnectionUp,
    Drain,
    Drained,
    HaltCause,
    NothingOpen,
    RequestAccount,
    SetTimer,
    Started,
    TimerFired,
    TradingState,
    TradingStateChanged,
)
from market.units import SECOND
from sim.market_world import instruments_of
from tests.sim.crash_runs import market

READ, TRADED = 0, 1  # binance-futures and bybit


class Desk:
    """An order manager that is given messages, and what it gave."""

    def __init__(self) -> None:
        config = OrderManagerConfig(account_every_s=30.0, reconcile_at_start=True, guard=GuardConfig())
        quoter = QuoterSpec(0, "q", (TRADED,), references=(READ,))
        self.manager = OrderManager("manager", instruments_of(market()), config, [quoter])
        self.given: list[tuple[str, Any]] = []
        self.give(0, Started(0))
        for venue in (READ, TRADED):
            self.give(0, ConnectionLost(venue, 0, 1, "not connected yet"))
            self.give(1, ConnectionUp(venue, 1, 1))

    def give(self, now: int, message: Any) -> None:
        self.manager.now = now
        self.manager.handle(message)
        self.given += self.manager.out
        self.manager.out.clear()

    def account(self, now: int) -> None:
        self.give(now, AccountSnapshot(TRADED, now - 1, now - 1, now, 0, (), (), ((TRADED, 0),)))

    def commands(self, venue: int) -> list[Any]:
        return [message for port, message in self.given if port == f"commands:{venue}"]

    def fire_timers(self, now: int) -> None:
        for message in [each for port, each in self.given if isinstance(each, SetTimer) and each.at <= now]:
            self.give(now, TimerFired(message.token))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_only_the_traded_account_is_asked_for(desk: Desk) -> None:
    desk.account(10)
    desk.fire_timers(40 * SECOND)
    assert len([m for m in desk.commands(TRADED) if isinstance(m, RequestAccount)]) >= 2
    assert desk.commands(READ) == []


def test_a_halt_is_proven_by_the_traded_account_alone(desk: Desk) -> None:
    desk.account(10)
    desk.give(20, TradingStateChanged(20, TradingState.HALTED, HaltCause.PERSON, "a test"))
    desk.fire_timers(2 * SECOND)
    desk.account(3 * SECOND)
    desk.fire_timers(5 * SECOND)
    assert desk.commands(TRADED).count(CancelAll(TRADED)) == 1
    assert desk.commands(READ) == []
    assert {m.venue for _, m in desk.given if isinstance(m, NothingOpen) and m.ts > 20} == {TRADED}


def test_a_drain_waits_for_the_traded_account_alone(desk: Desk) -> None:
    desk.account(10)
    desk.give(20, ConnectionLost(READ, 20, 2, "gone"))
    desk.give(30, Drain(10 * SECOND))
    assert [m for _, m in desk.given if isinstance(m, Drained)] == [Drained(0)]
