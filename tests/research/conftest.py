"""Synthetic run directories: written by hand, so that every figure has a known answer."""

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

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


@pytest.fixture
def write_run(tmp_path: Path) -> RunWriter:
    """Write a run directory from columns and open it: `write_run(fills={...}, touch={...}, run={...})`."""

    def write(
        *,
        instruments: Sequence[Mapping[str, Any]] = (SOL,),
        quoters: Sequence[Mapping[str, Any]] = ({"name": "mm", "strategy": "vamp", "instrument": "bybit:SOLUSDT"},),
        run: Mapping[str, Any] | None = None,
        result: Mapping[str, Any] | None = None,
        folder: str = "run",
        **tables: Mapping[str, Any],
    ) -> Run:
        path = tmp_path / folder
        path.mkdir()
        (path / "run.toml").write_text(config_text(instruments, quoters, run or {}))
        if result is not None:
            (path / "result.json").write_text(json.dumps(result))
        for name, columns in tables.items():
            pq.write_table(table(name, columns), path / f"{name}.parquet")
        return Run.load(path)

    return write


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


@pytest.fixture
def ledger() -> type[Ledger]:
    return Ledger
