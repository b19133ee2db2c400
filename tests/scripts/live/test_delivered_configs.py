"""The live command on one emulated venue, with the config that is delivered for it, in a process of its own."""

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import pytest
import tomli_w
import trio

from market.order_log import LogKind
from research.run_data import Run
from sim.config import read_toml
from sim.emulator import AccountSection, EmulatorConfig, VenueSection, open_emulator
from sim.emulator.emulator import Emulator
from sim.emulator.truth import AccountTruth

pytestmark = pytest.mark.realtime

ROOT = Path(__file__).resolve().parents[3]
LEADER = "binance-futures"
WITH_RPI = "woox-rpi:PERP_SOL_USDT"


def market(venue: str) -> EmulatorConfig:
    account = AccountSection(is_vip=venue == "woox")  # whose dead man's switch is for such accounts alone
    return EmulatorConfig(venue=(VenueSection(venue), VenueSection(LEADER)), account=(account,))


def delivered(venue: str) -> dict[str, Any]:
    """Return the venue's config, with quotes so close that some are filled."""
    raw = read_toml(ROOT / "configs" / f"{venue}.toml")
    raw["quoter"][0]["params"] |= {"spread_bps": 1.0, "skew_bps": 0.5}
    return raw


def written(raw: dict[str, Any], emulator: Emulator, folder: Path) -> Path:
    """Write a config with the emulator's addresses and live orders; return its path."""
    for section in raw["venue"]:
        address = emulator.addresses[section["name"].removesuffix("-rpi")]
        sockets = {name: getattr(address, name) for name in ("public", "private", "trade")}
        sockets |= {"market": address.public, "default": address.public}
        section |= {"network": "custom", "rest": address.rest, "sockets": sockets, "execution": "live"}
    raw["live"] = {"state": str(folder / "state"), "status": False}
    path = folder / "given.toml"
    path.write_text(tomli_w.dumps(raw), encoding="utf-8")
    return path


async def run(venue: str, raw: dict[str, Any], emulator: Emulator, folder: Path, seconds: float) -> str:
    """Run the command to its end; return what it said, in which the secret is not."""
    path = written(raw, emulator, folder)
    command = [sys.executable, "-m", "scripts.run", "--mode", "live", "--config", str(path)]
    key, secret = emulator.keys(venue)
    stem = f"LOCKSTEP_{venue.upper()}"
    with trio.fail_after(240):
        done = await trio.run_process(
            [*command, "--out", str(folder / "run"), "--seconds", str(seconds), "--no-report"],
            cwd=ROOT,
            env={**os.environ, f"{stem}_KEY": key, f"{stem}_SECRET": secret},
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said[-4000:]
    assert secret.removeprefix("0x") not in said
    return said


SYMBOLS = {"hyperliquid": "SOL", "paradex": "SOL-USD-PERP", "woox": "PERP_SOL_USDT"}
REQUESTS = {"woox": ["POST /v3/trade/cancelAllAfter"]}


@attrs.frozen
class Ended:
    """A run of a delivered config, and what the venue knows of it."""

    folder: Path
    said: str
    truth: AccountTruth
    asked: Counter[tuple[str, str]]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    """All of them, side by side: most of the time they wait."""
    found: dict[str, Ended] = {}

    async def one(venue: str, folder: Path) -> None:
        async with open_emulator(market(venue)) as emulator:
            said = await run(venue, delivered(venue), emulator, folder, 6.0)
            found[venue] = Ended(folder, said, emulator.truth(venue), emulator.tally.requests.copy())

    async def all_of_them() -> None:
        async with trio.open_nursery() as tasks:
            for venue in SYMBOLS:
                tasks.start_soon(one, venue, tmp_path_factory.mktemp(venue))

    trio.run(all_of_them)
    return found


@pytest.mark.parametrize("venue", SYMBOLS)
def test_it_quotes_and_ends_reconciled(ended: dict[str, Ended], venue: str) -> None:
    end = ended[venue]
    assert "all orders are cancelled, and the accounts show none" in end.said
    result = json.loads((end.folder / "run" / "result.json").read_text())
    assert (result["complete"], result["outcome"]["unproven"]) == (True, 0)
    assert result["execution"] == {venue: "live"}
    fills = Run.load(end.folder / "run").table("fills")
    assert end.truth.n_orders > 0
    assert end.truth.open_orders == ()
    assert len(end.truth.fills) == len(fills["ts"])
    assert end.truth.positions[SYMBOLS[venue]] == int((fills["side"] * fills["size"]).sum())
    assert all(end.asked[venue, request] > 0 for request in REQUESTS.get(venue, ()))


async def test_it_never_quotes_from_a_reference_that_is_too_thin(tmp_path: Path) -> None:
    """The reference is the venue's own book with the orders that only its customers can take."""
    raw = delivered("woox")
    raw["quoter"][0]["references"] = [WITH_RPI]
    raw["venue"][0]["name"] = WITH_RPI.partition(":")[0]  # in the leader's place
    raw["books"]["thin_of"] = {WITH_RPI: {"min_side_notional": 1e9}}
    async with open_emulator(market("woox")) as emulator:
        await run("woox", raw, emulator, tmp_path, 3.0)
        assert emulator.truth("woox").n_orders == 0
    log = (tmp_path / "run" / "log.jsonl").read_text()
    assert '"message":"book thin"' in log
    assert LogKind.PLACE.name not in set(Run.load(tmp_path / "run").table("orders")["kind"])
