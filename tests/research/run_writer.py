"""Synthetic run directories: written by hand, so that every figure has a known answer."""

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from market.instrument import Instrument
from market.tables import TABLES
from research.run_data import Run

SOL = {
    "venue": "bybit",
    "symbol": "SOLUSDT",
    "base": "SOL",
    "quote": "USDT",
    "settle": "USDT",
    "tick": "0.01",
    "lot": "0.1",
}
SOL_REFERENCE = {**SOL, "venue": "binance-futures"}
BTC_INVERSE = {
    "venue": "binance-delivery",
    "symbol": "BTCUSD_PERP",
    "base": "BTC",
    "quote": "USD",
    "settle": "BTC",
    "tick": "0.1",
    "lot": "1",
    "multiplier": "100",
    "inverse": True,
}
RunWriter = Callable[..., Run]


def toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)


def config_text(
    instruments: Sequence[Mapping[str, Any]], quoters: Sequence[Mapping[str, Any]], run: Mapping[str, Any]
) -> str:
    lines = ["[run]", *(f"{k} = {toml(v)}" for k, v in run.items())]
    for name, entries in (("instrument", instruments), ("quoter", quoters)):
        for entry in entries:
            lines += ["", f"[[{name}]]", *(f"{k} = {toml(v)}" for k, v in entry.items())]
    return "\n".join(lines) + "\n"


def table(name: str, columns: Mapping[str, Any]) -> pa.Table:
    """A table of `market.tables`; columns that are not given hold zeros."""
    schema = TABLES[name]
    assert set(columns) <= set(schema), set(columns) - set(schema)
    n = max((len(np.atleast_1d(v)) for v in columns.values()), default=0)
    made = {}
    for column, kind in schema.items():
        if kind == "category":
            values = np.broadcast_to(np.asarray(columns.get(column, ""), dtype=object), n)
            made[column] = pa.array(values.tolist(), type=pa.string()).dictionary_encode()
        else:
            made[column] = pa.array(np.broadcast_to(np.asarray(columns.get(column, 0)), n).astype(kind))
    return pa.table(made)


def write_run(
    path: Path,
    *,
    instruments: Sequence[Mapping[str, Any]] = (SOL,),
    quoters: Sequence[Mapping[str, Any]] = ({"name": "mm", "strategy": "vamp", "instrument": "bybit:SOLUSDT"},),
    run: Mapping[str, Any] | None = None,
    result: Mapping[str, Any] | None = None,
    **tables: Mapping[str, Any],
) -> Run:
    """Write a run directory from columns and open it: `fills={...}, touch={...}, run={...}`."""
    path.mkdir()
    (path / "run.toml").write_text(config_text(instruments, quoters, run or {}))
    if result is not None:
        (path / "result.json").write_text(json.dumps(result))
    for name, columns in tables.items():
        pq.write_table(table(name, columns), path / f"{name}.parquet")
    return Run.load(path)


class Ledger:
    """A position kept in decimals, one fill at a time: the naive model that the figures are held against."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.lots = 0
        self.cash = Decimal(0)
        self.fees = Decimal(0)

    def fill(self, side: int, price: int, size: int, fee: Decimal = Decimal(0)) -> None:
        self.lots += side * size
        self.cash -= self.instrument.value(price, side * size) + fee
        self.fees += fee

    def pnl(self, mark: int) -> float:
        return float(self.cash + self.instrument.value(mark, self.lots))


def market_run(path: Path, *, seconds: int = 300, seed: int = 5, **content: Any) -> Run:
    """Write a small market: a walking touch with trades, one quoter that earns the spread, two declared series."""
    rng = np.random.default_rng(seed)
    second = 10**9
    begin = 1_736_470_800 * second
    ts = begin + np.arange(seconds * 10) * (second // 10)
    bid = 18_600 + np.cumsum(rng.integers(-1, 2, ts.size))
    n_fills = seconds // 5
    place = np.sort(rng.choice(np.arange(1, ts.size), n_fills, replace=False))
    side = np.where(rng.random(n_fills) < 0.5, 1, -1)
    price = np.where(side > 0, bid[place], bid[place] + 1)
    fee = np.full(n_fills, 0.004)
    stamps = begin + np.arange(seconds) * second
    seen = np.searchsorted(ts[place], stamps, side="right")
    position = np.concatenate(([0], np.cumsum(side)))[seen]
    cash = np.concatenate(([0.0], np.cumsum(-side * price * 0.001 - fee)))[seen]
    mid = (bid[np.searchsorted(ts, stamps, side="right") - 1] + 0.5) / 100
    tables: dict[str, Mapping[str, Any]] = {
        "touch": {"ts_venue": ts, "ts_recv": ts, "bid": bid, "ask": bid + 1, "bid_size": 5, "ask_size": 5},
        "trades": {"ts_recv": ts[place], "price": price, "size": 1, "taker": -side},
        "fills": {
            "ts": ts[place],
            "ts_venue": ts[place],
            "client_id": np.arange(n_fills),
            "fill_id": np.arange(n_fills),
            "side": side,
            "price": price,
            "size": 1,
            "is_maker": True,
            "fee": fee,
        },
        "equity": {
            "ts": stamps,
            "position": position,
            "cash": cash,
            "fees": np.concatenate(([0.0], np.cumsum(fee)))[seen],
            "mid": mid,
            "pnl": cash + position * 0.1 * mid,
        },
        "declarations": {
            "ts": np.concatenate((stamps, stamps)),
            "key": ["vamp"] * seconds + ["imbalance"] * seconds,
            "value": np.concatenate((mid, rng.random(seconds))),
            "group": ["fair"] * seconds + ["signal"] * seconds,
        },
    }
    settings = {"start_ns": begin, "end_ns": begin + seconds * second, "seed": seed, "fill_model": "risk_averse"}
    result = {
        "complete": True,
        "until_ns": begin + seconds * second,
        "digest": "d1" * 32,
        "data": {"sha256": "ab" * 32},
    }
    return write_run(path, **{"run": settings, "result": result, **tables, **content})
