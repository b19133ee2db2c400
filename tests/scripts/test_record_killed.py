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
from market.columns import IntArray
from market.units import SECOND
from scripts.archive import main as archive_command
from tests.scripts.record_process import BOOK, CHANGE, FLUSHED, TRADE
from tests.scripts.sent_messages import Sent, assert_as_sent, gaps_of, is_in, read_sent, stored_books, stored_trades

pytestmark = [pytest.mark.realtime, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
VENUES = ("bybit", "binance-futures")
NAMES = tuple(f"{venue}:SOLUSDT" for venue in VENUES)
# columns of a ledger
INSTRUMENT, WHAT, SEQ, TS_VENUE, AT = 0, 1, 2, 3, 7
N_ARCHIVES = 3  # at once
N_KILLS = 7  # one after the other in the same archive: each start but the first repairs what a kill has left
LONGEST_S = 1.5
PROMISED = SECOND

EMULATOR = """
speed = 10.0
proxied = false
[[venue]]
name = "bybit"
throttled = false
[[venue]]
name = "binance-futures"
throttled = false
"""


@attrs.frozen
class Life:
    """One recorder: what it heard and brought to the disk (`tests.scripts.record_process`), and when it was killed."""

    ledger: IntArray
    killed: int

    @property
    def safe(self) -> int:
        """What was heard before this time had been brought to the disk."""
        flushes = self.ledger[self.ledger[:, WHAT] == FLUSHED, AT]
        return int(flushes.max(initial=0))


@attrs.frozen
class Killed:
    """An archive whose recorders were killed, one after the other."""

    archive: Path
    lives: list[Life]


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
    for life in range(N_KILLS):
        seed = int.from_bytes(os.urandom(4), "big")
        after_s = float(np.random.default_rng(seed).uniform(0, LONGEST_S))
        print(f"{archive.name}: seed {seed}, killed {after_s:.3f} s after its first books")
        ledger = archive.with_name(f"{archive.name}-{life}.ledger")
        print(ledger, *NAMES, "--archive", archive, *reach, file=forge.stdin, flush=True)
        pid = int(forge.stdout.readline())
        while not has_begun(ledger):
            time.sleep(0.005)
        time.sleep(after_s)
        now = time.time_ns()
        os.kill(pid, signal.SIGKILL)
        assert forge.stdout.readline() == "dead\n"
        lives.append(Life(read_ledger(ledger), now))
    forge.stdin.close()
    return Killed(archive, lives)


def read_ledger(path: Path) -> IntArray:
    data = path.read_bytes()
    return np.frombuffer(data[: len(data) // 64 * 64], np.int64).reshape(-1, 8)


def has_begun(ledger: Path) -> bool:
    """Tell whether a recorder has heard a full book of each venue."""
    if not ledger.exists():
        return False
    rows = read_ledger(ledger)
    return set(rows[rows[:, WHAT] == BOOK, INSTRUMENT].tolist()) == set(range(len(NAMES)))


def n_flushed(killed: Killed, instrument: int) -> int:
    """Return how many recorders surely brought a book of an instrument to the disk."""
    books = [
        life.ledger[(life.ledger[:, INSTRUMENT] == instrument) & (life.ledger[:, WHAT] == BOOK)]
        for life in killed.lives
    ]
    return sum(bool((rows[:, AT] < life.safe).any()) for rows, life in zip(books, killed.lives, strict=True))


@pytest.mark.parametrize("n", range(N_ARCHIVES))
def test_nothing_that_was_brought_to_the_disk_is_lost(killings: Killings, n: int) -> None:
    killed = killings.killed[n]
    assert archive_command(["repair", str(killed.archive)]) == 0
    assert list(check(killed.archive)) == []
    for i, venue in enumerate(VENUES):
        sent = killings.sent[venue]
        assert_as_sent(killed.archive, venue, sent)
        changes = [(seq, ts) for seq, ts, is_snapshot, *_ in stored_books(killed.archive, venue) if not is_snapshot]
        there = {seq for seq, _ in changes}
        assert len(there) == len(changes), "none twice"
        trades = {key for _, key in stored_trades(killed.archive, venue)}
        for life in killed.lives:
            rows = life.ledger[life.ledger[:, INSTRUMENT] == i]
            since = rows[rows[:, WHAT] == BOOK][0, AT]
            due = rows[(rows[:, AT] >= since) & (rows[:, AT] < life.safe)]
            lost = [int(row[SEQ]) for row in due if row[WHAT] == CHANGE and int(row[SEQ]) not in there]
            keys = [tuple(row[TS_VENUE:AT].tolist()) for row in due if row[WHAT] == TRADE]
            assert (lost, [key for key in keys if key not in trades]) == ([], [])
        holes = gaps_of(killed.archive, venue, "delta")
        # one that was killed before its first flush has left nothing to restart from, or more than it knew
        assert n_flushed(killed, i) - 1 <= sum(gap.reason == "restart" for gap in holes) <= N_KILLS - 1
        first, last = changes[0][1], sent.changes[changes[-1][0]].ts
        between = [each.ts for seq, each in sent.changes.items() if first < each.ts < last and seq not in there]
        late = max(ts - sent.changes[seq].ts for seq, ts in changes)
        unmarked = [ts for ts in between if not is_in(holes, ts, late + SECOND // 10)]
        assert unmarked == [], f"what was not heard between two lives is marked; {late / SECOND:.3f} s late, {holes}"


def test_what_was_heard_is_safe_within_a_second(killings: Killings) -> None:
    """By the recorder's own word, which the test above holds against the archive.

    A machine that has no time for a recorder, or a disk that takes its own, may keep single ones from it.
    """
    ages = sorted(
        (life.killed - max(life.safe, int(life.ledger[0, AT]))) / SECOND
        for killed in killings.killed
        for life in killed.lives
    )
    print("heard and not on disk, seconds:", ", ".join(f"{age:.2f}" for age in ages))
    assert ages[len(ages) * 3 // 4] < PROMISED / SECOND


def test_the_load_was_what_it_should_be(killings: Killings) -> None:
    """So many messages a second that a kill falls into the midst of something, and restarts that follow flushes."""
    assert sum(n_flushed(killed, i) - 1 for killed in killings.killed for i in range(len(VENUES))) > 0
    for killed in killings.killed:
        n = sum(
            len(stored_books(killed.archive, venue)) + len(stored_trades(killed.archive, venue)) for venue in VENUES
        )
        seconds = sum(int(life.ledger[-1, AT] - life.ledger[0, AT]) for life in killed.lives) / SECOND
        assert n > 50 * seconds
