"""Positions that an account shows and our fills do not explain: what one look says, a second must say too.

An account's positions may run ahead of its list of fills.  Who corrected the position at once would count such a fill
twice when it comes; so a difference waits until a second snapshot, asked for after the first had come, shows the same
and no fill was counted in between.
"""

import attrs

from market.units import InstrumentId, Lots, Nanos


@attrs.frozen
class _Difference:
    lots: Lots
    n_fills: int
    seen_at: Nanos


class PositionDoubts:
    """Differences that were seen once.

    Args:
        maybe_told: instruments whose doubt an earlier life may have told of, and which this one knows nothing of.
    """

    def __init__(self, maybe_told: set[InstrumentId]) -> None:
        self._seen: dict[InstrumentId, _Difference] = {}
        self._told = maybe_told

    def lots(self) -> dict[InstrumentId, Lots]:
        """Return what is in doubt, by instrument."""
        return {instrument: each.lots for instrument, each in self._seen.items()}

    def confirms(self, instrument: InstrumentId, lots: Lots, n_fills: int, ts_request: Nanos, now: Nanos) -> bool:
        """Take a difference of a snapshot asked for at `ts_request`; True if it is the second look at the same."""
        first = self._seen.get(instrument)
        if first is not None and (first.lots, first.n_fills) == (lots, n_fills) and ts_request >= first.seen_at:
            return True
        self._seen[instrument] = _Difference(lots, n_fills, now)
        self._told.add(instrument)
        return False

    def settle(self, instrument: InstrumentId) -> bool:
        """There is no difference (any more); True if somebody may have been told of one."""
        self._seen.pop(instrument, None)
        was_told = instrument in self._told
        self._told.discard(instrument)
        return was_told
