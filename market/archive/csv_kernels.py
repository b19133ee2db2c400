"""From the bytes of a CSV to ints, exactly and in one pass.

A column has a role, which says what its text must look like and what int it becomes.  Decimals never pass through a
float: `61800.2` is read as 618002 * 10**-1 and divided by the tick, so that what does not fit is seen, however close.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from market.archive.decimal_kernels import (
    FINE,
    MALFORMED,
    NOT_POSITIVE,
    TOO_LARGE,
    decimal,
    integer,
    nearest,
)
from market.jit import njit

Bytes = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]

# roles
SKIP: Final = 0
MICROS: Final = 1  # int > 0
PRICE: Final = 2  # decimal > 0, a multiple of the tick
AMOUNT: Final = 3  # decimal >= 0, a multiple of the lot
FLAG: Final = 4  # true 1, false 0
BOOK_SIDE: Final = 5  # bid 1, ask -1
TAKER: Final = 6  # buy 1, sell -1, unknown 0
TRADE_ID: Final = 7  # an int as it is, other text hashed to 63 bits, -1 if empty
VENUE: Final = 8  # the text given
SYMBOL: Final = 9  # the text given
LEVEL_PRICE: Final = 10  # PRICE, or empty: 0
LEVEL_AMOUNT: Final = 11  # AMOUNT, or empty: 0
# what a venue may not state: NOT_STATED where it is empty; rounded to the unit, since no grid holds for it
DUE: Final = 12  # MICROS
RATE: Final = 13  # decimal, 1e-12
MARK: Final = 14  # decimal >= 0, 1e-6 of a tick; 0 is not stated either
INTEREST: Final = 15  # decimal >= 0, 1e-4

NOT_STATED: Final = -9223372036854775808

COLUMN_COUNT: Final = 5  # what can be wrong with a line, beside the faults of a text

_COMMA: Final = 44
_NEWLINE: Final = 10
_RETURN: Final = 13
_MOST_MICROS: Final = 9223372036854774
_FNV_BASIS: Final = np.uint64(0xCBF29CE484222325)
_FNV_PRIME: Final = np.uint64(0x100000001B3)
_MASK_63: Final = np.uint64(0x7FFFFFFFFFFFFFFF)


@njit
def parse_rows(
    text: Bytes, begin: int, end: int, roles: IntArray, units: IntArray, names: Bytes, out: IntArray, fault: IntArray
) -> tuple[int, int]:
    """Read whole lines from `text[begin:end]`, which ends with a newline, into columns of ints.

    Args:
        roles: (C,) of the columns.
        units: (4,) tick and lot, each as (mantissa, power of ten), the mantissa no multiple of ten.
        names: venue, newline, symbol, newline: what VENUE and SYMBOL columns must say.
        out: (C, M); at most M rows are read.
        fault: (4,) of the first row that does not parse: what is wrong, its column, where its text begins and ends;
            for COLUMN_COUNT the number of columns found, and the line's begin and end.

    Returns:
        (rows read, position after them); the row at fault is not among them, and `fault[0]` is FINE if there is none.
    """
    n_columns = roles.shape[0]
    row = 0
    at = begin
    fault[0] = FINE
    while at < end and row < out.shape[1]:
        line = at
        for column in range(n_columns):
            first = at
            while text[at] != _COMMA and text[at] != _NEWLINE:
                at += 1
            last = at
            is_end = text[at] == _NEWLINE
            if is_end and last > first and text[last - 1] == _RETURN:
                last -= 1
            if is_end != (column == n_columns - 1):
                _count_columns(text, line, fault)
                return row, line
            at += 1
            role = roles[column]
            if role in (PRICE, LEVEL_PRICE):
                if first == last and role == LEVEL_PRICE:
                    answer, value = FINE, 0
                else:
                    answer, value = decimal(text, first, last, units[0], units[1])
                    if answer == FINE and value <= 0:
                        answer = NOT_POSITIVE
            elif role in (AMOUNT, LEVEL_AMOUNT):
                if first == last and role == LEVEL_AMOUNT:
                    answer, value = FINE, 0
                else:
                    answer, value = decimal(text, first, last, units[2], units[3])
                    if answer == FINE and value < 0:
                        answer = NOT_POSITIVE
            elif role in (RATE, MARK, INTEREST):
                answer, value = _statement(text, first, last, role, units)
            else:
                answer, value = _word(text, first, last, role, names)
            if answer != FINE:
                fault[0] = answer
                fault[1] = column
                fault[2] = first
                fault[3] = last
                return row, line
            out[column, row] = value
        row += 1
    return row, at


@njit
def _count_columns(text: Bytes, line: int, fault: IntArray) -> None:
    at = line
    n = 1
    while text[at] != _NEWLINE:
        n += text[at] == _COMMA
        at += 1
    fault[0] = COLUMN_COUNT
    fault[1] = n
    fault[2] = line
    fault[3] = at


@njit
def _statement(text: Bytes, first: int, last: int, role: int, units: IntArray) -> tuple[int, int]:
    """Read a decimal that may be empty, to the nearest unit."""
    if first == last:
        return FINE, NOT_STATED
    if role == RATE:
        return nearest(text, first, last, 1, -12)
    unit, power = (units[0], units[1] - 6) if role == MARK else (1, -4)
    answer, value = nearest(text, first, last, unit, power)
    if answer == FINE and value < 0:
        answer = NOT_POSITIVE
    return answer, NOT_STATED if role == MARK and value == 0 else value


@njit
def _word(text: Bytes, first: int, last: int, role: int, names: Bytes) -> tuple[int, int]:
    """Read a column that is no decimal."""
    if role in (MICROS, DUE):
        if role == DUE and first == last:
            return FINE, NOT_STATED
        answer, value = integer(text, first, last)
        if answer == FINE and value > _MOST_MICROS:
            answer = TOO_LARGE
        elif answer == FINE and value == 0:
            answer = NOT_POSITIVE
        return answer, value
    if role == FLAG:
        if _is_word(text, first, last, (116, 114, 117, 101)):
            return FINE, 1
        return (FINE, 0) if _is_word(text, first, last, (102, 97, 108, 115, 101)) else (MALFORMED, 0)
    if role == BOOK_SIDE:
        if _is_word(text, first, last, (98, 105, 100)):
            return FINE, 1
        return (FINE, -1) if _is_word(text, first, last, (97, 115, 107)) else (MALFORMED, 0)
    if role == TAKER:
        if _is_word(text, first, last, (98, 117, 121)):
            return FINE, 1
        if _is_word(text, first, last, (115, 101, 108, 108)):
            return FINE, -1
        return (FINE if _is_word(text, first, last, (117, 110, 107, 110, 111, 119, 110)) else MALFORMED), 0
    if role == TRADE_ID:
        if first == last:
            return FINE, -1
        answer, value = integer(text, first, last)
        return FINE, value if answer == FINE else _hash(text, first, last)
    if role in (VENUE, SYMBOL):
        return (FINE if _is_name(text, first, last, names, role == SYMBOL) else MALFORMED), 0
    return FINE, 0


@njit
def _is_word(text: Bytes, first: int, last: int, word: tuple[int, ...]) -> bool:
    if last - first != len(word):
        return False
    n_same = 0
    for i in range(len(word)):
        n_same += text[first + i] == word[i]
    return n_same == len(word)


@njit
def _is_name(text: Bytes, first: int, last: int, names: Bytes, is_second: bool) -> bool:
    at = 0
    if is_second:
        while names[at] != _NEWLINE:
            at += 1
        at += 1
    for i in range(first, last):
        if names[at] != text[i]:
            return False
        at += 1
    return bool(names[at] == _NEWLINE)


@njit
def _hash(text: Bytes, first: int, last: int) -> int:
    """FNV-1a (Fowler, Noll, Vo), its 63 lower bits."""
    value = _FNV_BASIS
    for at in range(first, last):
        value = (value ^ np.uint64(text[at])) * _FNV_PRIME
    return int(np.int64(value & _MASK_63))
