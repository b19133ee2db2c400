"""What every codec needs: the error of a venue's fault, a request as data, decimal texts as exact ints.

Venues write numbers as decimal texts.  `Grid` counts them in the units of a tick or a lot without going through a
float; texts repeat all the time (a book moves among the same few prices), so each is worked out once and remembered.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cache
from struct import Struct
from typing import Final, TypeVar

import msgspec
import numpy as np

from market import Instrument
from market.messages import LevelArray
from market.units import Lots, Ticks

T = TypeVar("T")

_INT64: Final = np.dtype(np.int64)
_ROW_BYTES: Final = 16  # of a level
_MAX_REMEMBERED: Final = 1 << 16
_TOO_LARGE: Final = 1 << 62
_MAX_DIGITS: Final = 40  # no price has as many; keeps a hostile text from costing time
_SHOWN_BYTES: Final = 200
_MAX_EXPONENT: Final = 18
_E12: Final = 10**12
_DIGITS_OF_INT64: Final = 18
_FNV_BASIS: Final = 0xCBF29CE484222325
_FNV_PRIME: Final = 0x100000001B3
_MASK_63: Final = (1 << 63) - 1


class RemoteProtocolError(Exception):
    """The venue sent what its documentation forbids: drop the connection, or the message, and say so."""


class HttpRequest(msgspec.Struct, frozen=True, gc=False):
    """A request to send, as data.

    Attributes:
        method: GET, POST, PUT or DELETE.
        path: from the slash after the host on, without the query.
        query: as it stands in the URL after `?`, percent-encoded and signed as it is; empty for none.
        headers: in this order, besides those that HTTP itself needs.
        body: the bytes to send as they are (a signature covers them); empty for none.
        weight: what the request takes from the venue's rate limit.
        address: scheme and host, where they are not those of the venue's other requests; empty for those.
    """

    method: str
    path: str
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    weight: int = 1
    address: str = ""

    def __repr__(self) -> str:
        # headers, query and body may carry keys and signatures: an error or a log must not show them
        return f"HttpRequest({self.method} {self.path}, weight={self.weight})"

    @property
    def target(self) -> str:
        """Path and query as they stand in the request line."""
        return f"{self.path}?{self.query}" if self.query else self.path


class Grid(dict[str, int]):
    """Decimal texts to counts of `unit`: `grid[text]` is exact, >= `least`, and raises `RemoteProtocolError` otherwise.

    Args:
        unit: what is counted, such as the tick; positive.
        field: the word for what the texts say, such as "price".
        where: whose they are, for the error.
        least: the least count that is allowed.
    """

    def __init__(self, unit: Decimal, field: str, where: str, least: int = 0) -> None:
        super().__init__()
        self.unit = unit
        self.least = least
        self._field, self._where = field, where
        exact = Fraction(unit)
        # count = digits / 10**places / unit, in whole numbers: digits * denominator / (numerator * 10**places)
        self._numerator, self._denominator = exact.numerator, exact.denominator
        exponent = unit.normalize().as_tuple().exponent
        assert isinstance(exponent, int), unit
        self._places = max(0, -exponent)

    def __missing__(self, text: str) -> int:
        count = self._count(text)
        if len(self) >= _MAX_REMEMBERED:
            self.clear()
        self[text] = count
        return count

    def signed(self, text: str) -> int:
        """Return the count of a text that may begin with a minus.

        Raises:
            RemoteProtocolError: the rest of it does not fit.
        """
        return -self[text[1:]] if text.startswith("-") else self[text]

    def text(self, count: int) -> str:
        """Return the decimal text of `count` (>= 0) units, with as many places as the unit has.

        Raises:
            ValueError: `count` is negative.
        """
        if count < 0:
            raise ValueError(f"{self._field} of {count} units of {self.unit} ({self._where}) is negative")
        scaled = count * self._numerator * 10**self._places // self._denominator  # exact: unit is whole in these places
        if not self._places:
            return str(scaled)
        digits = str(scaled).rjust(self._places + 1, "0")
        return f"{digits[: -self._places]}.{digits[-self._places :]}"

    def _count(self, text: str) -> int:
        whole, _, fraction = text.partition(".")
        digits = whole + fraction
        if not (whole and digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
            raise RemoteProtocolError(f"{self._field} {text!r} of {self._where} is not a decimal number of digits")
        scale: int = 10 ** len(fraction)
        count, rest = divmod(int(digits) * self._denominator, self._numerator * scale)
        if rest:
            raise RemoteProtocolError(f"{self._field} {text} of {self._where} is not a multiple of {self.unit}")
        if not self.least <= count < _TOO_LARGE:
            raise RemoteProtocolError(
                f"{self._field} {text} of {self._where} is not in [{self.least}, {_TOO_LARGE}) x {self.unit}"
            )
        return count


class InstrumentGrid:
    """The grids of an instrument: `ticks[text]` of its prices (>= 1), `lots[text]` of its sizes (>= 0)."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.ticks = Grid(instrument.tick, "price", instrument.name, least=1)
        self.lots = Grid(instrument.lot, "size", instrument.name)

    def price_text(self, ticks: Ticks) -> str:
        """Return a price as the venue reads it."""
        return self.ticks.text(ticks)

    def size_text(self, lots: Lots) -> str:
        """Return a size as the venue reads it."""
        return self.lots.text(lots)

    def levels(self, rows: Sequence[tuple[str, str]]) -> LevelArray:
        """Return texts of (price, size) as (n, 2) int64 rows [ticks, lots], in their order; read-only.

        Raises:
            RemoteProtocolError: a price or a size does not fit the instrument.
        """
        return self.sides(rows, ())[0]

    def sides(self, bids: Sequence[tuple[str, str]], asks: Sequence[tuple[str, str]]) -> tuple[LevelArray, LevelArray]:
        """Return both sides of a book, each like `levels`; faster than one after the other.

        Raises:
            RemoteProtocolError: a price or a size does not fit the instrument.
        """
        ticks, lots = self.ticks, self.lots
        flat: list[int] = []
        append = flat.append
        for price, size in bids:
            append(ticks[price])
            append(lots[size])
        for price, size in asks:
            append(ticks[price])
            append(lots[size])
        # over bytes, which cannot be written, it takes half of what numpy takes to read a list and be told so
        data, n_bids = _packer(len(flat))(*flat), len(bids)
        return (
            np.ndarray((n_bids, 2), _INT64, data),
            np.ndarray((len(asks), 2), _INT64, data, n_bids * _ROW_BYTES),
        )


