"""The two stamps of recorded messages, put in order as they are imported."""

from typing import Final

import numpy as np

from market.archive.quality import FeedQuality
from market.columns import IntArray
from market.units import SECOND, Nanos

OLD: Final = 5 * SECOND


class Stamps:
    """Makes receive times never go back, and counts what is odd in the stamps."""

    def __init__(self, quality: FeedQuality) -> None:
        self._quality = quality
        self._last_recv: Nanos = 0
        self._last_venue: Nanos = 0

    def received(self, ts_venue: IntArray, ts_recv: IntArray) -> IntArray:
        """Return receive times that never decrease."""
        raised = np.maximum.accumulate(np.maximum(ts_recv, self._last_recv))
        latest = np.maximum.accumulate(np.maximum(ts_venue, self._last_venue))
        back = raised - ts_recv
        self._quality.messages += len(ts_recv)
        self._quality.recv_back += int((back > 0).sum())
        self._quality.recv_back_most = max(self._quality.recv_back_most, int(back.max(initial=0)))
        self._quality.venue_back += int((ts_venue < latest).sum())
        self._quality.old += int((raised - ts_venue > OLD).sum())
        if len(ts_recv):
            self._last_recv, self._last_venue = int(raised[-1]), int(latest[-1])
        return raised
