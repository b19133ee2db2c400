"""From numbers in 1e-8 to the ticks and lots of an instrument."""

from fractions import Fraction

import numpy as np

from market.columns import NOT_STATED
from market.instrument import Instrument
from market.messages import LevelArray, Mark
from market.units import Lots, Nanos, Ticks
from venues.paradex.binary import E8, LevelsE8, SummaryFrame
from venues.wire import RemoteProtocolError

_E6 = 10**6
_E4 = 10**4


class Scale:
    """The grids of an instrument in 1e-8.

    Raises:
        ValueError: its tick or lot is no whole number of 1e-8, in which the venue tells prices and sizes.
    """

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._tick, self._lot = (
            _steps(step, name, instrument) for step, name in ((instrument.tick, "tick"), (instrument.lot, "lot"))
        )

    def levels(self, rows: LevelsE8) -> LevelArray:
        """Return levels as (n, 2) int64 rows [ticks, lots], in their order; read-only.

        Raises:
            RemoteProtocolError: a price or a size does not fit the instrument.
        """
        steps = np.array((self._tick, self._lot), np.int64)
        found, rest = np.divmod(rows, steps)
        if rest.any() or (found < (1, 0)).any():
            odd = rows[(rest != 0).any(axis=1) | (found < (1, 0)).any(axis=1)][0]
            raise self._unfit(int(odd[0]), int(odd[1]))
        found.setflags(write=False)
        return found

    def deal(self, price_e8: int, size_e8: int) -> tuple[Ticks, Lots]:
        """Return price and size of a trade.

        Raises:
            RemoteProtocolError: they do not fit the instrument, or there is no size.
        """
        (ticks, odd_price), (lots, odd_size) = divmod(price_e8, self._tick), divmod(size_e8, self._lot)
        if odd_price or odd_size or ticks < 1 or lots < 1:
            raise self._unfit(price_e8, size_e8)
        return ticks, lots

    def mark(self, told: SummaryFrame, ts_recv: Nanos) -> Mark:
        """Return what a summary says of mark, index, funding and open interest."""
        mark, index = (
            NOT_STATED if each is None else round(Fraction(each * _E6, self._tick))
            for each in (told.mark_e8, told.index_e8)
        )
        rate = NOT_STATED if told.rate_e12 is None else told.rate_e12
        interest = NOT_STATED if told.interest_e8 is None else round(Fraction(told.interest_e8 * _E4, E8))
        # funding accrues all the time: it is due at no hour
        return Mark(self._instrument.id, told.ts, ts_recv, mark, index, rate, NOT_STATED, interest)

    def _unfit(self, price_e8: int, size_e8: int) -> RemoteProtocolError:
        return RemoteProtocolError(
            f"price {price_e8}e-8 and size {size_e8}e-8 do not fit {self._instrument.name}: its tick is "
            f"{self._instrument.tick}, its lot {self._instrument.lot}"
        )


def _steps(step: object, name: str, instrument: Instrument) -> int:
    found = Fraction(str(step)) * E8
    if found.denominator != 1:
        raise ValueError(f"the {name} {step} of {instrument.name} is no whole number of 1e-8, which paradex tells")
    return found.numerator
