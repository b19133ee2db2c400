"""The kernels against the same rules in plain Python, on random markets."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sim.fill_model import FillModel
from sim.state_kernels import AHEAD_SCALE, O_AHEAD, O_FILLED, O_PRICE, O_SIZE
from tests.sim.market_script import MarketScript, said
from tests.sim.naive_venue import NaiveVenue
from tests.sim.random_market import ALL_FLAGS, Step, markets, write

NEWS = ("maker", "taker", "expired")


@settings(max_examples=120, deadline=None)
@given(
    markets(flags=ALL_FLAGS, amends=True, deltas=True),
    st.sampled_from(list(FillModel)),
    st.fixed_dictionaries({"partial": st.booleans(), "consume": st.booleans(), "power": st.sampled_from([1, 2, 5])}),
)
def test_same_facts_as_the_naive_venue(steps: list[Step], model: FillModel, options: dict[str, Any]) -> None:
    naive = NaiveVenue(model, **options)
    naive.play(steps)
    partial_fills = options.pop("partial")
    script = write(MarketScript(fill_model=model, partial_fills=partial_fills, **options), steps)
    told = said(script.run())
    assert [fact for fact in told if fact[0] not in NEWS] == naive.answers
    assert [fact for fact in told if fact[0] in NEWS] == naive.news
    assert script.position() == naive.position
    assert [o.client_id for o in script.exchange.open_orders(0)] == [order.client_id for order in naive.orders]
    for order in naive.orders:
        row = script.order(order.client_id)
        assert row is not None
        assert (row[O_PRICE], row[O_SIZE], row[O_FILLED]) == (order.price, order.size, order.filled)
        if model is FillModel.TOUCH:  # which looks at no queue
            continue
        ahead = None if row[O_AHEAD] < 0 else row[O_AHEAD]
        assert ahead == order.ahead, f"{ahead} / {AHEAD_SCALE} lots ahead of order {order.client_id}"
