"""The tape against a plain list of all trades."""

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.instrument import Instrument
from market.tape import Tape
from market.tape_kernels import append_trade, flow_pnl_path

LINEAR = Instrument(0, "binance-futures", "SOLUSDT", "SOL", "USDT", "USDT", tick=Decimal("0.01"), lot=Decimal("0.1"))
INVERSE = Instrument(
    1,
    "binance-delivery",
    "BTCUSD_PERP",
    "BTC",
    "USD",
    "BTC",
    tick=Decimal("0.1"),
    lot=Decimal(1),
    multiplier=Decimal(100),
    inverse=True,
)

Trade = tuple[int, int, int, int, int]


@st.composite
def trades(draw: st.DrawFn, max_size: int = 30) -> list[Trade]:
    """Return trades in the order in which they reached us; several may share a venue time."""
    ts, out = 0, []
    for _ in range(draw(st.integers(0, max_size))):
        ts += draw(st.integers(0, 2))
        out.append(
            (ts, ts + 100, draw(st.integers(900, 1100)), draw(st.integers(1, 50)), draw(st.sampled_from([1, -1])))
        )
    return out


def filled(rows: list[Trade], instrument: Instrument = LINEAR, capacity: int = 1024) -> Tape:
    tape = Tape(instrument, capacity)
    for row in rows:
        tape.append(*row)
    return tape


@given(trades(), st.integers(1, 12), st.integers(0, 40), st.integers(95, 160))
def test_samples_are_the_last_trades(rows: list[Trade], capacity: int, n: int, since: int) -> None:
    tape = filled(rows, capacity=capacity)
    kept = rows[-capacity:]
    assert (len(tape), tape.n_total) == (len(kept), len(rows))
    last = kept[-n:] if n else []
    later = [row for row in kept if row[1] > since]
    both = last if len(last) < len(later) else later
    for got, wanted in ((tape.rows(), kept), (tape.rows(n), last), (tape.rows(since=since), later)):
        assert [tuple(row) for row in got.tolist()] == wanted
    assert tape.sample(n, since).tolist() == [
        [float(ts), LINEAR.price(ticks), LINEAR.size(lots), float(taker)] for _, ts, ticks, lots, taker in both
    ]
    assert tape.notional(n) == pytest.approx(sum(LINEAR.notional(ticks, lots) for _, _, ticks, lots, _ in last))


def test_the_tutorials_notional() -> None:
    tape = filled([(i, i, 15000 + i, 10, 1) for i in range(20)])
    sample = tape.sample(n=15)
    assert tape.notional(15) == pytest.approx(np.sum(sample[:, 1] * sample[:, 2]), rel=1e-15)
    assert Tape(LINEAR).notional(15) == 0.0
    assert filled([(1, 1, 500_000, 7, 1)], INVERSE).notional(15) == 700.0


def test_samples_cannot_be_written() -> None:
    tape = filled([(1, 2, 100, 1, 1)])
    for sample in (tape.rows(), tape.sample()):
        with pytest.raises(ValueError, match="read-only"):
            sample[0, 0] = 5


# --- imbalance -------------------------------------------------------------------------------------------------------


@given(trades(), st.none() | st.floats(0.0, 1.0), st.integers(1, 10))
def test_imbalance(rows: list[Trade], decay: float | None, capacity: int) -> None:
    tape = filled(rows, capacity=capacity)
    kept = rows[-capacity:]
    times = sorted({row[0] for row in kept}, reverse=True)
    factor = 1 - 2 / (len(times) + 1) if decay is None else decay
    weights = [factor ** times.index(row[0]) for row in kept]
    got = tape.imbalance(decay=decay, min_n=1, default=9.0)
    if not kept:
        assert got == 9.0
        return
    signed = sum(w * row[4] * row[3] for w, row in zip(weights, kept, strict=True))
    assert got == pytest.approx(signed / sum(w * row[3] for w, row in zip(weights, kept, strict=True)), abs=1e-12)
    assert -1.0 <= got <= 1.0


