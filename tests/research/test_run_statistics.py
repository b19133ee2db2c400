"""Every figure of the table against answers worked out by hand."""

import json
from typing import Any

import numpy as np
import pytest

from market.units import SECOND
from research.run_statistics import statistics
from tests.research.run_writer import BTC_INVERSE, SOL, SOL_REFERENCE, Ledger, RunWriter

T0 = 1_736_470_800 * SECOND
KEYS = {
    "n_fills",
    "n_buys",
    "n_sells",
    "volume",
    "volume_per_s",
    "turnover",
    "maker_share",
    "pnl",
    "terminal",
    "roi_pct",
    "max_drawdown_pct",
    "sharpe",
    "fees",
    "funding",
    "max_leverage",
    "max_norm_beta",
    "inventory_flips",
    "flip_win_ratio",
    "interval_quartiles_s",
    "tick_markout",
    "quartile_markouts",
    "markout_10s",
    "markout_10s_t",
    "n_orders",
    "n_amends",
    "n_cancels",
    "n_rejects",
    "n_refusals",
    "refusal_reasons",
    "fill_ratio",
    "quoted_any_side_pct",
    "quoted_both_sides_pct",
}


def at(*seconds: float) -> Any:
    return np.array([T0 + round(s * SECOND) for s in seconds])


def small_run(write_run: RunWriter) -> Any:
    """Buys 2 SOL at 100, sells 3 at 101, buys 1 at 99; the mid goes 100, 100.5, 101.5, 98."""
    return write_run(
        instruments=(SOL_REFERENCE, SOL),
        run={"start_ns": T0, "end_ns": T0 + 40 * SECOND, "seed": 7},
        result={"complete": True, "until_ns": T0 + 40 * SECOND},
        touch={
            "ts_recv": at(0, 5, 12, 30, 40),
            "instrument": 1,
            "bid": [9_995, 10_045, 10_145, 9_795, 9_795],
            "ask": [10_005, 10_055, 10_155, 9_805, 9_805],
        },
        fills={
            "ts": at(1, 1, 12),
            "ts_venue": at(1, 1, 12),
            "instrument": 1,
            "client_id": [1, 2, 3],
            "fill_id": [1, 2, 3],
            "side": [1, -1, 1],
            "price": [10_000, 10_100, 9_900],
            "size": [20, 30, 10],
            "is_maker": [True, True, False],
            "fee": [0.02, 0.03, -0.01],
        },
        equity={
            "ts": at(0, 1, 2, 12, 30),
            "instrument": 1,
            "position": [0, -10, -10, 0, 0],
            "average_entry": np.nan,
            "cash": [0.0, 102.95, 102.95, 3.96, 3.96],
            "fees": [0.0, 0.05, 0.05, 0.04, 0.04],
            "mid": [100.0, 100.0, 100.5, 101.5, 98.0],
            "pnl": [0.0, 2.95, 2.45, 3.96, 3.96],
        },
        orders={
            "kind": ["PLACE", "PLACE", "PLACE", "PLACE", "PLACE", "ACCEPTED", "REJECTED", "CANCEL", "CANCELLED"],
            "ts": T0,
            "ts_venue": at(0, 0, 0, 0, 0, 10, 10, 0, 20),
            "instrument": 1,
            "client_id": [1, 2, 3, 4, 5, 4, 5, 4, 4],
            "side": [1, -1, 1, 1, 1, 0, 0, 0, 0],
            "price": 9_900,
            "size": [20, 30, 10, 5, 5, 0, 0, 0, 0],
        },
    )


def test_known_answers(write_run: RunWriter) -> None:
    found = statistics(small_run(write_run))
    assert found["venue"]["binance-futures"] is None
    figures = found["venue"]["bybit"]
    assert figures is not None
    assert set(figures) == KEYS
    assert figures["n_fills"] == 3
    assert (figures["n_buys"], figures["n_sells"]) == (2, 1)
    assert figures["volume"] == pytest.approx(200 + 303 + 99)
    assert figures["volume_per_s"] == pytest.approx(602 / 11)  # from the first fill to the last, not the run's 40 s
    assert figures["turnover"] == pytest.approx(0.0602)
    assert figures["maker_share"] == pytest.approx(503 / 602)
    assert figures["pnl"] == pytest.approx(3.96)
    assert figures["terminal"] == pytest.approx(10_003.96)
    assert figures["roi_pct"] == pytest.approx(0.0396)
    assert figures["max_drawdown_pct"] == pytest.approx(100 * 0.5 / 10_002.95)
    assert figures["fees"] == pytest.approx(0.04)
    assert figures["funding"] == 0.0
    assert figures["max_leverage"] == pytest.approx(100.5 / 10_002.45)
    assert figures["max_norm_beta"] == pytest.approx(100.5 / 10_002.45)
    # +20, -10, 0 lots: one flip, made by the sale; what it ended made 2 * (101 - 100) - 0.05
    assert (figures["inventory_flips"], figures["flip_win_ratio"]) == (1, 1.0)
    assert figures["interval_quartiles_s"] == pytest.approx([2.75, 5.5, 8.25])
    # next update after 1 s is 100.5, after 12 s is 98
    assert figures["tick_markout"] == pytest.approx((0.5 / 100 + 0.5 / 101 - 1 / 99) / 3)
    # at 2.75, 5.5 and 8.25 s: mids 100, 100.5, 100.5 for the first two; 101.5 for the last
    assert figures["quartile_markouts"] == pytest.approx(
        {
            "2.75s": (0 + 1 / 101 + 2.5 / 99) / 3,
            "5.5s": (0.5 / 100 + 0.5 / 101 + 2.5 / 99) / 3,
            "8.25s": (0.5 / 100 + 0.5 / 101 + 2.5 / 99) / 3,
        }
    )
    assert figures["markout_10s"] == pytest.approx((0.5 / 100 + 0.5 / 101 + 2.5 / 99) / 3)
    assert (figures["n_orders"], figures["n_amends"], figures["n_cancels"], figures["n_rejects"]) == (5, 0, 1, 1)
    assert figures["fill_ratio"] == 0.6
    # order 4 stood from 10 s to 20 s of 40 s
    assert (figures["quoted_any_side_pct"], figures["quoted_both_sides_pct"]) == (25.0, 0.0)
    changes = np.diff([0.0, 2.95, 2.45, 3.96, 3.96])
    per_year = 4 / 30 * 365 * 86_400
    assert figures["sharpe"] == pytest.approx(changes.mean() / changes.std(ddof=1) * np.sqrt(per_year))


