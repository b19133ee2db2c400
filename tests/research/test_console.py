"""The statistics on a terminal and side by side."""

import io
from pathlib import Path

from rich.console import Console

from research.console import print_statistics
from research.run_statistics import statistics
from research.statistics_table import SHOWN, bounds_frame, statistics_frame
from tests.research.run_writer import RunWriter, market_run


def printed(width: int = 140, **arguments: object) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    print_statistics(console=console, **arguments)  # type: ignore[arg-type]
    return console.export_text()


def test_every_figure_has_a_unit_and_a_row(tmp_path: Path) -> None:
    found = statistics(market_run(tmp_path / "run"))
    figures = found["venue"]["bybit"]
    assert figures is not None
    assert list(SHOWN) == list(figures)
    text = printed(statistics=found)
    for key, value in figures.items():
        assert (key in text) == (value is not None)
    header = text.split("n_fills")[0]
    assert all(name in header for name in ("bybit =", "SOLUSDT =", "quoter mm"))  # what reads the same stands once
    assert text.count(f"{figures['volume']:,.2f}") == 1
    for key in ("n_fills", "max_drawdown_pct", "quoted_both_sides_pct"):
        assert (key in printed(80, statistics=found)) == (figures[key] is not None)


def test_nothing_traded(write_run: RunWriter) -> None:
    assert "Nothing was ordered" in printed(statistics=statistics(write_run()))


def test_many_entries_are_split_into_parts() -> None:
    entries = {name: {"n_fills": n, "pnl": 0.5} for n, name in enumerate("abcde")}
    text = printed(statistics={"venue": entries, "instrument": {}, "quoter": entries})
    assert text.count("Statistics by venue") == 2  # three entries, then two
    assert all(f" {name}" in text for name in "abcde")
    assert "Statistics by quoter" in text
    assert "Statistics by instrument" not in text


def test_units_of_the_table() -> None:
    frame = statistics_frame(
        {"bybit": {"tick_markout": -1.5e-5, "maker_share": 0.5, "volume": 3899.41, "sharpe": None}}
    )
    assert frame["bybit"].to_dict() == {"volume": "3,899.41", "maker_share": "50.0", "tick_markout": "-0.150"}
    assert frame["unit"].to_dict() == {
        "volume": "report currency",
        "maker_share": "% of volume",
        "tick_markout": "bps of price",
    }


def test_bounds_stand_side_by_side() -> None:
    chosen = {"venue": {"bybit": {"n_fills": 59, "pnl": -0.14}, "binance-futures": None}}
    frame = bounds_frame(
        {
            "pessimistic": {"fill_model": "strict_cross", "statistics": {"venue": {"bybit": None}}},
            "chosen": chosen,
            "optimistic": {"venue": {"bybit": {"n_fills": 80, "pnl": 1.0}}},
        }
    )
    assert frame.columns.tolist() == ["unit", "pessimistic (strict_cross)", "chosen", "optimistic"]
    rows = dict(zip(frame.index, frame.to_numpy().tolist(), strict=True))
    assert rows["bybit", "n_fills"] == ["", "–", "59", "80"]
    assert rows["bybit", "pnl"] == ["report currency", "–", "-0.14", "1.00"]
    text = printed(statistics={"venue": {}, "instrument": {}, "quoter": {}}, bounds={"chosen": chosen})
    assert "Fill rules side by side" in text
