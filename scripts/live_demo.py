"""Trade live on emulated venues: `python -m scripts.live_demo [--seconds 60] [--out DIR]`, or `make live-demo`.

Starts an emulator of the config's venues (without one: Bybit and Binance) on loopback, runs `scripts.run --mode live`
on it, and compares what the run believes with the venues' own books.  Exit codes: those of the run; 1 also where they
differ.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import tomli_w

ROOT: Final = Path(__file__).resolve().parent.parent
CONFIG: Final = ROOT / "configs" / "live-demo.toml"
USUAL_VENUES: Final = ("bybit", "binance-futures")


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="live_demo", description="Trade live on emulated venues.")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (default 60)")
    parser.add_argument("--out", type=Path, help="run directory (default: runs/demo-TIME)")
    parser.add_argument("--config", type=Path, default=CONFIG, help="live config whose venues are emulated")
    parser.add_argument("--no-report", action="store_true", help="no figures, plots, PDF and HTML")
    options = parser.parse_args(argv)
    out = options.out or Path("runs") / datetime.now(UTC).strftime("demo-%Y%m%d-%H%M%S")
    words = ["--mode", "live", "--out", str(out), "--seconds", str(options.seconds)]
    venues = venues_of(options.config)
    with (
        tempfile.TemporaryDirectory(prefix="live-demo-") as scratch,
        open_emulator_process(Path(scratch), venues) as emulator,
    ):
        config = emulator.write_config(options.config, Path(scratch))
        os.environ.update(emulator.keys())
        from scripts.run import main as run

        code = run([*words, "--config", str(config), *(["--no-report"] if options.no_report else [])])
        is_same = (out / "fills.parquet").exists() and _is_same(out, emulator.truth())
        return code if is_same else max(code, 1)


def venues_of(config: Path) -> list[str]:
    """Return the names of the venues of a live config."""
    from sim.config import read_toml

    return [section["name"] for section in read_toml(config).get("venue", ())]


class EmulatorProcess:
    """The emulated venues, in a process that ends with this one."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._told = self._read()

    def keys(self) -> dict[str, str]:
        """Return the environment that holds the account's keys."""
        return {
            f"LOCKSTEP_{venue.upper().replace('-', '_')}_{part}": value
            for venue, pair in self._told["keys"].items()
            for part, value in zip(("KEY", "SECRET"), pair, strict=True)
        }

    def write_config(self, source: Path, folder: Path) -> Path:
        """Write a live config with the venues' addresses in place of its own; return its path."""
        from sim.config import read_toml

        return self.write_plain(read_toml(source), folder / source.name)

    def write_plain(self, raw: dict[str, Any], path: Path) -> Path:
        """Write a live config that is read already, as `write_config`; its state is kept beside it."""
        raw["venue"] = [self._section(each) for each in raw["venue"]]
        raw["live"] = {"state": str(path.parent / "state"), **raw.get("live", {})}
        path.write_text(tomli_w.dumps(raw), encoding="utf-8")
        return path

    def truth(self, **asked: Any) -> dict[str, Any]:
        """Return what is true of the account, by venue (see `scripts.live.demo_venues` for what may be asked)."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _section(self, section: Mapping[str, Any]) -> dict[str, Any]:
        address = self._told["addresses"][section["name"]]
        sockets = {name: address[name] for name in ("public", "private", "trade")}
        if section["name"] == "binance-futures":
            sockets["market"] = address["public"]
        where = {"network": "custom", "rest": address["rest"], "sockets": sockets, "ca_file": self._told["ca_file"]}
        return {**section, **where}

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the emulator has ended; what it said stands above")
        told: dict[str, Any] = json.loads(line)
        return told


@contextmanager
def open_emulator_process(folder: Path, venues: Sequence[str] = USUAL_VENUES) -> Iterator[EmulatorProcess]:
    """Run emulated venues while the block lasts; the CA is written to `folder`."""
    command = [sys.executable, "-m", "scripts.live.demo_venues", str(folder), *venues]
    print(f"starting emulated venues: {', '.join(venues)}", file=sys.stderr)
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the run
    ) as process:
        yield EmulatorProcess(process)
        assert process.stdin is not None
        process.stdin.close()


def _is_same(out: Path, truth: Mapping[str, Any]) -> bool:
    """Say whether the venues' own books are those of the run."""
    from research.run_data import Run

    run = Run.load(out)
    is_same = True
    for venue in run.venues:
        fills = run.rows("fills", venue=venue)
        held = {i.symbol: 0 for i in run.instruments if i.venue == venue}
        for instrument, side, size in zip(fills["instrument"], fills["side"], fills["size"], strict=True):
            held[run.instruments[int(instrument)].symbol] += int(side) * int(size)
        theirs = truth[venue]
        ours = {"n_fills": len(fills["ts"]), "positions": held, "n_open": 0}
        differences = [name for name, value in ours.items() if theirs[name] != value]
        positions = ", ".join(f"{symbol} {lots} lots" for symbol, lots in theirs["positions"].items())
        text = f"{theirs['n_fills']} fills, {theirs['n_open']} orders open, {positions}"
        print(f"{venue:16} its own books: {text}; {'DIFFERENT from ours' if differences else 'the same as ours'}")
        is_same &= not differences
    return is_same


if __name__ == "__main__":
    sys.exit(main())
