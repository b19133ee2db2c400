"""A run directory, read lazily: the one door between what ran and what studies it."""

import json
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from market.instrument import Instrument, InstrumentTable
from market.tables import TABLES
from research.prices import Mids

Columns = Mapping[str, npt.NDArray[Any]]

DEFAULT_CAPITAL = 10_000.0


@attrs.frozen
class Quoter:
    """One `[[quoter]]` of a run.

    Attributes:
        place: its place in the list, which is its number in the tables.
        instruments: ids of what it is configured to quote (`instruments`, or one `instrument`, as `venue:symbol`).
    """

    place: int
    name: str
    strategy: str
    instruments: tuple[int, ...]
    config: Mapping[str, Any]


class Run:
    """The tables, the config and the result of one run, complete or interrupted, simulated or live.

    Tables are read when they are first asked for and kept.  Of a live run that goes on, or was killed, they have what
    was on the disk by then.  A table that is not there is an empty one; a half-written run therefore gives fewer
    figures, not an error.
    """

    def __init__(self, path: Path, config: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        self.path = path
        self.config = config
        self.result = result
        self._tables: dict[str, Columns] = {}
        self._mids: dict[int, Mids] = {}

    @classmethod
    def load(cls, path: Path | str) -> "Run":
        """Open the run directory at `path`.

        Raises:
            FileNotFoundError: there is no `run.toml`, so this is no run directory.
            ValueError: `run.toml` or `result.json` cannot be parsed; the message names the file.
        """
        folder = Path(path)
        try:
            config = tomllib.loads((folder / "run.toml").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise FileNotFoundError(f"no run.toml in {folder}: not a run directory") from None
        except tomllib.TOMLDecodeError as error:
            raise ValueError(f"{folder / 'run.toml'}: {error}") from error
        result: dict[str, Any] = {}
        if (file := folder / "result.json").exists():
            try:
                result = json.loads(file.read_text(encoding="utf-8"))
            except json.JSONDecodeError as error:
                raise ValueError(f"{file}: {error}") from error
        return cls(folder, config, result)

    # --- config --------------------------------------------------------------------------------------------------

    @cached_property
    def instruments(self) -> InstrumentTable:
        """The instruments of the run, by id and by name."""
        return InstrumentTable(_instrument(i, entry) for i, entry in enumerate(self.config.get("instrument", ())))

    @cached_property
    def quoters(self) -> tuple[Quoter, ...]:
        """The quoters of the run, in their order."""
        found = []
        for place, entry in enumerate(self.config.get("quoter", ())):
            named = entry.get("instruments") or [entry["instrument"]]
            quoted = tuple(self.instruments.find(*str(name).split(":", 1)).id for name in named)
            name = str(entry.get("name", f"quoter-{place}"))
            found.append(Quoter(place, name, str(entry.get("strategy", "")), quoted, entry))
        return tuple(found)

    @property
    def venues(self) -> tuple[str, ...]:
        """The venues of the run, in the order of their first instrument."""
        return self.instruments.venues

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """The `[run]` section of the config."""
        section: Mapping[str, Any] = self.config.get("run", {})
        return section

    @property
    def capital(self) -> float:
        """Starting cash of each venue, report currency."""
        return float(self.settings.get("capital", DEFAULT_CAPITAL))

    @property
    def is_complete(self) -> bool:
        """Whether the run reached its configured end."""
        return bool(self.result.get("complete", False))

    @cached_property
    def window(self) -> tuple[int, int]:
        """First and last instant that the run covers, ns; (0, 0) when nothing says so."""
        stamps = self.table("equity")["ts"]
        begin = int(self.settings.get("start_ns") or (stamps[0] if stamps.size else 0))
        planned = int(self.settings.get("end_ns") or (stamps[-1] if stamps.size else begin))
        end = int(self.result.get("until_ns") or (planned if self.is_complete or not stamps.size else stamps[-1]))
        return begin, max(begin, end)

    # --- tables --------------------------------------------------------------------------------------------------

    def table(self, name: str) -> Columns:
        """Return table `name` of `market.tables` as arrays; strings come as object arrays.

        Raises:
            KeyError: there is no table of that name.
            ValueError: the file is damaged or lacks a column.
        """
        if name not in self._tables:
            found = _read(self.path / f"{name}.parquet", TABLES[name])
            ts = found.get("ts_recv")
            if ts is not None and (np.diff(ts) < 0).any():  # feeds written one after the other
                order = np.argsort(ts, kind="stable")
                found = {column: values[order] for column, values in found.items()}
            self._tables[name] = found
        return self._tables[name]

    @cached_property
    def traded(self) -> frozenset[int]:
        """Ids of the instruments with an order or a fill; others were only read."""
        ids = (*self.table("orders")["instrument"].tolist(), *self.table("fills")["instrument"].tolist())
        return frozenset(ids) - {-1}

    def rows(
        self, name: str, *, venue: str | None = None, symbol: str | None = None, quoter: str | None = None
    ) -> Columns:
        """Return the rows of a table that belong to a venue, a symbol, a quoter, or any of these together."""
        table = self.table(name)
        keep = np.ones(table["instrument"].size, dtype=bool)
        if venue is not None or symbol is not None:
            keep = np.isin(table["instrument"], self.select(venue, symbol))
        if quoter is not None:
            keep &= table["quoter"] == self.quoter(quoter).place
        return table if keep.all() else {column: values[keep] for column, values in table.items()}

    def select(self, venue: str | None = None, symbol: str | None = None) -> list[int]:
        """Return the ids of the instruments of a venue, of a symbol, or of both.

        Raises:
            KeyError: the run has no such instrument.
        """
        found = [i.id for i in self.instruments if venue in (None, i.venue) and symbol in (None, i.symbol)]
        if not found and len(self.instruments):
            known = ", ".join(i.name for i in self.instruments)
            raise KeyError(f"no instrument {venue or '*'}:{symbol or '*'} in this run; known: {known}")
        return found

    def quoter(self, name: str) -> Quoter:
        """Return the quoter of that name.

        Raises:
            KeyError: there is none; the message lists those there are.
        """
        for quoter in self.quoters:
            if quoter.name == name:
                return quoter
        raise KeyError(f"no quoter {name}; known: {', '.join(q.name for q in self.quoters)}")

    def mids(self, instrument: int) -> Mids:
        """Return the mid of an instrument over time, as we received it."""
        if instrument not in self._mids:
            touch = self.table("touch")
            mine = touch["instrument"] == instrument
            self._mids[instrument] = Mids.from_touch(
                self.instruments[instrument], touch["ts_recv"][mine], touch["bid"][mine], touch["ask"][mine]
            )
        return self._mids[instrument]


def _instrument(place: int, entry: Mapping[str, Any]) -> Instrument:
    return Instrument(
        id=place,
        venue=entry["venue"],
        symbol=entry["symbol"],
        base=entry.get("base", ""),
        quote=entry.get("quote", ""),
        settle=entry.get("settle", entry.get("base" if entry.get("inverse") else "quote", "")),
        tick=Decimal(str(entry["tick"])),
        lot=Decimal(str(entry["lot"])),
        multiplier=Decimal(str(entry.get("multiplier", 1))),
        inverse=bool(entry.get("inverse", False)),
        maker_fee=Decimal(str(entry.get("maker_fee", 0))),
        taker_fee=Decimal(str(entry.get("taker_fee", 0))),
    )


def _read(file: Path, schema: Mapping[str, str]) -> Columns:
    from market.archive.live_tables import read_unfinished  # Arrow is heavy, and not needed to look at a config

    found = _read_parquet(file) if file.exists() else read_unfinished(file.parent, file.stem)
    if found is None:
        return {name: np.empty(0, dtype=object if kind == "category" else kind) for name, kind in schema.items()}
    if missing := [name for name in schema if name not in found.column_names]:
        raise ValueError(f"{file} lacks the columns {', '.join(missing)}")
    return {name: _array(found.column(name), kind) for name, kind in schema.items()}


def _read_parquet(file: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # ParquetFile, not read_table: the dataset layer costs a third of a second of imports
        with pq.ParquetFile(file) as source:
            return source.read()
    except pa.ArrowInvalid as error:
        raise ValueError(f"{file} is damaged: {error}") from error


def _array(column: Any, kind: str) -> npt.NDArray[Any]:
    if kind != "category":
        values: npt.NDArray[Any] = np.asarray(column.to_numpy()).astype(kind, copy=False)
        return values
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    chunks = [np.asarray(c.dictionary.to_pylist(), dtype=object)[c.indices.to_numpy()] for c in column.chunks if len(c)]
    return np.concatenate(chunks) if chunks else np.empty(0, dtype=object)
