"""The live command on the emulated Paradex, with the delivered config: it quotes, stops, and both sides agree."""

import json
import os
import sys
from pathlib import Path

import pytest
import tomli_w
import trio

from research.run_data import Run
from sim.config import read_toml
from sim.emulator import EmulatorConfig, VenueSection, open_emulator
from sim.emulator.emulator import Emulator

pytestmark = pytest.mark.realtime

ROOT = Path(__file__).resolve().parents[3]
MARKET = EmulatorConfig(venue=(VenueSection("paradex"), VenueSection("binance-futures")))


def written(emulator: Emulator, folder: Path) -> Path:
    """Write the config with the emulator's addresses and live orders; return its path."""
    raw = read_toml(ROOT / "configs" / "paradex.toml")
    for section in raw["venue"]:
        address = emulator.addresses[section["name"]]
        sockets = {name: getattr(address, name) for name in ("public", "private", "trade")}
        sockets |= {"market": address.public, "default": address.public}
        section |= {"network": "custom", "rest": address.rest, "sockets": sockets, "execution": "live"}
    raw["quoter"][0]["params"] |= {"spread_bps": 1.0, "skew_bps": 0.5}
    raw["live"] = {"state": str(folder / "state"), "status": False}
    path = folder / "paradex.toml"
    path.write_text(tomli_w.dumps(raw), encoding="utf-8")
    return path


async def test_it_quotes_and_ends_reconciled(tmp_path: Path) -> None:
    async with open_emulator(MARKET) as emulator:
        key, secret = emulator.keys("paradex")
        command = [sys.executable, "-m", "scripts.run", "--mode", "live", "--config", str(written(emulator, tmp_path))]
        with trio.fail_after(240):
            done = await trio.run_process(
                [*command, "--out", str(tmp_path / "run"), "--seconds", "6", "--no-report"],
                cwd=ROOT,
                env={**os.environ, "LOCKSTEP_PARADEX_KEY": key, "LOCKSTEP_PARADEX_SECRET": secret},
                capture_stdout=True,
                capture_stderr=True,
                check=False,
            )
        truth = emulator.truth("paradex")
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said[-4000:]
    assert secret.removeprefix("0x") not in said
    assert "all orders are cancelled, and the accounts show none" in said
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert (result["complete"], result["outcome"]["unproven"]) == (True, 0)
    fills = Run.load(tmp_path / "run").table("fills")
    assert truth.n_orders > 0
    assert truth.open_orders == ()
    assert len(truth.fills) == len(fills["ts"])
    assert truth.positions["SOL-USD-PERP"] == int((fills["side"] * fills["size"]).sum())
