"""Specifications of instruments, as people write them (TOML) and as the archive keeps them (JSON).

Both are a list of tables named `instrument` with the same keys; in JSON decimals and times are strings.  An instrument
may stand there several times, each with the `valid_from` of its rules.
"""

import json
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from market.archive.atomic_file import atomic_file
from market.archive.instrument_record import from_record, to_record
from market.archive.layout import instrument_folder
from market.instrument import Instrument
from market.units import SECOND, InstrumentId, Nanos


def load_instruments(path: Path) -> list[Instrument]:
    """Read a TOML file of `[[instrument]]` tables; each instrument's id is its place in the file.

    Raises:
        ValueError: a key or value is wrong; the message names the file, the key, the value and what is allowed.
        FileNotFoundError: there is no such file.
    """
    with path.open("rb") as file:
        try:
            content = tomllib.load(file, parse_float=Decimal)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{path}: not TOML: {error}") from None
    return _instruments(content, str(path))


def read_instruments(root: Path, venue: str, symbol: str) -> list[Instrument]:
    """Return all that the archive says of one instrument, by `valid_from`; empty if it says nothing.

    Raises:
        ValueError: the file is damaged.
    """
    path = instrument_folder(root, venue, symbol) / "instrument.json"
    if not path.is_file():
        return []
    return _instruments(json.loads(path.read_text()), str(path))


def read_instrument(
    root: Path, venue: str, symbol: str, *, instrument: InstrumentId = 0, at: Nanos | None = None
) -> Instrument:
    """Return the specification of an archived instrument that holds at a time (None: the latest).

    Raises:
        FileNotFoundError: the archive has no such instrument.
    """
    known = read_instruments(root, venue, symbol)
    if not known:
        raise FileNotFoundError(f"no instrument {venue}:{symbol} in the archive {root}")
    return attrs.evolve(valid_at(known, at), id=instrument)


def valid_at(instruments: Iterable[Instrument], at: Nanos | None) -> Instrument:
    """Return, of one instrument's specifications, the one that holds at a time; before the first, the first."""
    in_order = sorted(instruments, key=lambda each: each.valid_from)
    past = [each for each in in_order if at is None or each.valid_from <= at]
    return past[-1] if past else in_order[0]


def as_archived(root: Path, instrument: Instrument, now: Nanos) -> Instrument:
    """Return an instrument that a venue told of, as it is to stand in an archive.

    What the archive knows already keeps its time; other rules hold from now on, to the second; and the first that are
    known are taken to have held before.  Fees of 0 are fees that were not told: those that are known stay.
    """
    known = read_instruments(root, instrument.venue, instrument.symbol)
    if not known:
        return attrs.evolve(instrument, valid_from=0)
    newest = valid_at(known, None)
    if not instrument.maker_fee and not instrument.taker_fee:
        instrument = attrs.evolve(instrument, maker_fee=newest.maker_fee, taker_fee=newest.taker_fee)
    same = attrs.evolve(
        newest,
        id=instrument.id,
        valid_from=instrument.valid_from,
        maker_fee=instrument.maker_fee,
        taker_fee=instrument.taker_fee,
    )
    valid_from = newest.valid_from if same == instrument else now // SECOND * SECOND
    return attrs.evolve(instrument, valid_from=valid_from)


def is_same_grid(one: Instrument, other: Instrument) -> bool:
    """Tell whether ints of prices and sizes mean the same in both."""
    return grid(one) == grid(other)


def grid(instrument: Instrument) -> tuple[Decimal, Decimal, Decimal, bool]:
    """Return what gives the ints their meaning: tick, lot, multiplier, inverse."""
    return (instrument.tick, instrument.lot, instrument.multiplier, instrument.inverse)


def write_instruments(root: Path, instruments: Iterable[Instrument]) -> None:
    """Write the specification(s) of one instrument beside its hours, in place of what stands there."""
    in_order = sorted(instruments, key=lambda each: each.valid_from)
    path = instrument_folder(root, in_order[0].venue, in_order[0].symbol) / "instrument.json"
    with atomic_file(path) as half:
        half.write_text(json.dumps({"instrument": [to_record(each) for each in in_order]}, indent=2) + "\n")


def _instruments(content: Mapping[str, Any], where: str) -> list[Instrument]:
    others = [key for key in content if key != "instrument"]
    if others:
        raise ValueError(f"{where}: unknown key {others[0]!r}; allowed: instrument")
    tables = content.get("instrument")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise ValueError(f"{where}: needs [[instrument]] tables, has {tables!r}")
    found: list[Instrument] = []
    seen: set[tuple[str, str, Nanos]] = set()
    for place, table in enumerate(tables):
        each = from_record(table, f"{where}: instrument {place + 1}", place)
        key = (each.venue, each.symbol, each.valid_from)
        if key in seen:
            raise ValueError(f"{where}: instrument {place + 1}: {each.name} is listed twice with the same valid_from")
        seen.add(key)
        found.append(each)
    return found
