"""Recording from real sockets: what the emulator sent is in the archive, or lies in a hole that is marked."""

import re
from collections.abc import Sequence
from functools import partial
from io import StringIO
from pathlib import Path

import attrs
import loguru
import pytest
import trio
from rich.console import Console

from actors.record_config import RecordConfig
from market.archive.check import check
from market.archive.window import hour_of, hour_text
from market.units import SECOND
from scripts.live.record_screen import RecordScreen, line_of
from scripts.live.recording import RecordEnd, RecordView, record
from scripts.record import is_whole, main
from sim.config import DataSection, RunConfig, RunSection
from sim.emulator import Emulator, EmulatorConfig, Fault, VenueSection, open_emulator
from sim.market_data import ArchiveSource
from sim.simulation import Simulation
from tests.scripts.sent_messages import (
    Sent,
    assert_as_sent,
    gaps_of,
    is_in,
    read_sent,
    stored_books,
    stored_frames,
    stored_trades,
    told_late,
)
from venues.connection import VenueConnection

pytestmark = pytest.mark.realtime

VENUES = ("bybit", "binance-futures")
NAMES = tuple(f"{venue}:SOLUSDT" for venue in VENUES)
SECONDS = 6.0


@attrs.frozen
class Recorded:
    """A recording of the emulator, and what that says it sent."""

    archive: Path
    end: RecordEnd
    views: list[RecordView]
    sent: dict[str, Sent]


def emulated(sent: Path, speed: float = 6.0) -> EmulatorConfig:
    return EmulatorConfig(
        venue=tuple(VenueSection(venue, throttled=False) for venue in VENUES), speed=speed, sent_log=str(sent)
    )


def connection(emulator: Emulator, venue: str) -> VenueConnection:
    address = emulator.addresses[venue]
    return VenueConnection("custom", address.rest, {"default": address.public})


async def trouble(emulator: Emulator) -> None:
    """Drop the sockets of both venues, lose a message of a book, send some twice."""
    await trio.sleep(1.5)
    emulator.inject(Fault("drop", where="public"))
    await trio.sleep(2.0)
    for venue, topic in (("bybit", "orderbook"), ("binance-futures", "solusdt@depth")):
        emulator.inject(Fault("lose", venue=venue, where="public", topic=topic))
        emulator.inject(Fault("duplicate", venue=venue, where="public", topic=topic, count=2))


async def record_emulator(folder: Path) -> Recorded:
    archive, sent = folder / "archive", folder / "sent.jsonl"
    views: list[RecordView] = []
    async with open_emulator(emulated(sent)) as emulator:
        connections = {venue: connection(emulator, venue) for venue in VENUES}
        async with trio.open_nursery() as tasks:
            tasks.start_soon(trouble, emulator)
            end = await record(
                NAMES,
                RecordConfig(str(archive), raw=True),
                connections,
                seconds=SECONDS,
                show=views.append,
                logger=loguru.logger,
            )
            tasks.cancel_scope.cancel()
    return Recorded(archive, end, views, read_sent(sent))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return trio.run(partial(record_emulator, tmp_path_factory.mktemp("recorded")))


def test_the_recording_is_whole(recorded: Recorded) -> None:
    assert recorded.end.outcome.kind == "done"
    assert recorded.end.closed is not None
    status, report = recorded.end.closed
    assert (status.n_lost, status.n_waiting, status.error, report.problems) == (0, 0, None, ())
    assert list(check(recorded.archive)) == []
    rows = {(feed.instrument.name, feed.kind): feed.n_rows for feed in recorded.views[-1].feeds}
    assert all(rows[name, kind] > 0 for name in NAMES for kind in ("delta", "trades", "marks"))
    assert {venue for view in recorded.views for venue in view.down} == set(VENUES), "while their sockets were down"


@pytest.mark.parametrize("venue", VENUES)
def test_every_book_message_is_there_as_it_was_sent_or_in_a_hole(recorded: Recorded, venue: str) -> None:
    sent, books = recorded.sent[venue], stored_books(recorded.archive, venue)
    assert assert_as_sent(recorded.archive, venue, sent) > 100
    there = {seq for seq, *_ in books}
    first, last = books[0][1], books[-1][1]
    holes = gaps_of(recorded.archive, venue, "delta")
    missing = [
        book.ts for seq, book in sent.changes.items() if first < book.ts < last - SECOND // 2 and seq not in there
    ]
    assert all(is_in(holes, ts) for ts in missing)
    assert len({gap.reason for gap in holes}) >= 2, "one of the drop, one of the loss"


