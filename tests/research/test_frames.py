"""The frames: their shape, their units, and their rows against the tables they were made from."""

from typing import Any

import numpy as np
import pytest

from market.units import SECOND
from research import frames
from research.run_data import Run
from tests.research.run_writer import BTC_INVERSE, SOL, SOL_REFERENCE, RunWriter

T0 = 1_736_470_800 * SECOND


def at(*seconds: float) -> Any:
    return np.array([T0 + round(s * SECOND) for s in seconds])


@pytest.fixture
def run(write_run: RunWriter) -> Run:
    return write_run(
        instruments=(SOL_REFERENCE, SOL, BTC_INVERSE),
        quoters=(
            {"name": "sol", "instrument": "bybit:SOLUSDT"},
            {"name": "btc", "instrument": "binance-delivery:BTCUSD_PERP"},
        ),
        run={"start_ns": T0, "end_ns": T0 + 20 * SECOND, "capital": 5_000.0},
        touch={
            "ts_recv": at(0, 0, 2, 4, 6, 8),
            "instrument": [1, 2, 1, 1, 1, 1],
            "bid": [9_990, 599_990, 10_000, 0, 10_010, 10_020],
            "ask": [10_010, 600_010, 10_020, 10_030, 10_030, 10_040],
        },
        trades={
            "ts_recv": at(1, 2, 5),
            "instrument": [1, 0, 1],
            "price": [10_010, 9_000, 10_030],
            "size": 10,
            "taker": [1, 1, -1],
        },
        fills={
            "ts": at(1, 3, 4),
            "ts_venue": at(0.9, 2.9, 3.9),
            "instrument": [1, 2, 1],
            "quoter": [0, 1, 0],
            "client_id": [11, 12, 13],
            "fill_id": [21, 22, 23],
            "side": [1, -1, -1],
            "price": [9_990, 600_010, 10_030],
            "size": [10, 5, 4],
            "is_maker": [True, True, False],
            "fee": [0.01, 0.0, 0.02],
        },
        equity={
            "ts": at(1, 2, 3, 4, 4),
            "instrument": [1, 1, 2, 1, 2],
            "position": [10, 10, -5, 6, -5],
            "cash": [-99.91, -99.91, 500 / 60_001 * -1, -59.81, 500 / 60_001 * -1],
            "mid": [100.0, 100.1, 60_000.0, 100.1, 60_100.0],
            "pnl": [0.09, 0.19, 0.0, 0.25, 500 / 60_100 - 500 / 60_001],
        },
        declarations={
            "ts": at(1, 3, 3, 7),
            "key": ["vamp", "vamp", "basis", "vamp"],
            "value": [100.0, 100.5, 1.25, 101.0],
            "instrument": [1, 1, -1, 1],
            "group": ["fair", "fair", "", "fair"],
            "quoter": [0, 0, 1, 0],
        },
    )


def test_exchange(run: Run) -> None:
    frame = frames.df_exchange(run, "bybit")
    assert frame.columns.tolist() == ["equity", "inventory", "pnl", "SOLUSDT"]
    assert str(frame.index.dtype) == "datetime64[ns, UTC]"
    assert str(frame.index[0]) == "2025-01-10 01:00:01+00:00"
    np.testing.assert_allclose(frame["pnl"], [0.09, 0.19, 0.25])
    np.testing.assert_allclose(frame["equity"], frame["pnl"] + 5_000.0)
    np.testing.assert_allclose(frame["inventory"], [100.0, 100.1, 60.06])
    np.testing.assert_allclose(frame["SOLUSDT"], frame["inventory"])
    assert frames.df_exchange(run, "binance-futures").empty
    with pytest.raises(KeyError, match="no instrument nowhere"):
        frames.df_exchange(run, "nowhere")


def test_portfolio_adds_up_venues_of_other_settlement(run: Run) -> None:
    frame = frames.df_portfolio(run)
    assert frame.columns.tolist() == ["bybit", "binance-delivery", "sum"]
    np.testing.assert_allclose(frame["bybit"], [0.09, 0.19, 0.19, 0.25])
    made = (500 / 60_100 - 500 / 60_001) * 60_100  # BTC at the contract's own mid
    np.testing.assert_allclose(frame["binance-delivery"], [0.0, 0.0, 0.0, made])
    np.testing.assert_allclose(frame["sum"], frame["bybit"] + frame["binance-delivery"])


def test_quoter(run: Run) -> None:
    frame = frames.df_quoter(run, "sol")
    np.testing.assert_allclose(frame["pnl"], [0.09, 0.19, 0.25])
    np.testing.assert_allclose(frame["bybit:SOLUSDT"], [100.0, 100.1, 60.06])
    with pytest.raises(KeyError, match="no quoter nobody; known: sol, btc"):
        frames.df_quoter(run, "nobody")


