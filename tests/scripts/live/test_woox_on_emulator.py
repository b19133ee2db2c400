"""The live command on the emulated WOO X, with the config that is delivered: it quotes, stops, and both sides agree."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import tomli_w
import trio

from market.order_log import LogKind
from research.run_data import Run
from sim.config import read_toml
from sim.emulator import AccountSection, EmulatorConfig, VenueSection, open_emulator
from sim.emulator.emulator import Emulator

pytestmark = pytest.mark.realtime

ROOT = Path(__file__).resolve().parents[3]
CONFIG = ROOT / "configs" / "woox.toml"
SYMBOL = "PERP_SOL_USDT"
LEADER, WITH_RPI = "binance-futures:SOLUSDT", f"woox-rpi:{SYMBOL}"
MARKET = EmulatorConfig(
    venue=(VenueSection("woox"), VenueSection("binance-futures")), account=(AccountSection(is_vip=True),)
)


def written(emulator: Emulator, folder: Path, reference: str, **books: Any) -> Path:
    """Write the config with the emulator's addresses, live orders and a reference; return its path."""
    raw = read_toml(CONFIG)
    raw["quoter"][0]["references"] = [reference]
    raw["venue"][0]["name"] = reference.partition(":")[0]
    for section in raw["venue"]:
        address = emulator.addresses[section["name"].removesuffix("-rpi")]
        sockets = {name: getattr(address, name) for name in ("public", "private", "trade")}
        sockets["market"] = address.public
        section |= {"network": "custom", "rest": address.rest, "sockets": sockets, "execution": "live"}
    raw["quoter"][0]["params"] |= {"spread_bps": 1.0, "skew_bps": 0.5}
    raw["live"] = {"state": str(folder / "state"), "status": False}
    raw["books"] |= books
    path = folder / "woox.toml"
    path.write_text(tomli_w.dumps(raw), encoding="utf-8")
    return path


async def run(emulator: Emulator, folder: Path, seconds: float, reference: str = LEADER, **books: Any) -> str:
    """Run the command to its end; return what it said."""
    path = written(emulator, folder, reference, **books)
    command = [sys.executable, "-m", "scripts.run", "--mode", "live", "--config", str(path)]
    account = emulator.config.account[0]
    keys = {"LOCKSTEP_WOOX_KEY": account.key, "LOCKSTEP_WOOX_SECRET": account.secret}
    with trio.fail_after(240):
        done = await trio.run_process(
            [*command, "--out", str(folder / "run"), "--seconds", str(seconds), "--no-report"],
            cwd=ROOT,
            env={**os.environ, **keys},
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said[-4000:]
    assert account.secret not in said
    return said


async def test_it_quotes_and_ends_reconciled(tmp_path: Path) -> None:
    async with open_emulator(MARKET) as emulator:
        said = await run(emulator, tmp_path, 6.0)
        truth = emulator.truth("woox")
        asked = emulator.tally.requests
    assert "all orders are cancelled, and the accounts show none" in said
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert (result["complete"], result["outcome"]["unproven"]) == (True, 0)
    assert result["execution"] == {"woox": "live"}
    fills = Run.load(tmp_path / "run").table("fills")
    assert truth.n_orders > 0
    assert truth.open_orders == ()
    assert len(truth.fills) == len(fills["ts"])
    assert truth.positions[SYMBOL] == int((fills["side"] * fills["size"]).sum())
    assert asked["woox", "POST /v3/trade/cancelAllAfter"] > 0


async def test_it_never_quotes_from_a_reference_that_is_too_thin(tmp_path: Path) -> None:
    """The reference is the venue's own book with the orders that only its customers can take."""
    async with open_emulator(MARKET) as emulator:
        thin = {"thin_of": {WITH_RPI: {"min_side_notional": 1e9}}}
        await run(emulator, tmp_path, 3.0, WITH_RPI, **thin)
        assert emulator.truth("woox").n_orders == 0
    log = (tmp_path / "run" / "log.jsonl").read_text()
    assert '"message":"book thin"' in log
    assert LogKind.PLACE.name not in set(Run.load(tmp_path / "run").table("orders")["kind"])
