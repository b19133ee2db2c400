"""Positions, average entries, cash, and what happens when the account says otherwise."""

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from actors.position_tracker import PositionTracker
from market.instrument import Instrument, InstrumentTable
from market.messages import (
    AccountSnapshot,
    ActorUp,
    Adjustment,
    EquityStamp,
    Fill,
    FundingPayment,
    LogReplayed,
    OrderAccepted,
    PlaceOrder,
    Position,
    PositionInDoubt,
    PositionsCompared,
    SetTimer,
    Started,
    Stop,
    TimerFired,
)
from market.order_log import PACK, unpack
from market.units import SECOND

T0 = 1_700_000_000 * SECOND
LINEAR = Instrument(0, "bybit", "SOLUSDT", "SOL", "USDT", "USDT", Decimal("0.01"), Decimal("0.1"))
INVERSE = Instrument(
    1, "binance-delivery", "BTCUSD_PERP", "BTC", "USD", "BTC", Decimal("0.1"), Decimal(1), Decimal(100), inverse=True
)
TABLE = InstrumentTable([LINEAR, INVERSE])


class Desk:
    """A tracker, and what came out of it."""

    def __init__(self, generation: int = 0) -> None:
        self.tracker = PositionTracker("tracker", TABLE, (0, 1))
        self.tracker.now = T0
        self.n = 0
        self.give(Started(generation))

    def give(self, message: Any) -> list[Any]:
        self.tracker.handle(message)
        out = [message for _, message in self.tracker.out]
        self.tracker.out.clear()
        if isinstance(message, AccountSnapshot):  # last of all, as what is in doubt is told before
            assert out.pop() == PositionsCompared(message.venue, message.ts_request)
        return out

    def fill(self, instrument: int, side: int, price: int, size: int, ts: int = T0, fee_e12: int = 0) -> Fill:
        self.n += 1
        return Fill(1, instrument, ts, ts, self.n, side, price, size, True, fee_e12)

    def trade(self, instrument: int, lots: int, price: int, fee_e12: int = 0) -> Position:
        side = 1 if lots > 0 else -1
        (position,) = self.give(self.fill(instrument, side, price, abs(lots), fee_e12=fee_e12))
        assert isinstance(position, Position)
        return position

    def stamp(self) -> dict[int, EquityStamp]:
        self.tracker.now += SECOND
        out = self.give(TimerFired(1))
        return {m.instrument: m for m in out if isinstance(m, EquityStamp)}

    def book(self, instrument: int, bid: int, ask: int) -> None:
        self.tracker.books[instrument].load(np.array([[bid, 1]]), np.array([[ask, 1]]), T0, T0, 1)


def test_average_entry_moves_with_what_is_added_only() -> None:
    desk = Desk()
    assert desk.trade(0, 10, 10_000).average_entry == 100.0
    assert desk.trade(0, 30, 10_200).average_entry == 101.5
    assert desk.trade(0, -20, 15_000).average_entry == 101.5
    flat = desk.trade(0, -20, 9_000)
    assert flat.lots == 0
    assert math.isnan(flat.average_entry)


def test_a_flip_begins_at_the_price_of_the_fill_that_made_it() -> None:
    desk = Desk()
    desk.trade(0, 10, 10_000)
    flipped = desk.trade(0, -25, 10_400)
    assert (flipped.lots, flipped.average_entry) == (-15, 104.0)


def test_inverse_profit_is_in_the_base_asset() -> None:
    """10 contracts of 100 USD, long from 50 000 to 60 000: 1000 / 50 000 - 1000 / 60 000 BTC."""
    desk = Desk()
    assert desk.trade(1, 10, 500_000).average_entry == 50_000.0
    desk.trade(1, -10, 600_000)
    stamp = desk.stamp()[1]
    assert stamp.pnl == stamp.cash == pytest.approx(0.02 - 1000 / 60_000, abs=1e-15)


