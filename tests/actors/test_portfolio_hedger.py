"""The hedge desk by itself: contracts of several kinds, and what it does not know."""

from decimal import Decimal
from typing import Any

import attrs
import msgspec
import numpy as np
import pytest

from actors.quoter import QuoterContext
from actors.risk import Limits
from actors.strategies.portfolio_hedger import PortfolioHedger, PortfolioParams
from market.instrument import Instrument, InstrumentTable
from market.messages import (
    BookUpdate,
    CountedPosition,
    HedgeAnswered,
    HedgeRequested,
    Margin,
    OrderState,
    OrderUpdate,
    Started,
    SubmitOrder,
    VenueMargin,
)
from market.units import SECOND

LINEAR = Instrument(0, "bybit", "BTCUSDT", "BTC", "USDT", "USDT", Decimal("0.1"), Decimal("0.001"))
COINM = Instrument(
    1, "binance-delivery", "BTCUSD_PERP", "BTC", "USD", "BTC", Decimal("0.1"), Decimal(1), Decimal(100), inverse=True
)
WOO = Instrument(2, "woox", "PERP_SOL_USDT", "SOL", "USDT", "USDT", Decimal("0.01"), Decimal("0.1"))
TABLE = InstrumentTable((LINEAR, COINM, WOO))


class Alone:
    """A desk that may trade everything, and what it has said."""

    def __init__(self, table: InstrumentTable = TABLE, **params: Any) -> None:
        limits = Limits(max_position_notional=1e7, max_order_notional=1e6)
        self.table = table
        context = QuoterContext("desk", 0, table, tuple(table), limits=(limits,) * len(table))
        self.desk = PortfolioHedger(context, PortfolioParams(**{"max_notional": 1e7, **params}))
        self.orders: list[SubmitOrder] = []
        self.answers: list[HedgeAnswered] = []
        self.give(Started(0))

    def give(self, message: Any) -> None:
        self.desk.now = 100 * SECOND
        self.desk.on[type(message)](message)
        self.orders += [m for _, m in self.desk.out if isinstance(m, SubmitOrder)]
        self.answers += [m for port, m in self.desk.out if port == "hedged"]
        self.desk.out.clear()

    def hold(self, *lots: int) -> None:
        for i, n in enumerate(lots):
            self.give(CountedPosition(i, self.desk.now, n, 0))

    def book(self, instrument: Instrument, mid: float) -> None:
        bids, asks = (np.array([[instrument.ticks(mid * (1 + side * 1e-5)), 10**6]], np.int64) for side in (-1, 1))
        self.give(BookUpdate(instrument.id, self.desk.now, self.desk.now, 1, bids, asks))

    def margin(self, venue: str, available: float | None, age_s: float = 0.0) -> None:
        e6 = None if available is None else round(available * 1e6)
        asked = self.desk.now - round(age_s * SECOND)
        self.give(VenueMargin(self.table.venues.index(venue), asked, Margin(None, e6, None)))

    def ask(self, **fields: Any) -> None:
        self.give(HedgeRequested(self.desk.now, **{"request": "a", "base": "BTC", **fields}))

    def end(self, order: SubmitOrder) -> None:
        update = OrderUpdate(1, order.instrument, 0, order.tag, 0, order.side, 0, order.size, order.size, 0)
        self.give(msgspec.structs.replace(update, state=int(OrderState.FILLED)))


def test_an_inverse_contract_is_counted_and_hedged_in_base() -> None:
    alone = Alone()
    alone.book(LINEAR, 50_000.0)
    alone.book(COINM, 50_000.0)
    alone.hold(3_000, -500, 0)  # 3 BTC, less 500 contracts of 100 USD: 1 BTC
    alone.ask(on=(("binance-delivery", 1.0),))
    (order,) = alone.orders
    assert (order.instrument, order.side) == (1, -1)
    assert order.size == pytest.approx(1_000, rel=3e-3), "2 BTC of 100 USD each, at the price that is still taken"
    alone.hold(3_000, -500 - order.size, 0)
    alone.end(order)
    last = alone.answers[-1]
    assert last.is_over
    assert last.assets[0].before == pytest.approx(2.0)
    assert abs(last.assets[0].after or 0.0) < 0.01


def test_what_has_no_price_is_not_guessed() -> None:
    alone = Alone()
    alone.book(LINEAR, 50_000.0)
    alone.hold(3_000, -500, 0)
    alone.ask()
    assert alone.orders == []
    (answer,) = alone.answers
    assert answer.assets[0].before is None
    assert answer.assets[0].text == "not hedged: an inverse contract has no price"
    assert msgspec.json.decode(msgspec.json.encode(answer), type=HedgeAnswered) == answer, "as it is written down"


