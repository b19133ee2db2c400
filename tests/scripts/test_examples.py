"""The example that a newcomer copies runs as the README says."""

import json
from pathlib import Path

from scripts.run import EXIT_DONE, EXIT_FAILED, main

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_the_example_strategy_runs_and_its_code_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = ["--config", str(EXAMPLES / "microprice.toml"), "--seconds", "60", "--out", str(out), "--check"]
    assert main(options) == EXIT_DONE
    result = json.loads((out / "result.json").read_text())
    assert result["outcome"] == {"kind": "done", "unproven": 0, "reason": ""}
    assert result["statistics"]["quoter"]["micro"]["n_fills"] > 0
    assert (out / "code" / "microprice.py").read_text() == (EXAMPLES / "microprice.py").read_text()
    assert (out / "report.pdf").stat().st_size > 10_000


def test_a_run_that_cannot_go_on_keeps_what_it_has(tmp_path: Path) -> None:
    strategy = tmp_path / "loop.py"
    strategy.write_text(
        "from actors.quoter import Quoter\n"
        "class Loop(Quoter):\n"
        "    def on_book(self, book):\n"
        "        self.set_timer(self.now, 1)\n"
        "    def _take_timer(self, timer):\n"
        "        self.set_timer(self.now, 1)\n"
    )
    config = tmp_path / "loop.toml"
    config.write_text(
        '[data]\nseconds = 20\n[[quoter]]\nname = "loop"\nstrategy = "loop.py:Loop"\ninstruments = ["bybit:SOLUSDT"]\n'
    )
    out = tmp_path / "run"
    assert main(["--config", str(config), "--out", str(out), "--no-report"]) == EXIT_FAILED
    result = json.loads((out / "result.json").read_text())
    assert not result["complete"]
    assert result["outcome"]["reason"].startswith("EndlessLoopError: more than 10000 deliveries")
    assert (out / "fills.parquet").is_file()


def test_the_file_of_a_strategy_is_run_a_single_time(tmp_path: Path) -> None:
    strategy = tmp_path / "once.py"
    strategy.write_text(
        "from pathlib import Path\n"
        "from actors.quoter import Quoter\n"
        "with Path(__file__).with_name('runs').open('a') as file:\n"
        "    file.write('x')\n"
        "class Once(Quoter):\n"
        "    def on_book(self, book):\n"
        "        self.quote(self.instrument)\n"
    )
    config = tmp_path / "once.toml"
    config.write_text(
        '[data]\nseconds = 5\n[[quoter]]\nname = "once"\nstrategy = "once.py:Once"\ninstruments = ["bybit:SOLUSDT"]\n'
    )
    assert main(["--config", str(config), "--out", str(tmp_path / "run"), "--no-report"]) == EXIT_DONE
    assert (tmp_path / "runs").read_text() == "x"