def test_inverse_average_entry_is_harmonic_so_that_it_has_the_parts_profit() -> None:
    desk = Desk()
    desk.trade(1, 10, 400_000)
    position = desk.trade(1, 10, 600_000)
    assert position.average_entry == pytest.approx(48_000.0)
    desk.book(1, 500_000, 500_000 + 2)
    assert desk.stamp()[1].pnl == pytest.approx(2000 / 48_000 - 2000 / 50_000.1)


def test_fees_funding_and_rebates_go_into_cash() -> None:
    desk = Desk()
    desk.trade(0, 10, 10_000, fee_e12=20_000_000_000)  # 1 SOL at 100, fee 0.02
    desk.trade(0, -10, 10_000, fee_e12=-10_000_000_000)  # a rebate
    for _ in range(2):
        desk.give(FundingPayment(0, T0, T0, 7, 500_000_000_000))
    stamp = desk.stamp()[0]
    assert (stamp.fees, stamp.funding, stamp.cash, stamp.pnl) == (0.01, 0.5, 0.49, 0.49)


def test_mark_is_the_mid_even_between_ticks_and_nan_before_the_first_book() -> None:
    desk = Desk()
    desk.trade(0, 10, 10_000)
    stamp = desk.stamp()[0]
    assert math.isnan(stamp.mid)
    assert math.isnan(stamp.pnl)
    desk.book(0, 10_000, 10_001)
    stamp = desk.stamp()[0]
    assert stamp.mid == 100.005
    assert stamp.pnl == 0.005


def test_stamps_at_multiples_of_the_period_and_at_the_end() -> None:
    tracker = PositionTracker("tracker", TABLE, (0,), stamp_s=5.0)
    tracker.now = T0 + 2 * SECOND
    tracker.handle(Started(0))
    assert tracker.out == [("timers", SetTimer(T0 + 5 * SECOND, 1))]
    tracker.out.clear()
    tracker.now = T0 + 5 * SECOND
    tracker.handle(TimerFired(1))
    assert [type(m) for _, m in tracker.out] == [EquityStamp, SetTimer]
    assert tracker.out[1] == ("timers", SetTimer(T0 + 10 * SECOND, 1))
    tracker.out.clear()
    tracker.handle(Stop())
    assert tracker.out == [], "that instant has its row"
    tracker.now += SECOND
    tracker.handle(Stop())
    assert [m.ts for _, m in tracker.out] == [T0 + 6 * SECOND]


def test_a_fill_that_comes_twice_counts_once() -> None:
    desk = Desk()
    fill = desk.fill(0, 1, 10_000, 3)
    desk.give(fill)
    assert desk.give(fill) == []
    assert desk.tracker.holding(0).lots == 3


def snapshot(fills: tuple[Fill, ...], lots: int, ts_venue: int) -> AccountSnapshot:
    return AccountSnapshot(0, T0, ts_venue, T0, 0, (), fills, ((0, lots),))


def test_account_brings_missed_fills_before_it_is_believed() -> None:
    desk = Desk()
    desk.trade(0, 5, 10_000)
    missed = desk.fill(0, 1, 10_000, 2, ts=T0 + 1)
    out = desk.give(snapshot((missed,), 7, T0 + 10))
    assert [type(m) for m in out] == [Position], "all is explained"
    assert desk.tracker.holding(0).lots == 7


def test_what_fills_do_not_explain_is_an_adjustment_without_profit() -> None:
    desk = Desk()
    desk.trade(0, 5, 10_000)
    assert desk.give(snapshot((), 2, T0 + 5)) == [PositionInDoubt(0, T0, -3)], "one look is not enough"
    adjustment, position, no_doubt = desk.give(snapshot((), 2, T0 + 10))
    assert adjustment == Adjustment(0, T0, T0 + 10, 1, -3, 10_000, "the account holds 2 lots, the fills make 5")
    assert position.lots == 2
    assert no_doubt == PositionInDoubt(0, T0, 0)
    desk.book(0, 10_000, 10_000 + 2)
    assert desk.stamp()[0].pnl == pytest.approx(2 * 0.1 * 0.01)
    assert desk.give(snapshot((), 2, T0 + 10)) == []


