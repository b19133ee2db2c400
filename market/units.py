"""The units that everything is counted in.

Prices and sizes are ints everywhere between the codecs and the plots: a price in ticks of its instrument, a size in
lots.  Times are int nanoseconds since the Unix epoch, UTC.  Floats appear only in analytics.
"""

from enum import IntEnum
from typing import TypeAlias

Nanos: TypeAlias = int
Ticks: TypeAlias = int
Lots: TypeAlias = int
InstrumentId: TypeAlias = int
VenueId: TypeAlias = int
ClientOrderId: TypeAlias = int

US = 1_000
MS = 1_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Side(IntEnum):
    """Direction of an order or of a trade's aggressor; its value is the sign of the position it makes."""

    BUY = 1
    SELL = -1

    @property
    def opposite(self) -> "Side":
        return Side.SELL if self is Side.BUY else Side.BUY