def test_all_assets_at_once_and_those_that_are_flat() -> None:
    alone = Alone()
    for instrument, mid in ((LINEAR, 50_000.0), (COINM, 50_000.0), (WOO, 190.0)):
        alone.book(instrument, mid)
    alone.hold(0, 0, 25)
    alone.ask(base="")
    assert [(o.instrument, o.side, o.size) for o in alone.orders] == [(2, -1, 25)]
    assert [(a.base, a.before) for a in alone.answers[-1].assets] == [("BTC", 0.0), ("SOL", 2.5)]


def test_before_all_is_counted_or_in_doubt_nothing_is_sent() -> None:
    alone = Alone()
    alone.book(LINEAR, 50_000.0)
    alone.hold(3_000)
    alone.ask()
    assert alone.answers[-1].text == "the positions are not known yet: ask again"
    alone.hold(3_000, 0, 0)
    alone.give(CountedPosition(0, alone.desk.now, 3_000, 5))
    alone.ask()
    assert alone.answers[-1].text.startswith("the account shows other than our fills make: bybit:BTCUSDT")
    alone.give(CountedPosition(0, alone.desk.now, 3_005, 0))
    alone.ask()
    assert alone.orders, "a refusal is not remembered"


def test_an_inverse_contract_that_is_only_counted_needs_its_book() -> None:
    context = QuoterContext("desk", 0, TABLE, (TABLE[0],))
    with pytest.raises(ValueError, match=r"^binance-delivery:BTCUSD_PERP is inverse: .* add `references`$"):
        PortfolioHedger.check(context, PortfolioParams())
    PortfolioHedger.check(QuoterContext("desk", 0, TABLE, (TABLE[0],), (TABLE[1],)), PortfolioParams())


# --- by margin -------------------------------------------------------------------------------------------------------

TWO = InstrumentTable(
    (
        LINEAR,
        Instrument(1, "woox", "PERP_BTC_USDT", "BTC", "USDT", "USDT", Decimal("0.1"), Decimal("0.001")),
        Instrument(2, "paradex", "BTC-USD-PERP", "BTC", "USD", "USDC", Decimal("0.1"), Decimal("0.001")),
    )
)


class ByMargin(Alone):
    """A desk over three venues that holds 3 BTC on the first and has to sell them; a BTC is at 50,000."""

    def __init__(self, held: int = 3_000, **params: Any) -> None:
        super().__init__(TWO, **{"by": "margin", "max_leverage": 10.0, **params})
        for instrument in TWO:
            self.book(instrument, 50_000.0)
        self.hold(held, 0, 0)

    def lots(self) -> dict[str, int]:
        return {TWO[each.instrument].venue: each.size for each in self.orders}


def test_margin_that_is_available_shares_out() -> None:
    desk = ByMargin()
    for venue, available in (("bybit", 40_000.0), ("woox", 60_000.0), ("paradex", 20_000.0)):
        desk.margin(venue, available)
    desk.ask()
    assert desk.lots() == {"bybit": 1_000, "woox": 1_500, "paradex": 500}
    assert desk.answers[-1].assets[0].text == ""


def test_shares_of_a_request_are_shares_of_margin() -> None:
    desk = ByMargin(by="room")
    for venue in ("bybit", "woox", "paradex"):
        desk.margin(venue, 60_000.0)
    desk.ask(by="margin", on=(("woox", 1.0), ("paradex:BTC-USD-PERP", 2.0)))
    assert desk.lots() == {"woox": 1_000, "paradex": 2_000}


def test_a_venue_without_margin_that_is_known_takes_none() -> None:
    desk = ByMargin()
    desk.margin("bybit", 50_000.0)
    desk.margin("woox", None)
    desk.margin("paradex", -3.0)
    desk.ask()
    assert desk.lots() == {"bybit": 3_000}
    text = "no margin is known: woox does not tell what is available; paradex has no margin available"
    assert desk.answers[-1].assets[0].text == text


def test_where_none_is_known_nothing_is_sent_and_it_says_why() -> None:
    desk = ByMargin(max_margin_age_s=60.0)
    desk.margin("bybit", 50_000.0, age_s=61.0)
    desk.margin("woox", None)
    desk.ask()
    assert desk.orders == []
    assert desk.answers[-1].is_over
    assert desk.answers[-1].text == (
        "no margin is known: that of bybit is 61 s old, more than max_margin_age_s = 60;"
        " woox does not tell what is available; paradex has told none;"
        " [orders] account_every_s is how often it is asked for"
    )
    desk.margin("bybit", 50_000.0, age_s=59.0)
    desk.ask(on=(("woox", 1.0),))
    assert desk.orders == [], "nobody asked for it on bybit"
    desk.ask()
    assert desk.lots() == {"bybit": 3_000}, "a refusal is not remembered"


