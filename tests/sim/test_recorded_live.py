"""Recording while trading: what was told is in the archive and replays, and no trouble with it reaches who trades."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from actors.market_recording import MarketRecording
from actors.runtime.live import LiveNursery
from actors.runtime.planned_crash import PlannedCrash
from actors.runtime.wiring import MARKET_RECORDER
from market.archive.check import check
from market.archive.gaps import read_gaps
from market.archive.hour import read_hour
from market.archive.reader import read_stream
from market.columns import Columns, OwnColumns
from market.messages import BookSnapshot
from market.order_log import LogKind
from market.units import HOUR, SECOND
from sim.config import DataSection, RunConfig
from sim.market_data import ArchiveSource
from sim.simulation import Simulation
from tests.market.archive.samples import messages_of, rows_of
from tests.sim.crash_runs import market
from tests.sim.live_runs import replay
from tests.sim.recorded_live import Recorded, record_live

pytestmark = pytest.mark.realtime

SECONDS = 24
ROOT = Path(__file__).resolve().parents[2]


def config() -> RunConfig:
    return attrs.evolve(RunConfig(), data=DataSection(preset="crash", seconds=SECONDS))


def run(archive: Path, **more: Any) -> Recorded:
    return trio.run(partial(record_live, config(), market(7, SECONDS), archive, **more))


def stored(archive: Path, kind: str, venue: str) -> list[Columns]:
    start = market(7, SECONDS).feeds[0][2].ts_recv[0] // HOUR * HOUR
    return list(read_stream(archive, venue, "SOLUSDT", kind, int(start), int(start) + 2 * HOUR))  # type: ignore[arg-type]


def feed(venue: str, kind: str) -> Columns:
    data = market(7, SECONDS)
    [columns] = [each for i, what, each in data.feeds if (data.instruments[i].venue, what) == (venue, kind)]
    return columns


def at_least(chunks: Iterable[Columns], start: int) -> list[tuple[int, ...]]:
    """Return rows of trades; the market may lag behind its clock: then a trade comes before its connection is up, and
    its receive time is moved."""
    return [(row[0], max(row[1], start), *row[2:]) for row in rows_of(chunks)]


def texts(recorded: Recorded) -> list[str]:
    return [notice["text"] for notice in recorded.notices if notice["text"].startswith("recording")]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Recorded]:
    archive = tmp_path_factory.mktemp("plain")
    return archive, run(archive, journal=archive.with_suffix(".journal"))


def test_all_that_was_told_is_in_the_archive(plain: tuple[Path, Recorded]) -> None:
    archive, recorded = plain
    assert (recorded.outcome.kind, recorded.outcome.unproven) == ("done", 0)
    assert recorded.end is not None
    status, report = recorded.end
    assert (status.n_lost, status.n_waiting, status.error, report.problems) == (0, 0, None, ())
    assert list(check(archive)) == []
    for venue in ("binance-futures", "bybit"):
        assert messages_of(stored(archive, "delta", venue)) == messages_of([feed(venue, "book")])
        [path] = archive.glob(f"{venue}/SOLUSDT/trades/*/*.parquet")
        start = read_hour(path).covered_from
        assert rows_of(stored(archive, "trades", venue)) == at_least([feed(venue, "trades")], start)


def test_our_own_orders_are_there_as_the_runs_log_has_them(plain: tuple[Path, Recorded]) -> None:
    archive, recorded = plain
    assert {row[0] for row in recorded.rows} >= {LogKind.PLACE, LogKind.ACCEPTED, LogKind.CANCEL, LogKind.CANCELLED}
    for instrument in market(7, SECONDS).instruments:
        wanted = [row for row in recorded.rows if row[3] == instrument.id]
        for kind, is_fill in (("orders", False), ("fills", True)):
            chunks = stored(archive, kind, instrument.venue)
            assert all(isinstance(chunk, OwnColumns) for chunk in chunks)
            rows = [(what, ts, ts_venue, instrument.id, *rest) for ts_venue, ts, what, *rest in rows_of(chunks)]
            assert rows == [row for row in wanted if (row[0] >= LogKind.FILL_MAKER) == is_fill]


def test_what_was_recorded_replays(plain: tuple[Path, Recorded], tmp_path: Path) -> None:
    archive, _ = plain
    hour = stored_hour(archive)
    section = DataSection(source="archive", root=str(archive), start=hour, end=hour)
    again = ArchiveSource(attrs.evolve(config(), data=section), Path())
    assert [instrument.venue for instrument in again.instruments] == ["bybit", "binance-futures"]
    n_events = 0
    for stream in again.streams():
        columns = feed(again.instruments[stream.instrument].venue, stream.kind)
        if stream.kind == "book":
            assert messages_of(stream.chunks) == messages_of([columns])
        else:
            assert at_least(stream.chunks, 1 << 62) == at_least([columns], 1 << 62)
        n_events += len(columns)
    out = tmp_path / "run"
    out.mkdir()
    simulation = Simulation(attrs.evolve(config(), data=section), again, out)
    assert simulation.finish(simulation.run(), 1.0)["complete"]
    assert simulation.figures().n_events == n_events


def test_a_recorded_run_is_followed_from_its_journal(plain: tuple[Path, Recorded]) -> None:
    archive, recorded = plain
    digest = replay(config(), market(7, SECONDS), archive.with_suffix(".journal"), is_recorded=True)
    assert digest == recorded.nursery.log.digest()


def stored_hour(archive: Path) -> str:
    [path] = archive.glob("bybit/SOLUSDT/delta/*/*.parquet")
    return f"{path.parent.name}:{path.stem}"


def test_a_fault_in_the_recording_is_the_recorders_own(tmp_path: Path) -> None:
    """A message that it cannot take crashes it and nobody else; it comes back, and what it missed is a hole."""
    times: list[int] = []

    def meanwhile(recording: MarketRecording, nursery: LiveNursery) -> None:
        def spoil(message: Any) -> None:
            times.append(message.ts_recv)
            if len(times) == 100:
                recording.keep(BookSnapshot(0, 0, message.ts_recv, 0, None, None))  # type: ignore[arg-type]

        nursery.listen("venue:bybit", "books", spoil)

    recorded = run(tmp_path, meanwhile=meanwhile)
    assert (recorded.outcome.kind, recorded.outcome.unproven) == ("done", 0)
    cells = recorded.nursery.cells
    assert {name: cell.generation for name, cell in cells.items() if cell.generation} == {MARKET_RECORDER: 1}
    [crash] = [
        notice for notice in recorded.notices if notice.get("child") == MARKET_RECORDER and "crashed" in notice["text"]
    ]
    assert "TypeError" in crash["error"]
    gaps = [gap for gap in read_gaps(tmp_path, "bybit", "SOLUSDT") if gap.reason == "recorder failed"]
    assert {gap.kind for gap in gaps} >= {"delta", "trades"}
    [book] = [gap for gap in gaps if gap.kind == "delta"]
    assert book.ts_from == times[99], "after the last message that was taken"
    kept = [message[1] for message in messages_of(stored(tmp_path, "delta", "bybit"))]
    assert kept == [ts for ts in times if not book.ts_from < ts < book.ts_to]
    assert len(kept) > 100
    assert list(check(tmp_path)) == []


def test_a_recorder_that_always_falls_is_left_down_and_trading_goes_on(tmp_path: Path) -> None:
    start = market(7, SECONDS).feeds[0][2].ts_recv[0]
    crashes = [PlannedCrash(MARKET_RECORDER, at_ns=int(start) + (3 + 4 * n) * SECOND) for n in range(4)]
    recorded = run(tmp_path, crashes=crashes)
    assert (recorded.outcome.kind, recorded.outcome.unproven) == ("done", 0)
    assert recorded.nursery.left_down == (MARKET_RECORDER,)
    assert recorded.rows[-1][1] > start + 18 * SECOND, "orders to the end"
    assert recorded.end is not None
    assert recorded.end[0].n_lost == 0, "what it heard waited in memory for the end"
    assert messages_of(stored(tmp_path, "delta", "bybit")) == messages_of([feed("bybit", "book")])


def test_a_disk_that_hangs_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs, may_go_on = threading.Event(), threading.Event()
    real = os.fdatasync

    def slow(file: int) -> None:
        if threading.current_thread() is not threading.main_thread():
            hangs.set()
            may_go_on.wait()
        real(file)

    monkeypatch.setattr(os, "fdatasync", slow)
    try:
        recorded = run(tmp_path, close_s=0.2)
    finally:
        may_go_on.set()
    assert hangs.is_set()
    assert (recorded.outcome.kind, recorded.outcome.unproven) == ("done", 0)
    assert recorded.end is None
    assert texts(recorded) == ["recording: the disk is slow"]
    assert len(recorded.rows) > 100
    trio.run(partial(_until_nobody_is_at_work, recorded.recording))
    assert recorded.recording.close(recorded.rows[-1][1]).n_lost == 0
    recorded.recording.roll()
    assert messages_of(stored(tmp_path, "delta", "bybit")) == messages_of([feed("bybit", "book")])


async def _until_nobody_is_at_work(recording: MarketRecording) -> None:
    with trio.fail_after(30):
        while recording.at_work:  # noqa: ASYNC110  # a thread of its own
            await trio.sleep(0.01)


FULL = """
import json, resource, sys
from functools import partial
from pathlib import Path
import trio
from actors.record_config import RecordConfig
from tests.sim.crash_runs import market
from tests.sim.live_runs import replay
from tests.sim.recorded_live import record_live
from tests.sim.test_recorded_live import SECONDS, config

hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
n_books = 0

def meanwhile(recording, nursery):
    def count(message):  # from the 80th book to the 180th files may not grow
        global n_books
        n_books += 1
        if n_books in (80, 180):
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 if n_books == 80 else hard, hard))
    nursery.listen("venue:bybit", "books", count)

record = RecordConfig(sys.argv[1], most_mb=0.1)
done = trio.run(
    partial(record_live, config(), market(7, SECONDS), Path(sys.argv[1]), record=record, meanwhile=meanwhile)
)
status, report = done.end
print(json.dumps({
    "kind": done.outcome.kind, "unproven": done.outcome.unproven, "n_books": n_books, "n_lost": status.n_lost,
    "waiting": status.n_waiting, "problems": report.problems, "notices": done.notices,
    "placed": [row[1] for row in done.rows if row[0] == 0],
    "crashed": [name for name, cell in done.nursery.cells.items() if cell.generation],
}))
"""


def test_a_full_disk_stops_nobody_and_is_told(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    command = [sys.executable, "-c", FULL, str(archive)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    told = json.loads(done.stdout)
    assert (told["kind"], told["unproven"], told["crashed"], told["problems"]) == ("done", 0, [], [])
    book = feed("bybit", "book")
    assert told["n_books"] == len(book), "each was delivered"
    full = range(int(book.ts_recv[80]) + 2 * SECOND, int(book.ts_recv[179]))
    assert sum(ts in full for ts in told["placed"]) > 10, "orders are placed meanwhile"
    notices = [notice for notice in told["notices"] if notice["text"].startswith("recording")]
    assert "File too large" in next(n["error"] for n in notices if n["text"] == "recording: the disk fails")
    assert [n["text"] for n in notices].count("recording: the disk is back") == 1
    assert told["waiting"] == 0
    # what waited for the disk is there; what found no room any more lies in holes that are marked, and was counted
    assert list(check(archive)) == []
    holes = {}
    for venue in ("binance-futures", "bybit"):
        holes[venue] = [gap for gap in read_gaps(archive, venue, "SOLUSDT") if gap.reason == "buffer full"]
        kept = {message[1] for message in messages_of(stored(archive, "delta", venue))}
        missing = [ts for ts in feed(venue, "book").ts_recv.tolist() if ts not in kept]
        assert all(any(gap.kind == "delta" and gap.ts_from <= ts < gap.ts_to for gap in holes[venue]) for ts in missing)
    assert bool(told["n_lost"]) == any(holes.values())
    assert told["n_lost"] > 0
    assert "recording: messages are lost" in [n["text"] for n in notices]
