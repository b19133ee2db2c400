"""A disk that is full or slow: whoever trades goes on, what is lost is counted, and what can be is written later."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from market.archive.ahead_layout import parts
from market.archive.check import check
from market.archive.gaps import read_gaps
from market.archive.reader import read_stream
from market.archive.recorder import Recorder
from market.messages import Trade
from market.units import HOUR, SECOND
from tests.market.archive.samples import BTC, T0, messages_of, rows_of, trade_columns

ROOT = Path(__file__).resolve().parents[3]
# files may not grow beyond a limit, as on a full disk; later they may
FULL = """
import json, resource, sys
from pathlib import Path
import attrs
from market.archive.recorder import Recorder
from market.units import SECOND
from tests.market.archive.samples import BTC, T0, book_columns
recorder = Recorder(Path(sys.argv[1]), [(BTC, "delta")], T0, most_bytes=60_000)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
told = []
for i in range(100):
    if i in (20, 70):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]) if i == 20 else hard, hard))
    at = T0 + i * SECOND
    n_put = sum(
        recorder.put(BTC.id, "delta", book_columns(
            [(at + k, at + k, int(i % 10 == 0 and k == 0), ((100 - k % 9, 1 + k),), ((101, 1),))], 20 * i + k + 1))
        for k in range(20)
    )
    told.append({"put": n_put, **attrs.asdict(recorder.flush(at))})
told.append(attrs.asdict(recorder.close(at + SECOND)))
print(json.dumps([told, recorder.roll().problems]))
"""

NO_ROOM = """
import json, resource, sys
from pathlib import Path
from market.archive.rolling import roll
resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
print(json.dumps(roll(Path(sys.argv[1])).problems))
"""


def on_a_full_disk(root: Path, limit: int) -> tuple[list[dict[str, Any]], list[str]]:
    run = subprocess.run(
        [sys.executable, "-c", FULL, str(root), str(limit)], cwd=ROOT, check=True, capture_output=True, text=True
    )
    told, problems = json.loads(run.stdout)
    return told, problems


@pytest.mark.slow
@pytest.mark.parametrize("limit", [1, 10_000, 25_001])
def test_a_full_disk_that_is_freed(tmp_path: Path, limit: int) -> None:
    told, problems = on_a_full_disk(tmp_path, limit)
    assert problems == []
    assert [each["error"] for each in told[:20]] == [None] * 20
    full = [i for i, each in enumerate(told) if each["error"]]
    assert full[0] >= 20
    assert full == list(range(full[0], 70)), "until it is freed, and not longer"
    assert "File too large" in told[full[0]]["error"]
    assert max(each["n_waiting"] for each in told) <= 60_000
    assert told[69]["n_lost"] > 0
    assert told[-1]["n_waiting"] == 0
    # all that was taken is there, and all that was not lies in a gap that is marked
    assert list(check(tmp_path)) == []
    stored = messages_of(read_stream(tmp_path, BTC.venue, BTC.symbol, "delta", T0, T0 + HOUR))
    n_taken = sum(each["put"] for each in told[:-1])
    assert len(stored) == n_taken == 2000 - told[-1]["n_lost"] - told[-1]["n_unanchored"]
    gaps = [gap for gap in read_gaps(tmp_path, BTC.venue, BTC.symbol) if gap.reason == "buffer full"]
    there = {message[1] for message in stored}
    missing = [at for i in range(100) for k in range(20) if (at := T0 + i * SECOND + k) not in there]
    assert missing
    assert all(any(gap.ts_from <= at < gap.ts_to for gap in gaps) for at in missing)
    assert not any(gap.ts_from <= at < gap.ts_to for gap in gaps for at in there)


def test_a_slow_disk_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Recorder(tmp_path, [(BTC, "trades")], T0, most_bytes=40_000)
    is_waiting, may_go_on = threading.Event(), threading.Event()
    real = os.fdatasync

    def slow(file: int) -> None:
        is_waiting.set()
        assert may_go_on.wait(30)
        real(file)

    monkeypatch.setattr(os, "fdatasync", slow)
    made.put(BTC.id, "trades", Trade(BTC.id, T0, T0, 100, 1, 1, 0))
    disk = threading.Thread(target=made.flush, args=(T0,))
    disk.start()
    assert is_waiting.wait(30)
    taken = [made.put(BTC.id, "trades", Trade(BTC.id, T0, T0 + i, 100, 1, 1, i)) for i in range(1, 200)]
    assert (taken.count(True), made.status().n_lost) == (99, 100), "as much as may wait, the first of them"
    assert taken == sorted(taken, reverse=True)
    may_go_on.set()
    disk.join()
    assert made.flush(T0 + SECOND).n_waiting == 0
    assert made.put(BTC.id, "trades", Trade(BTC.id, T0, T0 + 500, 100, 1, 1, 500))
    made.close(T0 + SECOND)
    made.roll()
    [gap] = [gap for gap in read_gaps(tmp_path, BTC.venue, BTC.symbol) if gap.reason == "buffer full"]
    assert (gap.ts_from - T0, gap.ts_to - T0) == (100, 500)


@pytest.mark.slow
def test_an_hour_that_finds_no_room_waits_for_it(tmp_path: Path) -> None:
    made = Recorder(tmp_path, [(BTC, "trades")], T0)
    made.put(BTC.id, "trades", trade_columns(range(T0, T0 + 5000)))
    made.close(T0 + SECOND)
    run = subprocess.run(
        [sys.executable, "-c", NO_ROOM, str(tmp_path)], cwd=ROOT, check=True, capture_output=True, text=True
    )
    [problem] = json.loads(run.stdout)
    assert "22.parquet: " in problem
    assert "File too large" in problem
    assert len(parts(tmp_path)) == 1
    assert [path.name for path in tmp_path.rglob("*.tmp")] == []
    assert made.roll().problems == ()
    assert rows_of(read_stream(tmp_path, BTC.venue, BTC.symbol, "trades", T0, T0 + HOUR)) == rows_of(
        [trade_columns(range(T0, T0 + 5000))]
    )
