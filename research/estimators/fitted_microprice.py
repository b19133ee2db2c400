"""Stoikov's micro-price: the mid that one should expect once all that the touch says has played out.

The touch is in one of S states, its spread and its imbalance in buckets.  A step of the data leads from state to state
with the mid unchanged (probabilities Q), or changes it (expected change r, next state by T).  The expected mid after
its next change is mid + g1, where
    g1 = (I - Q)^-1 r,        B = (I - Q)^-1 T,
after the one after that mid + g1 + B g1, and so on.  The micro-price is the limit,
    mid + sum over i >= 0 of B^i g1 = mid + (I - B)^-1 g1.
It exists because each step is counted together with its mirror image, bids and asks exchanged: then g1 and the
adjustment change their sign with the imbalance, and only half of the states need be solved for.

A martingale by construction, it needs no horizon to be chosen; nor has it one: it says where the price will come to in
the end, not where it will be in a tenth of a second.
Source: Stoikov, "The micro-price: a high-frequency estimator of future prices", Quantitative Finance 18 (2018).
"""

from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from market.book import Book
from market.instrument import Instrument
from market.units import Side
from research.estimators.fitted_microprice_kernels import count_steps, fitted, fitted_prices
from research.market_arrays import BookArrays

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

_LARGEST_RATIO: Final = 1.0 - 1e-9  # of successive terms of the sum


@attrs.frozen(eq=False)
class FittedMicroprice:
    """The micro-price as fitted to one period of one instrument, to be applied to another.

    Attributes:
        instrument: what it was fitted to.
        spread_ticks: width of a spread bucket; the widest bucket holds all wider spreads, too.
        adjustment: (spreads, imbalances) what is added to the mid, ticks; the first imbalance bucket has the fewest
            bids.  NaN in a state from which no change of the mid was ever seen to follow.
        n_steps: (spreads, imbalances) steps seen from each state, mirror images included.
    """

    instrument: Instrument
    spread_ticks: int
    adjustment: FloatArray
    n_steps: IntArray

    @classmethod
    def fit(
        cls, books: BookArrays, n_imbalances: int = 11, n_spreads: int = 4, spread_ticks: int = 1
    ) -> "FittedMicroprice":
        """Fit to every step from a book to the next; a step from or to a crossed or one-sided book is left out.

        Args:
            n_imbalances: equal buckets of bid size / (bid size + ask size).  If odd, a balanced book is at the mid.
            n_spreads: buckets of the spread, each `spread_ticks` wide.

        Raises:
            ValueError: a number is below 1, or the mid never changes, or the sum does not converge (too few steps for
                so many states).
        """
        for name, value in (("n_imbalances", n_imbalances), ("n_spreads", n_spreads), ("spread_ticks", spread_ticks)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        n_states = n_spreads * n_imbalances
        quiet, moved = np.zeros((2, n_states, n_states), dtype=np.int64)
        drift = np.zeros(n_states, dtype=np.int64)
        shape = np.array([n_spreads, n_imbalances, spread_ticks])
        count_steps(books.bids, books.asks, shape, quiet, moved, drift)
        if not moved.any():
            raise ValueError(f"the mid of {books.instrument.name} never changes in these {len(books)} books")
        adjustment = limit_of_mids(quiet, moved, drift / 2.0, _mirror(n_spreads, n_imbalances))
        steps = (quiet.sum(axis=1) + moved.sum(axis=1)).reshape(n_spreads, n_imbalances)
        return cls(books.instrument, spread_ticks, adjustment.reshape(n_spreads, n_imbalances), steps)

    def prices(self, books: BookArrays) -> FloatArray:
        """Return (R,) the micro-prices of books; NaN for a crossed or one-sided one, or a state never seen.

        Raises:
            ValueError: the books' tick is another than that of what was fitted.
        """
        self._check(books.instrument)
        return fitted_prices(books.bids, books.asks, self._shape, books.instrument.scale(), self._flat)

    def price(self, book: Book) -> float:
        """Return the micro-price of one book, the same number as in `prices`."""
        self._check(book.instrument)
        bid, bid_lots = book.level(Side.BUY)
        ask, ask_lots = book.level(Side.SELL)
        return fitted(bid, bid_lots, ask, ask_lots, self._shape, book.instrument.scale(), self._flat)

    @property
    def _shape(self) -> IntArray:
        return np.array([*self.adjustment.shape, self.spread_ticks])

    @property
    def _flat(self) -> FloatArray:
        return self.adjustment.reshape(-1)

    def _check(self, instrument: Instrument) -> None:
        if instrument.tick != self.instrument.tick:
            raise ValueError(
                f"fitted to {self.instrument.name} with a tick of {self.instrument.tick}, "
                f"so not to be applied to {instrument.name} with {instrument.tick}: fit it there"
            )


def limit_of_mids(quiet: IntArray, moved: IntArray, drift: FloatArray, mirror: IntArray) -> FloatArray:
    """Return (S,) the expected change of the mid from each state, after all changes that are to come.

    Args:
        quiet, moved: (S, S) numbers of steps from state to state without and with a change of the mid.
        drift: (S,) sum of the changes of the mid in the steps from each state, any unit.
        mirror: (S,) the state with bids and asks exchanged; all counts are the same in the mirror, drift its negative.

    Returns:
        In the unit of `drift`; NaN where no change can follow.

    Raises:
        ValueError: the changes do not die out.
    """
    leads = np.any(moved, axis=1)
    for _ in range(len(leads)):  # through quiet steps to a state that moves
        leads = leads | np.any(quiet[:, leads] > 0, axis=1)
    # the lower half of the states that lead somewhere: those above are their mirror images, with the sign changed
    low = np.flatnonzero(leads & (np.arange(len(leads)) < mirror))
    n = (quiet.sum(axis=1) + moved.sum(axis=1))[low]
    found = np.where(leads, 0.0, np.nan)

    def folded(counts: IntArray) -> FloatArray:
        fold: FloatArray = (counts[np.ix_(low, low)] - counts[np.ix_(low, mirror[low])]) / n[:, None]
        return fold

    still = np.eye(len(low)) - folded(quiet)
    first = np.linalg.solve(still, drift[low] / n)
    again = np.linalg.solve(still, folded(moved))
    ratio = float(np.abs(np.linalg.eigvals(again)).max(initial=0.0))
    if ratio > _LARGEST_RATIO:
        raise ValueError(
            f"the expected mids do not converge (ratio {ratio:.6g} of successive terms): "
            "too few steps for so many states; fit to more books, or with fewer buckets"
        )
    found[low] = np.linalg.solve(np.eye(len(low)) - again, first)
    found[mirror[low]] = -found[low]
    return found


def _mirror(n_spreads: int, n_imbalances: int) -> IntArray:
    return np.arange(n_spreads * n_imbalances).reshape(n_spreads, n_imbalances)[:, ::-1].reshape(-1)
