"""The screen: what a person reads off a snapshot, and that a screen cannot hold up a run."""

import io
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
import trio
from rich.console import Console

from actors.runtime.mailbox import EdgeStatistics
from market.messages import (
    AccountSnapshot,
    BookUpdate,
    ClockOffset,
    ConnectionLost,
    ConnectionUp,
    EquityStamp,
    HaltCause,
    Margin,
    OrderAccepted,
    OrderRefused,
    PlaceOrder,
    Position,
    Reason,
    Stale,
    TradingState,
    TradingStateChanged,
)
from market.order_log import PACK
from market.units import MS, SECOND
from scripts.live.overview import Overview
from scripts.live.screen import line, table
from scripts.live.snapshot import Snapshot, snapshot
from scripts.live.status import Status
from sim.market_world import instruments_of
from tests.sim.crash_runs import market

ROOT = Path(__file__).resolve().parents[3]
T0 = 1_700_000_000 * SECOND
LEVELS = np.array([[18_980, 11]], np.int64)


def overview() -> Overview:
    made = Overview(instruments_of(market()))
    for message in (
        ConnectionUp(1, T0, 0),
        ConnectionUp(0, T0, 0),
        ConnectionLost(0, T0 + SECOND, 0, "the venue has closed it"),
        ClockOffset(1, T0, -12 * MS, 3 * MS),
        EquityStamp(T0, 1, 22, 189.5, -4000.0, 0.5, 0.0, 189.81, 12.345),
        Position(1, T0, 22, 189.5),
        Stale(0, T0 + SECOND, "the connection was lost"),
        AccountSnapshot(
            1, T0, T0, T0, 0, (), (), (), (), (("USDT", 10_012 * 10**8),), Margin(10_024_500_000, 9_011_250_000, None)
        ),
        AccountSnapshot(0, T0 - 200 * SECOND, 0, T0, 0, (), (), (), margin=Margin(None, -7_000_000, None)),
        AccountSnapshot(0, T0, 0, T0, 0, (), (), ()),  # it tells none: what was told before grows old
        OrderRefused(T0, 1, 0, 0, 0, 1, 100, 5, int(Reason.LIMIT_POSITION)),
        TradingStateChanged(T0, int(TradingState.REDUCING), int(HaltCause.POSITION), "position is 22 of 20"),
    ):
        made.take(message)
    made.hear_book(BookUpdate(1, T0 - 7 * MS, T0, 5, LEVELS, LEVELS + np.array([1, 0])))
    made.take_record({"message": "child restarting", "child": "keeper:bybit"})
    for ts, row in ((T0, PlaceOrder(1, 1, 1, 18_970, 11, 0)), (T0 + 4 * MS, OrderAccepted(1, 1, T0, T0))):
        made.orders.take(PACK[type(row)](row, ts))
    made.orders.take(PACK[PlaceOrder](PlaceOrder(2, 1, -1, 18_990, 11, 0), T0 + SECOND))
    return made


def shown() -> Snapshot:
    edges = {
        "manager": [EdgeStatistics("venue:bybit", "facts", "manager", 3, 9, 20, 0, 0)],
        "quoter:vamp": [EdgeStatistics("keeper:bybit", "books", "quoter:vamp", 0, 1, 20, 2, 7)],
    }
    return snapshot(overview(), edges, T0 - 3600 * SECOND, T0 + 2 * SECOND, ["recorder: the disk is slow"])


def text_of(width: int = 200) -> str:
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(table(shown()))
    return console.export_text()


def test_the_table_says_how_it_stands() -> None:
    text = text_of()
    for words in (
        "REDUCING",
        "position is 22 of 20",
        "up 1:00:02",
        "PnL +12.35",
        "fees 0.5000",
        "fills 0",
        "orders 2",
        "held back 1",
        "restarts: keeper:bybit 1",
        "189.80 × 189.81",
        "2.0 s",
        "189.70 (1.1, 2 s)",
        "189.90… (1.1, 1 s)",
        "189.500",
        "binance-futures:SOLUSDT is stale: the connection was lost",
        "binance-futures is down: the venue has closed it",
        "net by base: SOL +2.2 (+1.1 to +3.3 with live orders), worth +417.57",
        "4.0 / 4.0 ms",
        "10,012.00 USDT",
        "9,011.25 of 10,024.50",
        "-7.00 of –, 202 s old",
        "-12.0 ± 3.0 ms",
        "mailboxes: manager 3; fullest so far: manager 9, quoter:vamp 1; dropped 2",
        "recorder: the disk is slow",
    ):
        assert words in text, words


def test_a_narrow_terminal_loses_no_figure() -> None:
    text = text_of(100)
    for words in ("189.80 × 189.81", "+12.35", "2.2"):
        assert words in text


def test_the_line_says_the_weightiest() -> None:
    text = line(shown())
    for words in (
        "REDUCING",
        "position 2.2",
        "PnL +12.35",
        "binance-futures is down",
        "quotes 189.70 (1.1, 2 s) / ",
        "net SOL +2.2",
    ):
        assert words in text
    assert "\n" not in text


def test_the_screen_writes_lines_where_there_is_no_terminal() -> None:
    first = shown()
    later = msgspec.structs.replace(first, now=first.now + 2 * SECOND)
    last = msgspec.structs.replace(first, now=first.now + 6 * SECOND, pnl=99.0)
    data = b"".join(msgspec.json.encode(each) + b"\n" for each in (first, later, last))
    command = [sys.executable, "-m", "scripts.live.screen"]
    done = subprocess.run(command, input=data, cwd=ROOT, capture_output=True, check=True)
    lines = done.stdout.decode().splitlines()
    assert len(lines) == 2, "every five seconds"
    assert "PnL +99.00" in lines[1]


@pytest.mark.realtime
def test_a_screen_that_dies_or_hangs_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    async def feed(command: str) -> None:
        monkeypatch.setattr("scripts.live.status.COMMAND", ("sh", "-c", command))
        status = Status(lambda: msgspec.structs.replace(shown(), notes=["x" * 100_000]))
        with trio.move_on_after(60) as patience:
            async with trio.open_nursery() as tasks:
                tasks.start_soon(status.run)
                await trio.sleep(0.05)
                status.end()
                tasks.cancel_scope.deadline = trio.current_time() + 0.5
        assert not patience.cancelled_caught

    trio.run(feed, "exit 3")
    trio.run(feed, "exec sleep 100")
