"""Funding, from Tardis' files to the equity of a run."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from actors.quoter import Quoter
from market.archive.tardis import import_tardis
from market.book import Book
from market.units import SECOND, Side
from research.fill_check import check_run
from research.run_data import Run
from sim.config import make_config
from sim.market_data import open_market
from sim.simulation import Simulation
from tests.market.archive.samples import BTC, T0, increments, tickers, trades, write_csv

S = 1_000_000  # us
LATE = 1_300_000  # us that the recorder's clock is behind


class Holder(Quoter):
    """Buys a lot of BTC at the first book, and holds it."""

    def on_book(self, book: Book) -> None:
        if not self.orders(self.instrument) and not self.position(self.instrument):
            self.market(self.instrument, Side.BUY, 250)


@pytest.mark.slow
def test_a_position_pays_what_the_ticker_announced(tmp_path: Path) -> None:
    def at(seconds: int) -> str:
        return f"{seconds * S + LATE} {seconds * S}"

    books = increments(
        f"{at(1)} true bid 60000 1",
        f"{at(1)} true ask 60000.1 1",
        *(f"{at(n)} false bid {59000 + n} 1" for n in range(2, 60)),
    )
    ticker = tickers(
        f"{at(5)} {30 * S} 0.0001 5 60000 60000.02",
        f"{at(28)} {30 * S} 0.0002 5 60000 60010.04",
        f"{at(29)} {50 * S} -0.0003 5 60000 60020",  # 30.3 s by the venue's clock
        f"{at(48)} {50 * S} -0.0004 5 60000 60030",
        f"{at(55)} {70 * S} 0.0005 5 60000 60040",  # due after the end
    )
    texts = {"books": books, "tape": trades(f"{at(3)} 1 buy 60000.1 0.1"), "ticker": ticker}
    files = [write_csv(tmp_path / f"{name}.csv", text) for name, text in texts.items()]
    report = import_tardis(files, tmp_path / "archive", [BTC])
    assert [feed.kind for feed in report.feeds] == ["delta", "trades", "funding", "marks"]
    assert report.clocks[BTC.venue].shift == -(LATE + 1000) * 1000

    out = tmp_path / "run"
    out.mkdir()
    data = {"source": "archive", "root": "archive", "start": "2024-08-08:22", "end": "2024-08-08:22"}
    quoter = {"name": "holder", "strategy": "tests.sim.test_imported_funding:Holder", "instruments": [BTC.name]}
    config = make_config({"data": data, "quoter": [quoter]})
    market = open_market(config, tmp_path)
    simulation = Simulation(config, market, out, folder=Path(__file__).resolve().parents[2])
    result = simulation.finish(simulation.run(), 0.0)
    assert result["data"]["quality"][f"{BTC.name}/funding"]["messages"] == 2

    run = Run.load(out)
    assert run.table("fills")["size"].sum() == 250
    equity = run.table("equity")
    longs_paid = Decimal("0.0002") * Decimal("0.25") * Decimal("60010.0")  # marks are kept on the tick
    longs_got = Decimal("0.0004") * Decimal("0.25") * Decimal("60030.0")
    assert sorted({round(each, 12) for each in equity["funding"].tolist()}) == pytest.approx(
        sorted([float(-longs_paid), 0.0, float(longs_got - longs_paid)]), abs=1e-9
    )
    # when they are due, by our clock
    begins = equity["ts"][np.flatnonzero(np.diff(equity["funding"])) + 1]
    due = [T0 + seconds * SECOND - (LATE + 1000) * 1000 for seconds in (30, 50)]
    assert all(0 <= begin - expected <= SECOND for begin, expected in zip(begins.tolist(), due, strict=True))
    assert check_run(run, market.streams(), market.clock_shifts) == []
