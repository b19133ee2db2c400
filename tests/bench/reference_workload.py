"""The reference workload as columns: two venues, SOLUSDT, depth-20 snapshots about every 100 ms and marked trades.

Its seeded generator lies beside the project, in `bench/generate.py` of the shared folder; this reads the arrays that
it writes.
"""

import json
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from market.columns import BookColumns, Columns, TradeColumns
from market.instrument import Instrument
from market.units import InstrumentId

VENUES: Final = {"binance": "binance-futures", "bybit": "bybit"}
TICK, LOT = Decimal("0.01"), Decimal("0.1")

Feeds = list[tuple[InstrumentId, str, Columns]]


def load(folder: Path) -> tuple[tuple[Instrument, ...], Feeds]:
    """Return the instruments, the leading venue first, and their feeds (instrument, "book" or "trades", columns).

    Args:
        folder: where `generate.py --out` wrote its `.npz` files.

    Raises:
        FileNotFoundError: they are not there.
        ValueError: a price or size is not on the grid.
    """
    instruments: list[Instrument] = []
    feeds: Feeds = []
    for i, (name, venue) in enumerate(VENUES.items()):
        instruments.append(
            Instrument(i, venue, "SOLUSDT", base="SOL", quote="USDT", settle="USDT", tick=TICK, lot=LOT, min_size=1)
        )
        with np.load(folder / f"{name}_book.npz") as arrays:
            feeds.append((i, "book", _book(arrays)))
        with np.load(folder / f"{name}_trades.npz") as arrays:
            feeds.append((i, "trades", _trades(arrays)))
    return tuple(instruments), feeds


def n_events(folder: Path) -> int:
    """Return how many market events the workload in `folder` has."""
    return int(json.loads((folder / "meta.json").read_text(encoding="utf-8"))["events"])


def _book(arrays: "np.lib.npyio.NpzFile") -> BookColumns:
    bids = np.stack([_ints(arrays["bid_px"], TICK), _ints(arrays["bid_sz"], LOT)], axis=2)
    asks = np.stack([_ints(arrays["ask_px"], TICK), _ints(arrays["ask_sz"], LOT)], axis=2)
    n, depth, _ = bids.shape
    levels = np.concatenate([bids, asks], axis=1).reshape(-1, 2)
    return BookColumns(
        ts_venue=arrays["exch_ts"],
        ts_recv=arrays["local_ts"],
        seq=np.arange(n),
        prev_seq=np.full(n, -1),
        is_snapshot=np.ones(n),
        start=np.arange(n) * 2 * depth,
        n_bids=np.full(n, depth),
        n_asks=np.full(n, depth),
        levels=levels,
    )


def _trades(arrays: "np.lib.npyio.NpzFile") -> TradeColumns:
    n = len(arrays["price"])
    return TradeColumns(
        ts_venue=arrays["exch_ts"],
        ts_recv=arrays["local_ts"],
        ticks=_ints(arrays["price"], TICK),
        lots=_ints(arrays["size"], LOT),
        taker=arrays["side"],
        trade_id=np.full(n, -1),
    )


def _ints(values: npt.NDArray[np.float64], unit: Decimal) -> npt.NDArray[np.int64]:
    """Return decimals as counts of `unit`."""
    counts = values / float(unit)
    whole = np.rint(counts).astype(np.int64)
    worst = float(np.max(np.abs(counts - whole), initial=0.0))
    if worst > 1e-6:
        raise ValueError(f"a value of the workload lies {worst} units of {unit} off the grid")
    return whole
