"""A feed that ends or falls silent while the others go on: its book becomes stale, by mirrors as by messages."""

from pathlib import Path

import attrs
import numpy as np
import pytest

from market.columns import BookColumns
from market.order_log import LogKind
from market.units import SECOND
from sim.config import RunConfig, make_config
from sim.market_data import ColumnData
from sim.simulation import Simulation
from tests.sim.crash_runs import market
from tests.sim.crash_sweep import LATENT, SEED

REFERENCE, QUOTED = 0, 1
STALE_AFTER_S = 3.0
SILENT_FROM, SILENT_UNTIL = 5.0, 12.0


def cut(instrument: int, until: float) -> ColumnData:
    """Return the market of the crash tests without an instrument's books between `SILENT_FROM` and `until` seconds."""
    data = market(SEED)
    feeds = []
    for stream in data.streams():
        (columns,) = stream.chunks
        if stream.instrument == instrument and isinstance(columns, BookColumns):
            begin = columns.ts_recv[0]
            seconds = (columns.ts_recv - begin) / SECOND
            columns = without(columns, (seconds >= SILENT_FROM) & (seconds < until))
        feeds.append((stream.instrument, stream.kind, columns))
    return ColumnData(data.instruments, feeds)


def without(columns: BookColumns, gone: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> BookColumns:
    kept = np.flatnonzero(~gone)
    n_levels = (columns.n_bids + columns.n_asks)[kept]
    rows = {
        f.name: getattr(columns, f.name)[kept] for f in attrs.fields(BookColumns) if f.name not in ("levels", "start")
    }
    levels = [columns.levels[at : at + n] for at, n in zip(columns.start[kept], n_levels, strict=True)]
    return BookColumns(**rows, start=np.cumsum(n_levels) - n_levels, levels=np.concatenate(levels))


def run(folder: Path, data: ColumnData, deliver: str, stale_after_s: float) -> tuple[str, list[float], bool]:
    """Return the digest, when orders were placed (seconds from the start), and whether all was spoken in the end."""
    folder.mkdir()
    base = make_config({"books": {"stale_after_s": stale_after_s}, "run": {"deliver": deliver}})
    config: RunConfig = attrs.evolve(base, data=LATENT.data, venue=LATENT.venue)
    simulation = Simulation(config, data, folder)
    outcome = simulation.run()
    assert outcome.kind == "done"
    placed = [(row[1] - simulation.start) / SECOND for row in simulation.log.rows() if row[0] == LogKind.PLACE]
    return simulation.finish(outcome, 0.0)["digest"], placed, simulation.source.is_spoken


@pytest.mark.parametrize("instrument", [REFERENCE, QUOTED])
@pytest.mark.parametrize("until", [SILENT_UNTIL, 99.0])
def test_nothing_is_quoted_on_a_book_that_is_silent(tmp_path: Path, instrument: int, until: float) -> None:
    data = cut(instrument, until)
    digest, placed, is_spoken = run(tmp_path / "fast", data, "mirrors", STALE_AFTER_S)
    stale_at = SILENT_FROM + STALE_AFTER_S + 0.1
    assert [s for s in placed if stale_at < s < until] == []
    assert placed[0] < SILENT_FROM
    assert (placed[-1] > until) == (until == SILENT_UNTIL), "it comes back with the feed"
    assert is_spoken
    assert run(tmp_path / "slow", data, "all", STALE_AFTER_S)[0] == digest
    if instrument == REFERENCE:
        _, placed, is_spoken = run(tmp_path / "trusting", data, "mirrors", 0.0)
        assert any(stale_at < s < until for s in placed), "it is the silence that is minded"
        assert not is_spoken


def test_a_market_that_goes_on_stays_fast(tmp_path: Path) -> None:
    assert not run(tmp_path / "run", market(SEED), "mirrors", STALE_AFTER_S)[2]
