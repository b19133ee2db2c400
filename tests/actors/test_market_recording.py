"""What connectors tell on its way into the archive: holes, notes, payments, and asking for what was lost."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs
import loguru
import numpy as np
import pytest

from actors.lost_books import LostBooks
from actors.market_recording import MarketRecording, open_recording
from actors.record_config import RecordConfig
from actors.recorder_shell import RecorderShell, end_recording
from actors.runtime.live_clock import LiveClock
from market.archive.gaps import read_gaps
from market.archive.reader import read_stream
from market.archive.recorder import RecorderStatus
from market.columns import NOT_STATED
from market.instrument import InstrumentTable
from market.messages import (
    ActorDown,
    BookDelta,
    BookGap,
    BookSnapshot,
    ClockOffset,
    ConnectionLost,
    ConnectionUp,
    Mark,
    Started,
    Trade,
    TradesCaughtUp,
)
from market.units import HOUR, MS, SECOND
from tests.market.archive.samples import BTC, T0, rows_of

ETH = attrs.evolve(BTC, id=1, symbol="ETHUSDT", venue="bybit")
TABLE = InstrumentTable([BTC, ETH])
LEVELS = np.array([[100, 1]], np.int64)


def opened(root: Path, **more: Any) -> MarketRecording:
    return open_recording(RecordConfig("archive"), root, TABLE, T0, **more)


def book(at_s: float, instrument: int = 0, seq: int = 1) -> BookSnapshot:
    ts = T0 + round(at_s * SECOND)
    return BookSnapshot(instrument, ts, ts, seq, LEVELS, LEVELS + 1)


def gaps(root: Path, venue: str, symbol: str) -> list[tuple[str, str, float, float]]:
    found = sorted(read_gaps(root / "archive", venue, symbol), key=lambda gap: (gap.kind, gap.ts_from))
    times = [((gap.ts_from - T0) / SECOND, (gap.ts_to - T0) / SECOND) for gap in found]
    return [(g.kind, g.reason, *t) for g, t in zip(found, times, strict=True) if g.reason != "stopped"]


def test_a_lost_venue_is_a_hole_in_its_feeds_alone(tmp_path: Path) -> None:
    made = opened(tmp_path)
    for venue in (0, 1):
        made.hear(ConnectionUp(venue, T0, 0))
    for message in (book(1), book(1, 1), Trade(0, T0, T0 + SECOND, 100, 1, 1, 1)):
        made.hear(message)
    made.hear(ConnectionLost(0, T0 + 2 * SECOND, 0, "the peer went away"))
    made.hear(ConnectionUp(0, T0 + 4 * SECOND, 1))
    made.hear(BookDelta(0, T0, T0 + 5 * SECOND, 1, 2, LEVELS, LEVELS[:0]))
    made.hear(book(6))
    made.hear(BookGap(1, T0 + 6 * SECOND, "sequence"))
    made.hear(book(7, 1))
    assert made.close(T0 + 8 * SECOND).n_unanchored == 1
    made.roll()
    assert gaps(tmp_path, BTC.venue, BTC.symbol) == [
        ("delta", "reconnect", 2, 6),
        ("trades", "reconnect", 2, 4),
    ]
    assert gaps(tmp_path, "bybit", "ETHUSDT") == [("delta", "sequence", 6, 7)]


@pytest.mark.parametrize(
    ("is_whole", "gap"),
    [
        (True, ("trades", "told after the connection was lost", 2, 5)),
        (False, ("trades", "reconnect", 2, 5)),
        (None, ("trades", "reconnect", 2, 8)),
    ],
)
def test_trades_that_are_told_late_leave_no_hole(tmp_path: Path, is_whole: bool | None, gap: Any) -> None:
    made = opened(tmp_path, late=("bybit",))
    made.on_socket("bybit", "public", True, T0)
    made.hear(TradesCaughtUp(1, T0, False))
    made.hear(Trade(1, T0, T0 + SECOND, 100, 1, 1, 1))
    made.on_socket("bybit", "public", False, T0 + 2 * SECOND)
    made.on_socket("bybit", "public", True, T0 + 4 * SECOND)
    made.hear(Trade(1, T0 + 5 * SECOND, T0 + 5 * SECOND - 1, 100, 1, 1, 3))
    made.hear(Trade(1, T0 + 3 * SECOND, T0 + 5 * SECOND, 100, 1, 1, 2))
    if is_whole is not None:
        made.hear(TradesCaughtUp(1, T0 + 5 * SECOND, is_whole))
    made.close(T0 + 8 * SECOND)
    made.roll()
    assert gaps(tmp_path, "bybit", "ETHUSDT") == [gap]
    (found,) = [each for each in read_gaps(tmp_path / "archive", "bybit", "ETHUSDT") if each.reason == gap[1]]
    assert found.is_hole == (not is_whole)
    trades = read_stream(tmp_path / "archive", "bybit", "ETHUSDT", "trades", T0, T0 + HOUR)
    assert len(rows_of(trades)) == 3


def test_the_offset_of_a_clock_is_noted_when_it_moves(tmp_path: Path) -> None:
    made = opened(tmp_path)
    made.hear(book(0))
    for second, offset_ms in enumerate((12.0, 12.9, 11.1, 13.2, 13.3)):
        made.hear(ClockOffset(0, T0 + second * SECOND, round(offset_ms * MS), 500_000))
    made.close(T0 + 9 * SECOND)
    made.roll()
    assert [(text, at) for _, text, at, _ in gaps(tmp_path, BTC.venue, BTC.symbol)] == [
        ("clock offset +12.000 ms, +-0.500", 0),
        ("clock offset +13.200 ms, +-0.500", 3),
    ]
    [path] = (tmp_path / "archive").glob("*/BTCUSDT/delta/*/*.parquet")
    assert path.is_file()


def test_payments_follow_from_marks(tmp_path: Path) -> None:
    made = opened(tmp_path)
    due = T0 + 100 * SECOND
    for second, rate in ((1, 5), (99, 7), (101, 9)):
        ts = T0 + second * SECOND
        following = due if second < 100 else due + 8 * HOUR
        made.hear(Mark(0, ts, ts + 1, 60_000_000_000, NOT_STATED, rate, following, NOT_STATED))
    made.close(T0 + 102 * SECOND)
    made.roll()
    chunks = list(read_stream(tmp_path / "archive", BTC.venue, BTC.symbol, "funding", T0, T0 + HOUR))
    assert rows_of(chunks) == [(due, T0 + 99 * SECOND + 1, 7, 60_000)]
    marks = read_stream(tmp_path / "archive", BTC.venue, BTC.symbol, "marks", T0, T0 + HOUR)
    assert len(rows_of(marks)) == 3


def test_frames_of_an_account_are_never_kept(tmp_path: Path) -> None:
    config = RecordConfig("archive", raw=True)
    sockets = {"bybit": ("public", "private", "trade"), BTC.venue: ("public", "market", "private", "trade")}
    made = open_recording(config, tmp_path, TABLE, T0, sockets=sockets)
    for venue, named in sockets.items():
        for socket in named:
            made.on_frame(venue, socket, b'{"apiKey":"secret"}' if socket in ("private", "trade") else b"{}", T0)
    assert made.close(T0 + SECOND).n_rows == 3
    made.roll()
    assert sorted(path.name for path in (tmp_path / "archive").glob("*/@*")) == ["@market", "@public", "@public"]
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"secret" in path.read_bytes()]


def test_sockets_say_what_is_heard_and_the_connection_for_trading_does_not(tmp_path: Path) -> None:
    made = opened(tmp_path)
    venue = BTC.venue
    for at_s, socket, is_open in ((0, "public", True), (0, "market", True), (2, "public", False), (3, "market", False)):
        made.on_socket(venue, socket, is_open, T0 + at_s * SECOND)
        if (at_s, socket) == (0, "market"):
            made.hear(book(1))
            made.hear(Trade(0, T0, T0 + SECOND, 100, 1, 1, 1))
            assert made.is_heard(0)
    assert not made.is_heard(0)
    made.hear(ConnectionLost(0, T0 + 4 * SECOND, 1, "the socket for orders"))
    made.hear(ConnectionUp(0, T0 + 5 * SECOND, 1))
    made.on_socket(venue, "market", True, T0 + 6 * SECOND)
    made.on_socket("elsewhere", "market", False, T0 + 6 * SECOND)
    made.close(T0 + 8 * SECOND)
    made.roll()
    assert gaps(tmp_path, venue, BTC.symbol) == [("trades", "reconnect", 3, 6)], "of books their gaps tell"


def test_what_is_no_market_data_or_of_no_recorded_instrument_is_passed_over(tmp_path: Path) -> None:
    config = RecordConfig("archive", instruments=("bybit:ETHUSDT",))
    made = open_recording(config, tmp_path, TABLE, T0)
    messages: Iterable[Any] = (
        book(1),
        Trade(0, T0, T0, 1, 1, 1, 1),
        BookGap(0, T0, "x"),
        Started(0),
        ClockOffset(0, T0, 1, 1),
    )
    for message in messages:
        made.hear(message)
    made.on_frame("bybit", "public", b"x", T0)
    assert made.failure is None
    assert made.close(T0).n_rows == 0
    assert not list((tmp_path / "archive").glob("*/*/*/*/*"))
    with pytest.raises(ValueError, match=r"^\[record\] instruments: 'bybit:X' is not used by this run; used are: "):
        open_recording(RecordConfig("archive", instruments=("bybit:X",)), tmp_path, TABLE, T0)


class Line:
    """A recorder shell on a clock that jumps, and what it sends."""

    def __init__(self, root: Path) -> None:
        self.clock = LiveClock(start=T0)
        self.recording = opened(root)
        self.shell = RecorderShell("market-recorder", self.recording, self.clock, loguru.logger)
        self.sent: list[tuple[float, str, Any]] = []

    def emit(self, port: str, message: Any) -> bool:
        self.sent.append(((self.clock.now_ns() - T0) / SECOND, port, message))
        return True


def test_a_book_that_is_lost_is_asked_for_until_it_comes() -> None:
    lost = LostBooks()
    asked = []
    for second in range(120):
        # book 0 is lost for three seconds, and book 1 for long; for a while the disk takes nothing
        wanting = [i for i, times in enumerate((range(10, 13), range(10, 90))) if second in times]
        error = "no space" if 50 <= second < 60 else None
        status = RecorderStatus(0, 0, 0, 0, 0, 0, 0, tuple(wanting), error, 0)
        asked += [(second, i) for i in lost.due(status, second * SECOND)]
    assert asked == [(15, 1), (45, 1), (65, 1)]


async def test_a_fault_is_raised_by_its_own_name_and_the_next_life_goes_on(tmp_path: Path) -> None:
    line = Line(tmp_path)
    line.recording.hear(book(0))
    line.recording.hear(BookSnapshot(0, T0, T0 + 5, 1, None, None))  # type: ignore[arg-type]
    line.recording.hear(book(2))
    with pytest.raises(TypeError, match="NoneType"):
        await line.shell.run(line.emit)
    RecorderShell("market-recorder", line.recording, line.clock, loguru.logger).handle(Started(1))
    line.recording.hear(book(3))
    line.shell.now = T0 + 4 * SECOND
    line.shell.handle(ActorDown("connector", 0, "fell"))
    line.shell.handle(ActorDown("quoter", 1, "fell"))
    line.recording.hear(book(5))
    ended = await end_recording(line.recording, line.clock)
    assert ended is not None
    assert ended[0].n_rows == 3
    assert gaps(tmp_path, BTC.venue, BTC.symbol)[:2] == [
        ("delta", "recorder failed", 5e-9, 3),
        ("delta", "restart of the connector", 4, 5),
    ]
