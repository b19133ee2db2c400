"""The watchdog, as a process beside one that trades on the emulator and dies or hangs."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.runtime.state_folder import Beat, StateFolder
from scripts.live import sweeping, watching
from scripts.live.sweeping import Broom
from scripts.live.watching import Pulse, WatchConfig
from scripts.live_demo import CONFIG, open_emulator_process
from scripts.watched_accounts import Account, accounts_of
from sim.config import ConfigError
from sim.emulator import Emulator, EmulatorConfig, Fault, open_emulator
from venues.connection import Credentials, VenueConnection
from venues.venue import Swept
from venues.wire import RemoteProtocolError

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
async def scene(folder: Path) -> AsyncIterator[tuple[Emulator, Path, dict[str, str]]]:
    """Emulated venues, a config that trades on both, and the keys."""
    config = EmulatorConfig()
    async with open_emulator(config) as emulator:
        await until(lambda: all(view.bids for view in emulator.engine.views.values()))
        lines = []
        for venue in VENUES:
            address = emulator.addresses[venue]
            lines += ["[[venue]]", f'name = "{venue}"', 'network = "custom"', f'rest = "{address.rest}"']
            lines += [f'sockets = {{ default = "{address.public}" }}']
        lines += ["[[quoter]]", 'name = "q"', f"instruments = {[f'{venue}:SOLUSDT' for venue in VENUES]}"]
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


async def until_placed(trader: Process, emulator: Emulator) -> None:
    with trio.fail_after(60):
        assert await trader.line() == "placed"
    assert n_open(emulator) == {"bybit": 5, "binance-futures": 5}


@pytest.mark.realtime
def test_a_killed_traders_orders_are_gone_within_moments(tmp_path: Path) -> None:
    """The real trader, over TLS, killed while it quotes."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("LOCKSTEP_")}
    with open_emulator_process(tmp_path) as emulator:
        config = str(emulator.write_config(CONFIG, tmp_path))
        env = {**others, **emulator.keys()}
        words = ("--config", config, "--once", "--halt")
        dog = subprocess.Popen(
            [sys.executable, "-m", "scripts.watchdog", *words], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True
        )
        command = [sys.executable, "-m", "scripts.run", "--mode", "live", "--config", config, "--no-report"]
        trader = subprocess.Popen(
            [*command, "--out", str(tmp_path / "run")], cwd=ROOT, env=env, stderr=subprocess.DEVNULL
        )
        try:
            assert dog.stdout is not None
            patience = time.monotonic() + 120
            while not (folder := StateFolder(tmp_path / "state")).beat() or not emulator.truth()["bybit"]["n_open"]:
                assert time.monotonic() < patience
                assert trader.poll() is None
                time.sleep(0.05)
            time.sleep(1.0)  # it is watched, and left alone: a sweep would end the dog
            assert dog.poll() is None
            trader.kill()
            trader.wait()
            killed_at = time.monotonic()
            while emulator.truth()["bybit"]["n_open"]:
                assert time.monotonic() < patience
            took_s = time.monotonic() - killed_at
            said, _ = dog.communicate(timeout=60)
        finally:
            for each in (trader, dog):
                each.kill()
                each.wait()
            assert dog.stdout is not None
            dog.stdout.close()
    records = [json.loads(line) for line in said.splitlines()]
    assert dog.returncode == 1
    assert records[-1]["took_s"] >= 6.0, "an order under way could still have arrived"
    assert [each["message"] for each in records][-1] == "nothing is open"
    dead = next(each for each in records if each["message"] == "dead")
    assert dead["reason"] == f"process {trader.pid} is gone"
    print(f"time to an empty book after kill -9: {took_s:.3f} s; of the sweep alone {records[-1]['took_s']} s")
    assert took_s < 5.0, "its absence is seen before its heartbeat is too old"
    assert folder.halted().startswith("PERSON: the watchdog has cancelled all: process")
    assert not [secret for name, secret in env.items() if name.startswith("LOCKSTEP_") and secret in said]


@pytest.mark.realtime
async def test_a_hung_trader_is_seen_by_its_heartbeat_and_faults_are_outlasted(tmp_path: Path) -> None:
    async with scene(tmp_path) as (emulator, config, env):  # noqa: SIM117  # the dog needs the config
        async with process(env, "scripts.watchdog", "--config", str(config), "--after", "2") as dog:
            await dog.until("watching")
            async with process(
                env, "tests.scripts.doomed_trader", str(tmp_path / "state"), str(config), price(emulator)
            ) as trader:
                await until_placed(trader, emulator)
                # at one venue the first cancel-all is lost, the next are refused
                emulator.inject(Fault("swallow", venue="bybit"))
                emulator.inject(Fault("rate_limit", venue="bybit", count=4))
                trader.process.send_signal(signal.SIGSTOP)
                records = await dog.until("nothing is open")
                assert n_open(emulator) == {"bybit": 0, "binance-futures": 0}
                dead = next(each for each in records if each["message"] == "dead")
                assert re.match(r"no heartbeat for \d", dead["reason"])
                of_bybit = [
                    each for each in records if each.get("venue") == "bybit" and each["message"] != "account reached"
                ]
                assert of_bybit[0]["message"] == "sweep failed"
                assert {each["n_open"] for each in of_bybit[1:3]} == {5}
                assert all("10006" in each["refused"][0] for each in of_bybit[1:3])
                assert of_bybit[-1]["n_open"] == 0
                others = [each["message"] for each in records if each.get("venue") == "binance-futures"]
                assert others[-1] == "swept", "the other venue waits for none of it"
                assert others.count("swept") == 2, "at once, and when no order under way can arrive any more"
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


