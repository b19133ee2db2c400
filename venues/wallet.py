"""What an account's wallet holds, as its snapshot tells it."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

_E8: Final = 10**8
_MOST: Final = Decimal((1 << 63) - 1) / _E8


def wallet_of(amounts: Iterable[tuple[str, Decimal]]) -> tuple[tuple[str, int], ...]:
    """Return (asset, e-8 of it) of what is held; what is beyond an int64, as of coins by the billion, is left out."""
    # the bound comes first: a hostile exponent would cost time
    held = ((asset, round(amount * _E8)) for asset, amount in amounts if abs(amount) < _MOST)
    return tuple((asset, e8) for asset, e8 in held if e8)
