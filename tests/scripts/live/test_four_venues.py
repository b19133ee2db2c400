"""Four emulated venues in one live run: two pairs of them quoted and hedged on each other, by config alone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from actors.runtime.live_clock import LiveClock
from actors.runtime.state_folder import StateFolder
from research.run_data import Run
from scripts import replay_journal
from scripts.live.config import make_live_config
from scripts.live.real_venues import RealVenues, prepare_venues
from scripts.live.run import LiveRun
from sim.config import DataSection
from sim.emulator import EmulatorConfig, VenueSection, open_emulator
from sim.emulator.emulator import Emulator
from sim.emulator.hyperliquid.signing import keys_of

pytestmark = pytest.mark.realtime

SYMBOLS = {"bybit": "SOLUSDT", "binance-futures": "SOLUSDT", "woox": "PERP_SOL_USDT", "hyperliquid": "SOL"}
PAIRS = (("hyperliquid", "bybit"), ("woox", "binance-futures"))  # quoted, hedged on
MARKET = EmulatorConfig(
    data=DataSection(preset="venues", seconds=600.0), venue=tuple(VenueSection(name) for name in SYMBOLS)
)
CLOSE = {"notional": 300.0, "spread_bps": 0.2, "skew_bps": 0.1, "basis": "ewma", "basis_halflife_s": 2.0}


def config(emulator: Emulator) -> dict[str, Any]:
    """Return the config of both pairs, on this emulator."""
    venues = []
    for name in SYMBOLS:
        address = emulator.addresses[name]
        sockets = {place: getattr(address, place) for place in ("public", "private", "trade")}
        if name == "binance-futures":
            sockets["market"] = address.public
        venues.append({"name": name, "network": "custom", "rest": address.rest, "sockets": sockets})
    quoters = [
        {
            "name": f"on-{quoted}",
            "strategy": "hedged",
            "instruments": [f"{each}:{SYMBOLS[each]}" for each in (quoted, hedged_on)],
            "params": {**CLOSE, "max_unhedged": 4.0},
        }
        for quoted, hedged_on in PAIRS
    ]
    limits = {"max_position_notional": 1e5, "max_order_notional": 2_000.0, "max_order_rate": 4.0}
    return {
        "live": {"status": False},
        "guard": {"max_drawdown": 1e9, "on_refusals": "off"},
        "orders": {"account_every_s": 10.0, "limits": limits},
        "venue": venues,
        "quoter": quoters,
    }


def units(emulator: Emulator, run: LiveRun, venue: str) -> float:
    """Return what the venue itself says is held, units of base."""
    instrument = run.instruments.find(venue, SYMBOLS[venue])
    return instrument.size(emulator.truth(venue).positions[SYMBOLS[venue]])


async def trade(folder: Path) -> None:
    async with open_emulator(MARKET) as emulator:
        made = make_live_config(config(emulator), "a test")
        clock = LiveClock()
        prepared = await prepare_venues(made, folder, clock, folder / ".env")
        venues = RealVenues(prepared, made.run.seed, made.run.depth)
        run = LiveRun(made, venues, folder / "run", session=1, state=StateFolder(folder / "state"), clock=clock)

        async def until(is_so: Callable[[], bool]) -> None:
            with trio.fail_after(90):
                while True:
                    await trio.sleep(0.05)
                    if is_so():
                        return

        def is_hedged(quoted: str, hedged_on: str) -> bool:
            net = units(emulator, run, quoted) + units(emulator, run, hedged_on)
            return len(emulator.truth(hedged_on).fills) >= 1 and abs(net) < 0.1

        async def stop() -> None:
            for pair in PAIRS:
                await until(lambda pair=pair: is_hedged(*pair))  # type: ignore[misc]
            run.nursery.request_stop()

        async with trio.open_nursery() as tasks:
            tasks.start_soon(stop)
            outcome = await run.run()
            tasks.cancel_scope.cancel()
        result = run.finish(outcome)
        assert (outcome.kind, outcome.unproven, result["complete"]) == ("done", 0, True)
        said = result["positions_by_base"].get("SOL", {"net": 0.0, "positions": {}})
        for venue, symbol in SYMBOLS.items():
            truth = emulator.truth(venue)
            fills = Run.load(folder / "run").rows("fills", venue=venue)
            assert truth.open_orders == ()
            assert len(truth.fills) == len(fills["ts"])
            assert said["positions"].get(f"{venue}:{symbol}", 0.0) == pytest.approx(units(emulator, run, venue))
        assert said["net"] == pytest.approx(sum(units(emulator, run, venue) for venue in SYMBOLS))


def test_two_pairs_of_four_venues_are_quoted_and_hedged_in_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = MARKET.account[0]
    for venue in SYMBOLS:
        keys = keys_of(account) if venue == "hyperliquid" else (account.key, account.secret)
        for part, value in zip(("KEY", "SECRET"), keys, strict=True):
            monkeypatch.setenv(f"LOCKSTEP_{venue.upper().replace('-', '_')}_{part}", value)
    (tmp_path / "run").mkdir()
    trio.run(trade, tmp_path)
    assert replay_journal.main([str(tmp_path / "run")]) == replay_journal.EXIT_SAME
