"""The table of fair prices by hand, what stands beside it, and that it says no more than the data do."""

import math

import numpy as np
import pandas as pd
import pytest

from market.units import SECOND
from research.fair_prices import fair_prices
from research.loss_comparison import CHOSEN, NO_TEST, NOT_TOLD_APART, WORSE
from tests.research.declared_market import T0, market


def small() -> pd.DataFrame:
    """Four instants a second apart of two estimators; one lacks an estimate, one its price after 5 s."""
    nan = math.nan
    mid, later = [100.0, 200.0, 100.0, 100.0], [101.0, 202.0, 100.0, nan]
    values = {"near": [100.0, 201.0, nan, 100.0], "far": [102.0, 200.0, 99.0, 104.0]}
    rows = [
        (T0 + i * SECOND, key, value[i], "bybit", "SOLUSDT", "fair", mid[i], later[i])
        for i in range(4)
        for key, value in values.items()
    ]
    return pd.DataFrame(rows, columns=["ts", "key", "value", "venue", "symbol", "group", "t0", "t5"])


def test_the_table_by_hand() -> None:
    found = fair_prices(small())
    assert list(found.table.columns) == [
        "Q1(e%)", "Q3(e%)", "MEDIAN(e%)", "MEAN(e%)", "MSE(e%)", "MAD(e%)", "MSE*", "MAD*",
    ]  # fmt: skip
    assert found.table.index.names == ["T+", "Estimator"]
    assert list(found.table.index) == [("t0", "far"), ("t0", "near"), ("t5", "far"), ("t5", "near")]
    rows = dict(zip(found.table.index, found.table.to_numpy().tolist(), strict=True))
    # at once, three common rows: far errs by -2, 0, -4 % of the mid, near by 0, -0.5, 0
    assert rows["t0", "far"] == pytest.approx([-3.0, -1.0, -2.0, -2.0, 20 / 3, 2.0, "", ""])
    assert rows["t0", "near"] == pytest.approx([-0.25, 0.0, 0.0, -0.5 / 3, 0.25 / 3, 0.5 / 3, "*", "*"])
    # after 5 s, two: far by -1, 1, near by 1, 0.5
    assert rows["t5", "far"] == pytest.approx([-0.5, 0.5, 0.0, 0.0, 1.0, 1.0, "", ""])
    assert rows["t5", "near"] == pytest.approx([0.625, 0.875, 0.75, 0.75, 0.625, 0.75, "*", "*"])
    assert found.errors["t5"]["far"].tolist() == pytest.approx([-1.0, 1.0])
    assert found.errors["t5"].index.tolist() == [T0, T0 + SECOND]
    assert found.counts.T.to_dict("list") == {"far": [4, 4, 3], "near": [4, 3, 3]}
    assert found.horizons["n"].tolist() == [3, 2]
    # the mid itself errs by 1, 1 after 5 s
    assert found.comparison["MSE/mid"].tolist() == pytest.approx([math.nan, math.nan, 1.0, 0.625], nan_ok=True)
    assert set(found.comparison["verdict"]) <= {CHOSEN, NO_TEST}


def test_stars_share_a_draw() -> None:
    frame = small()
    frame["value"] = 100.0
    assert fair_prices(frame, [5]).table["MSE*"].tolist() == ["*", "*"]


def test_horizons_groups_and_keys_are_chosen() -> None:
    frame = pd.concat((small(), small().assign(group="other", value=1.0)), ignore_index=True)
    found = fair_prices(frame, [5], group="fair")
    assert list(found.errors) == ["t5"]
    assert set(found.declarations["group"]) == {"fair"}
    pd.testing.assert_frame_equal(found.table, fair_prices(small()).table.loc[["t5"]])
    alone = fair_prices(small(), keys=["far"])
    assert alone.horizons["n"].tolist() == [4, 3]
    assert alone.table.index.tolist() == [("t0", "far"), ("t5", "far")]
    # to be the best of one is nothing that could hold
    assert alone.horizons["holds"].tolist() == [False, False]


def test_order_and_kind_of_rows_do_not_matter() -> None:
    frame = market(1, 600, {"a": 1.0, "b": 1.2})
    first = fair_prices(frame)
    shuffled = frame.sample(frac=1.0, random_state=3)
    shuffled["ts"] = pd.to_datetime(shuffled["ts"], utc=True)
    second = fair_prices(shuffled.astype({"key": "category", "symbol": "category"}))
    for name in ("table", "comparison", "horizons", "counts"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name))


def test_instruments_are_kept_apart() -> None:
    one, two = market(1, 400, {"a": 1.0, "b": 1.2}), market(2, 400, {"a": 1.0, "b": 1.2}).assign(symbol="BTCUSDT")
    both = fair_prices(pd.concat((one, two)))
    assert both.counts["common"].tolist() == [800, 800]
    mean = (fair_prices(one).table["MSE(e%)"] + fair_prices(two).table["MSE(e%)"]) / 2
    np.testing.assert_allclose(both.table["MSE(e%)"], mean)