def test_no_more_is_opened_than_the_margin_carries() -> None:
    desk = ByMargin(max_leverage=2.0)
    desk.margin("woox", 25_000.0)  # a BTC
    desk.ask()
    assert desk.lots() == {"woox": pytest.approx(1_000, rel=0.01)}
    assert "are left" in desk.answers[-1].assets[0].text


def test_margin_that_was_told_before_an_order_is_not_used_twice() -> None:
    desk = ByMargin(max_leverage=2.0)
    desk.margin("woox", 25_000.0, age_s=5.0)  # a BTC
    desk.ask()
    (first,) = desk.orders
    desk.hold(3_000, -first.size, 0)
    desk.end(first)
    desk.ask(request="b")
    assert desk.orders == [first], "the account has not been asked since"
    desk.margin("woox", 12_500.0)  # asked for in the instant of the order: it may not show it
    desk.ask(request="c")
    assert desk.orders == [first]
    desk.desk.now += SECOND
    desk.margin("woox", 12_500.0, age_s=-1.0)
    desk.ask(request="d")
    assert desk.orders[-1].size == pytest.approx(500, rel=0.01)


def test_a_desk_that_was_restarted_uses_no_margin_of_its_former_life() -> None:
    desk = ByMargin()
    desk.give(Started(1))
    desk.margin("bybit", 50_000.0, age_s=5.0)
    desk.ask()
    assert desk.orders == []
    desk.margin("bybit", 50_000.0, age_s=-1.0)
    desk.ask(request="b")
    assert desk.lots() == {"bybit": 3_000}


def test_what_closes_a_position_needs_no_margin() -> None:
    desk = ByMargin(max_leverage=1.0)
    desk.margin("bybit", 1.0)
    desk.ask()
    assert desk.lots() == {"bybit": 3_000}


@pytest.mark.parametrize(("base", "lots"), [("SOL", 2_000), ("", 1_000)])
def test_assets_of_one_request_share_the_margin_of_a_venue(base: str, lots: int) -> None:
    sol = Instrument(1, "bybit", "SOLUSDT", "SOL", "USDT", "USDT", Decimal("0.01"), Decimal("0.1"))
    desk = Alone(InstrumentTable((LINEAR, sol, WOO)), by="margin", max_leverage=1.0)
    for instrument, mid in zip(desk.table, (50_000.0, 190.0, 190.0), strict=True):
        desk.book(instrument, mid)
    desk.margin("bybit", 38_000.0)  # 200 SOL
    desk.hold(0, 0, -9_000)
    desk.ask(base=base)
    (order,) = desk.orders
    assert (order.instrument, order.side) == (1, 1)
    assert order.size == pytest.approx(lots, rel=0.01)


def test_what_one_asset_opens_is_not_counted_against_the_part_of_another() -> None:
    sol = Instrument(1, "bybit", "SOLUSDT", "SOL", "USDT", "USDT", Decimal("0.01"), Decimal("0.1"))
    other = Instrument(2, "woox", "PERP_BTC_USDT", "BTC", "USDT", "USDT", Decimal("0.1"), Decimal("0.001"))
    woo = attrs.evolve(WOO, id=3)
    desk = Alone(InstrumentTable((LINEAR, sol, other, woo)), by="margin", max_leverage=1.0)
    for instrument, mid in zip(desk.table, (50_000.0, 190.0, 50_000.0, 190.0), strict=True):
        desk.book(instrument, mid)
    desk.margin("bybit", 38_000.0)  # half of it is 0.38 BTC, or 100 SOL
    desk.hold(0, 0, -9_000, -9_000)
    desk.ask(base="")
    assert {each.instrument: each.size for each in desk.orders} == {
        0: pytest.approx(380, rel=0.01),
        1: pytest.approx(1_000, rel=0.01),
    }


def test_a_period_that_tells_no_margin_in_time_is_refused() -> None:
    params = PortfolioParams(by="margin", max_margin_age_s=60.0)
    for every_s in (0.0, 61.0):
        context = QuoterContext("desk", 0, TWO, tuple(TWO), account_every_s=every_s)
        with pytest.raises(
            ValueError, match=rf"^by = \"margin\" needs .* account_every_s = {every_s:g} must be above 0"
        ):
            PortfolioHedger.check(context, params)
    PortfolioHedger.check(QuoterContext("desk", 0, TWO, tuple(TWO), account_every_s=30.0), params)
