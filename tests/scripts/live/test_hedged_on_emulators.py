"""The hedged quoter live on two emulated venues at once, over real sockets, while the hedge venue fails."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from actors.runtime.live_clock import LiveClock
from actors.runtime.state_folder import StateFolder
from research.run_data import Run
from scripts import ops, replay_journal
from scripts.live.config import LiveConfig, make_live_config
from scripts.live.real_venues import RealVenues, prepare_venues
from scripts.live.run import LiveRun
from sim.config import DataSection, read_toml
from sim.emulator import EmulatorConfig, Fault, VenueSection, open_emulator
from sim.emulator.emulator import Emulator

pytestmark = pytest.mark.realtime

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
MAKER, HEDGE, SYMBOL = "bybit", "binance-futures", "SOLUSDT"
LOT = 0.1
MAX_UNHEDGED = 3.0
QUOTE = 1.1  # SOL, at most
MARKET = EmulatorConfig(
    data=DataSection(preset="crash", seconds=600.0), venue=(VenueSection(MAKER), VenueSection(HEDGE))
)
CLOSE: dict[str, Any] = {"spread_bps": 0.2, "skew_bps": 0.0}
HEDGED: dict[str, Any] = {**CLOSE, "max_unhedged": MAX_UNHEDGED, "retry_s": 0.1, "max_retry_s": 0.5}


def with_addresses(raw: dict[str, Any], emulator: Emulator, **params: Any) -> dict[str, Any]:
    """Return a config of the demo's kind for this emulator."""
    for section in raw["venue"]:
        address = emulator.addresses[section["name"]]
        section |= {"network": "custom", "rest": address.rest}
        section["sockets"] = {name: getattr(address, name) for name in ("public", "private", "trade")}
        if section["name"] == HEDGE:
            section["sockets"]["market"] = address.public
        section.pop("ca_file", None)
    raw["quoter"][0]["params"] |= params
    raw["orders"]["limits"]["max_order_rate"] = 8
    raw["orders"] |= {"request_timeout_s": 1.0, "account_every_s": 2.0}
    raw["live"] = {"status": False}
    raw["guard"] = {"max_drawdown": 1e9, "on_refusals": "off", "on_stale_data": "off", "max_wallet_difference": 0.3}
    return raw


@attrs.define
class Traded:
    """A run on both venues, and what was seen of it from the venues' side.

    Attributes:
        exposures: units of base, as the venues have them, each few milliseconds.
        resting: most that lay at the maker's venue on one side at once, units of base.
    """

    emulator: Emulator
    run: LiveRun
    exposures: list[float] = attrs.field(factory=list)
    resting: float = 0.0

    def position(self, venue: str) -> int:
        return self.emulator.truth(venue).positions[SYMBOL]

    @property
    def exposure(self) -> float:
        return LOT * (self.position(MAKER) + self.position(HEDGE))

    def n_fills(self, venue: str) -> int:
        return len(self.emulator.truth(venue).fills)

    def assert_bounded(self) -> None:
        """The exposure was within the limit, what rested on a side, and one quote that was under way."""
        assert max(map(abs, self.exposures)) <= MAX_UNHEDGED + self.resting + QUOTE

    async def watch(self) -> None:
        while True:
            self.exposures.append(self.exposure)
            for side in (1, -1):
                left = [o.size - o.filled for o in self.emulator.truth(MAKER).open_orders if o.side == side]
                self.resting = max(self.resting, LOT * sum(left))
            await trio.sleep(0.01)

    async def until(self, is_so: Callable[[], bool], within_s: float = 90.0) -> None:
        with trio.fail_after(within_s):
            while True:
                await trio.sleep(0.02)
                if is_so():
                    return


async def trade(
    folder: Path, config: Callable[[Emulator], dict[str, Any]], *scripts: Callable[[Traded], Any]
) -> tuple[Traded, dict[str, Any]]:
    """Trade on emulated venues while a script runs, then anew with the next; return the last, and its result."""
    account = MARKET.account[0]
    for stem in ("BYBIT", "BINANCE_FUTURES"):
        os.environ[f"LOCKSTEP_{stem}_KEY"], os.environ[f"LOCKSTEP_{stem}_SECRET"] = account.key, account.secret
    async with open_emulator(MARKET) as emulator:
        made = make_live_config(config(emulator), "a test")
        for n, script in enumerate(scripts):
            out = folder / f"run{n or ''}"
            traded, result = await _trade(folder, out, made, emulator, script)
            if n == 0:  # the account snapshots of a later one tell of some fills of an earlier
                assert_same_books(traded, out)
        return traded, result


async def _trade(
    folder: Path, out: Path, made: LiveConfig, emulator: Emulator, script: Callable[[Traded], Any]
) -> tuple[Traded, dict[str, Any]]:
    clock = LiveClock()
    prepared = await prepare_venues(made, folder, clock, folder / ".env")
    await trio.Path(out).mkdir()
    state = StateFolder(folder / "state")
    venues = RealVenues(prepared, made.run.seed, made.run.depth)
    session = state.next_session(clock.now_ns())
    run = LiveRun(made, venues, out, session=session, folder=folder, state=state, clock=clock)
    traded = Traded(emulator, run)

    async def play() -> None:
        try:
            await script(traded)
        finally:
            run.nursery.request_stop()

    async with trio.open_nursery() as tasks:
        tasks.start_soon(traded.watch)
        tasks.start_soon(play)
        outcome = await run.run()
        tasks.cancel_scope.cancel()
    assert (outcome.kind, outcome.unproven) == ("done", 0)
    if made.quoter[0].strategy == "hedged":
        traded.assert_bounded()
    return traded, run.finish(outcome)


