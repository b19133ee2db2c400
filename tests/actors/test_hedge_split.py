"""How an exposure is shared out: never more than there is, nothing that is no order, little left."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.hedge_split import Place, split
from market.instrument import Instrument


def place(
    weight: float = 1.0,
    *,
    lot: str = "0.1",
    least: int = 1,
    notional: str = "0",
    most: int = 1 << 40,
    inverse: bool = False,
    price: float = 100.0,
) -> Place:
    multiplier = Decimal(10) if inverse else Decimal(1)
    instrument = Instrument(
        0,
        "v",
        "S",
        "S",
        "USD",
        "USD",
        Decimal("0.01"),
        Decimal(lot),
        multiplier,
        inverse,
        min_size=least,
        min_notional=Decimal(notional),
    )
    return Place(instrument, price, weight, most)


def shared(amount: float, places: list[Place]) -> tuple[list[int], float]:
    lots, left = split(amount, places)
    return lots, round(left, 9)


def test_shares_are_kept_and_the_rest_goes_where_it_fits() -> None:
    assert shared(4.0, [place(1.0), place(3.0)]) == ([10, 30], 0.0)
    # 0.25 and 0.75 of 1.0: 2 lots of 0.1, 7 lots, and the tenth to the heavier
    assert shared(1.0, [place(1.0), place(3.0)])[0] == [2, 8]
    # a whole unit a lot at the second: what does not fit goes to the first
    lots, left = shared(2.75, [place(1.0), place(1.0, lot="1")])
    assert lots == [17, 1]
    assert left == 0.05


def test_what_makes_no_order_goes_elsewhere_or_is_left() -> None:
    assert shared(1.0, [place(), place(least=6)]) == ([10, 0], 0.0)
    assert shared(0.04, [place()]) == ([0], 0.04)
    assert shared(0.4, [place(notional="50")])[0] == [0], "40 of quote currency"
    assert shared(3.0, [place(most=5), place(most=7)]) == ([5, 7], 1.8)


def test_inverse_contracts_are_counted_by_their_price() -> None:
    # 10 USD a contract at 100 a unit, 0.1 unit a contract
    assert shared(1.0, [place(lot="1", inverse=True)]) == ([10], 0.0)


places = st.builds(
    place,
    st.floats(0.01, 100.0),
    lot=st.sampled_from(("0.001", "0.1", "1", "5")),
    least=st.integers(1, 20),
    notional=st.sampled_from(("0", "10", "100")),
    most=st.integers(0, 200),
    inverse=st.booleans(),
    price=st.floats(0.5, 1e5),
)


@given(amount=st.floats(0.0, 1e4), chosen=st.lists(places, min_size=1, max_size=5))
def test_never_more_than_there_is_and_nothing_that_is_no_order(amount: float, chosen: list[Place]) -> None:
    lots, left = split(amount, chosen)
    sent = sum(n * each.per_lot for n, each in zip(lots, chosen, strict=True))
    assert sent <= amount + 1e-5 * sum(each.per_lot for each in chosen)
    assert left == pytest.approx(max(0.0, amount - sent), abs=1e-6 * max(1.0, amount))
    for n, each in zip(lots, chosen, strict=True):
        assert n == 0 or each.least <= n <= each.most
        # whatever still fits has been sent
        room = min(each.most - n, int(left / each.per_lot - 1e-6))
        assert room <= 0 or n + room < each.least
