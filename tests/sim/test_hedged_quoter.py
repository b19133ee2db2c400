"""The hedged quoter in simulated runs: what it fills is taken back, and whatever fails, the exposure is bounded."""

import re
from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.messages import OrderFlag, OrderState
from market.order_log import LogKind
from market.units import SECOND
from research.fill_check import check_run
from sim.config import load_config, make_config
from sim.market_data import open_market
from sim.market_world import instruments_of, trading_of
from sim.simulation import Simulation
from sim.state_kernels import AT_INSTRUMENT, I_POSITION, INSTRUMENT_SIZE
from tests.sim.hedged_runs import MAX_UNHEDGED, Fault, HedgedRun, config

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "hedged.toml"
THIN = {"slippage_bps": 0.0, "notional": 8_000.0}  # more than the touch of the hedge venue holds, mostly


def test_every_fill_is_taken_back_by_an_order_that_rests_nowhere() -> None:
    run = HedgedRun().run()
    assert run.complaints() == []
    assert run.wrongs() == []
    assert run.was_flat()
    placed = run.hedges()
    assert len(placed) >= 10
    assert {row[8] for row in placed} == {OrderFlag.IOC}
    made = [row for row in run.log.rows() if row[0] == LogKind.FILL_MAKER]
    assert {row[3] for row in made} == {run.maker.id}
    assert sum(row[5] * row[7] for row in placed) == -sum(row[5] * row[7] for row in made)


def test_market_orders_hedge_as_well() -> None:
    run = HedgedRun(made=config(hedge_order="market")).run()
    assert {row[8] for row in run.hedges()} == {OrderFlag.MARKET}
    assert run.was_flat()
    assert run.wrongs() == []


def test_a_price_is_at_most_the_slippage_behind_the_touch() -> None:
    run = HedgedRun(made=config(slippage_bps=2.0)).run()
    touch: dict[int, int] = {}
    for fill in (row for row in run.log.rows() if row[0] == LogKind.FILL_TAKER):
        touch.setdefault(fill[4], fill[6])
    placed = {row[4]: row for row in run.hedges()}
    assert touch
    for client_id, price in touch.items():
        _, _, _, _, _, side, limit, *_ = placed[client_id]
        assert 0 <= side * (limit - price) / price <= 3.5e-4, "2 bps, and what the book moved on the way"


# --- faults ----------------------------------------------------------------------------------------------------------


def test_while_hedges_are_refused_quotes_that_add_are_pulled() -> None:
    run = HedgedRun([Fault("refused", 4.0, 8.0)]).run()
    assert run.wrongs() == []
    begin = run.world.start + 4 * SECOND
    during = [abs(e) for at, e in run.exposures if begin <= at < begin + 8 * SECOND]
    assert max(during) >= MAX_UNHEDGED, "or nothing is proven"
    refused = [row for row in run.log.rows() if row[0] == LogKind.REJECTED]
    assert 3 <= len(refused) <= 8, "retried, at longer and longer intervals"
    assert run.was_flat(), "and hedged when it can be"
    assert run.complaints() == []


def test_an_order_whose_fate_is_unknown_is_not_sent_again() -> None:
    run = HedgedRun([Fault("lost", 4.0, 6.0)])
    states: list[OrderState] = []
    at = run.world.start + 8 * SECOND
    run.nursery.agenda.schedule(at, lambda: states.extend(run.states()))
    run.run()
    assert states == [OrderState.UNKNOWN], "one hedge, and no other beside it"
    sent = [row for row in run.hedges() if at - 4 * SECOND <= row[1] <= at + SECOND]
    assert len(sent) == 1
    assert run.wrongs() == []
    assert run.was_flat()
    assert run.complaints() == []


def test_while_the_hedge_venue_is_down_nothing_is_quoted() -> None:
    run = HedgedRun([Fault("down", at) for at in (4.0, 6.0, 9.0)]).run()
    assert run.complaints() == []
    assert run.wrongs() == []
    assert run.was_flat()


def test_partial_hedges_go_on_with_what_is_left() -> None:
    run = HedgedRun(made=config(**THIN)).run()
    ended_short = [row for row in run.log.rows() if row[0] == LogKind.EXPIRED and row[3] == run.hedge.id]
    assert len(ended_short) >= 5
    assert run.wrongs() == []
    assert run.complaints() == []


def test_while_the_book_of_the_hedge_is_lost_nothing_is_quoted_or_hedged() -> None:
    run = HedgedRun([Fault("stale", at) for at in (4.0, 8.0, 12.0)]).run()
    assert run.complaints() == []
    assert run.wrongs() == []
    assert run.was_flat()


