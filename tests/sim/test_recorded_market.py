"""What was recorded replays: a market taken down message by message gives the run that the same columns give."""

from collections.abc import Iterator
from heapq import merge
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from market.archive.arrow_columns import joined
from market.archive.instruments import write_instruments
from market.archive.layout import Kind
from market.archive.record_buffer import Entry
from market.archive.recorder import FLUSH_EVERY, Recorder
from market.archive.window import hour_of, hour_text
from market.archive.writer import ArchiveWriter
from market.columns import BookColumns, Columns, TradeColumns
from market.instrument import Instrument
from market.messages import BookDelta, BookSnapshot, Trade
from market.units import InstrumentId
from sim.config import DataSection, make_config
from sim.market_data import ArchiveSource, GeneratedData
from sim.simulation import Simulation

SECONDS = 60
Feed = tuple[Instrument, Kind, Columns]


def generated() -> list[Feed]:
    """Return the feeds of a built-in market with books of changes."""
    market = GeneratedData(DataSection(preset="deltas", seconds=SECONDS))
    feeds = []
    for stream in market.streams():
        chunks = list(stream.chunks)
        if not chunks:
            continue
        columns = joined(chunks)
        is_delta = isinstance(columns, BookColumns) and not columns.is_snapshot.all()
        kind = "delta" if is_delta else stream.kind
        feeds.append((market.instruments[stream.instrument], cast(Kind, kind), columns))
    return feeds


def messages(instrument: InstrumentId, columns: Columns) -> Iterator[Entry]:
    """Yield what a connector would have said."""
    for i in range(len(columns)):
        ts_venue, ts_recv = int(columns.ts_venue[i]), int(columns.ts_recv[i])
        match columns:
            case BookColumns():
                begin, middle = int(columns.start[i]), int(columns.start[i] + columns.n_bids[i])
                sides = columns.levels[begin:middle], columns.levels[middle : middle + int(columns.n_asks[i])]
                seq = int(columns.seq[i])
                if columns.is_snapshot[i]:
                    yield BookSnapshot(instrument, ts_venue, ts_recv, seq, *sides)
                else:
                    yield BookDelta(instrument, ts_venue, ts_recv, int(columns.prev_seq[i]), seq, *sides)
            case TradeColumns():
                row = (int(each[i]) for each in (columns.ticks, columns.lots, columns.taker, columns.trade_id))
                yield Trade(instrument, ts_venue, ts_recv, *row)
            case _:
                yield columns.rows(i, i + 1)


def heard_of(place: int, feed: Feed) -> Iterator[tuple[int, int, Entry]]:
    """Yield when the messages of a feed came, its place among the feeds, and the messages."""
    instrument, _, columns = feed
    for ts, message in zip(columns.ts_recv, messages(instrument.id, columns), strict=True):
        yield int(ts), place, message


def record(root: Path, feeds: list[Feed]) -> None:
    """Take all feeds down as they come, with a flush as often as a live session has one."""
    start = min(int(columns.ts_recv[0]) for *_, columns in feeds)
    recorder = Recorder(root, [(instrument, kind) for instrument, kind, _ in feeds], start)
    heard = [heard_of(place, feed) for place, feed in enumerate(feeds)]
    flushed = now = start
    for now, place, entry in merge(*heard, key=lambda one: one[:2]):
        instrument, kind, _ = feeds[place]
        assert recorder.put(instrument.id, kind, entry)
        if now - flushed >= FLUSH_EVERY:
            flushed = now
            assert recorder.flush(now).error is None
    status = recorder.close(now)
    assert (status.n_waiting, status.n_lost, status.n_rows) == (0, 0, sum(len(columns) for *_, columns in feeds))
    assert recorder.roll().problems == ()


def run(root: Path, feeds: list[Feed], out: Path) -> dict[str, Any]:
    hour = hour_text(hour_of(int(feeds[0][2].ts_recv[0])))
    venues = dict.fromkeys(instrument.venue for instrument, *_ in feeds)
    data = {"source": "archive", "root": str(root), "start": hour, "end": hour}
    config = make_config({"data": data | {"clock_shift_ms": dict.fromkeys(venues, 0)}})
    out.mkdir()
    simulation = Simulation(config, ArchiveSource(config, Path()), out)
    return simulation.finish(simulation.run(), 0.0)


@pytest.mark.slow
def test_a_recorded_market_replays(tmp_path: Path) -> None:
    feeds = generated()
    assert {kind for _, kind, _ in feeds} >= {"delta", "trades"}
    record(tmp_path / "recorded", feeds)
    for instrument, kind, columns in feeds:
        with ArchiveWriter(tmp_path / "written", instrument, kind) as writer:
            writer.append(columns)
        write_instruments(tmp_path / "written", [instrument])
    ours, theirs = (run(tmp_path / name, feeds, tmp_path / f"run-{name}") for name in ("recorded", "written"))
    assert ours["complete"]
    assert ours["n_events"] == theirs["n_events"] > 1000
    assert ours["digest"] == theirs["digest"]
    assert np.isfinite(ours["wall_s"])
