"""The venue's books of an account: every fill and cent in them, as the matching engine has it."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.instrument import Instrument
from market.messages import OrderFlag
from market.order_log import LogKind
from sim.emulator.account import Account
from sim.emulator.amounts import Grid, money, plain
from sim.emulator.limits import FixedLimit, RollingLimit
from sim.emulator.orders import Holding, Placed, Status
from tests.sim.emulator.stage import START, BybitStage

UNIT = Decimal("0.01") * Decimal("0.1")  # a tick times a lot, in the settle asset
SOL = Instrument(0, "bybit", "SOLUSDT", "SOL", "USDT", "USDT", tick=Decimal("0.01"), lot=Decimal("0.1"))

fills = st.tuples(st.sampled_from((1, -1)), st.integers(1, 40_000), st.integers(1, 500))


@given(st.lists(fills, max_size=30), st.integers(1, 40_000))
def test_a_position_is_the_sum_of_its_fills(done: list[tuple[int, int, int]], mark: int) -> None:
    holding = Holding(SOL, Decimal(10))
    for side, price, size in done:
        before = holding.lots
        closed, _ = holding.fill(side, price, size, START)
        assert closed == (min(abs(before), size) if before * side < 0 else 0)
    assert holding.lots == sum(side * size for side, _, size in done)
    cash = -sum(side * price * size for side, price, size in done)
    whole = Fraction(cash + holding.lots * mark) * Fraction(UNIT)
    assert abs(Fraction(holding.realised + holding.profit(mark * SOL.tick)) - whole) < Fraction(1, 10**12)
    if holding.lots:
        prices = [price for _, price, _ in done]
        assert min(prices) * SOL.tick <= holding.entry <= max(prices) * SOL.tick
    else:
        assert holding.entry == 0


actions = st.lists(
    st.tuples(
        st.sampled_from(("place", "amend", "cancel", "cancel all", "wait")),
        st.sampled_from((1, -1)),
        st.integers(-30, 30),
        st.integers(1, 800),
        st.sampled_from((0, 1, 2, 4, 8, 16, 9)),
    ),
    max_size=40,
)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(actions)
def test_books_agree_with_the_engine(acts: list[tuple[str, int, int, int, int]]) -> None:
    stage = BybitStage()
    account, view = stage.account(), stage.view
    for act, side, away, size, flags in acts:
        touch = view.bids[0][0] if side > 0 else view.asks[0][0]
        chosen = list(account.orders.values())[size % len(account.orders)] if account.orders else None
        if act == "place":
            account.submit(view.instrument, "", side, touch - side * away, size, flags, {}, stage.now)
        elif act == "amend" and chosen is not None:
            account.amend(chosen, touch - side * away, size, stage.now)
        elif act == "cancel" and chosen is not None:
            account.cancel(chosen, stage.now)
        elif act == "cancel all":
            account.cancel_all(view.instrument, stage.now)
        stage.run(0.3 if act == "wait" else 0.02)
    check(stage, account)


def check(stage: BybitStage, account: Account) -> None:
    exchange = stage.engine._accounts[account.place]._source._exchange
    venue, instrument = exchange.venue_of(stage.view.instrument.id), stage.view.instrument
    theirs = {o.client_id: (o.side, o.price, o.size, o.filled) for o in exchange.open_orders(venue)}
    assert {n: (o.side, o.price, o.size, o.filled) for n, o in account.orders.items()} == theirs
    assert dict(exchange.positions(venue)) == {i: h.lots for i, h in account.holdings.items()}
    assert all(o.is_open for o in account.orders.values())
    assert not any(o.is_open for o in account.ended)
    for order in (*account.ended, *account.orders.values()):
        mine = [e for e in account.executions if e.order is order]
        assert order.filled == sum(e.size for e in mine) <= order.size
        assert order.value == sum(e.size * e.price for e in mine)
        assert (order.status is Status.FILLED) == (order.filled == order.size)
    cash = -sum(e.order.side * e.price * e.size for e in account.executions)
    fees = sum(
        abs(e.price * e.size) * (instrument.maker_fee if e.is_maker else instrument.taker_fee)
        for e in account.executions
    )
    position = account.holdings[instrument.id]
    equity = account.opening + UNIT * cash - UNIT * fees + position.lots * instrument.lot * stage.view.mark
    assert abs(account.wallet + account.unrealised - equity) < Decimal("1e-9")
    # the log of the account has the same fills, fees included
    rows = [row for row in stage.engine.log(account.place).rows() if row[0] in (LogKind.FILL_MAKER, LogKind.FILL_TAKER)]
    assert [(r[4], r[6], r[7], r[9]) for r in rows] == [
        (e.order.number, e.price, e.size, e.fee_e12) for e in account.executions
    ]


def test_margin_is_what_orders_and_positions_bind() -> None:
    stage = BybitStage(balance=1000, leverage=10)
    account, view = stage.account(), stage.view
    instrument, ask = view.instrument, view.asks[0][0]
    assert account.available == 1000
    assert account.can_afford(instrument, 1, ask, 100)
    whole = int(Decimal(10_000) / (instrument.tick * ask * instrument.lot))
    assert account.can_afford(instrument, 1, ask, whole)
    assert not account.can_afford(instrument, 1, ask, whole + 1)
    resting = account.submit(instrument, "", 1, ask - 500, 100, OrderFlag.POST_ONLY, {}, stage.now)
    assert isinstance(resting[0], Placed)
    bound = instrument.value(ask - 500, 100) / 10
    assert account.available == 1000 - bound
    account.submit(instrument, "", 1, ask + 100, 50, OrderFlag.IOC, {}, stage.now)
    assert account.position_margin == account.holdings[instrument.id].value(view.mark) / 10 > 0
    # what makes the position smaller needs nothing
    assert account.can_afford(instrument, -1, ask, 50)
    assert not account.can_afford(instrument, -1, ask, 50 + whole)


@pytest.mark.slow
def test_funding_is_paid_at_its_time() -> None:
    stage = BybitStage()
    wire = stage.signed_on("private", topics=("execution", "wallet"))
    account, view = stage.account(), stage.view
    due, rate = view.funding(stage.now)
    account.submit(view.instrument, "", 1, view.asks[0][0] + 50, 10, OrderFlag.IOC, {}, stage.now)
    before = account.wallet
    stage.now = due - 50_000_000  # the market in between is played in one go
    stage.run(0.2)
    (payment,) = account.payments
    assert payment.position == 10
    assert payment.amount == account.wallet - before
    assert float(payment.amount) == pytest.approx(float(-rate * view.mark * 10 * SOL.lot), rel=0.02)
    told = [row for m in wire.heard() if m["topic"] == "execution" for row in m["data"]]
    (row,) = [row for row in told if row["execType"] == "Funding"]
    assert Decimal(row["execFee"]) == pytest.approx(-payment.amount, abs=Decimal("1e-8"))
    listed = stage.get("/v5/execution/list", execType="Funding")["result"]["list"]
    assert [r["execId"] for r in listed] == [row["execId"]]
    assert view.funding(stage.now)[0] > due


# --- amounts and limits -----------------------------------------------------------------------------------------------


@given(st.sampled_from(("0.01", "0.5", "5", "0.0001", "10", "0.25")), st.integers(-(10**9), 10**9))
def test_amounts_are_written_exactly_and_read_again(unit: str, count: int) -> None:
    grid = Grid(Decimal(unit))
    text = grid.text(count)
    assert Decimal(text) == count * Decimal(unit)
    assert len(text.partition(".")[2]) == max(0, -int(Decimal(unit).as_tuple().exponent))
    assert grid.count(text) == count


def test_amounts_between_units_are_none() -> None:
    grid = Grid(Decimal("0.01"))
    assert [grid.count(text) for text in ("1.005", "", "x", "NaN", "1e-3")] == [None] * 5
    assert grid.count("1e1") == 1000


def test_money_is_never_written_in_exponents() -> None:
    assert (plain(Decimal("1E+5")), plain(Decimal("1E-9")), plain(Decimal("-0.50")), plain(Decimal("10"))) == (
        "100000",
        "0",
        "-0.5",
        "10",
    )
    assert money(Decimal("-1.5"), 4) == "-1.5000"


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 3)), max_size=40))
def test_rolling_limits_hold_in_every_window(asked: list[tuple[int, int]]) -> None:
    limit, now = RollingLimit(5, 100), 1000
    spent: list[tuple[int, int]] = []
    for wait, count in asked:
        now += wait
        recent = sum(n for at, n in spent if at > now - 100)
        assert limit.left(now) == 5 - recent
        assert limit.spend(now, count) == (recent + count <= 5)
        if recent + count <= 5:
            spent.append((now, count))
        assert limit.reset_at(now) == (now if limit.left(now) else min(at for at, _ in spent if at > now - 100) + 100)


def test_fixed_limits_begin_anew_on_the_clock() -> None:
    limit = FixedLimit(2, 100)
    assert [limit.spend(at) for at in (190, 195, 199, 200)] == [True, True, False, True]
    assert (limit.used(250), limit.used(300), limit.reset_at(250)) == (1, 0, 300)
