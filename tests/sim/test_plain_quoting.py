"""The compiled path of plain quoting against the order manager itself: the same log, row by row, and the same state."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.order_manager import OrderManager
from actors.runtime.wiring import MANAGER
from market.instrument import InstrumentTable
from market.order_log import LogKind
from sim.config import RunConfig, make_config
from sim.market_data import open_market
from sim.simulation import Simulation

FICKLE = "tests.sim.fickle_quoter:FickleQuoter"
ZERO = {f"{way}_private": 0.0 for way in ("request", "ack", "feed")}
SLOW = {"request_private": 30.0, "ack_private": 40.0, "feed_private": 5.0}
UNEVEN = {
    "request_private": {"model": "lognormal", "median_ms": 20.0, "sigma": 1.0},
    "ack_private": {"model": "lognormal", "median_ms": 20.0, "sigma": 1.5},
    "feed_private": 3.0,
}


def config_of(quoters: list[dict[str, Any]], *, deliver: str = "mirrors", **more: Any) -> RunConfig:
    latency = more.pop("latency", ZERO)
    return make_config(
        {
            "data": {"preset": "crash", "seconds": 20.0, "seed": more.pop("seed", 7)},
            "run": {"deliver": deliver},
            "venue": [{"name": venue, "latency": latency} for venue in ("bybit", "binance-futures")],
            "quoter": quoters,
            **more,
        }
    )


def run(config: RunConfig, out: Path) -> tuple[list[Any], dict[str, Any], int]:
    """Return the log, how the manager ends, and how many messages never were messages."""
    out.mkdir()
    simulation = Simulation(config, open_market(config, Path()), out)
    outcome = simulation.run()
    assert outcome.kind == "done"
    rows, manager = list(simulation.log.rows()), simulation.nursery.cell(MANAGER).actor
    assert isinstance(manager, OrderManager)
    simulation.finish(outcome, 0.0)
    return rows, state_of(manager, simulation.instruments), simulation.exchange.n_taken


def state_of(manager: OrderManager, instruments: InstrumentTable) -> dict[str, Any]:
    ledger = manager.ledger
    sides = [side for lanes in ledger.lanes.values() for lane in lanes for side in lane.sides]
    return {
        "live": list(ledger.live),
        "guards": [ledger.guards[i.id].state for i in instruments],
        "next ids": {quoter: lanes[0].ids.next for quoter, lanes in ledger.lanes.items()},
        "endings": [(side.n_ending, side.surplus, list(side.present)) for side in sides],
        "spoke": manager.spoke,
    }


def fickle(name: str, venue: str, seed: int, oddity: float, every_s: float = 0.0) -> dict[str, Any]:
    other = {"bybit": "binance-futures", "binance-futures": "bybit"}[venue]
    return {
        "name": name,
        "strategy": FICKLE,
        "instruments": [f"{venue}:SOLUSDT"],
        "references": [f"{other}:SOLUSDT"],
        "params": {"seed": seed, "oddity": oddity, "every_s": every_s},
    }


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 1000),
    oddity=st.sampled_from([0.0, 0.02, 0.3]),
    latency=st.sampled_from([ZERO, SLOW, UNEVEN]),
    n_quoters=st.integers(1, 2),
    timeout_s=st.sampled_from([0.06, 0.2, 5.0]),
    limits=st.sampled_from([{}, {"max_position": 3.0}, {"max_order_rate": 4.0}, {"max_open_orders": 2}]),
)
def test_it_does_what_the_manager_does(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    oddity: float,
    latency: dict[str, Any],
    n_quoters: int,
    timeout_s: float,
    limits: dict[str, Any],
) -> None:
    quoters = [fickle("a", "bybit", seed, oddity), fickle("b", "binance-futures", seed + 1, oddity)][:n_quoters]
    out = tmp_path_factory.mktemp("plain")
    more: dict[str, Any] = {
        "latency": latency,
        "seed": seed,
        "orders": {"request_timeout_s": timeout_s, "limits": limits},
    }
    plain, plain_end, n_taken = run(config_of(quoters, **more), out / "plain")
    whole, whole_end, n_none = run(config_of(quoters, deliver="all", **more), out / "whole")
    assert plain == whole
    assert plain_end == whole_end
    assert n_none == 0
    assert n_taken > 0 or oddity > 0.0 or timeout_s < 1 or limits


def test_it_takes_most_of_a_quiet_run_and_gives_back_for_fills(tmp_path: Path) -> None:
    config = make_config({"data": {"preset": "crash", "seconds": 20.0}})
    rows, _, n_taken = run(config, tmp_path / "run")
    kinds = [row[0] for row in rows]
    n_plain = sum(kind in (LogKind.PLACE, LogKind.CANCEL, LogKind.ACCEPTED, LogKind.CANCELLED) for kind in kinds)
    assert kinds.count(LogKind.FILL_MAKER) > 0
    assert n_taken > 0.8 * n_plain


@pytest.mark.parametrize("seed", range(4))
def test_its_timers_do_not_overtake_those_of_quoters(tmp_path: Path, seed: int) -> None:
    # every request is made at a tick of a quoter, and its time is up at another one
    quoters = [fickle("a", "bybit", seed, 0.0, 0.05), fickle("b", "binance-futures", seed, 0.0, 0.05)]
    more: dict[str, Any] = {
        "latency": {"request_private": 50.0, "ack_private": 50.0, "feed_private": 50.0},
        "seed": seed,
        "orders": {"request_timeout_s": 0.2, "max_quote_age_s": 0.1},
    }
    more["latency"]["ack_private"] = {"model": "lognormal", "median_ms": 60.0, "sigma": 1.0}
    plain, plain_end, _ = run(config_of(quoters, **more), tmp_path / "plain")
    whole, whole_end, _ = run(config_of(quoters, deliver="all", **more), tmp_path / "whole")
    assert plain == whole
    assert plain_end == whole_end


def test_limits_as_wide_as_can_be_written_are_none(tmp_path: Path) -> None:
    quoters = [fickle("a", "bybit", 1, 0.0)]
    wide = {
        "max_order_size": 1e300,
        "max_position": 1e300,
        "max_open_orders": 10**30,
        "price_collar_bps": 1e300,
        "max_order_notional": 1e300,
        "max_position_notional": 1e300,
    }
    bounded, _, _ = run(config_of(quoters), tmp_path / "bounded")
    unbounded, _, n_taken = run(config_of(quoters, orders={"limits": wide}), tmp_path / "unbounded")
    assert unbounded == bounded
    assert n_taken > 0


def test_progress_is_told_though_kernels_do_most(tmp_path: Path) -> None:
    shown: list[int] = []
    config = make_config({"data": {"preset": "crash", "seconds": 20.0}})
    simulation = Simulation(
        config, open_market(config, Path()), tmp_path, on_progress=lambda: shown.append(1), progress_every=50
    )
    outcome = simulation.run()
    simulation.finish(outcome, 0.0)
    assert len(shown) >= simulation.nursery.number // 200