def assert_same_books(traded: Traded, out: Path) -> None:
    """Positions and fills are those of the venues, and nothing is open."""
    run = Run.load(out)
    for venue in (MAKER, HEDGE):
        truth, fills = traded.emulator.truth(venue), run.rows("fills", venue=venue)
        assert truth.open_orders == ()
        assert len(truth.fills) == len(fills["ts"])
        assert traded.position(venue) == int((fills["side"] * fills["size"]).sum())


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the keys that a run sets be gone after it."""
    for stem in ("BYBIT", "BINANCE_FUTURES"):
        for part in ("KEY", "SECRET"):
            monkeypatch.setenv(f"LOCKSTEP_{stem}_{part}", "")


async def with_faults(traded: Traded) -> None:
    """Fills that are hedged; then hedges refused, unanswered, and the hedge venue gone, with fills between."""
    emulator = traded.emulator
    await traded.until(lambda: traded.n_fills(MAKER) >= 3 and traded.n_fills(HEDGE) >= 3)
    for fault in (
        Fault("reject", venue=HEDGE, where="trade", count=3, code=-4131),
        Fault("timeout", venue=HEDGE, where="trade"),
        Fault("swallow", venue=HEDGE, where="trade"),
        Fault("sever", venue=HEDGE, where="trade"),
    ):
        n = traded.n_fills(MAKER)
        emulator.inject(fault)
        await traded.until(lambda n=n: traded.n_fills(MAKER) >= n + 2)  # type: ignore[misc]
    emulator.faults.clear()
    await traded.until(lambda: abs(traded.exposure) < 1.5 * LOT and traded.position(MAKER) != 0)


async def anew(traded: Traded) -> None:
    """A new process finds positions on both venues, one before the other, and they come to next to nothing."""
    n_maker, n_hedge = traded.n_fills(MAKER), traded.n_fills(HEDGE)
    await traded.until(lambda: len(traded.emulator.truth(MAKER).open_orders) > 0)
    if traded.n_fills(MAKER) == n_maker:
        assert traded.n_fills(HEDGE) <= n_hedge + 1, "at most what the last run has left"
    await traded.until(lambda: traded.n_fills(MAKER) >= n_maker + 2 and abs(traded.exposure) < 1.5 * LOT)


def test_exposure_stays_bounded_while_the_hedge_venue_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo = read_toml(CONFIGS / "hedged-demo.toml")
    traded, result = trio.run(trade, tmp_path, partial(with_addresses, demo, **HEDGED), with_faults, anew)
    assert result["complete"]
    met = traded.emulator.faults.met
    assert {"reject", "timeout", "swallow", "sever"} <= set(met), met
    for run in ("run", "run1"):
        assert '"wallet differs"' not in (tmp_path / run / "log.jsonl").read_text(), "it is what the fills make of it"
        assert replay_journal.main([str(tmp_path / run)]) == replay_journal.EXIT_SAME


def with_desk(emulator: Emulator) -> dict[str, Any]:
    """Return the config of a maker on one venue, and a desk that may hedge on the other."""
    raw = read_toml(CONFIGS / "hedged-demo.toml")
    maker = {
        "name": "vamp",
        "strategy": "vamp",
        "references": [f"{HEDGE}:{SYMBOL}"],
        "params": {**CLOSE, "notional": 200},
    }
    desk = {"name": "desk", "strategy": "portfolio", "instruments": [f"{HEDGE}:{SYMBOL}", f"{MAKER}:{SYMBOL}"]}
    raw["quoter"] = [{**maker, "instruments": [f"{MAKER}:{SYMBOL}"]}, desk]
    return with_addresses(raw, emulator)


def test_a_person_hedges_the_net_position_on_the_other_venue(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes: list[int] = []

    async def ask(traded: Traded) -> None:
        await traded.until(lambda: traded.position(MAKER) != 0)
        words = ["hedge", str(tmp_path / "state"), "--base", "SOL", "--on", HEDGE, "--by", "margin", "--wait", "30"]
        codes.append(await trio.to_thread.run_sync(ops.main, words))
        await traded.until(lambda: traded.position(HEDGE) != 0)

    traded, result = trio.run(trade, tmp_path, with_desk, ask)
    assert codes == [0]
    answer = StateFolder(tmp_path / "state").hedge_answer()
    assert answer is not None
    (asset,), (leg,) = answer.assets, answer.legs
    assert leg.filled == leg.lots == round(abs(asset.before or 0.0) / LOT)
    assert traded.position(HEDGE) == leg.side * leg.filled
    assert result["positions_by_base"]["SOL"]["positions"][f"{HEDGE}:{SYMBOL}"] == pytest.approx(
        LOT * leg.side * leg.filled
    )
    for venue in (MAKER, HEDGE):  # as read a little before the end
        told, truth = result["margins"][venue], traded.emulator.truth(venue)
        assert told["equity"] == pytest.approx(float(truth.equity), rel=1e-3)
        assert 0.0 < told["available"] <= told["equity"]
    assert "FILLED" in capsys.readouterr().out
    assert replay_journal.main([str(tmp_path / "run")]) == replay_journal.EXIT_SAME