def test_instrument_and_quoter_agree_where_they_are_one(write_run: RunWriter) -> None:
    found = statistics(small_run(write_run))
    venue, instrument, quoter = found["venue"]["bybit"], found["instrument"]["bybit:SOLUSDT"], found["quoter"]["mm"]
    assert venue is not None
    assert instrument == venue
    assert quoter is not None
    for key, value in venue.items():
        # the quoter's PnL is rebuilt from its fills, so this checks the run's own stamps too
        assert quoter[key] == pytest.approx(value), key
    assert found["instrument"]["binance-futures:SOLUSDT"] is None


def test_figures_of_the_tutorial(write_run: RunWriter) -> None:
    """59 fills of 3899.41 on 10,000 from 01:04 to 02:44: turnover 0.39, volume/s 0.65; -0.14 leaves 9999.86."""
    prices = np.full(59, 10_000)
    sizes = np.full(59, 6)
    # 59 * 6 lots of 0.1 at 100.00 are 3540; the rest of 3899.41 stands in the last price
    prices[-1] += 59_901  # 0.6 * 599.01 = 359.406
    run = write_run(
        fills={
            "ts": T0 + np.linspace(0, 6_000, 59).astype(np.int64) * SECOND,
            "ts_venue": T0,
            "side": np.tile([1, -1], 30)[:59],
            "price": prices,
            "size": sizes,
            "is_maker": True,
        },
        equity={"ts": at(0, 3_600, 7_200), "cash": [0.0, -0.5, -0.14], "mid": 100.0, "pnl": [0.0, -0.5, -0.14]},
    )
    figures = statistics(run)["venue"]["bybit"]
    assert figures is not None
    assert figures["volume"] == pytest.approx(3899.41, abs=0.01)
    assert round(float(str(figures["turnover"])), 2) == 0.39
    assert round(float(str(figures["volume_per_s"])), 2) == 0.65
    assert (figures["pnl"], figures["terminal"]) == pytest.approx((-0.14, 9_999.86))


def test_equal_quartiles_are_one_horizon(write_run: RunWriter) -> None:
    """The tutorial's quartiles were 0 s, 0 s and 11 s, and its table had a figure lost under one of the names."""
    run = write_run(
        touch={"ts_recv": at(0, 30, 60), "bid": [9_990, 10_090, 10_090], "ask": [10_010, 10_110, 10_110]},
        fills={
            "ts": at(1, 1, 1, 1, 23, 45),
            "ts_venue": at(1, 1, 1, 1, 23, 45),
            "side": 1,
            "price": 10_000,
            "size": 1,
            "client_id": np.arange(6),
        },
    )
    figures = statistics(run)["venue"]["bybit"]
    assert figures is not None
    assert figures["interval_quartiles_s"] == [0.0, 0.0, 22.0]
    assert figures["quartile_markouts"] == pytest.approx({"0s": 0.01 / 6, "22s": 0.01 / 5})
    assert figures["pnl"] is None  # no stamp was written: nothing is said about money