def test_fills_of_one_taker_order_share_a_weight() -> None:
    whole = filled([(1, 1, 100, 8, -1), (2, 2, 100, 6, 1)])
    split = filled([(1, 1, 100, 3, -1), (1, 1, 100, 5, -1), *((2, 2, 100 + k, 1, 1) for k in range(6))])
    for decay in (None, 0.5, 1.0):
        assert split.imbalance(decay=decay, min_n=1) == whole.imbalance(decay=decay, min_n=1)
    assert whole.imbalance(decay=0.5, min_n=1) == (6 - 4) / (6 + 4)
    assert whole.imbalance(min_n=3, default=-0.25) == -0.25
    with pytest.raises(ValueError, match=r"^decay must be between 0 and 1, got 1.5$"):
        whole.imbalance(decay=1.5)


# --- flow PnL --------------------------------------------------------------------------------------------------------


@given(trades())
def test_flow_pnl_is_the_counterpartys_profit_at_the_last_price(rows: list[Trade]) -> None:
    for instrument in (LINEAR, INVERSE):
        tape = filled(rows, instrument)
        cash, inventory, volume = Decimal(0), 0, 0.0
        for _, _, ticks, lots, taker in rows:
            cash -= instrument.value(ticks, -taker * lots)
            inventory -= taker * lots
            volume += instrument.notional(ticks, lots)
        if not rows:
            assert tape.flow_pnl(min_n=0, default=7.0) == 7.0
            continue
        last = rows[-1][2]
        profit = float(cash + instrument.value(last, inventory))  # in the settle asset
        quote = profit * instrument.price(last) if instrument.inverse else profit
        assert tape.flow_pnl(min_n=1, norm_volume=False) == pytest.approx(quote, rel=1e-9, abs=1e-9 * volume)
        assert tape.flow_pnl(min_n=1) == pytest.approx(quote / volume, rel=1e-9, abs=1e-9)
        root = math.sqrt(len(rows))
        assert tape.flow_pnl(min_n=1, norm_variance=True) == pytest.approx(quote / volume / root, rel=1e-9, abs=1e-9)


def test_flow_pnl_known_answer() -> None:
    # a buyer takes 10 at 100, then 10 at 101: the counterparty is short 20 and lost 10 on the first ten
    tape = filled([(1, 1, 10000, 100, 1), (2, 2, 10100, 100, 1)])
    assert tape.flow_pnl(min_n=2, norm_volume=False) == -10.0
    assert tape.flow_pnl(min_n=2) == -10.0 / 2010.0
    assert tape.flow_pnl() == 0.0  # fewer than ten trades


@given(trades(12))
def test_the_path_of_a_recording_ends_where_each_shorter_tape_does(rows: list[Trade]) -> None:
    for instrument in (LINEAR, INVERSE):
        recording = np.array(rows, dtype=np.int64).reshape(-1, 5)
        count = np.array([len(rows)])
        pnl, volume = flow_pnl_path(recording, count, len(rows), instrument.scale())
        for i in range(len(rows)):
            tape = filled(rows[: i + 1], instrument)
            assert pnl[i] == tape.flow_pnl(min_n=1, norm_volume=False)
            assert volume[i] == pytest.approx(tape.notional(i + 1))


# --- volatility ------------------------------------------------------------------------------------------------------


def test_volatility_of_trade_prices() -> None:
    tape = filled([(i, i, ticks, 1, 1) for i, ticks in enumerate([5000, 10000, 10100, 10100, 9900])], capacity=4)
    assert tape.volatility() == pytest.approx(np.std([1.0, -2.0]))
    assert tape.volatility(relative=True) == pytest.approx(np.std([1.0, -2.0]) / 99.0)
    assert tape.volatility(n=2) == 0.0
    assert math.isnan(tape.volatility(n=1))


# --- mirrors ---------------------------------------------------------------------------------------------------------


def test_a_mirror_shows_what_its_owner_does_until_it_is_detached() -> None:
    rows, count = np.zeros((4, 5), dtype=np.int64), np.zeros(1, dtype=np.int64)
    tape = Tape.attached(LINEAR, rows, count)
    for i in range(6):
        append_trade(rows, count, i, i, 100 + i, 1, 1)
    assert tape.rows()[:, 2].tolist() == [102, 103, 104, 105]
    with pytest.raises(ValueError, match=r"^the tape of binance-futures:SOLUSDT shows a ring of another owner; detach"):
        tape.append(1, 1, 1, 1, 1)
    tape.detach()
    append_trade(rows, count, 6, 6, 106, 1, 1)
    tape.append(7, 7, 207, 1, -1)
    assert tape.rows()[:, 2].tolist() == [103, 104, 105, 207]
    tape.attach(rows, count)
    assert tape.rows(1)[:, 2].tolist() == [106]