def test_what_an_earlier_run_has_left_open_is_hedged_at_the_start() -> None:
    made = attrs.evolve(config(), orders=attrs.evolve(config().orders, reconcile_at_start=True, account_every_s=1.0))
    run = HedgedRun(made=made)
    rows = run.world.exchange.view(AT_INSTRUMENT).reshape(-1, INSTRUMENT_SIZE)
    rows[run.maker.id, I_POSITION] = 35
    rows[run.hedge.id, I_POSITION] = -10
    run.run()
    first = run.hedges()[0]
    assert first[5] < 0, "sold, against 2.5 SOL that nobody remembers"
    assert [text for text in run.complaints() if "corrections" not in text] == []
    assert run.was_flat()


@pytest.mark.parametrize("who", ["quoter", "manager"])
def test_a_new_life_hedges_what_the_last_one_left(who: str) -> None:
    # the crash comes while hedges are refused: nothing but the positions tells of what is open
    run = HedgedRun([Fault("refused", 4.0, 8.0), Fault(who, 10.0)]).run()  # type: ignore[arg-type]
    before = [abs(e) for at, e in run.exposures if at < run.world.start + 10 * SECOND]
    assert before[-1] > 0.0
    assert run.wrongs() == []
    assert run.was_flat()
    assert run.complaints() == []


def _few(faults: list[Fault]) -> list[Fault]:
    """Return at most two falls of an actor: the supervisor gives up on one that falls all the time."""
    kept: list[Fault] = []
    for fault in faults:
        if fault.what in ("lost", "refused") or sum(each.what == fault.what for each in kept) < 2:
            kept.append(fault)
    return kept


_faults = st.lists(
    st.builds(
        Fault,
        st.sampled_from(("down", "lost", "refused", "stale", "maker", "manager", "quoter")),
        st.floats(1.0, 16.0).map(lambda s: round(s, 2)),
        st.floats(0.0, 6.0).map(lambda s: round(s, 2)),
    ),
    max_size=6,
).map(_few)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(faults=_faults, seed=st.integers(1, 4), thin=st.booleans(), kind=st.sampled_from(("ioc", "market")))
def test_whatever_fails_the_exposure_is_bounded(faults: list[Fault], seed: int, thin: bool, kind: str) -> None:
    run = HedgedRun(faults, seed=seed, made=config(hedge_order=kind, **(THIN if thin else {}))).run()
    assert run.wrongs() == []
    assert [each for each in run.complaints() if "never came back" not in each] == []
    again = HedgedRun(faults, seed=seed, made=config(hedge_order=kind, **(THIN if thin else {}))).run()
    assert again.log.digest() == run.log.digest()


# --- the config ------------------------------------------------------------------------------------------------------


def test_the_config_that_comes_with_the_project_is_clean(tmp_path: Path) -> None:
    made = load_config(CONFIG)
    made = attrs.evolve(made, data=attrs.evolve(made.data, seconds=120.0))
    data = open_market(made, CONFIG.parent)
    simulation = Simulation(made, data, tmp_path)
    result = simulation.finish(simulation.run(), 0.0)
    assert result["complete"]
    data = open_market(made, CONFIG.parent)
    assert check_run(tmp_path, data.streams(), data.clock_shifts, instruments=data.instruments) == []


@pytest.mark.parametrize(
    ("quoter", "told"),
    [
        ({}, "quoter 'h': set max_unhedged (units of base) or max_unhedged_notional (quote currency)"),
        ({"instruments": ["bybit:SOLUSDT"]}, "quoter 'h': instruments must be two, to quote and to hedge on; got 1"),
        (
            {"instruments": ["bybit:SOLUSDT", "binance-futures:BTCUSDT"]},
            "quoter 'h': bybit:SOLUSDT is SOL, binance-futures:BTCUSDT is BTC: one cannot hedge the other",
        ),
    ],
)
def test_a_pair_that_cannot_be_is_refused(quoter: dict[str, object], told: str) -> None:
    raw = {"name": "h", "strategy": "hedged", "instruments": ["bybit:SOLUSDT", "binance-futures:SOLUSDT"], **quoter}
    made = make_config({"data": {"preset": "pair", "seconds": 10.0}, "quoter": [raw]})
    trading = trading_of(made, instruments_of(open_market(made, Path())))
    with pytest.raises(ValueError, match=f"^{re.escape(told)}$"):
        assert trading.plans
