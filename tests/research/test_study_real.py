"""Studies of real recordings: increments with odd clocks, and snapshots with a hole."""

from pathlib import Path

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

from market import Book
from market.archive.instruments import load_instruments
from market.archive.tardis import import_tardis
from market.units import SECOND
from research.study import Study
from research.vamp_study import GROUP, NOTIONALS, declare_vamps, vamp_key

ROOT = Path(__file__).resolve().parents[2]
BTC, SOL = ("binance-futures", "BTCUSDT"), ("hyperliquid", "SOL")


@pytest.fixture(scope="module")
def archive(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root: Path = tmp_path_factory.mktemp("real")
    patterns = ("binance-futures_*BTCUSDT*", "hyperliquid_*_SOL.*")
    files = [file for pattern in patterns for file in sorted((shared / "data" / "tardis").glob(pattern))]
    if len(files) < 4:
        pytest.skip(f"no recordings in {shared / 'data' / 'tardis'}")
    import_tardis(files, root, load_instruments(ROOT / "configs" / "instruments.toml"))
    return root


@pytest.mark.slow
def test_increments_say_the_same_by_events_and_by_columns(archive: Path) -> None:
    def study() -> Study:
        return Study.archive(archive, [BTC], "2024-08-08:23", "2024-08-08:23", depth=200)

    by_columns, by_events = study(), study()
    declare_vamps(by_columns, by_columns.instrument(*BTC))

    @by_events.on_book(*BTC)
    def declare(book: Book) -> None:
        for notional in NOTIONALS:
            by_events.declare(vamp_key(notional), book.vamp(notional), group=GROUP)
        by_events.declare("microprice", book.microprice, group=GROUP)
        by_events.declare("mid", book.mid, group=GROUP)

    frame = by_columns.declarations()
    assert_frame_equal(frame, by_events.declarations(), check_exact=True)
    assert len(frame) == 6_548 * (len(NOTIONALS) + 2)
    assert not frame["value"].isna().any()
    by_columns.check_look_ahead()


@pytest.mark.slow
def test_no_price_is_known_inside_the_hole(archive: Path) -> None:
    study = Study.archive(archive, [SOL], "2025-09-04:19", "2025-09-04:20")
    study.columns("mid", lambda books: books.mid, *SOL)
    frame = study.forward_prices(horizons=(0, 10), incomplete="keep")
    ts, later = frame["ts"].to_numpy(), frame["t10"].to_numpy()
    gaps = np.flatnonzero(np.diff(ts) > 10 * SECOND)
    (place,) = gaps  # the one that its recorder tells of: 18 s
    inside = (ts + 10 * SECOND > ts[place]) & (ts + 10 * SECOND < ts[place + 1])
    assert inside.sum() > 10
    assert np.isnan(later[inside]).all()
    assert not np.isnan(later[~inside & (ts <= ts[-1] - 10 * SECOND)]).any()
    np.testing.assert_array_equal(frame["t0"], frame["value"])
