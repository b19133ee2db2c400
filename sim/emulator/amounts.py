"""Exact decimal text of prices, sizes and money, as venues write them and read them."""

from decimal import Decimal, InvalidOperation
from typing import Final

_REMEMBERED: Final = 65_536
MOST: Final = 10**9  # ticks or lots: a product of two fits 64 bits


class Grid:
    """The decimals of one unit, a tick or a lot: whole numbers of it as text, and back."""

    def __init__(self, unit: Decimal) -> None:
        self.unit = unit
        self.places = max(0, -int(unit.as_tuple().exponent))
        self._scaled = int(unit.scaleb(self.places))
        self._texts: dict[int, str] = {}

    def text(self, count: int) -> str:
        """Return `count` units with all decimals of the unit: 123 of 0.01 is "1.23"."""
        text = self._texts.get(count)
        if text is None:
            if len(self._texts) >= _REMEMBERED:
                self._texts.clear()
            text = self._texts[count] = self._write(count)
        return text

    def count(self, text: str) -> int | None:
        """Return how many units a decimal is; None for one between them, or beyond what is counted here."""
        try:
            whole, rest = divmod(Decimal(text), self.unit)
        except InvalidOperation:
            return None
        return None if rest or abs(whole) > MOST else int(whole)

    def _write(self, count: int) -> str:
        digits = str(abs(count) * self._scaled).zfill(self.places + 1)
        sign = "-" if count < 0 else ""
        return sign + (f"{digits[: -self.places]}.{digits[-self.places :]}" if self.places else digits)


def is_number(text: str) -> bool:
    """Tell whether a text is a finite decimal."""
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False


def money(amount: Decimal, places: int = 8) -> str:
    """Return an amount with `places` decimals, never in exponents."""
    return f"{amount:.{places}f}"


def plain(amount: Decimal, places: int = 8) -> str:
    """Return an amount with at most `places` decimals and no zeros at its end."""
    text = f"{amount:.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("", "-0") else text
