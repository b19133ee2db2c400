"""The generated hour as a market: what a market maker meets there."""

import attrs
import numpy as np
import pytest

from market.units import MS, SECOND
from sim.generator import GeneratorConfig, calm_market, crash_market, default_market, pair_market
from tests.sim.generated import Feeds, FloatArray, IntArray, as_of, mids, read

pytestmark = pytest.mark.slow
GRID = 20 * MS


@pytest.fixture(scope="module")
def config() -> GeneratorConfig:
    return default_market(seed=7, seconds=3600)[1]


@pytest.fixture(scope="module")
def hour(config: GeneratorConfig) -> Feeds:
    return read(config)


def lead_of(config: GeneratorConfig, feeds: Feeds, leader: int, follower: int) -> int:
    """Return the lag at which the mid returns of two markets correlate most, ns."""
    times = np.arange(config.start + SECOND, config.end, GRID)
    first, second = (np.diff(as_of(feeds.books[m].ts_venue, mids(feeds.books[m]), times)) for m in (leader, follower))
    correlations = {}
    for lag in range(-20, 21):
        a, b = first[max(0, -lag) : len(first) - max(0, lag)], second[max(0, lag) : len(second) + min(0, lag)]
        correlations[lag * GRID] = float(np.corrcoef(a, b)[0, 1])
    return max(correlations, key=correlations.__getitem__)


def test_hour_has_the_size_of_a_real_one(config: GeneratorConfig, hour: Feeds) -> None:
    assert 130_000 < sum(len(c) for kind in (hour.books, hour.trades) for c in kind.values()) < 160_000
    for instrument in (0, 1):
        assert 9.5 < len(hour.books[instrument]) / config.seconds < 10.5
        assert 7 < len(hour.trades[instrument]) / config.seconds < 12
        sides = hour.books[instrument].levels.reshape(-1, 2, 20, 2)
        spread = sides[:, 1, 0, 0] - sides[:, 0, 0, 0]
        assert np.median(spread) == 1
        assert 1.02 < spread.mean() < 1.5
        returns = np.diff(np.log(mids(hour.books[instrument])[::600]))
        assert 5e-4 < returns.std() < 5e-3  # a minute: a lively day of SOLUSDT


def test_arrivals_are_clustered(config: GeneratorConfig, hour: Feeds) -> None:
    for trades in hour.trades.values():
        for times in (trades.ts_venue, np.unique(trades.ts_venue)):  # prints; orders
            counts = np.bincount((times - config.start) // SECOND, minlength=int(config.seconds))
            assert counts.var() / counts.mean() >= 2
            lagged = np.corrcoef(counts[:-1], counts[1:])[0, 1]
            assert lagged > 0.1  # self-excited, not only batched


def test_follower_follows_by_the_set_delay(config: GeneratorConfig, hour: Feeds) -> None:
    assert abs(lead_of(config, hour, 0, 1) - config.markets[1].lead) <= GRID


@pytest.mark.parametrize("lead", [0, 150 * MS, 300 * MS])
def test_any_delay_can_be_set(lead: int) -> None:
    _, config = default_market(seconds=900)
    leader, follower = config.markets
    config = attrs.evolve(config, markets=(leader, attrs.evolve(follower, lead=lead)))
    assert abs(lead_of(config, read(config), 0, 1) - lead) <= GRID


def test_one_symbol_leads_another() -> None:
    _, config = pair_market(seconds=1800)
    feeds = read(config)
    assert abs(lead_of(config, feeds, 0, 2) - config.markets[2].lead) <= GRID
    assert abs(lead_of(config, feeds, 0, 3) - config.markets[2].lead - config.markets[3].lead) <= GRID


def test_takers_are_informed(config: GeneratorConfig, hour: Feeds) -> None:
    for instrument, trades in hour.trades.items():
        book = hour.books[instrument]
        mid = mids(book)
        keep = trades.ts_venue + 11 * SECOND < config.end
        times, taker = trades.ts_venue[keep], trades.taker[keep]
        before = as_of(book.ts_venue, mid, times - 1)
        whole = taker * (as_of(book.ts_venue, mid, times + 10 * SECOND) - before)
        assert block_t(whole, times - config.start) > 2
        # what is left once the order's own mark on the book is past
        shown = as_of(book.ts_venue, mid, times + SECOND // 5)
        rest = taker * (as_of(book.ts_venue, mid, times + 3 * SECOND) - shown)
        assert block_t(rest, times - config.start) > 2


def block_t(values: FloatArray, times: IntArray) -> float:
    """Return the t of the mean, by half minutes: the windows of neighbours overlap, those of blocks hardly do."""
    blocks = times // (30 * SECOND)
    n = np.bincount(blocks)
    means = np.bincount(blocks, values)[n > 0] / n[n > 0]
    return float(means.mean() / means.std() * np.sqrt(len(means)))


def test_prices_jump(config: GeneratorConfig, hour: Feeds) -> None:
    for book in hour.books.values():
        times = np.arange(config.start + SECOND, config.end, SECOND // 10)
        returns = np.diff(np.log(as_of(book.ts_venue, mids(book), times)))
        assert (returns**4).mean() / (returns**2).mean() ** 2 > 20  # 3 for a diffusion
        assert 300 < (np.abs(returns) > 4e-4).sum() < 3000


def test_calm_market_stands_still() -> None:
    calm, lively = (mids(read(preset(seconds=300)[1]).books[1]) for preset in (calm_market, default_market))
    assert np.diff(calm).std() < np.diff(lively).std() / 3
    assert np.ptp(calm) < np.ptp(lively) / 3


def test_crash_market_is_short_and_moves() -> None:
    feeds = read(crash_market()[1])
    for instrument in (0, 1):
        assert len(feeds.books[instrument]) + len(feeds.trades[instrument]) < 1500
        assert np.ptp(mids(feeds.books[instrument])) > 20
