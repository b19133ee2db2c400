"""One specification as a table of texts and numbers, and back: the same keys in TOML, JSON and file metadata."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from market.instrument import ConstantStep, Instrument, PriceRule, SignificantFigures
from market.units import SECOND, InstrumentId, Nanos

Record = dict[str, Any]

# key -> (what it must be, whether it must be there)
FIELDS: Final[Mapping[str, tuple[str, bool]]] = {
    "venue": ("a text that is not empty", True),
    "symbol": ("a text that is not empty", True),
    "base": ("a text that is not empty", True),
    "quote": ("a text that is not empty", True),
    "settle": ("a text that is not empty", True),
    "tick": ("a number above 0", True),
    "lot": ("a number above 0", True),
    "multiplier": ("a number above 0", False),
    "inverse": ("true or false", False),
    "maker_fee": ("a number between -1 and 1", False),
    "taker_fee": ("a number between -1 and 1", False),
    "min_size": ("a positive multiple of lot", False),
    "max_size": ("a positive multiple of lot", False),
    "min_notional": ("a number of at least 0", False),
    "price_step": ("a positive multiple of tick", False),
    "significant_figures": ("a whole number from 1 to 18", False),
    "valid_from": ("a date or time in UTC, such as 2024-08-08", False),
}


def to_record(instrument: Instrument) -> Record:
    """Return a specification as JSON-able values."""
    rule = instrument.price_rule
    record: Record = {
        "venue": instrument.venue,
        "symbol": instrument.symbol,
        "base": instrument.base,
        "quote": instrument.quote,
        "settle": instrument.settle,
        "tick": str(instrument.tick),
        "lot": str(instrument.lot),
        "multiplier": str(instrument.multiplier),
        "inverse": instrument.inverse,
        "maker_fee": str(instrument.maker_fee),
        "taker_fee": str(instrument.taker_fee),
        "min_size": str(instrument.min_size * instrument.lot),
        "min_notional": str(instrument.min_notional),
    }
    if instrument.max_size is not None:
        record["max_size"] = str(instrument.max_size * instrument.lot)
    if isinstance(rule, SignificantFigures):
        record["significant_figures"] = rule.figures
    elif isinstance(rule, ConstantStep):
        record["price_step"] = str(rule.ticks * instrument.tick)
    else:
        raise ValueError(f"price rule {rule} of {instrument.name} cannot be written down")
    if instrument.valid_from:
        seconds, rest = divmod(instrument.valid_from, SECOND)
        if rest:
            raise ValueError(f"valid_from {instrument.valid_from} ns of {instrument.name} is not a whole second")
        record["valid_from"] = datetime.fromtimestamp(seconds, UTC).isoformat()
    return record


def from_record(record: Mapping[str, Any], where: str, instrument: InstrumentId = 0) -> Instrument:
    """Read one table.

    Raises:
        ValueError: a key or value is wrong; the message begins with `where`.
    """
    return _Table(record, where).instrument(instrument)


class _Table:
    """One [[instrument]] table, with the words for what is wrong in it."""

    def __init__(self, record: Mapping[str, Any], where: str) -> None:
        self._record = record
        self._where = where
        for key in record:
            if key not in FIELDS:
                raise ValueError(f"{where}: unknown key {key!r}; allowed: {', '.join(FIELDS)}")
        for key, (wanted, is_needed) in FIELDS.items():
            if is_needed and key not in record:
                raise ValueError(f"{where}: key {key!r} is missing; it must be {wanted}")

    def instrument(self, instrument: InstrumentId) -> Instrument:
        tick, lot = self._positive("tick"), self._positive("lot")
        return Instrument(
            id=instrument,
            venue=self._text("venue"),
            symbol=self._text("symbol"),
            base=self._text("base"),
            quote=self._text("quote"),
            settle=self._text("settle"),
            tick=tick,
            lot=lot,
            multiplier=self._positive("multiplier", Decimal(1)),
            inverse=self._flag("inverse"),
            maker_fee=self._fee("maker_fee"),
            taker_fee=self._fee("taker_fee"),
            min_size=self._multiple("min_size", lot) or 1,
            max_size=self._multiple("max_size", lot),
            min_notional=self._least("min_notional"),
            price_rule=self._price_rule(tick),
            valid_from=self._time("valid_from"),
        )

    def _wrong(self, key: str) -> ValueError:
        return ValueError(f"{self._where}: {key} = {_shown(self._record[key])} must be {FIELDS[key][0]}")

    def _text(self, key: str) -> str:
        value = self._record[key]
        if not isinstance(value, str) or not value or "\n" in value or "," in value:
            raise self._wrong(key)
        return value

    def _flag(self, key: str) -> bool:
        value = self._record.get(key, False)
        if not isinstance(value, bool):
            raise self._wrong(key)
        return value

    def _number(self, key: str, default: Decimal) -> Decimal:
        value = self._record.get(key, default)
        try:
            if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
                raise self._wrong(key)
            number = Decimal(value)
        except InvalidOperation:
            raise self._wrong(key) from None
        if not number.is_finite():
            raise self._wrong(key)
        return number

    def _positive(self, key: str, default: Decimal = Decimal(0)) -> Decimal:
        number = self._number(key, default)
        if number <= 0:
            raise self._wrong(key)
        return number

    def _least(self, key: str) -> Decimal:
        number = self._number(key, Decimal(0))
        if number < 0:
            raise self._wrong(key)
        return number

    def _fee(self, key: str) -> Decimal:
        number = self._number(key, Decimal(0))
        if abs(number) >= 1:
            raise self._wrong(key)
        return number

    def _multiple(self, key: str, unit: Decimal) -> int | None:
        if key not in self._record:
            return None
        count, rest = divmod(self._positive(key), unit)
        if rest:
            raise self._wrong(key)
        return int(count)

    def _price_rule(self, tick: Decimal) -> PriceRule:
        figures = self._record.get("significant_figures")
        step = self._multiple("price_step", tick)
        if figures is None:
            return ConstantStep(step or 1)
        if isinstance(figures, bool) or not isinstance(figures, int) or not 1 <= figures <= 18:
            raise self._wrong("significant_figures")
        if step is not None:
            raise ValueError(f"{self._where}: price_step and significant_figures exclude each other")
        if tick > 1 or 1 % tick:
            raise ValueError(f"{self._where}: with significant_figures, 1 must be a multiple of tick, which is {tick}")
        return SignificantFigures(figures, int(1 / tick))

    def _time(self, key: str) -> Nanos:
        value = self._record.get(key)
        if value is None:
            return 0
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                raise self._wrong(key) from None
        if not isinstance(value, date):  # a datetime is one too
            raise self._wrong(key)
        if not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day, tzinfo=UTC)
        return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()) * SECOND


def _shown(value: object) -> str:
    return str(value) if isinstance(value, Decimal | date) else json.dumps(value, default=str)
