"""Each of the five venues quoted with each of the others as reference, and hedged there: by config alone."""

from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from market.columns import BookColumns
from market.instrument import Instrument
from market.messages import Reason
from market.order_log import LogKind
from research.fill_check import check_run
from research.run_data import Run
from sim.config import RunConfig, make_config
from sim.simulation import Simulation
from tests.sim.five_venues import INSTRUMENTS, NAMES, five_venues

PAIRS = list(permutations(NAMES, 2))
BY_NAME = {each.name: each for each in INSTRUMENTS}
QUOTES = {"notional": 300.0, "spread_bps": 0.5, "skew_bps": 0.2, "basis": "ewma", "basis_halflife_s": 1.0}


def config(**quoter: Any) -> RunConfig:
    slow = {"request_private": 3, "ack_private": 5, "feed_private": 4}
    venues = [{"name": each.venue, "latency": slow} for each in INSTRUMENTS]
    return make_config({"venue": venues, "quoter": [{"name": "cross", **quoter}]})


def simulate(made: RunConfig, out: Path) -> tuple[Simulation, list[list[int]]]:
    """Run it, hold it against its market; return the rows of its log."""
    data = five_venues()
    simulation = Simulation(made, data, out)
    result = simulation.finish(simulation.run(), 0.0)
    assert result["complete"]
    assert check_run(out, data.streams(), data.clock_shifts, instruments=data.instruments) == []
    rows: list[list[int]] = np.fromfile(out / "orders.log", "<i8").reshape(-1, 10).tolist()
    return simulation, rows


def orders_are_valid(rows: list[list[int]]) -> bool:
    """Tell whether every order obeyed the rules of its own venue, and none was refused for them."""
    for kind, _, _, i, _, _, price, size, reason, _ in rows:
        instrument = INSTRUMENTS[i]
        if kind == LogKind.PLACE:
            assert instrument.is_valid_price(price), (instrument.name, price)
            assert size >= instrument.least_lots(instrument.price(price)), (instrument.name, price, size)
        elif kind == LogKind.REJECTED:
            assert reason == Reason.POST_ONLY_WOULD_TAKE, (instrument.name, Reason(reason))
    return True


def test_the_rules_differ_or_nothing_is_proven() -> None:
    assert len(PAIRS) == 20
    hyperliquid: Instrument = BY_NAME["hyperliquid:SOL"]
    assert [hyperliquid.price_rule.step(hyperliquid.ticks(price)) for price in (99.5, 100.5)] == [10, 100]
    books = {i: columns for i, _, columns in five_venues().feeds if isinstance(columns, BookColumns)}
    mids = {i: float(np.median(books[i].levels[:, 0])) * float(INSTRUMENTS[i].tick) for i in books}
    assert max(mids.values()) / min(mids.values()) > 1 + 8e-4, "more than the spread that is quoted"
    low = books[2].levels[:, 0].min(), books[2].levels[:, 0].max()
    assert low[0] < 1_000_000 < low[1], "Hyperliquid's steps change on the way"


@pytest.mark.slow
@pytest.mark.parametrize(("quoted", "reference"), PAIRS)
def test_any_venue_is_quoted_with_any_other_as_reference(quoted: str, reference: str, tmp_path: Path) -> None:
    _, rows = simulate(config(instruments=[quoted], references=[reference], params=QUOTES), tmp_path)
    assert orders_are_valid(rows)
    assert {row[3] for row in rows} == {BY_NAME[quoted].id}
    fills = [row for row in rows if row[0] in (LogKind.FILL_MAKER, LogKind.FILL_TAKER)]
    sides = {row[5] for row in fills}
    assert sides == {1, -1}, "on both sides: the basis is found"


@pytest.mark.slow
@pytest.mark.parametrize(("quoted", "hedged_on"), PAIRS)
def test_any_venue_is_quoted_and_hedged_on_any_other(quoted: str, hedged_on: str, tmp_path: Path) -> None:
    params = {**QUOTES, "max_unhedged": 12.0}
    made = config(strategy="hedged", instruments=[quoted, hedged_on], params=params)
    simulation, rows = simulate(made, tmp_path)
    assert orders_are_valid(rows)
    fills = [row for row in rows if row[0] in (LogKind.FILL_MAKER, LogKind.FILL_TAKER)]
    assert {row[3] for row in fills} == {BY_NAME[quoted].id, BY_NAME[hedged_on].id}
    declared = Run.load(tmp_path).table("declarations")
    unhedged = declared["value"][declared["key"] == "unhedged"]
    hedge = BY_NAME[hedged_on]
    smallest = hedge.size(hedge.least_lots(99.0))
    assert np.abs(unhedged).min() < smallest, "taken back, but for less than the smallest order"
    assert np.abs(unhedged).max() <= 12.0 + 2 * 3.1
    assert simulation.config == made


def test_without_the_basis_a_reference_in_another_currency_is_quoted_on_one_side(tmp_path: Path) -> None:
    params = {**QUOTES, "basis": "none"}
    made = config(instruments=["woox:PERP_SOL_USDT"], references=["hyperliquid:SOL"], params=params)
    _, rows = simulate(made, tmp_path)
    fills = [row[5] * row[7] for row in rows if row[0] in (LogKind.FILL_MAKER, LogKind.FILL_TAKER)]
    assert abs(sum(fills)) > 0.8 * sum(map(abs, fills)), "or the test above would prove nothing of the basis"