@cache
def _packer(n: int) -> Callable[..., bytes]:
    return Struct(f"{n}q").pack


def decode(decoder: msgspec.json.Decoder[T], frame: bytes | str | msgspec.Raw, what: str) -> T:
    """Return the message of a frame.

    Raises:
        RemoteProtocolError: it is not JSON or not of the decoder's shape; `what` names the feed.
    """
    try:
        return decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if isinstance(frame, msgspec.Raw):
            frame = bytes(frame)
        shown = frame[:_SHOWN_BYTES]
        raise RemoteProtocolError(f"{what}: {error}; the frame of {len(frame)} begins {shown!r}") from None


def number_of(text: str) -> int:
    """Return an id as an int64 >= 0: digits as they are, other text by 63 bits of FNV-1a (Fowler, Noll, Vo).

    It is the rule of the archive's importers, so that a trade has one id however it was recorded.
    """
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS_OF_INT64:
        return int(text)
    value = _FNV_BASIS
    for byte in text.encode():
        value = (value ^ byte) * _FNV_PRIME & _MASK_63
    return value


def decimal_of(text: str, field: str, where: str) -> Decimal:
    """Return a number of a venue's rules.

    Raises:
        RemoteProtocolError: it is not finite, or out of all proportion.
    """
    try:
        value = Decimal(text)
    except ArithmeticError:
        value = Decimal("NaN")
    if not (value.is_finite() and abs(value.adjusted()) < 30):
        raise RemoteProtocolError(f"{field} {text!r:.60} of {where} is not a usable number")
    return value


def money_e12(text: str, field: str, where: str) -> int:
    """Return an amount of money in 1e-12 of its asset, rounded to the nearest, a tie to the even.

    Raises:
        RemoteProtocolError: `text` is not a finite decimal number, or too large for an int64.
    """
    return rounded(text, _E12, field, where)


def rounded(text: str, per_unit: int | Fraction, field: str, where: str) -> int:
    """Return `text` times `per_unit`, rounded to the nearest, a tie to the even: for what lies on no grid.

    Raises:
        RemoteProtocolError: `text` is not a finite decimal number, or too large for an int64.
    """
    try:
        amount = Decimal(text)
    except ArithmeticError:
        amount = Decimal("NaN")
    # beyond the bounds a hostile exponent would cost time, and no account holds as much
    if not (amount.is_finite() and amount.adjusted() < _MAX_EXPONENT):
        raise RemoteProtocolError(f"{field} {text!r} of {where} is not a usable amount")
    count = round(Fraction(amount) * per_unit) if amount.adjusted() > -2 * _MAX_EXPONENT else 0
    if abs(count) >= _TOO_LARGE:
        raise RemoteProtocolError(f"{field} {text} of {where} is beyond {_TOO_LARGE} / {per_unit}")
    return count
