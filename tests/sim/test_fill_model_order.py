"""With a fixed schedule of orders, a more optimistic model never has filled less of any order at any time.

What the schedule may hold: orders of every kind but reduce-only, and cancels.  The rest answers to what was filled, as
a quoter would: a reduce-only order lives by the position, an amend is refused once its size is filled, and the venue's
limit of open orders counts those not filled yet.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from market.columns import BookColumns
from market.messages import OrderFlag
from market.units import MS, SECOND
from sim.fill_model import FillModel
from sim.generator import calm_market
from sim.matching_kernels import FILL_MAKER, FILL_TAKER
from sim.state_kernels import SILENT
from tests.sim.generated import read
from tests.sim.market_script import BUY, SELL, Fact, MarketScript, latencies, perpetual
from tests.sim.random_market import Step, markets, write

LADDERS = (
    (FillModel.STRICT_CROSS, FillModel.RISK_AVERSE, FillModel.PROBABILISTIC_POWER, FillModel.TOUCH),
    (FillModel.STRICT_CROSS, FillModel.RISK_AVERSE, FillModel.PROBABILISTIC_LOG, FillModel.TOUCH),
)

Filled = dict[int, int]


def filled_over_time(facts: Sequence[Fact]) -> list[tuple[int, int, int]]:
    """Return (venue time, order, lots) of every fill, in order."""
    return sorted((f.ts, f.client_id, f.size) for f in facts if f.kind in (FILL_MAKER, FILL_TAKER))


def check_order(lower: Sequence[Fact], higher: Sequence[Fact]) -> None:
    """Assert that at every time, of every order at least as much is filled in `higher`."""
    low, high = filled_over_time(lower), filled_over_time(higher)
    so_far: Filled = {}
    place = 0
    behind: Filled = {}
    for n, (ts, client_id, size) in enumerate(low):
        behind[client_id] = behind.get(client_id, 0) + size
        if n + 1 < len(low) and low[n + 1][0] == ts:
            continue
        while place < len(high) and high[place][0] <= ts:
            so_far[high[place][1]] = so_far.get(high[place][1], 0) + high[place][2]
            place += 1
        for order, lots in behind.items():
            assert lots <= so_far.get(order, 0), f"at {ts} order {order} has {lots} filled, not more than {so_far}"


def play(model: FillModel, steps: Sequence[Step], **venue: Any) -> list[Fact]:
    return write(MarketScript(fill_model=model, **venue), steps).run()


@settings(max_examples=60, deadline=None)
@given(markets(), st.booleans(), st.booleans(), st.sampled_from([1, 3, 8]))
def test_filled_quantity_is_ordered_by_model(steps: list[Step], partial: bool, consume: bool, power: int) -> None:
    options = {"partial_fills": partial, "consume": consume, "power": power}
    facts = {model: play(model, steps, **options) for model in FillModel}
    for ladder in LADDERS:
        for lower, higher in pairwise(ladder):
            check_order(facts[lower], facts[higher])


@settings(max_examples=60, deadline=None)
@given(markets(amends=True), st.sampled_from(list(FillModel)), st.booleans())
def test_no_order_is_filled_beyond_its_size_nor_a_print_beyond_its_own(
    steps: list[Step], model: FillModel, consume: bool
) -> None:
    script = write(MarketScript(fill_model=model, consume=consume), steps)
    facts = script.run()
    largest: Filled = {}
    printed: Filled = {}
    books = set()
    now = 10
    for wait, what, args in steps:
        now += wait
        if what == "place":
            largest[args[0]] = max(largest.get(args[0], 0), args[3])
        elif what == "amend":
            largest[args[0]] = max(largest.get(args[0], 0), args[2])
        elif what == "trade":
            printed[now] = printed.get(now, 0) + args[1]
        elif what == "book":
            books.add(now)
    filled: Filled = {}
    by_print: Filled = {}
    position = 0
    for fact in facts:
        if fact.kind in (FILL_MAKER, FILL_TAKER):
            filled[fact.client_id] = filled.get(fact.client_id, 0) + fact.size
            position += fact.side * fact.size
            if fact.kind == FILL_MAKER and fact.ts not in books:
                by_print[fact.ts] = by_print.get(fact.ts, 0) + fact.size
    assert all(lots <= largest[order] for order, lots in filled.items())
    assert all(lots <= printed[ts] for ts, lots in by_print.items())
    assert position == script.position()
    numbers = [fact.detail for fact in facts if fact.kind in (FILL_MAKER, FILL_TAKER)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_the_models_differ_on_a_generated_market() -> None:
    """Quotes at the touch for a minute of a calm market: every step of the ladder fills more than the one before."""
    _, config = calm_market(7, 30)
    feeds = read(config)
    schedule = _quotes_at_the_touch(feeds.books[0])
    totals = []
    facts = {}
    for model in FillModel:
        script = MarketScript([perpetual(0)], fill_model=model, mode=SILENT, latency=latencies(request_private=3 * MS))
        script.feed(0, "trades", feeds.trades[0])
        script.feed(0, "book", feeds.books[0])
        for ts, client_id, side, price in schedule:
            script.place(ts, client_id, side, price, 30, OrderFlag.POST_ONLY)
            script.cancel(ts + 4 * SECOND, client_id)
        facts[model] = script.run()
        totals.append(sum(size for _, _, size in filled_over_time(facts[model])))
    for ladder in LADDERS:
        for lower, higher in pairwise(ladder):
            check_order(facts[lower], facts[higher])
    strict, averse, power, log, touch = totals
    assert strict < averse < min(power, log)
    assert max(power, log) < touch


def _quotes_at_the_touch(book: BookColumns) -> list[tuple[int, int, int, int]]:
    quotes = []
    for n, row in enumerate(range(50, len(book) - 50, max(1, len(book) // 100))):
        start = int(book.start[row])
        bid, ask = int(book.levels[start, 0]), int(book.levels[start + int(book.n_bids[row]), 0])
        ts = int(book.ts_recv[row])
        quotes += [(ts, 2 * n + 1, BUY, bid), (ts, 2 * n + 2, SELL, ask)]
    return quotes
