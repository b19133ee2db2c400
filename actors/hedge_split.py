"""How an exposure is shared out over instruments: by weight, in whole lots, and the rest where it fits."""

from collections.abc import Sequence
from typing import Final

import attrs

from market.instrument import Instrument
from market.units import Lots

_ROUNDING: Final = 1e-6  # of a lot: what sums of floats may lack


@attrs.frozen
class Place:
    """Where some of an exposure may be hedged.

    Attributes:
        price: that an order would have, quote currency.
        weight: > 0, against the others.
        most: lots that may be sent there.
    """

    instrument: Instrument
    price: float
    weight: float
    most: Lots

    @property
    def per_lot(self) -> float:
        """Units of base."""
        return self.instrument.base_size(self.price, 1)

    @property
    def least(self) -> Lots:
        """Lots of the smallest order."""
        return self.instrument.least_lots(self.price)


def split(amount: float, places: Sequence[Place]) -> tuple[list[Lots], float]:
    """Share out an amount of base, >= 0.

    Each place gets the whole lots of its share, nothing if they make no order; what is left goes where it still makes
    lots, the heaviest place first.

    Returns:
        lots by place, and the units of base that are left: never more is sent than there is.
    """
    total = sum(place.weight for place in places)
    lots = [0] * len(places)
    left = amount
    for n, place in enumerate(places):
        lots[n] = _fitting(amount * place.weight / total, place, 0)
        left -= lots[n] * place.per_lot
    for n in sorted(range(len(places)), key=lambda n: -places[n].weight):
        more = _fitting(left, places[n], lots[n])
        lots[n] += more
        left -= more * places[n].per_lot
    return lots, max(0.0, left)


def _fitting(amount: float, place: Place, has: Lots) -> Lots:
    more = min(place.most - has, int(amount / place.per_lot + _ROUNDING))
    return more if more > 0 and has + more >= place.least else 0
