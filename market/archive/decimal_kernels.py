"""From a number's text to an int of some unit, exactly: what does not fit is seen, however close, or rounded if asked.

Nothing passes through a float.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from market.jit import njit

Bytes = npt.NDArray[np.uint8]

# what can be wrong with a text
FINE: Final = 0
MALFORMED: Final = 1
OFF_GRID: Final = 2
NOT_POSITIVE: Final = 3
TOO_LARGE: Final = 4

_MINUS: Final = 45
_PLUS: Final = 43
_POINT: Final = 46
_0: Final = 48
_9: Final = 57
_LARGEST: Final = 9223372036854775807
_MOST: Final = 922337203685477579  # the largest mantissa that bears any further digit
_MOST_ROUNDED: Final = 99999999999999999  # so that one that is divided by 10**19 rounds to 0


@njit
def decimal(text: Bytes, first: int, last: int, unit: int, unit_power: int) -> tuple[int, int]:
    """Return (FINE or what is wrong, the number at `text[first:last]` in units of unit * 10**unit_power)."""
    answer, mantissa, power = _read(text, first, last, _MOST, False)
    if answer != FINE or mantissa == 0:
        return answer, 0
    shift = power - unit_power
    if shift < 0:
        # the mantissa ends in no zero, so it is no multiple of a power of ten; one of 2 or 5 in the unit may help
        divisor = 1
        for _ in range(-shift):
            if divisor > _MOST:
                return OFF_GRID, 0
            divisor *= 10
        if divisor > _LARGEST // unit or mantissa % (divisor * unit) != 0:
            return OFF_GRID, 0
        mantissa //= divisor * unit
    elif unit == 1:  # nearly always; a division costs more than all the rest
        for _ in range(shift):
            if mantissa > _MOST:
                return TOO_LARGE, 0
            mantissa *= 10
    else:
        rest = mantissa % unit
        mantissa //= unit
        for _ in range(shift):
            rest *= 10
            if mantissa > _MOST:
                return TOO_LARGE, 0
            mantissa = mantissa * 10 + rest // unit
            rest %= unit
        if rest != 0:
            return OFF_GRID, 0
    return FINE, -mantissa if text[first] == _MINUS else mantissa


@njit
def nearest(text: Bytes, first: int, last: int, unit: int, unit_power: int) -> tuple[int, int]:
    """Return (FINE or what is wrong, the number to the nearest unit * 10**unit_power; a half goes away from zero)."""
    answer, mantissa, power = _read(text, first, last, _MOST_ROUNDED, True)
    if answer != FINE or mantissa == 0:
        return answer, 0
    divisor = 1
    for _ in range(unit_power - power):
        if divisor > _MOST:
            return FINE, 0
        divisor *= 10
    for _ in range(power - unit_power):
        if mantissa > _MOST:
            return TOO_LARGE, 0
        mantissa *= 10
    if divisor > _LARGEST // unit:
        return FINE, 0
    divisor *= unit
    rest = mantissa % divisor
    rounded = mantissa // divisor + (rest >= divisor - rest)
    return FINE, -rounded if text[first] == _MINUS else rounded


@njit
def _read(text: Bytes, first: int, last: int, most: int, may_cut: bool) -> tuple[int, int, int]:
    """Return (FINE or what is wrong, mantissa, power of ten) of a number without its sign.

    Args:
        most: the largest mantissa that takes a further digit.
        may_cut: digits after the point that have no room are left out; else the number is too large.
    """
    at = first
    at += at < last and text[at] == _MINUS
    mantissa = 0
    power = 0
    n_digits = 0
    zeros = 0  # held back: those at the end of a number need no room in the mantissa
    is_fraction = False
    is_full = False
    while at < last:
        byte = text[at]
        if _0 <= byte <= _9:
            n_digits += 1
            if is_full:
                at += 1
                continue
            if is_fraction:
                power -= 1
            if byte == _0:
                zeros += 1
            else:
                if mantissa == 0:
                    zeros = 0
                while zeros > 0 and mantissa <= most:
                    mantissa *= 10
                    zeros -= 1
                if mantissa <= most:
                    mantissa = mantissa * 10 + (byte - _0)
                elif may_cut and is_fraction:
                    is_full = True
                    power += 1
                else:
                    return TOO_LARGE, 0, 0
        elif byte == _POINT and not is_fraction:
            is_fraction = True
        else:
            break
        at += 1
    power += zeros
    if n_digits == 0:
        return MALFORMED, 0, 0
    if at < last:
        if text[at] | 32 != 101:  # e, E
            return MALFORMED, 0, 0
        at += 1
        is_small = at < last and text[at] == _MINUS
        at += at < last and (text[at] == _MINUS or text[at] == _PLUS)
        if at == last or last - at > 4:
            return MALFORMED, 0, 0
        exponent = 0
        while at < last:
            if not _0 <= text[at] <= _9:
                return MALFORMED, 0, 0
            exponent = exponent * 10 + (text[at] - _0)
            at += 1
        power += -exponent if is_small else exponent
    return FINE, mantissa, power


@njit
def integer(text: Bytes, first: int, last: int) -> tuple[int, int]:
    """Read digits without sign."""
    if first == last:
        return MALFORMED, 0
    value = 0
    for at in range(first, last):
        if not _0 <= text[at] <= _9:
            return MALFORMED, 0
        if value > _MOST:
            return TOO_LARGE, 0
        value = value * 10 + (int(text[at]) - _0)
    return FINE, value
