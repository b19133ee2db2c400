"""The wallet against our own count of it: when the two can be compared, and what is made of a difference."""

from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from actors.guard import Guard
from actors.guard_config import GuardConfig
from actors.holding import Holding
from actors.risk import Limits
from actors.wallet_check import WalletCheck
from market.messages import (
    AccountSnapshot,
    Adjustment,
    Fill,
    FundingPayment,
    HaltCause,
    HaltCleared,
    TradingState,
    WalletCompared,
)
from market.units import SECOND
from tests.actors.test_position_tracker import INVERSE, LINEAR, TABLE
from venues.wallet import wallet_of

T0 = 1_700_000_000 * SECOND
E8, E12 = 10**8, 10**12
TRADES = st.lists(st.tuples(st.sampled_from((1, -1)), st.integers(9_000, 11_000), st.integers(1, 20)), max_size=20)


class Venue:
    """A venue that realises at the average entry, in exact arithmetic, as venues say they do."""

    def __init__(self) -> None:
        self.wallet = Decimal(1000)
        self.lots = 0
        self.cost = Decimal(0)
        self.n = 0

    def trade(self, side: int, price: int, size: int, fee: Decimal = Decimal(0)) -> Fill:
        unit, at = LINEAR.lot * LINEAR.multiplier, LINEAR.tick * price
        closed = min(size, abs(self.lots)) if self.lots * side < 0 else 0
        if closed:
            share = self.cost * closed / abs(self.lots)
            self.wallet += -side * closed * unit * at - share
            self.cost -= share
            self.lots += side * closed
        self.cost += side * (size - closed) * unit * at
        self.lots += side * (size - closed)
        self.wallet -= fee
        self.n += 1
        return Fill(1, 0, T0, T0, self.n, side, price, size, True, int(fee * E12))

    def snapshot(self, **balances: int) -> AccountSnapshot:
        told = tuple(balances.items()) or wallet_of([("USDT", self.wallet)])  # as venues' readers tell it
        return AccountSnapshot(0, T0, T0, T0, T0, (), (), (), (), told)


def desk() -> tuple[Venue, Holding, WalletCheck]:
    holding = Holding(LINEAR)
    return Venue(), holding, WalletCheck([holding, Holding(INVERSE)], {"bybit": 0, "binance-delivery": 1})


@given(TRADES)
def test_what_a_venue_realises_is_what_we_count(trades: list[tuple[int, int, int]]) -> None:
    venue, holding, check = desk()
    assert check.compare(venue.snapshot(), T0) == []
    for number, (side, price, size) in enumerate(trades):
        holding.fill(venue.trade(side, price, size, Decimal("0.25")))
        holding.fund(FundingPayment(0, T0, T0, number, -E12 // 8))
        venue.wallet -= Decimal("0.125")
        (found,) = check.compare(venue.snapshot(), T0)
        assert (found.venue, found.asset) == (0, "USDT")
        assert found.counted_e8 == pytest.approx(found.wallet_e8, abs=E8 // 10**6)


def test_money_that_nobody_explains_is_a_difference() -> None:
    venue, holding, check = desk()
    check.compare(venue.snapshot(), T0)
    holding.fill(venue.trade(1, 10_000, 10))
    venue.wallet -= 7
    assert check.compare(venue.snapshot(), T0 + 1) == [WalletCompared(0, T0 + 1, "USDT", -7 * E8, 0)]


def test_a_position_taken_over_is_compared_from_when_it_is_gone() -> None:
    venue, holding, check = desk()
    holding.adjust(Adjustment(0, T0, T0, 1, 10, 10_000, "was there"))
    venue.trade(1, 9_000, 10)  # the venue knows another entry
    assert check.compare(venue.snapshot(), T0) == []
    holding.fill(venue.trade(-1, 10_000, 5))
    assert check.compare(venue.snapshot(), T0) == []
    holding.fill(venue.trade(-1, 10_000, 5))
    assert check.compare(venue.snapshot(), T0) == [], "from here on"
    holding.fill(venue.trade(1, 10_000, 5))
    holding.fill(venue.trade(-1, 10_100, 5))
    (found,) = check.compare(venue.snapshot(), T0)
    assert found.counted_e8 == found.wallet_e8 == E8 // 2


def test_an_account_that_does_not_tell_is_not_compared() -> None:
    _, _, check = desk()
    for _ in range(2):
        assert check.compare(AccountSnapshot(0, T0, T0, T0, T0, (), (), ()), T0) == []


def guard(**config: Any) -> Guard:
    made = Guard("guard", TABLE, (0,), (0,), {0: Limits()}, GuardConfig(n_bad=2, max_wallet_difference=5.0, **config))
    made.now = T0
    return made


def states(of: Guard, *differences: int) -> list[tuple[int, int]]:
    for each in differences:
        of.handle(WalletCompared(0, T0, "USDT", each * E8, 0))
    told = [(m.state, m.cause) for port, m in of.out if port == "state"]
    of.out.clear()
    return told


def test_a_difference_halts_only_where_that_is_configured() -> None:
    assert states(guard(), *[100] * 5) == []
    watching = guard(on_wallet="halt")
    assert states(watching, 6, 5, 6, -4) == []
    assert states(watching, -6, -6) == [(TradingState.HALTED, HaltCause.WALLET)]
    watching.handle(HaltCleared(T0, "looked at"))
    watching.out.clear()
    assert states(watching, 6) == []
    assert states(watching, 6) == [(TradingState.HALTED, HaltCause.WALLET)]


def test_a_difference_that_is_gone_ends_a_reduction() -> None:
    assert [state for state, _ in states(guard(on_wallet="reduce"), 6, 6, 0, 0)] == [
        TradingState.REDUCING,
        TradingState.ACTIVE,
    ]
