"""What a strategy may ask for, beyond what the order manager holds it to."""

from decimal import Decimal

import pytest

from actors.quoter import Quoter, QuoterContext
from market.instrument import Instrument, InstrumentTable
from market.messages import SubmitOrder, WantedQuotes
from market.units import Side

OWN = Instrument(0, "bybit", "SOLUSDT", "SOL", "USDT", "USDT", Decimal("0.01"), Decimal("0.1"))
OTHER = Instrument(1, "binance-futures", "SOLUSDT", "SOL", "USDT", "USDT", Decimal("0.01"), Decimal("0.1"))


def quoter() -> Quoter:
    return Quoter(QuoterContext("q", 0, InstrumentTable([OWN, OTHER]), (OWN,), (OTHER,)))


def test_what_it_does_not_quote_it_may_not_trade() -> None:
    q = quoter()
    for trade in (
        lambda: q.quote(OTHER, [(100, 1)]),
        lambda: q.limit(OTHER, Side.BUY, 100, 1),
        lambda: q.market(OTHER, Side.SELL, 1),
    ):
        with pytest.raises(ValueError, match=r"^q may not trade binance-futures:SOLUSDT: its config does not list it"):
            trade()
    assert q.out == []


def test_orders_go_out_with_their_flags_and_tags_of_their_own() -> None:
    q = quoter()
    q.quote(OWN, bids=[(100, 1)])
    tags = [q.limit(OWN, Side.BUY, 100, 1, post_only=True), q.limit(OWN, Side.SELL, 101, 2, time_in_force="IOC")]
    (_, wanted), (_, post_only), (_, ioc) = q.out
    assert wanted == WantedQuotes(0, 0, ((100, 1),), ())
    assert (post_only, ioc) == (
        SubmitOrder(0, 0, tags[0], 1, 100, 1, 4),
        SubmitOrder(0, 0, tags[1], -1, 101, 2, 1),
    )
    assert len(set(tags)) == 2


def test_orders_that_no_venue_here_takes_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"^time_in_force 'GTD' is not supported; use GTC, IOC or FOK$"):
        quoter().limit(OWN, Side.BUY, 100, 1, time_in_force="GTD")