def test_fills_later_than_the_account_are_not_held_against_it() -> None:
    desk = Desk()
    desk.trade(0, 5, 10_000)
    desk.give(desk.fill(0, 1, 10_000, 4, ts=T0 + 20))
    assert desk.give(snapshot((), 5, T0 + 10)) == []
    # at its very instant: those that it lists are in its position, others are not
    same = desk.fill(0, -1, 10_000, 1, ts=T0 + 30)
    other = desk.fill(0, -1, 10_000, 1, ts=T0 + 30)
    desk.give(same)
    desk.give(other)
    assert desk.give(snapshot((same,), 8, T0 + 30)) == []


def test_opening_position_makes_no_profit_by_itself() -> None:
    desk = Desk()
    desk.give(snapshot((), 50, T0))
    desk.give(snapshot((), 50, T0))
    assert math.isnan(desk.stamp()[0].pnl)
    desk.book(0, 10_000, 10_000 + 2)
    assert desk.stamp()[0].pnl == 0.0
    desk.book(0, 10_100, 10_100 + 2)
    assert desk.stamp()[0].pnl == 5.0
    assert desk.tracker.holding(0).average_entry == 100.01


def test_restart_from_the_log_is_silent_and_exact() -> None:
    desk = Desk()
    messages: list[Any] = [
        PlaceOrder(1, 0, 1, 10_000, 5, 0),
        OrderAccepted(1, 0, T0, T0),
        desk.fill(0, 1, 10_000, 5, fee_e12=7),
        FundingPayment(0, T0, T0, 1, 3),
        Adjustment(0, T0, T0, 1, -2, 10_000, "x"),
        Adjustment(0, T0, T0, 2, 1, 9_000, "another at the same instant"),
        desk.fill(1, -1, 500_000, 4),
    ]
    for message in messages:
        if not isinstance(message, (PlaceOrder, OrderAccepted)):
            desk.give(message)
    again = Desk(generation=1)
    for message in messages:
        assert again.give(unpack(PACK[type(message)](message, T0))) == []
    told = again.give(LogReplayed(0))
    assert [(m.instrument, m.lots) for m in told] == [(0, 4), (1, -4)]
    for i in (0, 1):
        ours, theirs = again.tracker.holding(i), desk.tracker.holding(i)
        assert (ours.lots, ours.cash, ours.fees, ours.funding) == (
            theirs.lots,
            theirs.cash,
            theirs.fees,
            theirs.funding,
        )
        assert ours.average_entry == theirs.average_entry
    # what waited in the mailbox was in the log already
    assert again.give(messages[2]) == []


def test_a_quoter_that_begins_anew_is_told_the_positions() -> None:
    desk = Desk()
    desk.trade(0, 5, 10_000)
    (position,) = desk.give(ActorUp("quoter", 0))
    assert (position.instrument, position.lots) == (0, 5)


TRADES = st.lists(st.tuples(st.integers(-9, 9).filter(bool), st.integers(9_000, 11_000)), min_size=1, max_size=30)


@given(trades=TRADES, instrument=st.integers(0, 1))
def test_equity_is_cash_plus_value_for_any_trades(trades: list[tuple[int, int]], instrument: int) -> None:
    """Against rationals: the sum over the trades of what each has made since."""
    desk = Desk()
    market = TABLE[instrument]
    for lots, price in trades:
        desk.trade(instrument, lots, price)
    desk.book(instrument, 10_000, 10_003)
    stamp = desk.stamp()[instrument]
    tick, lot = Fraction(market.tick), Fraction(market.lot * market.multiplier)
    mid = Fraction(20_003, 2) * tick
    pnl = Fraction(0)
    for lots, price in trades:
        if market.inverse:
            pnl += lots * lot / (price * tick) - lots * lot / mid
        else:
            pnl += lots * lot * (mid - price * tick)
    assert stamp.position == sum(lots for lots, _ in trades)
    assert stamp.pnl == pytest.approx(float(pnl), abs=1e-9)
    if stamp.position:
        low, high = min(p for _, p in trades), max(p for _, p in trades)
        assert market.price(low) * (1 - 1e-12) <= stamp.average_entry <= market.price(high) * (1 + 1e-12)