@pytest.mark.parametrize("venue", VENUES)
def test_every_trade_is_there_once_or_in_a_hole(recorded: Recorded, venue: str) -> None:
    trades = stored_trades(recorded.archive, venue)
    keys = {key for _, key in trades}
    sent = recorded.sent[venue].trades
    holes = gaps_of(recorded.archive, venue, "trades")
    first, last = trades[0][0], trades[-1][0]
    missing = [trade.ts for trade in sent if first < trade.ts < last - SECOND // 2 and trade.key not in keys]
    assert all(is_in(holes, ts) for ts in missing)
    if venue == "bybit":  # which tells afterwards what was traded meanwhile
        assert told_late(recorded.archive, venue)
        assert not holes
    else:
        assert "reconnect" in {gap.reason for gap in holes}


@pytest.mark.parametrize(("venue", "socket"), [("bybit", "public"), ("binance-futures", "market")])
def test_frames_are_kept_as_they_came(recorded: Recorded, venue: str, socket: str) -> None:
    frames = [frame for _, frame in stored_frames(recorded.archive, venue, socket)]
    payloads = [payload for _, _, payload in recorded.sent[venue].payloads]
    assert len(frames) > 50
    assert all(frame in payloads for frame in frames)
    assert gaps_of(recorded.archive, venue, "raw", f"@{socket}"), "the drop"


def test_what_was_recorded_replays(recorded: Recorded, tmp_path: Path) -> None:
    hours = sorted({hour_of(view.at) for view in recorded.views})
    section = DataSection(
        source="archive", root=str(recorded.archive), start=hour_text(hours[0]), end=hour_text(hours[-1])
    )
    config = RunConfig(run=RunSection(deliver="all"), data=section)
    data = ArchiveSource(config, Path())
    tmp_path.joinpath("run").mkdir()
    simulation = Simulation(config, data, tmp_path / "run")
    result = simulation.finish(simulation.run(), 1.0)
    assert result["complete"]
    rows = [len(stored(recorded.archive, venue)) for stored in (stored_books, stored_trades) for venue in VENUES]
    assert simulation.figures().n_events == sum(rows)
    assert len(simulation.log) > 0, "it quotes on what was recorded"


def test_the_screen_says_how_it_stands(recorded: Recorded) -> None:
    piped, terminal = StringIO(), StringIO()
    for file in (piped, terminal):
        console = Console(file=file, width=120, highlight=False, force_terminal=file is terminal)
        with RecordScreen(console, recorded.archive) as screen:
            for view in recorded.views:
                screen.show(view)
        screen.end(recorded.end)
    lines = piped.getvalue().splitlines()
    said = [line for line in lines if "behind" in line]
    assert 2 <= len(said) <= 4, "a line every five seconds"
    assert re.search(r"^[5-9] s  [\d,]+ rows  [\d,]+/s  .*B  disk \d+\.\d s behind  \d+ gaps  0 lost$", said[1])
    assert "bybit is down" in said[0]
    assert re.search(r"bybit:SOLUSDT +delta +[\d,]+ +\d+ .* s ago +\d+ +0", piped.getvalue())
    assert f"s into {recorded.archive}: " in lines[-1]
    assert lines[-1].endswith(" 0 messages lost")
    assert "binance-futures:SOLUSDT" in terminal.getvalue()
    broken = attrs.evolve(recorded.views[-1], status=attrs.evolve(recorded.views[-1].status, error="no space left"))
    assert line_of(broken, recorded.views[0]).endswith("the disk: no space left")
    screen.end(attrs.evolve(recorded.end, closed=None))
    assert f"the disk did not answer; `python -m scripts.archive repair {recorded.archive}`" in terminal.getvalue()
    assert not is_whole(attrs.evolve(recorded.end, closed=None))
    assert is_whole(recorded.end)


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(words: Sequence[str], code: int) -> str:
        arguments = [*words, "--archive", str(tmp_path / "archive")]
        if code == 2:
            with pytest.raises(SystemExit, match="2"):
                main(arguments)
        else:
            assert main(arguments) == code
        return capsys.readouterr().err

    assert "'bybit' is not `venue:symbol`" in refused(["bybit"], 2)
    assert "no venue 'kraken'; there are binance-futures, bybit" in refused(["kraken:X"], 2)
    assert "--at binance-futures: no instrument of it is recorded" in refused(
        ["bybit:X", "--at", "binance-futures", "http://127.0.0.1:1", "ws://127.0.0.1:1"], 2
    )
    assert "http://example.com is not encrypted" in refused(
        ["bybit:X", "--at", "bybit", "http://example.com", "ws://127.0.0.1:1"], 2
    )
    assert "does not answer" in refused(["bybit:X", "--at", "bybit", "http://127.0.0.1:1", "ws://127.0.0.1:1"], 1)
    assert not (tmp_path / "archive").exists()
