"""A recording over sockets that is killed at any instant, under load, loses nothing that was older than a second."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import attrs
import numpy as np
import pytest

from market.archive.check import check
from market.units import SECOND
from scripts.archive import main as archive_command
from tests.scripts.sent_messages import Sent, assert_as_sent, gaps_of, is_in, read_sent, stored_books, stored_trades

pytestmark = [pytest.mark.realtime, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
VENUES = ("bybit", "binance-futures")
N_ARCHIVES = 4  # at once
N_KILLS = 5  # one after the other in the same archive: each start but the first repairs what a kill has left
LONGEST_S = 1.7
PROMISED = SECOND

EMULATOR = """
speed = 15.0
proxied = false
[[venue]]
name = "bybit"
throttled = false
[[venue]]
name = "binance-futures"
throttled = false
"""


@attrs.frozen
class Killed:
    """An archive whose recorders were killed: when each had its first row on disk, and when it was killed."""

    archive: Path
    lives: list[tuple[int, int]]


@attrs.frozen
class Killings:
    """All that was recorded, and what the emulator sent meanwhile."""

    killed: list[Killed]
    sent: dict[str, Sent]


@pytest.fixture(scope="module")
def killings(tmp_path_factory: pytest.TempPathFactory) -> Killings:
    folder = tmp_path_factory.mktemp("killed")
    config, sent = folder / "emulator.toml", folder / "sent.jsonl"
    config.write_text(EMULATOR)
    command = [sys.executable, "-m", "scripts.emulator", "--config", str(config), "--sent", str(sent)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as emulator:
        try:
            assert emulator.stdout is not None
            reach = addresses(emulator.stdout)
            with ExitStack() as forges, ThreadPoolExecutor(N_ARCHIVES) as pool:
                at_work = [
                    pool.submit(kill_often, forges.enter_context(forge()), folder / f"archive-{n}", reach)
                    for n in range(N_ARCHIVES)
                ]
                killed = [each.result() for each in at_work]
        finally:
            emulator.send_signal(signal.SIGINT)  # what it has sent is whole in its file then
    return Killings(killed, read_sent(sent))


def addresses(lines: Iterator[str]) -> list[str]:
    """Return how the emulator is reached, as arguments of the command."""
    words: list[str] = []
    venue = ""
    for line in lines:
        if line.split(":")[0] in VENUES:
            venue = line.split(":")[0]
        kind, *url = line.split()
        if kind == "rest":
            words += ["--at", venue, *url]
        elif kind == "public":
            words += url
        elif kind == "control:":
            return words
    raise AssertionError("the emulator has not started")


def forge() -> "subprocess.Popen[str]":
    script = Path(__file__).with_name("record_process.py")
    return subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def kill_often(forge: "subprocess.Popen[str]", archive: Path, reach: list[str]) -> Killed:
    assert forge.stdin is not None
    assert forge.stdout is not None
    lives = []
    for _ in range(N_KILLS):
        seed = int.from_bytes(os.urandom(4), "big")
        after_s = float(np.random.default_rng(seed).uniform(0, LONGEST_S))
        print(f"{archive.name}: seed {seed}, killed {after_s:.3f} s after its first rows")
        names = [f"{venue}:SOLUSDT" for venue in VENUES]
        print(*names, "--archive", archive, *reach, file=forge.stdin, flush=True)
        pid = int(forge.stdout.readline())
        started = time.time_ns()
        while not all(has_begun(archive, venue, started) for venue in VENUES):
            time.sleep(0.005)
        begun = time.time_ns()
        time.sleep(after_s)
        now = time.time_ns()
        os.kill(pid, signal.SIGKILL)
        assert forge.stdout.readline() == "dead\n"
        lives.append((begun, now))
    forge.stdin.close()
    return Killed(archive, lives)


def has_begun(archive: Path, venue: str, since: int) -> bool:
    """Tell whether a recorder that was started then has rows of a book on disk; what a killed one left is older."""
    there = (archive / ".ahead" / venue).glob("*/delta/*/*.open")
    return any(stat.st_mtime_ns > since and stat.st_size > 4096 for stat in (path.stat() for path in there))


@pytest.mark.parametrize("n", range(N_ARCHIVES))
def test_nothing_older_than_a_second_is_lost(killings: Killings, n: int) -> None:
    killed = killings.killed[n]
    assert archive_command(["repair", str(killed.archive)]) == 0
    assert list(check(killed.archive)) == []
    for venue in VENUES:
        sent = killings.sent[venue]
        assert_as_sent(killed.archive, venue, sent)
        changes = [(seq, ts) for seq, ts, is_snapshot, *_ in stored_books(killed.archive, venue) if not is_snapshot]
        there = {seq for seq, _ in changes}
        assert len(there) == len(changes), "none twice"
        trades = {key for _, key in stored_trades(killed.archive, venue)}
        for begun, at in killed.lives:
            # a machine that is busy hears late: only what was heard can be kept
            lag = max((ts - sent.changes[seq].ts for seq, ts in changes if begun <= ts <= at), default=0)
            end = at - PROMISED - lag
            lost = [seq for seq, message in sent.changes.items() if begun <= message.ts < end and seq not in there]
            lost_trades = [each for each in sent.trades if begun <= each.ts < end and each.key not in trades]
            assert (lost, lost_trades) == ([], [])
        holes = gaps_of(killed.archive, venue, "delta")
        assert sum(gap.reason == "restart" for gap in holes) == N_KILLS - 1
        first, last = changes[0][1], sent.changes[changes[-1][0]].ts
        between = [each.ts for seq, each in sent.changes.items() if first < each.ts < last and seq not in there]
        late = max(ts - sent.changes[seq].ts for seq, ts in changes)
        unmarked = [ts for ts in between if not is_in(holes, ts, late + SECOND // 10)]
        assert unmarked == [], f"what was not heard between two lives is marked; {late / SECOND:.3f} s late, {holes}"


def test_the_load_was_what_it_should_be(killings: Killings) -> None:
    """Hundreds of messages a second, so that a kill falls into the midst of something."""
    for killed in killings.killed:
        n = sum(
            len(stored_books(killed.archive, venue)) + len(stored_trades(killed.archive, venue)) for venue in VENUES
        )
        seconds = sum(at - begun for begun, at in killed.lives) / SECOND
        assert n > 100 * seconds
