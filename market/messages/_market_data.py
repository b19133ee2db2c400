"""What happens on a market and to its books: connector -> book keeper -> quoters, order manager, tracker, recorder."""

import msgspec
import numpy as np
import numpy.typing as npt

from market.units import InstrumentId, Lots, Nanos, Ticks, VenueId

LevelArray = npt.NDArray[np.int64]


class BookSnapshot(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A full book.  `bids`, `asks` are (n, 2) int64 rows of [ticks, lots], best first, lots > 0."""

    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    seq: int
    bids: LevelArray
    asks: LevelArray


class BookDelta(msgspec.Struct, frozen=True, gc=False, eq=False, omit_defaults=True):
    """Changed levels: rows of [ticks, new lots], 0 lots deletes.  `prev_seq` is -1 where the feed does not chain.

    Attributes:
        is_followed: another change of the same book came together with it and is told next: nobody need be shown what
            the book was between them.
    """

    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    prev_seq: int
    seq: int
    bids: LevelArray
    asks: LevelArray
    is_followed: bool = False


class BookGap(msgspec.Struct, frozen=True, gc=False):
    """The feed lost book messages: the book is not to be trusted until the next snapshot."""

    instrument: InstrumentId
    ts_recv: Nanos
    reason: str


class Trade(msgspec.Struct, frozen=True, gc=False):
    """One public trade; `taker` is the side of the order that removed liquidity."""

    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    price: Ticks
    size: Lots
    taker: int
    trade_id: int


class TradesCaughtUp(msgspec.Struct, frozen=True, gc=False):
    """What was traded while nobody listened has been told, as far as the venue tells it afterwards.

    It leaves by the port `marks`, and so do those trades, as they are not the flow of now.

    Attributes:
        is_whole: all of it; else some may be missing.
    """

    instrument: InstrumentId
    ts_recv: Nanos
    is_whole: bool


class Mark(msgspec.Struct, frozen=True, gc=False):
    """What a venue states of a perpetual's mark and next funding; `NOT_STATED` (market.columns) where it is silent.

    Attributes:
        mark_e6, index_e6: mark price and price of the index, 1e-6 of a tick.
        rate_e12: what the next funding is to be: longs pay shorts this fraction of the value, times 10**12.
        ts_funding: when it is due.
        interest_e4: open interest in 1e-4 of the venue's own unit.
    """

    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    mark_e6: int
    index_e6: int
    rate_e12: int
    ts_funding: Nanos
    interest_e4: int


class ConnectionUp(msgspec.Struct, frozen=True, gc=False):
    venue: VenueId
    ts_recv: Nanos
    epoch: int


class ConnectionLost(msgspec.Struct, frozen=True, gc=False):
    """What was in flight is lost: commands without an answer are UNKNOWN from here on."""

    venue: VenueId
    ts_recv: Nanos
    epoch: int
    reason: str


class BookUpdate(msgspec.Struct, frozen=True, gc=False, eq=False):
    """The best levels after a change.

    `bids`, `asks` are read-only (n, 2) int64 rows [ticks, lots], best first; None when the receiver's mirror is
    attached to the simulation's own arrays, which show this update already.
    """

    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    seq: int
    bids: LevelArray | None
    asks: LevelArray | None


class Stale(msgspec.Struct, frozen=True, gc=False):
    """The book of this instrument is not to be trusted until `Fresh`.

    Attributes:
        is_thin: it is known, and too thin to quote from: quotes are pulled, and nothing else is wrong.
    """

    instrument: InstrumentId
    ts: Nanos
    reason: str
    is_thin: bool = False


class Fresh(msgspec.Struct, frozen=True, gc=False):
    instrument: InstrumentId
    ts: Nanos


class RequestSnapshot(msgspec.Struct, frozen=True, gc=False):
    """Ask the venue for a full book (book keeper -> connector)."""

    instrument: InstrumentId
