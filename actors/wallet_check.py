"""What the wallet holds by the venue's word, held against what our fills, fees and funding make of it."""

from collections.abc import Iterable, Mapping
from typing import Final

from actors.holding import Holding
from market.instrument import Instrument
from market.messages import AccountSnapshot, WalletCompared
from market.units import Nanos

_E8: Final = 10**8


class WalletCheck:
    """Compares changes since the two were last known to agree.

    They are set equal at a snapshot, where the average entry of every position is ours: all are flat, or were never
    adjusted.  An adjustment, as of a position that is taken over, ends that: a venue realises its profit from an entry
    that we do not know.  It begins anew when all are flat.

    Args:
        holdings: of all instruments.  venue_of: the number of each one's venue.
    """

    def __init__(self, holdings: Iterable[Holding], venue_of: Mapping[str, int]) -> None:
        self._holdings: dict[tuple[int, str], list[Holding]] = {}
        for each in holdings:
            key = venue_of[each.instrument.venue], each.instrument.settle
            self._holdings.setdefault(key, []).append(each)
        self._since: dict[tuple[int, str], tuple[int, int, int]] = {}  # wallet, counted, adjustments

    def compare(self, snapshot: AccountSnapshot, now: Nanos) -> list[WalletCompared]:
        """Return one comparison for each asset that our instruments are settled in and that can be compared."""
        found = []
        told = dict(snapshot.balances)
        for (venue, asset), holdings in self._holdings.items():
            if venue != snapshot.venue or not told:
                continue
            wallet, counted = told.get(asset, 0), sum(_realised_e8(each) for each in holdings)
            n_adjusted = sum(each.next_adjustment - 1 for each in holdings)
            since = self._since.get((venue, asset))
            if since is None or since[2] != n_adjusted:
                self._since.pop((venue, asset), None)
                if all(each.lots == 0 or each.next_adjustment == 1 for each in holdings):
                    self._since[venue, asset] = wallet, counted, n_adjusted
                continue
            found.append(WalletCompared(venue, now, asset, wallet - since[0], counted - since[1]))
        return found


def _realised_e8(holding: Holding) -> int:
    """Return the cash of a holding with its position at the average entry, as venues count what is realised."""
    return round((float(holding.cash) + _cost(holding.instrument, holding.lots, holding.average_entry)) * _E8)


def _cost(instrument: Instrument, lots: int, entry: float) -> float:
    if lots == 0:
        return 0.0
    size = lots * float(instrument.lot) * float(instrument.multiplier)
    return -size / entry if instrument.inverse else size * entry
