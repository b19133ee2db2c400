"""A recorder that is killed at any instant loses nothing that was older than a second, and the next one goes on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import attrs
import numpy as np
import pytest

from market.archive.arrow_columns import joined
from market.archive.check import check
from market.archive.gaps import read_gaps
from market.archive.layout import Kind
from market.archive.message_columns import book_columns, trade_columns
from market.archive.reader import read_stream
from market.archive.record_buffer import Entry
from market.archive.recorder import Recorder
from market.columns import BookColumns, Columns, IntArray, TradeColumns
from market.messages import BookDelta, BookSnapshot, Trade
from market.units import HOUR, SECOND
from tests.market.archive.recording_process import PUTTING, SYNCED, change, trade
from tests.market.archive.samples import BTC, T0

N_KILLS = 8  # and twenty more of whole recordings, in tests/scripts/test_record_killed.py
LONGEST_S = 1.0  # the hour turns within it, and its clock runs for more than a second

pytestmark = [pytest.mark.realtime, pytest.mark.slow]


@pytest.fixture(scope="module")
def forge() -> Iterator[subprocess.Popen[str]]:
    """The process that forks recorders."""
    script = Path(__file__).with_name("recording_process.py")
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def killed(forge: subprocess.Popen[str], folder: Path, seed: int, after_s: float) -> IntArray:
    """Have a recorder killed so long after its first message, and return its ledger."""
    assert forge.stdin is not None
    assert forge.stdout is not None
    print(folder, seed, file=forge.stdin, flush=True)
    pid = int(forge.stdout.readline())
    ledger = folder / "ledger"
    while not ledger.is_file() or not ledger.stat().st_size:
        time.sleep(0.001)
    time.sleep(after_s)
    os.kill(pid, signal.SIGKILL)
    assert forge.stdout.readline() == "dead\n"
    return np.fromfile(ledger, np.int64).reshape(-1, 4)


def stored(root: Path, kind: str) -> list[BookColumns | TradeColumns]:
    chunks = read_stream(root, BTC.venue, BTC.symbol, cast(Kind, kind), T0, T0 + 3 * HOUR)
    return [chunk for chunk in chunks if isinstance(chunk, BookColumns | TradeColumns)]


def same(stored: Columns, sent: Entry) -> bool:
    """Tell whether a stored message is the one that was sent."""
    match sent:
        case BookSnapshot() | BookDelta():
            wanted: Columns = book_columns([sent])
        case Trade():
            wanted = trade_columns([sent])
        case _:
            return False
    return all(
        np.array_equal(getattr(stored, field.name), getattr(wanted, field.name)) for field in attrs.fields(type(wanted))
    )


@pytest.mark.parametrize("kill", range(N_KILLS))
def test_nothing_older_than_a_second_is_lost(forge: subprocess.Popen[str], tmp_path: Path, kill: int) -> None:
    seed = int.from_bytes(os.urandom(4), "big")
    after_s = float(np.random.default_rng(seed).uniform(0, LONGEST_S))
    print(f"seed {seed}, killed after {after_s:.3f} s")
    ledger = killed(forge, tmp_path, seed, after_s)
    error = tmp_path / "error"
    assert not error.exists(), error.read_text()
    root = tmp_path / "archive"
    end = int(ledger[-1, 3])
    # the next start repairs and goes on
    again = Recorder(root, [(BTC, "delta"), (BTC, "trades")], end + 5 * SECOND)
    later = end + 6 * SECOND
    first = change(seed, 0, later)
    assert again.put(BTC.id, "delta", first)
    assert again.put(BTC.id, "trades", trade(seed, 0, later))
    assert again.close(later + SECOND).error is None
    assert again.roll().problems == ()
    assert list(check(root)) == []

    books, trades = (joined(stored(root, kind)) for kind in ("delta", "trades"))
    assert isinstance(books, BookColumns)
    assert isinstance(trades, TradeColumns)
    put, synced = (ledger[ledger[:, 0] == what] for what in (PUTTING, SYNCED))
    for found, column in ((len(books) - 1, 1), (len(trades) - 1, 2)):
        least = int(synced[-1, column]) if len(synced) else 0
        assert least <= found <= put[-1, column], "what was synced is there, and nothing that was not sent"
        lost = put[put[:, column] > found]
        assert not len(lost) or end - lost[0, 3] < SECOND, f"lost {put[-1, column] - found} from {lost[0, 3]} to {end}"

    for rows, making in ((books, change), (trades, trade)):
        n = len(rows) - 1
        assert rows.ts_venue[:n].tolist() == list(range(n)), "in order, none twice, none left out"
        # of those between the first and the last, one in so many
        for k in sorted({*range(min(n, 50)), *range(0, n, 97), *range(max(0, n - 50), n)}):
            assert same(rows.rows(k, k + 1), making(seed, k, int(rows.ts_recv[k]))), f"message {k} of {n}"
    assert same(books.rows(len(books) - 1, len(books)), first)
    if len(books) > 1:
        gaps = [gap for gap in read_gaps(root, BTC.venue, BTC.symbol) if gap.kind == "delta"]
        [restart] = [gap for gap in gaps if gap.reason == "restart"]
        assert books.ts_recv[-2] <= restart.ts_from < restart.ts_to == later
