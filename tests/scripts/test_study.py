"""The study's command: what it leaves, what it says of wrong use, and the example beside it."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from market.archive.instruments import write_instruments
from market.archive.layout import Kind
from market.archive.writer import ArchiveWriter
from research.study import Study
from scripts.study import EXIT_DONE, EXIT_FAILED, EXIT_USAGE, main
from sim.config import make_config
from sim.market import Market

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
[data]
seconds = {seconds}
[study]
instrument = "bybit:SOLUSDT"
notionals = [10_000, 50_000]
horizons_s = [0, 0.5, 5]
n_resamples = 100
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory that a study of two minutes left."""
    folder: Path = tmp_path_factory.mktemp("study")
    (folder / "c.toml").write_text(CONFIG.format(seconds=120))
    out = folder / "out"
    assert main(["--config", str(folder / "c.toml"), "--out", str(out)]) == EXIT_DONE
    return out


def test_study_leaves_tables_plots_and_reports(study: Path) -> None:
    names = {path.relative_to(study).as_posix() for path in study.rglob("*.*")}
    assert names == {
        *(f"{name}.csv" for name in ("table", "comparison", "horizons", "counts")),
        *(f"plots/{name}.png" for name in ("relative_losses", "errors_t0", "errors_t0.5", "errors_t5")),
        *("forward_prices.parquet", "report.pdf", "report.html", "result.json", "study.toml"),
    }
    assert "vamp50k" in (study / "report.html").read_text()


def test_its_figures_are_those_of_the_declarations(study: Path) -> None:
    table = pd.read_csv(study / "table.csv", index_col=["T+", "Estimator"])
    frame = pd.read_parquet(study / "forward_prices.parquet")
    wide = frame.pivot(index="ts", columns="key", values="value").dropna()
    later = frame.drop_duplicates("ts").set_index("ts").loc[wide.index]
    error = (100.0 * (later["t5"] - wide["vamp50k"]) / later["t0"]).dropna()
    row = table.to_dict("index")["t5", "vamp50k"]
    np.testing.assert_allclose(row["MSE(e%)"], (error**2).mean(), rtol=1e-8)
    np.testing.assert_allclose(row["MEDIAN(e%)"], error.median(), rtol=1e-8)


def test_result_says_what_it_was_made_of(study: Path) -> None:
    result = json.loads((study / "result.json").read_text())
    assert result["instrument"] == "bybit:SOLUSDT"
    assert result["declarations"] == result["forward_prices"]["n_rows"] > 4000
    assert result["look_ahead"].endswith("are the same without what came after")
    assert len(result["data"]["content_hash"]) == 64
    assert result["command"].startswith("python -m scripts.study --config ")
    assert {"code", "lock", "packages", "machine"} <= result.keys()


def test_what_it_leaves_runs_again_to_the_same_table(study: Path, tmp_path: Path) -> None:
    assert main(["--config", str(study / "study.toml"), "--out", str(tmp_path / "out")]) == EXIT_DONE
    assert (tmp_path / "out" / "table.csv").read_bytes() == (study / "table.csv").read_bytes()
    assert (tmp_path / "out" / "comparison.csv").read_bytes() == (study / "comparison.csv").read_bytes()


def test_table_on_screen_is_whole(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.toml").write_text(CONFIG.format(seconds=20))
    assert main(["--config", str(tmp_path / "c.toml"), "--out", str(tmp_path / "out")]) == EXIT_DONE
    said = capsys.readouterr().out
    assert "…" not in said
    for word in ("Estimator", "MSE/mid", "verdict", "vamp10k", "microprice", "look-ahead", "report.pdf"):
        assert word in said


WRONG = [
    ('[study]\ninstrument = "SOLUSDT"', "'SOLUSDT' is not `venue:symbol`"),
    ('[study]\ninstrument = "okx:SOLUSDT"', "no instrument okx:SOLUSDT in this study; there are: binance-futures:"),
    ("[study]\nnotionals = [50_000, 10_000]", "notionals must ascend and be at least one, got [50000.0, 10000.0]"),
    ("[study]\nhorizons_s = [1, 10]", "horizons_s must hold 0 and nothing below, got [1.0, 10.0]"),
    ("[study]\nnotional = 5", "unknown key 'notional'; allowed: instrument, notionals"),
    ('[data]\nsource = "archive"', "an archive needs `root`, `start` and `end`"),
    ("[data", "not TOML"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_wrong_config_is_named(text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.toml").write_text(text)
    assert main(["--config", str(tmp_path / "c.toml"), "--out", str(tmp_path / "out")]) == EXIT_USAGE
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_directory_with_content_is_left_alone(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(study)]) == EXIT_USAGE
    assert "is there and not empty" in capsys.readouterr().err


def test_a_market_too_short_fails_and_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "c.toml").write_text("[data]\nseconds = 30\n[study]\nnotionals = [1_000_000_000]")
    assert main(["--config", str(tmp_path / "c.toml"), "--out", str(tmp_path / "out")]) == EXIT_FAILED
    assert "no instant knows all of" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["study-btcusdt", "study-sol"])
def test_ready_configs_are_whole(name: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = (ROOT / "configs" / f"{name}.toml").read_text()
    (tmp_path / "c.toml").write_text(text.replace("../archive", "nowhere"))
    assert main(["--config", str(tmp_path / "c.toml")]) == EXIT_USAGE
    assert "in the archive" in capsys.readouterr().err  # nothing else is wrong with it


def test_the_example_goes_from_an_archive_to_a_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    writers: dict[int, ArchiveWriter] = {}
    for part in Market(make_config({"data": {"preset": "default", "seconds": 120.0}})).columns():
        if part.kind != "funding":
            write_instruments(tmp_path, [part.instrument])
            kind: Kind = "book" if part.kind == "book" else "trades"
            writers.setdefault(part.stream, ArchiveWriter(tmp_path, part.instrument, kind)).append(part.rows)
    for writer in writers.values():
        writer.close()
    hour = "2025-01-10:07"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["fair_price.py", str(tmp_path), "binance-futures", "SOLUSDT", hour, hour])
    made = runpy.run_path(str(ROOT / "examples" / "fair_price.py"))
    assert isinstance(made["study"], Study)
    assert (tmp_path / "fair_price.png").stat().st_size > 10_000
    said = capsys.readouterr().out
    assert "are the same without what came after" in said
    assert "weighted mid" in said
    assert len((ROOT / "examples" / "fair_price.py").read_text().splitlines()) <= 40