def test_markouts_and_their_filters(run: Run) -> None:
    frame = frames.df_markouts(run)
    assert frame.columns.tolist() == ["Tick", *(f"{s}s" for s in range(1, 152, 5))]
    assert len(frame) == 3
    mine = frames.df_markouts(run, venue="bybit", intervals=[0, 2, 5])
    assert mine.columns.tolist() == ["Tick", "0s", "2s", "5s"]
    # a buy at 99.90: mids 100.10 next, 100.00 now, 100.10 after 2 s (the one-sided book at 4 s is none), 100.20 after 5
    np.testing.assert_allclose(mine.iloc[0], np.array([0.2, 0.1, 0.2, 0.3]) / 99.9)
    # the sale at 100.30, 4 s: data ends at 8 s
    np.testing.assert_allclose(mine.iloc[1], np.array([0.1, 0.2, 0.1, np.nan]) / 100.3)
    assert frames.df_markouts(run, quoter="btc").notna().sum().sum() == 0  # its book never moved again
    assert len(frames.df_markouts(run, symbol="SOLUSDT", quoter="btc")) == 0
    curve = frames.markout_curve(run, venue="bybit", intervals=[2])
    assert curve.index.tolist() == ["Tick", "2s"]
    assert curve.loc["2s", "mean"] == pytest.approx((0.2 / 99.9 + 0.1 / 100.3) / 2)
    assert curve["n"].tolist() == [2, 2]


def test_prices_with_a_declared_series(run: Run) -> None:
    frame = frames.df_prices(run, "SOLUSDT", "bybit")
    np.testing.assert_allclose(frame["bid"], [99.9, 100.0, np.nan, 100.1, 100.2])
    np.testing.assert_allclose(frame["ask"], [100.1, 100.2, 100.3, 100.3, 100.4])
    declared = frames.df_prices(run, "SOLUSDT", "bybit", key="vamp", group="fair")
    np.testing.assert_allclose(declared["vamp"], [np.nan, 100.0, 100.5, 100.5, 101.0])
    assert frames.df_prices(run, "SOLUSDT", "bybit", key="nothing").columns.tolist() == ["bid", "ask"]
    with pytest.raises(KeyError, match="no instrument bybit:BTCUSDT; known"):
        frames.df_prices(run, "BTCUSDT", "bybit")


def test_actions_and_fills(run: Run) -> None:
    frame = frames.df_actions(run)
    assert frame["venue"].tolist() == ["bybit", "binance-delivery", "bybit"]
    assert frame["quoter"].tolist() == ["sol", "btc", "sol"]
    np.testing.assert_allclose(frame["price"], [99.9, 60_001.0, 100.3])
    np.testing.assert_allclose(frame["size"], [1.0, 5.0, 0.4])
    np.testing.assert_allclose(frame["notional"], [99.9, 500.0, 40.12])
    assert frame["dir"].tolist() == [1, -1, -1]
    fills = frames.df_fills(run, "SOLUSDT", "bybit")
    np.testing.assert_allclose(fills["position"], [1.0, 0.6])
    assert fills["is_maker"].tolist() == [True, False]


def test_counterparty(run: Run) -> None:
    frame = frames.df_counterparty_pnl(run)
    assert frame.columns.tolist() == ["binance-futures:SOLUSDT", "bybit:SOLUSDT"]
    assert frame["binance-futures:SOLUSDT"].isna().all()  # traded, but without a book there is no mid
    whole = 100.1 + 100.3
    # sold 1 at 100.10, mid 100.00: +0.10; bought 1 at 100.30 after the mid went to 100.10: 0.20 in all
    np.testing.assert_allclose(frame["bybit:SOLUSDT"], np.array([0.10, 0.10, -0.20]) / whole * 1e4, atol=1e-6)
    only = frames.df_counterparty_pnl(run, {"bybit": ["SOLUSDT"]})
    assert len(only) == 2


def test_declarations(run: Run) -> None:
    frame = frames.df_declarations(run)
    assert frame.columns.tolist() == ["ts", "key", "value", "venue", "symbol", "group", "quoter"]
    assert frame["ts"].dtype == np.int64
    assert frame["venue"].tolist() == ["bybit", "bybit", "", "bybit"]
    assert frames.df_declarations(run, key="basis")["quoter"].tolist() == ["btc"]
    assert frames.df_declarations(run, group="fair", venue="bybit")["value"].tolist() == [100.0, 100.5, 101.0]
    assert frames.df_declarations(run, key="basis", group="fair").empty


def test_frames_of_an_empty_run(write_run: RunWriter) -> None:
    run = write_run()
    assert frames.df_exchange(run, "bybit").empty
    assert frames.df_portfolio(run).empty
    assert frames.df_quoter(run, "mm").empty
    assert frames.df_markouts(run).shape == (0, 32)
    assert frames.markout_curve(run)["mean"].isna().all()
    assert frames.df_prices(run, "SOLUSDT", "bybit").empty
    assert frames.df_fills(run, "SOLUSDT", "bybit").empty
    assert frames.df_counterparty_pnl(run).empty
    assert frames.df_declarations(run).empty