def test_inverse_contract_is_converted_by_its_own_mid(write_run: RunWriter) -> None:
    run = write_run(
        instruments=(BTC_INVERSE,),
        quoters=({"name": "mm", "instrument": "binance-delivery:BTCUSD_PERP"},),
        fills={"ts": at(1), "ts_venue": at(1), "side": 1, "price": 600_000, "size": 50, "is_maker": True},
        equity={
            "ts": at(0, 2),
            "position": [0, 50],
            "cash": [0.0, 5_000 / 60_000],
            "mid": [60_000.0, 61_000.0],
            "pnl": [0.0, 5_000 / 60_000 - 5_000 / 61_000],
        },
    )
    book = Ledger(run.instruments[0])
    book.fill(1, 600_000, 50)
    for figures in (statistics(run)["venue"]["binance-delivery"], statistics(run)["quoter"]["mm"]):
        assert figures is not None
        assert figures["volume"] == 5_000.0
        assert figures["pnl"] == pytest.approx(83.3333333)
        assert figures["pnl"] == pytest.approx(book.pnl(610_000) * 61_000)
        assert figures["max_leverage"] == pytest.approx(5_000 / 10_083.33, rel=1e-6)


def test_quoters_share_an_instrument(write_run: RunWriter) -> None:
    """Their PnLs add up to the instrument's, but for funding, which is nobody's alone."""
    run = write_run(
        quoters=(
            {"name": "left", "instrument": "bybit:SOLUSDT"},
            {"name": "right", "instrument": "bybit:SOLUSDT"},
            {"name": "idle", "instrument": "bybit:SOLUSDT"},
        ),
        fills={
            "ts": at(1, 2, 3),
            "ts_venue": at(1, 2, 3),
            "quoter": [0, 1, 0],
            "side": [1, -1, 1],
            "price": [10_000, 10_200, 10_100],
            "size": [10, 20, 5],
            "fee": [0.1, 0.2, 0.05],
        },
        equity={
            "ts": at(0, 1, 2, 3, 4),
            "position": [0, 10, -10, -5, -5],
            "cash": [0.0, -100.1, 103.7, 53.15, 53.25],
            "fees": [0.0, 0.1, 0.3, 0.35, 0.35],
            "funding": [0.0, 0.0, 0.0, 0.0, 0.1],
            "mid": [100.0, 101.0, 102.0, 101.0, 100.0],
            "pnl": [0.0, 0.9, 1.7, 2.65, 3.25],
        },
    )
    found = statistics(run)
    left, right = found["quoter"]["left"], found["quoter"]["right"]
    assert left is not None
    assert right is not None
    assert found["quoter"]["idle"] is None
    assert (left["n_fills"], right["n_fills"]) == (2, 1)
    assert left["pnl"] == pytest.approx(-0.65)  # +1 at 100, +0.5 at 101, mid 100: -0.5 and 0.15 of fees
    assert right["pnl"] == pytest.approx(3.8)  # -2 at 102, mid 100: +4 and 0.2 of fees
    whole = found["instrument"]["bybit:SOLUSDT"]
    assert whole is not None
    assert whole["pnl"] == pytest.approx(-0.65 + 3.8 + 0.1)
    assert (whole["funding"], left["funding"], right["funding"]) == (0.1, 0.0, 0.0)


def test_venue_adds_instruments_and_leverage_is_gross(write_run: RunWriter) -> None:
    other = {**SOL, "symbol": "ETHUSDT", "base": "ETH"}
    run = write_run(
        instruments=(SOL, other),
        fills={
            "ts": at(1, 1),
            "ts_venue": at(1, 1),
            "instrument": [0, 1],
            "side": [1, -1],
            "price": 10_000,
            "size": 10,
        },
        equity={
            "ts": at(1, 1, 2, 2),
            "instrument": [0, 1, 0, 1],
            "position": [10, -10, 10, -10],
            "cash": [-100.0, 100.0, -100.0, 100.0],
            "mid": [100.0, 100.0, 110.0, 100.0],
            "pnl": [0.0, 0.0, 10.0, 0.0],
        },
    )
    figures = statistics(run)["venue"]["bybit"]
    assert figures is not None
    assert figures["pnl"] == pytest.approx(10.0)
    assert figures["max_leverage"] == pytest.approx(210 / 10_010)
    assert figures["max_norm_beta"] == pytest.approx(10 / 10_010)


def test_empty_and_interrupted_runs(write_run: RunWriter) -> None:
    assert statistics(write_run(folder="bare")) == {
        "venue": {"bybit": None},
        "instrument": {"bybit:SOLUSDT": None},
        "quoter": {"mm": None},
    }
    quoted = write_run(
        folder="quoted",
        run={"start_ns": T0, "end_ns": T0 + 100 * SECOND},
        orders={"kind": ["PLACE", "ACCEPTED"], "ts_venue": at(0, 5), "client_id": 1, "side": [1, 0], "size": [3, 0]},
        equity={"ts": at(1, 10), "mid": [np.nan, 100.0], "pnl": [np.nan, 0.0]},
    )
    figures = statistics(quoted)["quoter"]["mm"]
    assert figures is not None
    assert (figures["n_fills"], figures["n_orders"], figures["fill_ratio"]) == (0, 1, 0.0)
    # no result says how far it came: the last stamp does, 10 s
    assert figures["quoted_any_side_pct"] == pytest.approx(50.0)
    assert {figures[key] for key in ("pnl", "sharpe", "tick_markout", "flip_win_ratio", "volume_per_s")} == {None}


def test_statistics_are_plain_json(write_run: RunWriter) -> None:
    found = statistics(small_run(write_run))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
