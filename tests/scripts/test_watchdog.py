"""The watchdog, as a process beside one that trades on the emulator and dies or hangs."""

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from actors.runtime.state_folder import Beat, StateFolder
from scripts.watchdog import Pulse
from scripts.watched_accounts import accounts_of
from sim.config import ConfigError
from sim.emulator import Emulator, EmulatorConfig, Fault, open_emulator

ROOT = Path(__file__).resolve().parents[2]
VENUES = ("bybit", "binance-futures")


async def until(is_so: Callable[[], bool]) -> None:
    with trio.fail_after(60):
        while not is_so():  # noqa: ASYNC110  # processes and emulator tell nobody
            await trio.sleep(0.005)


class Process:
    """A process of ours, whose lines are read."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self._rest = b""

    async def line(self) -> str:
        assert self.process.stdout is not None
        while b"\n" not in self._rest:
            more = await self.process.stdout.receive_some()
            assert more, f"it has ended: {self._rest!r}"
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    async def until(self, message: str) -> list[dict[str, Any]]:
        """Return the records up to the one with this message."""
        found: list[dict[str, Any]] = []
        with trio.fail_after(60):
            while not found or found[-1]["message"] != message:
                found.append(json.loads(await self.line()))
        return found


@asynccontextmanager
async def process(env: dict[str, str], *words: str) -> AsyncIterator[Process]:
    command = [sys.executable, "-m", *words]
    made = await trio.lowlevel.open_process(command, stdout=-1, cwd=ROOT, env={**os.environ, **env})
    try:
        async with made.stdout:  # type: ignore[union-attr]
            yield Process(made)
    finally:
        made.send_signal(signal.SIGCONT)
        made.kill()
        with trio.CancelScope(shield=True):
            await made.wait()


@asynccontextmanager
async def scene(folder: Path, tls: Path | None = None) -> AsyncIterator[tuple[Emulator, Path, dict[str, str]]]:
    """Emulated venues, a config that trades on both, and the keys."""
    config = EmulatorConfig(tls=tls is not None)
    async with open_emulator(config, tls_folder=tls) as emulator:
        await until(lambda: all(view.bids for view in emulator.engine.views.values()))
        lines = []
        for venue in VENUES:
            address = emulator.addresses[venue]
            lines += ["[[venue]]", f'name = "{venue}"', 'network = "custom"', f'rest = "{address.rest}"']
            lines += [f'sockets = {{ default = "{address.public}" }}']
            lines += [f'ca_file = "{emulator.ca_file}"'] if emulator.ca_file else []
        lines += ["[[quoter]]", f"instruments = {[f'{venue}:SOLUSDT' for venue in VENUES]}"]
        path = folder / "live.toml"
        path.write_text("\n".join(lines).replace("'", '"'))
        account = config.account[0]
        stems = [f"LOCKSTEP_{venue.upper().replace('-', '_')}" for venue in VENUES]
        env = {f"{stem}_{name}": getattr(account, name.lower()) for stem in stems for name in ("KEY", "SECRET")}
        yield emulator, path, env


def price(emulator: Emulator) -> str:
    """Return a price far below the touch, in ticks."""
    return str(min(view.bids[0][0] for view in emulator.engine.views.values()) * 97 // 100 // 10 * 10)


def n_open(emulator: Emulator) -> dict[str, int]:
    return {venue: len(emulator.truth(venue).open_orders) for venue in VENUES}


async def until_empty(emulator: Emulator) -> float:
    """Return how many seconds it took until no order was open anywhere."""
    began = trio.current_time()
    await until(lambda: not any(n_open(emulator).values()))
    return trio.current_time() - began


async def until_placed(trader: Process, emulator: Emulator) -> None:
    with trio.fail_after(60):
        assert await trader.line() == "placed"
    assert n_open(emulator) == {"bybit": 5, "binance-futures": 5}


@pytest.mark.realtime
async def test_a_killed_traders_orders_are_gone_within_moments(tmp_path: Path) -> None:
    async with scene(tmp_path, tls=tmp_path) as (emulator, config, env):
        words = ("--config", str(config), "--once", "--halt")
        async with process(env, "scripts.watchdog", *words) as dog:
            await dog.until("watching")
            async with process(
                env, "tests.scripts.doomed_trader", str(tmp_path / "state"), str(config), price(emulator)
            ) as trader:
                await until_placed(trader, emulator)
                await trio.sleep(1.0)  # it is watched, and left alone
                assert n_open(emulator) == {"bybit": 5, "binance-futures": 5}
                trader.process.send_signal(signal.SIGKILL)
                took_s = await until_empty(emulator)
                records = await dog.until("nothing is open")
                assert await dog.process.wait() == 1
    dead = next(each for each in records if each["message"] == "dead")
    assert dead["reason"] == f"process {trader.process.pid} is gone"
    assert took_s < 4.0, "far less than the age of a heartbeat: its absence is seen"
    print(f"time to an empty book after kill -9: {took_s:.3f} s; of the sweep alone {records[-1]['took_s']} s")
    assert StateFolder(tmp_path / "state").halted().startswith("PERSON: the watchdog has cancelled all: process")
    text = json.dumps(records)
    assert not any(secret in text for secret in env.values())


@pytest.mark.realtime
async def test_a_hung_trader_is_seen_by_its_heartbeat_and_faults_are_outlasted(tmp_path: Path) -> None:
    async with scene(tmp_path) as (emulator, config, env):  # noqa: SIM117  # the dog needs the config
        async with process(env, "scripts.watchdog", "--config", str(config), "--after", "2") as dog:
            await dog.until("watching")
            async with process(
                env, "tests.scripts.doomed_trader", str(tmp_path / "state"), str(config), price(emulator)
            ) as trader:
                await until_placed(trader, emulator)
                # one venue cannot be reached at first: the other is emptied all the same
                emulator.inject(Fault("stall", venue="bybit", where="rest", seconds=5.0))
                trader.process.send_signal(signal.SIGSTOP)
                began = trio.current_time()
                await until(lambda: n_open(emulator)["binance-futures"] == 0)
                assert n_open(emulator)["bybit"] == 5
                records = await dog.until("nothing is open")
                assert n_open(emulator) == {"bybit": 0, "binance-futures": 0}
                dead = next(each for each in records if each["message"] == "dead")
                assert dead["reason"].startswith("no heartbeat for 2.")
                assert any(each["message"] == "sweep failed" and each["venue"] == "bybit" for each in records)
                assert trio.current_time() - began < 30
                dog.process.send_signal(signal.SIGTERM)
                await dog.until("stopped")
                assert await dog.process.wait() == 0


def beat(number: int, pid: int = 5, *, is_over: bool = False) -> Beat:
    return Beat(number, 0, pid, 0, "ACTIVE", 1, is_over)


def test_the_pulse_counts_changes_and_not_the_time_in_them() -> None:
    pulse = Pulse(5.0)
    assert pulse.why_dead(None, 0.0, lambda pid: False) == "", "nobody has traded yet"
    for second in range(4):
        assert pulse.why_dead(beat(second), float(second), lambda pid: False) == ""
    assert pulse.why_dead(beat(3), 8.0, lambda pid: False) == "", "a pid that was never seen may be another machine's"
    assert pulse.why_dead(None, 8.2, lambda pid: False) == "no heartbeat for 5.2 s", "nor does an unreadable file help"
    assert pulse.why_dead(beat(4), 8.4, lambda pid: False) == ""
    assert pulse.why_dead(beat(4), 8.6, lambda pid: True) == ""
    assert pulse.why_dead(beat(4), 8.8, lambda pid: False) == "process 5 is gone"
    assert pulse.why_dead(beat(1, pid=6), 9.0, lambda pid: False) == "", "another process has begun"
    assert pulse.why_dead(beat(2, pid=6, is_over=True), 60.0, lambda pid: False) == "", "it has ended in order"


def test_what_is_not_traded_for_real_is_not_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "live.toml"
    monkeypatch.setenv("LOCKSTEP_BYBIT_KEY", "k" * 10)
    monkeypatch.setenv("LOCKSTEP_BYBIT_SECRET", "s" * 10)
    venues = '[[venue]]\nname = "bybit"\nnetwork = "demo"\n{}\n[[venue]]\nname = "binance-futures"\n'
    quoter = '[[quoter]]\ninstruments = ["bybit:SOLUSDT"]\nreferences = ["binance-futures:SOLUSDT"]\n'
    config.write_text(venues.format("") + quoter + '[live]\nstate = "elsewhere"\n')
    accounts, state = accounts_of(config, tmp_path / ".env")
    assert [(each.venue, each.rest) for each in accounts] == [("bybit", "https://api-demo.bybit.com")]
    assert state == tmp_path / "elsewhere"
    config.write_text(venues.format('execution = "paper"') + quoter)
    with pytest.raises(ConfigError, match="nothing to watch"):
        accounts_of(config, tmp_path / ".env")