@pytest.mark.slow
def test_what_stands_beside_a_star() -> None:
    found = fair_prices(market(5, 8000, {"good": 1.0, "same": 1.0, "poor": 2.0}))
    verdicts = found.comparison["verdict"]
    for horizon in ("t0", "t10"):
        assert verdicts[horizon, "poor"] == WORSE
        assert {verdicts[horizon, "good"], verdicts[horizon, "same"]} == {CHOSEN, NOT_TOLD_APART}
    summary = found.horizons
    # two stretches of 4,000 s, less what looks over the edge; ten rows in ten seconds
    assert summary[["n", "n first", "n second"]].to_numpy().tolist() == [[8000, 4000, 4000], [7990, 3990, 3990]]
    assert summary["lag rows"].tolist() == [0, 10]
    assert summary["span s"].tolist() == pytest.approx([1.3 * math.sqrt(4000)] * 2, rel=0.01)
    assert (summary["df"] > 50).all()
    assert not summary["holds"].any()
    assert (summary["caution"] == "").all()
    rows = found.comparison.dropna(subset=["/mid low"])
    assert ((rows["/mid low"] < rows["MSE/mid"]) & (rows["MSE/mid"] < rows["/mid high"])).all()
    assert (found.comparison["MSE low"] < found.comparison["MSE"]).all()
    assert found.comparison["MSE"].tolist() == found.table["MSE(e%)"].tolist()
    # 10 steps of the walk against 10 and 4 of noise
    assert found.comparison["MSE/mid"]["t10", "poor"] == pytest.approx(1.4, rel=0.08)


@pytest.mark.slow
def test_absolute_errors_and_seeds() -> None:
    frame = market(5, 3000, {"good": 1.0, "poor": 1.5})
    found, again = (fair_prices(frame, loss="absolute", seed=4) for _ in range(2))
    pd.testing.assert_frame_equal(found.comparison, again.comparison)
    assert found.comparison["MAD"].tolist() == found.table["MAD(e%)"].tolist()
    other = fair_prices(frame, loss="absolute", seed=5)
    assert other.comparison["MAD low"].tolist() != found.comparison["MAD low"].tolist()
    assert other.comparison["p"].tolist() == pytest.approx(found.comparison["p"].tolist(), nan_ok=True)


def test_a_horizon_beyond_the_data() -> None:
    frame = market(1, 200, {"a": 1.0, "b": 1.2}, (0, 300))
    found = fair_prices(frame)
    rows = found.table[2:]
    assert rows.drop(columns=["MSE*", "MAD*"]).isna().to_numpy().all()
    assert rows["MSE*"].tolist() == ["", ""]
    assert str(found.horizons["caution"].iloc[1]).startswith("no row of the first part")
    assert found.comparison["verdict"].tolist()[2:] == [NO_TEST, NO_TEST]


def test_very_long_and_short_horizons_are_compared() -> None:
    frame = small().assign(**{"t1e-05": 100.0, "t1000000": 100.0})
    assert list(fair_prices(frame).errors) == ["t0", "t1e-05", "t5", "t1000000"]
    assert list(fair_prices(frame, [1e6]).errors) == ["t1000000"]


def test_wrong_use_is_named() -> None:
    frame = small()
    with pytest.raises(ValueError, match=r"^group fair is asked for, but the frame has no column group$"):
        fair_prices(frame.drop(columns="group"), group="fair")
    with pytest.raises(ValueError, match=r"^the frame has no column t0, the mid at the declaration; add"):
        fair_prices(frame.drop(columns="t0"))
    with pytest.raises(ValueError, match=r"^the frame has no forward prices t30; it has \['t0', 't5'\]$"):
        fair_prices(frame, [0, 30])
    with pytest.raises(ValueError, match=r"^no declaration has group 'vamp'; there are \['fair'\]$"):
        fair_prices(frame, group="vamp")
    with pytest.raises(ValueError, match=r"^no declaration has key 'mid'; there are \['near', 'far'\]$"):
        fair_prices(frame, keys=["near", "mid"])
    with pytest.raises(ValueError, match=r"^split must lie between 0 and 1, .* got 1\.0$"):
        fair_prices(frame, split=1.0)
    with pytest.raises(ValueError, match=r"^level must lie between 0 and 1, such as 0\.05; got 5$"):
        fair_prices(frame, level=5)
    with pytest.raises(ValueError, match=r"^no horizon to compare at$"):
        fair_prices(frame, [])
    with pytest.raises(ValueError, match=r"^no instant knows all of \['far', 'near'\] and the mid: of 4 common rows"):
        fair_prices(frame.assign(t0=math.nan))
