"""Read a CSV in Tardis' layouts as columns of ints, a block at a time; every fault names its file and line."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Final

import attrs
import numpy as np
import pyarrow as pa

from market.archive.csv_kernels import (
    AMOUNT,
    BOOK_SIDE,
    COLUMN_COUNT,
    DUE,
    FLAG,
    INTEREST,
    LEVEL_AMOUNT,
    LEVEL_PRICE,
    MARK,
    MICROS,
    NOT_STATED,
    PRICE,
    RATE,
    SKIP,
    SYMBOL,
    TAKER,
    TRADE_ID,
    VENUE,
    parse_rows,
)
from market.archive.decimal_kernels import FINE, NOT_POSITIVE, OFF_GRID, TOO_LARGE
from market.archive.layout import Kind
from market.columns import IntArray
from market.instrument import Instrument
from market.units import US, Nanos

BLOCK_BYTES: Final = 1 << 22
_BLOCK_VALUES: Final = 1 << 19  # ints of a chunk
_HEAD_BYTES: Final = 1 << 16
_LINE_BYTES: Final = 1 << 20
_ALWAYS: Final = MappingProxyType({"exchange": VENUE, "symbol": SYMBOL, "timestamp": MICROS, "local_timestamp": MICROS})
# kind -> its columns beside these
_LAYOUTS: Final = MappingProxyType(
    {
        "delta": {"is_snapshot": FLAG, "side": BOOK_SIDE, "price": PRICE, "amount": AMOUNT},
        "trades": {"id": TRADE_ID, "side": TAKER, "price": PRICE, "amount": AMOUNT},
        "marks": {
            "funding_timestamp": DUE,
            "funding_rate": RATE,
            "open_interest": INTEREST,
            "index_price": MARK,
            "mark_price": MARK,
        },
    }
)
_LEVEL: Final = re.compile(r"(asks|bids)\[(\d+)\]\.(price|amount)")
_SHAPES: Final = MappingProxyType(
    {
        MICROS: "a whole number of microseconds",
        DUE: "a whole number of microseconds, or empty",
        FLAG: "true or false",
        BOOK_SIDE: "bid or ask",
        TAKER: "buy, sell or unknown",
    }
)


class CsvError(ValueError):
    """A file is not what it should be.  The text begins with file and line."""

    def __init__(self, path: Path, line: int, text: str) -> None:
        super().__init__(f"{path}:{line}: {text}")


@attrs.frozen
class CsvChunk:
    """Some rows of a file.

    Attributes:
        first_line: line of the first row; the header is line 1.
        values: (columns, rows) ints: ns, ticks, lots, or as market.archive.csv_kernels says of each role.
    """

    first_line: int
    values: IntArray


@attrs.frozen
class CsvFile:
    """A file whose head has been read.

    Attributes:
        kind: the kind of feed, by its header.
        columns: names in order.
        venue, symbol: of the first row, None if there is none.
        first_recv: ts_recv of the first row, ns.
    """

    path: Path
    kind: Kind
    columns: tuple[str, ...]
    venue: str | None
    symbol: str | None
    first_recv: Nanos

    @classmethod
    def open(cls, path: Path) -> "CsvFile":
        """Read header and first row.

        Raises:
            CsvError: they are not those of a known layout.
            FileNotFoundError: there is no such file.
        """
        with _stream(path) as stream:
            try:
                head = stream.read(_HEAD_BYTES).decode("ascii", "replace")
            except OSError as error:  # a truncated or damaged gzip
                raise CsvError(path, 1, f"cannot be read: {error}") from None
        first, _, rest = head.partition("\n")
        if not first:
            raise CsvError(path, 1, "the file is empty; wanted a header")
        columns = tuple(first.rstrip("\r").split(","))
        kind = _kind(path, columns)
        if not rest:
            return cls(path, kind, columns, None, None, 0)
        texts = rest.partition("\n")[0].rstrip("\r").split(",")
        if len(texts) != len(columns):
            raise CsvError(path, 2, f"{len(texts)} columns, wanted {len(columns)}: {','.join(texts)[:200]!r}")
        row = dict(zip(columns, texts, strict=True))
        recv = row.get("local_timestamp", "")
        if not re.fullmatch(r"[0-9]{1,16}", recv):
            raise CsvError(path, 2, f"local_timestamp {recv!r} must be {_SHAPES[MICROS]}")
        return cls(path, kind, columns, row["exchange"], row["symbol"], int(recv) * US)

    def chunks(self, instrument: Instrument, block_bytes: int = BLOCK_BYTES) -> Iterator[CsvChunk]:
        """Yield all rows; memory holds one block.

        Raises:
            CsvError: a row is malformed, of another instrument, or off its grid.
        """
        roles = np.array([_role(name, self.kind) for name in self.columns], np.int64)
        units = np.array([*_mantissa(instrument.tick), *_mantissa(instrument.lot)], np.int64)
        names = np.frombuffer(f"{instrument.venue}\n{instrument.symbol}\n".encode(), np.uint8)
        most_rows = max(1, _BLOCK_VALUES // len(roles))
        fault = np.zeros(4, np.int64)
        line = 2
        try:
            for text in _whole_lines(self.path, block_bytes):
                view = np.frombuffer(text, np.uint8)
                at = 0
                while at < len(text):
                    values: IntArray = np.empty((len(roles), most_rows), np.int64)
                    n, at = parse_rows(view, at, len(text), roles, units, names, values, fault)
                    if n:
                        values = values[:, :n]
                        values[roles == MICROS] *= US
                        for column in np.flatnonzero(roles == DUE):
                            values[column, values[column] != NOT_STATED] *= US
                        yield CsvChunk(line, values)
                    line += n
                    if fault[0] != FINE:
                        raise CsvError(self.path, line, self._fault(fault, text, instrument))
        except OSError as error:
            raise CsvError(self.path, line, f"cannot be read on from about here: {error}") from None

    def _fault(self, fault: IntArray, text: bytes, instrument: Instrument) -> str:
        """Return what is wrong with a row, in words."""
        what, column, first, last = fault.tolist()
        said = bytes(text[first:last]).decode("utf-8", "replace")
        if what == COLUMN_COUNT:
            return f"{column} columns, wanted {len(self.columns)}: {said[:200]!r}"
        name = self.columns[column]
        role = _role(name, self.kind)
        if role in (VENUE, SYMBOL):
            wanted = instrument.venue if role == VENUE else instrument.symbol
            return f"{name} {said!r} differs from the file's first, {wanted!r}; a file holds one instrument"
        if role in _SHAPES:
            return f"{name} {said!r} must be {_SHAPES[role]}"
        is_price = role in (PRICE, LEVEL_PRICE, MARK)
        contracts = instrument.inverse or instrument.multiplier != 1
        unit = f" {instrument.quote if is_price else 'contracts' if contracts else instrument.base}"
        if role in (RATE, INTEREST):  # of interest each venue has a unit of its own
            unit = ""
        said = f"{name} {said}{unit}" if what in (OFF_GRID, NOT_POSITIVE, TOO_LARGE) else f"{name} {said!r}"
        if what == OFF_GRID:
            grid = f"tick size {instrument.tick}" if is_price else f"lot size {instrument.lot}"
            return f"{said} is not a multiple of {grid} ({instrument.name})"
        if what == NOT_POSITIVE:
            return f"{said} must be {'above 0' if role in (PRICE, LEVEL_PRICE) else 'at least 0'}"
        if what == TOO_LARGE and role in (RATE, MARK, INTEREST):
            return f"{said} is too large: no such number is kept"
        if what == TOO_LARGE:
            return f"{said} is too large: more than 63 bits of {'ticks' if is_price else 'lots'}"
        return f"{said} is not a number"


def _kind(path: Path, columns: tuple[str, ...]) -> Kind:
    doubled = [name for place, name in enumerate(columns) if name in columns[:place]]
    if doubled:
        raise CsvError(path, 1, f"column {doubled[0]!r} stands there twice")
    missing = [name for name in _ALWAYS if name not in columns]
    if missing:
        raise CsvError(path, 1, f"no column {missing[0]!r}; the header is {','.join(columns)[:200]!r}")
    if all(name in columns for name in _LAYOUTS["delta"]):
        return "delta"
    if all(name in columns for name in _LAYOUTS["trades"]):
        return "trades"
    if all(name in columns for name in _LAYOUTS["marks"]):
        return "marks"
    if depth_of(columns):
        return "book"
    layouts = "incremental_book_L2, book_snapshot_N, trades or derivative_ticker"
    raise CsvError(path, 1, f"the header is none of {layouts}: {','.join(columns)[:200]!r}")


def depth_of(columns: tuple[str, ...]) -> int:
    """Return how many levels a side a layout of full books has; 0 if it is none or lacks some."""
    levels = [match for match in map(_LEVEL.fullmatch, columns) if match]
    depth = 1 + max((int(match[2]) for match in levels), default=-1)
    return depth if len(levels) == 4 * depth else 0


def _role(name: str, kind: Kind) -> int:
    if name in _ALWAYS:
        return _ALWAYS[name]
    if kind == "book":
        match = _LEVEL.fullmatch(name)
        return SKIP if match is None else LEVEL_PRICE if match[3] == "price" else LEVEL_AMOUNT
    return _LAYOUTS[kind].get(name, SKIP)


def _mantissa(unit: Decimal) -> tuple[int, int]:
    """Return (m, e) with unit = m * 10**e and m no multiple of ten."""
    _, digits, exponent = unit.normalize().as_tuple()
    return int("".join(map(str, digits))), int(exponent)


def _stream(path: Path) -> pa.NativeFile:
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    return pa.input_stream(str(path), compression="detect", buffer_size=1 << 20)


def _whole_lines(path: Path, block_bytes: int) -> Iterator[bytes]:
    """Yield the text after the header in blocks of whole lines; the last is given a newline if it has none.

    Raises:
        OSError: the file is truncated or damaged.
    """
    rest = b""
    is_header = True
    with _stream(path) as stream:
        while True:
            block = stream.read(block_bytes)
            text = rest + block if block else rest + b"\n" if rest else b""
            if not text:
                return
            cut = text.rfind(b"\n") + 1
            if cut == 0 and len(text) > _LINE_BYTES:
                raise OSError(f"a line of more than {_LINE_BYTES:,} bytes")
            rest = text[cut:]
            begin = text.find(b"\n") + 1 if is_header else 0
            is_header = is_header and not cut
            if begin < cut:
                yield text[begin:cut]
