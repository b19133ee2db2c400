"""Prices as arrays: ticks to floats, and the mid as of any instant."""

import attrs
import numpy as np
import numpy.typing as npt

from market.instrument import Instrument
from market.units import Nanos

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def prices(instrument: Instrument, ticks: npt.NDArray[np.int64]) -> FloatArray:
    """Return prices in ticks as floats in quote currency, to the bit as `Instrument.price` does."""
    return np.asarray(ticks * instrument.tick_num / instrument.tick_den, dtype=np.float64)


@attrs.frozen(eq=False)
class Mids:
    """The mid of one instrument over time, on our clock (`ts_recv`).

    Attributes:
        ts: (M,) ns, never decreasing.
        mid: (M,) quote currency; only updates that had both sides are here, so that the mid is never NaN.
        holes: (H, 2) ns, after when and before when messages may have been lost, sorted; empty where nobody says.
    """

    ts: IntArray
    mid: FloatArray
    holes: IntArray = attrs.field(factory=lambda: np.zeros((0, 2), dtype=np.int64))

    @classmethod
    def from_touch(cls, instrument: Instrument, ts: IntArray, bid: IntArray, ask: IntArray) -> "Mids":
        """Make the mids from rows of the touch; a side that is 0 or below is an empty one."""
        known = (bid > 0) & (ask > 0)
        if not known.all():
            ts, bid, ask = ts[known], bid[known], ask[known]
        if (np.diff(ts) < 0).any():
            order = np.argsort(ts, kind="stable")
            ts, bid, ask = ts[order], bid[order], ask[order]
        return cls(ts, prices(instrument, bid + ask) / 2.0)

    def asof(self, ts: IntArray) -> FloatArray:
        """Return the last mid received at or before each instant; NaN before the first (no look-ahead)."""
        return self._at(np.searchsorted(self.ts, ts, side="right") - 1)

    def until_end(self, ts: IntArray) -> FloatArray:
        """Return `asof`, but NaN also after the last update: what is not recorded is not known."""
        found = self.asof(ts)
        found[ts > (self.ts[-1] if self.ts.size else np.iinfo(np.int64).min)] = np.nan
        return found

    def known(self, ts: IntArray, max_age: Nanos | None = None) -> FloatArray:
        """Return `until_end`, but NaN also inside of a hole, and where the last update is older than `max_age`, ns."""
        found = self.until_end(ts)
        if len(self.holes):
            place = np.searchsorted(self.holes[:, 0], ts, side="left") - 1
            ends = np.maximum.accumulate(self.holes[:, 1])
            found[(place >= 0) & (ts < ends[place])] = np.nan
        if max_age is not None and self.ts.size:
            last = np.searchsorted(self.ts, ts, side="right") - 1
            found[ts - self.ts[last] > max_age] = np.nan
        return found

    def next_after(self, ts: IntArray) -> FloatArray:
        """Return the mid of the first update received strictly after each instant; NaN when there is none."""
        return self._at(np.searchsorted(self.ts, ts, side="right"))

    def _at(self, place: npt.NDArray[np.intp]) -> FloatArray:
        found = np.full(place.shape, np.nan)
        inside = (place >= 0) & (place < self.ts.size)
        found[inside] = self.mid[place[inside]]
        return found
