"""Inventory flips: when a position changes its sign, and what was made between two changes."""

import attrs
import numpy as np
import numpy.typing as npt

from market.instrument import Instrument
from research import money
from research.prices import FloatArray, prices
from research.run_data import Columns


@attrs.frozen(eq=False)
class Flips:
    """The flips of one instrument's position.

    Attributes:
        place: (K,) the fill that made each flip.
        pnl: (K,) made in the episode that the flip ends, settle asset.
    """

    place: npt.NDArray[np.intp]
    pnl: FloatArray

    @property
    def n_wins(self) -> int:
        """How many episodes made money."""
        return int((self.pnl > 0).sum())


def flips(instrument: Instrument, fills: Columns) -> Flips:
    """Find where the position changes from long to short or back, and value the episodes.

    A return to flat is no flip by itself: long, flat, long is none; long, flat, short is one, made by the fill that
    opens the short.  An episode runs from one flip to the next, the first from the start, and is worth the change of
    cash + value(position at the price of the flip's own fill), fees included, funding not.  At that price what the
    flip opened is worth what it cost, so an episode is realised profit and no mark enters it.  The last, open episode
    is not one.

    Args:
        fills: columns of the table `fills`, of this instrument only, in order.
    """
    signed = fills["side"] * fills["size"]
    position = np.cumsum(signed)
    held = np.flatnonzero(position)
    signs = np.sign(position[held])
    place = held[1:][signs[1:] != signs[:-1]]
    price = prices(instrument, fills["price"])
    cash = np.cumsum(-money.value(instrument, price, signed) - fills["fee"])
    worth = cash[place] + money.value(instrument, price[place], position[place])
    return Flips(place, np.diff(worth, prepend=0.0))