@pytest.mark.parametrize("trouble", ["no room for the halt", "nobody reads what is said"])
async def test_no_trouble_of_its_own_keeps_it_from_cancelling(
    trouble: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = StateFolder(tmp_path / "state")
    folder.write_beat(beat(1))
    monkeypatch.setattr(watching, "Pulse", lambda after_s: Pulse(after_s, beat(1)))
    swept: list[str] = []

    async def sweep_all(brooms: object, is_alive: object) -> bool:
        swept.append("all")
        return True

    def refuse(*given: object, **named: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(watching, "sweep_all", sweep_all)
    monkeypatch.setattr(Pulse, "why_dead", lambda self, found, now, is_there: "hung" if found else "")
    if trouble == "no room for the halt":
        monkeypatch.setattr(folder, "wish_halt", refuse)
    else:
        monkeypatch.setattr("builtins.print", refuse)
    config = WatchConfig(5.0, once=True, halt=True)
    assert await watching.watch(folder, (), config) == watching.EXIT_SWEPT
    assert swept == ["all"]


class Slow(Broom):
    """A venue that is not there, or hangs, so many times."""

    def __init__(self, name: str, takes_s: float, n_fails: int = 0) -> None:
        self.name, self._takes_s, self._n_fails = name, takes_s, n_fails
        self.swept_at: list[float] = []

    async def sweep(self, *, cancels: bool) -> Swept:
        self.swept_at.append(trio.current_time())
        await trio.sleep(self._takes_s)
        if len(self.swept_at) <= self._n_fails:
            raise RemoteProtocolError("it does not answer")
        return Swept(0)


async def test_a_venue_that_hangs_holds_up_no_other(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", trio.current_time)
    began = trio.current_time()
    hanging, quick = Slow("bybit", 15.0, n_fails=2), Slow("binance-futures", 0.1)
    assert await sweeping.sweep_all((hanging, quick), lambda: False)
    assert [round(at - began, 1) for at in quick.swept_at] == [0.0, 6.0]
    assert [round(at - began, 1) for at in hanging.swept_at] == [0.0, 15.5, 31.0]


async def test_a_process_that_lives_again_is_left_to_itself_but_for_one_sweep(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "monotonic", trio.current_time)
    brooms = Slow("bybit", 1.0, n_fails=9), Slow("binance-futures", 1.0)
    assert not await sweeping.sweep_all(brooms, lambda: True)
    assert [len(each.swept_at) for each in brooms] == [1, 1]


async def test_an_answer_that_drips_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte is in time, and the last never comes."""
    monkeypatch.setattr(sweeping, "ANSWER_S", 0.3)

    async def drip(stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError):
            await stream.receive_some()
            await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while True:
                await stream.send_all(b" ")
                await trio.sleep(0.05)

    async with trio.open_nursery() as tasks:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        tasks.start_soon(trio.serve_listeners, drip, [listener])
        port = listener.socket.getsockname()[1]
        connection = VenueConnection("custom", f"http://127.0.0.1:{port}", {"default": "ws://127.0.0.1:1"})
        broom = Broom(Account("bybit", connection, Credentials("k" * 10, "s" * 10)))
        with trio.fail_after(20), pytest.raises(RemoteProtocolError, match="does not answer"):
            await broom.sweep(cancels=True)
        tasks.cancel_scope.cancel()


def test_what_is_not_traded_for_real_is_not_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "live.toml"
    monkeypatch.setenv("LOCKSTEP_BYBIT_KEY", "k" * 10)
    monkeypatch.setenv("LOCKSTEP_BYBIT_SECRET", "s" * 10)
    venues = '[[venue]]\nname = "bybit"\nnetwork = "demo"\n{}\n[[venue]]\nname = "binance-futures"\n'
    quoter = '[[quoter]]\nname = "q"\ninstruments = ["bybit:SOLUSDT"]\nreferences = ["binance-futures:SOLUSDT"]\n'
    config.write_text(venues.format("") + quoter + '[live]\nstate = "elsewhere"\n')
    accounts, state = accounts_of(config, tmp_path / ".env")
    assert [(each.venue, each.rest) for each in accounts] == [("bybit", "https://api-demo.bybit.com")]
    assert state == tmp_path / "elsewhere"
    config.write_text(venues.format('execution = "paper"') + quoter)
    with pytest.raises(ConfigError, match="nothing to watch"):
        accounts_of(config, tmp_path / ".env")
