"""How a run stands, told from its directory alone: the screen of one that goes on elsewhere, or was killed.

Orders are those of the run's own log: what only an account snapshot told of their ends is not in there.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.text import Text

from actors.runtime.log_reader import LogReader, LogRecord
from market.instrument import InstrumentTable
from market.messages import (
    BookUpdate,
    ConnectionLost,
    ConnectionUp,
    EquityStamp,
    Fresh,
    HaltCause,
    Stale,
    TradingState,
    TradingStateChanged,
)
from market.order_log import ROW_INTS, Row
from market.units import Nanos
from research.run_data import Run
from scripts.live.overview import Overview
from scripts.live.screen import table
from scripts.live.snapshot import snapshot
from scripts.ops import line_of

_TROUBLES: Final = ("WARNING", "ERROR", "CRITICAL")
_SHOWN: Final = 10  # of them


def show(console: Console, folder: Path) -> None:
    """Print how a run stands.

    Raises:
        FileNotFoundError: it is no run directory.
        LogError: a line of its log is no record.
    """
    run = Run.load(folder)
    overview = Overview(run.instruments)
    for row in _rows(folder / "orders.log"):
        overview.orders.take(row)
    told = _take_tables(run, overview)
    troubles: list[LogRecord] = []
    for record in LogReader(folder / "log.jsonl").records():
        told = max(told, record["t_ns"])
        _take_record(record, overview)
        if record.get("level") in _TROUBLES and not record["message"].startswith("quotes"):
            troubles.append(record)
    console.print(Text(_state(run), style="bold"))
    console.print(table(snapshot(overview, {}, run.window[0], told)))
    for record in troubles[-_SHOWN:]:
        console.print(line_of(record), soft_wrap=True, highlight=False)


def _state(run: Run) -> str:
    if "outcome" not in run.result:
        return "it goes on, or was killed: what was on the disk by now"
    outcome = run.result["outcome"]
    proof = "cancels proven" if not outcome["unproven"] else "cancels NOT proven: look at the account"
    return f"it has ended: {outcome['kind']}, {proof}{'' if run.is_complete else ', not complete'}"


def _rows(path: Path) -> Iterator[Row]:
    data = path.read_bytes() if path.exists() else b""
    n_ints = len(data) // (8 * ROW_INTS) * ROW_INTS
    for row in np.frombuffer(data, "<i8", n_ints).reshape(-1, ROW_INTS).tolist():
        yield tuple(row)


def _take_tables(run: Run, overview: Overview) -> Nanos:
    """Take the newest of every instrument; return when the newest of all came."""
    touch, equity = run.table("touch"), run.table("equity")
    told = run.window[1]
    for instrument in run.instruments:
        if (mine := np.flatnonzero(touch["instrument"] == instrument.id)).size:
            seen = {name: int(values[mine[-1]]) for name, values in touch.items()}
            bids, asks = (np.array([[seen[side], seen[f"{side}_size"]]], np.int64) for side in ("bid", "ask"))
            overview.hear_book(BookUpdate(instrument.id, seen["ts_venue"], seen["ts_recv"], 0, bids, asks))
            overview.feeds[instrument.id].n_books = mine.size
            told = max(told, seen["ts_recv"])
        if (mine := np.flatnonzero(equity["instrument"] == instrument.id)).size:
            stamp = {name: values[mine[-1]].item() for name, values in equity.items()}
            overview.take(EquityStamp(**stamp))
    return told


def _take_record(record: LogRecord, overview: Overview) -> None:
    overview.take_record(record)
    message = _message(record, overview.instruments)
    if message is not None:
        overview.take(message)


def _message(record: LogRecord, instruments: InstrumentTable) -> Any:
    """Return what a record was written of; None where nothing is shown of it."""
    ts = int(record.get("ts") or record["t_ns"])
    reason = str(record.get("reason", ""))
    match record["message"]:
        case "trading state":
            state, cause = TradingState[record["state"]], HaltCause[record["cause"]]
            return TradingStateChanged(ts, int(state), int(cause), reason)
        case "connection up" | "connection lost" if record.get("venue") in instruments.venues:
            venue = instruments.venues.index(record["venue"])
            if record["message"] == "connection up":
                return ConnectionUp(venue, ts, 0)
            return ConnectionLost(venue, ts, 0, reason)
        case "book stale" | "book thin" | "book fresh":
            try:
                number = instruments.find(record["venue"], record["instrument"]).id
            except KeyError:
                return None
            if record["message"] == "book fresh":
                return Fresh(number, ts)
            return Stale(number, ts, reason, is_thin=record["message"] == "book thin")
    return None
