"""Recorded market data as columns: what the archive reads, the generator makes and the replay consumes.

A book message, snapshot or delta, is one row of a header and a run of rows in `levels`; so a depth-20 snapshot feed
and a delta feed of any depth are one thing.  All arrays are C-contiguous, and int64 but for the bytes of raw frames.
"""

from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]

ByteArray = npt.NDArray[np.uint8]

NOT_STATED: Final = -(1 << 63)


def _int64(values: npt.ArrayLike) -> IntArray:
    return np.ascontiguousarray(values, dtype=np.int64)


def _bytes(values: npt.ArrayLike) -> ByteArray:
    return np.ascontiguousarray(values, dtype=np.uint8)


@attrs.frozen(eq=False)
class BookColumns:
    """R book messages of one instrument, in the order of their arrival.

    Attributes:
        ts_venue, ts_recv: (R,) ns since the epoch; `ts_recv` never decreases.
        seq: (R,) the venue's sequence number after this message.
        prev_seq: (R,) the number that this delta follows; -1 where the feed does not say (no check is made).
        is_snapshot: (R,) 1 for a full book, 0 for a delta.
        start: (R,) first row of the message in `levels`.
        n_bids, n_asks: (R,) its bid rows, then its ask rows.
        levels: (L, 2) rows of (ticks, lots).  A snapshot's sides are sorted best first and hold no zero; in a delta
            lots are the new size of the level, 0 deletes it, in any order.
    """

    ts_venue: IntArray = attrs.field(converter=_int64)
    ts_recv: IntArray = attrs.field(converter=_int64)
    seq: IntArray = attrs.field(converter=_int64)
    prev_seq: IntArray = attrs.field(converter=_int64)
    is_snapshot: IntArray = attrs.field(converter=_int64)
    start: IntArray = attrs.field(converter=_int64)
    n_bids: IntArray = attrs.field(converter=_int64)
    n_asks: IntArray = attrs.field(converter=_int64)
    levels: IntArray = attrs.field(converter=_int64)

    def __len__(self) -> int:
        return len(self.ts_recv)

    def rows(self, begin: int, end: int) -> "BookColumns":
        """Return messages [begin, end) with their levels, re-based to 0."""
        end = min(end, len(self))
        if begin >= end:
            first = last = 0
        else:
            first = int(self.start[begin])
            last = int(self.start[end - 1] + self.n_bids[end - 1] + self.n_asks[end - 1])
        return BookColumns(
            self.ts_venue[begin:end],
            self.ts_recv[begin:end],
            self.seq[begin:end],
            self.prev_seq[begin:end],
            self.is_snapshot[begin:end],
            self.start[begin:end] - first,
            self.n_bids[begin:end],
            self.n_asks[begin:end],
            self.levels[first:last],
        )


@attrs.frozen(eq=False)
class TradeColumns:
    """R public trades of one instrument, in the order of their arrival.

    Attributes:
        ts_venue, ts_recv: (R,) ns since the epoch; `ts_recv` never decreases.
        ticks: (R,) price.  lots: (R,) size, > 0.
        taker: (R,) +1 the aggressor bought, -1 it sold.
        trade_id: (R,) the venue's id as an int; -1 where it has none.
    """

    ts_venue: IntArray = attrs.field(converter=_int64)
    ts_recv: IntArray = attrs.field(converter=_int64)
    ticks: IntArray = attrs.field(converter=_int64)
    lots: IntArray = attrs.field(converter=_int64)
    taker: IntArray = attrs.field(converter=_int64)
    trade_id: IntArray = attrs.field(converter=_int64)

    def __len__(self) -> int:
        return len(self.ts_recv)

    def rows(self, begin: int, end: int) -> "TradeColumns":
        """Return trades [begin, end)."""
        return TradeColumns(
            self.ts_venue[begin:end],
            self.ts_recv[begin:end],
            self.ticks[begin:end],
            self.lots[begin:end],
            self.taker[begin:end],
            self.trade_id[begin:end],
        )


@attrs.frozen(eq=False)
class FundingColumns:
    """R funding payments of one perpetual, in the order of their arrival.

    Attributes:
        ts_venue: (R,) when it is due, ns.  ts_recv: (R,) when we learn of it; never decreases.
        rate_e12: (R,) longs pay shorts this fraction of the position's value, times 10**12; negative the other way.
        mark: (R,) mark price that the payment is computed at, ticks.
    """

    ts_venue: IntArray = attrs.field(converter=_int64)
    ts_recv: IntArray = attrs.field(converter=_int64)
    rate_e12: IntArray = attrs.field(converter=_int64)
    mark: IntArray = attrs.field(converter=_int64)

    def __len__(self) -> int:
        return len(self.ts_recv)

    def rows(self, begin: int, end: int) -> "FundingColumns":
        """Return payments [begin, end)."""
        return FundingColumns(
            self.ts_venue[begin:end], self.ts_recv[begin:end], self.rate_e12[begin:end], self.mark[begin:end]
        )


@attrs.frozen(eq=False)
class MarkColumns:
    """R statements of one perpetual's mark and funding, in the order of their arrival.

    `NOT_STATED` stands where a statement is silent.

    Attributes:
        ts_venue, ts_recv: (R,) ns since the epoch; `ts_recv` never decreases.
        mark_e6, index_e6: (R,) mark price and price of the index, 1e-6 of a tick: venues round them to no tick.
        rate_e12: (R,) what the next funding is to be, as in `FundingColumns`.
        ts_funding: (R,) when it is due, ns.
        interest_e4: (R,) open interest in 1e-4 of the venue's own unit (base asset, contracts or quote asset).
    """

    ts_venue: IntArray = attrs.field(converter=_int64)
    ts_recv: IntArray = attrs.field(converter=_int64)
    mark_e6: IntArray = attrs.field(converter=_int64)
    index_e6: IntArray = attrs.field(converter=_int64)
    rate_e12: IntArray = attrs.field(converter=_int64)
    ts_funding: IntArray = attrs.field(converter=_int64)
    interest_e4: IntArray = attrs.field(converter=_int64)

    def __len__(self) -> int:
        return len(self.ts_recv)

    def rows(self, begin: int, end: int) -> "MarkColumns":
        """Return statements [begin, end)."""
        return MarkColumns(
            self.ts_venue[begin:end],
            self.ts_recv[begin:end],
            self.mark_e6[begin:end],
            self.index_e6[begin:end],
            self.rate_e12[begin:end],
            self.ts_funding[begin:end],
            self.interest_e4[begin:end],
        )


@attrs.frozen(eq=False)
class OwnColumns:
    """R rows of the run's own log (market.order_log) of one instrument, in its order.

    Attributes:
        ts_venue: (R,) the venue's time of a fact, ns; 0 for a command.
        ts_recv: (R,) when the command was sent or the fact delivered; never decreases.
        what: (R,) `LogKind`.
        client_id, side, price, size, detail, fee_e12: (R,) as in the log.
    """

    ts_venue: IntArray = attrs.field(converter=_int64)
    ts_recv: IntArray = attrs.field(converter=_int64)
    what: IntArray = attrs.field(converter=_int64)
    client_id: IntArray = attrs.field(converter=_int64)
    side: IntArray = attrs.field(converter=_int64)
    price: IntArray = attrs.field(converter=_int64)
    size: IntArray = attrs.field(converter=_int64)
    detail: IntArray = attrs.field(converter=_int64)
    fee_e12: IntArray = attrs.field(converter=_int64)

    def __len__(self) -> int:
        return len(self.ts_recv)

    def rows(self, begin: int, end: int) -> "OwnColumns":
        """Return rows [begin, end)."""
        return OwnColumns(**{field.name: getattr(self, field.name)[begin:end] for field in attrs.fields(OwnColumns)})


@attrs.frozen(eq=False)
class RawColumns:
    """R frames of one socket as they came, in the order of their arrival.

    Attributes:
        ts_recv: (R,) ns since the epoch; never decreases.
        start: (R,) first byte of the frame in `data`.  n_bytes: (R,) its length.
        data: (B,) uint8, the frames one after the other.
    """

    ts_recv: IntArray = attrs.field(converter=_int64)
    start: IntArray = attrs.field(converter=_int64)
    n_bytes: IntArray = attrs.field(converter=_int64)
    data: ByteArray = attrs.field(converter=_bytes)

    def __len__(self) -> int:
        return len(self.ts_recv)

    @property
    def ts_venue(self) -> IntArray:
        """Return zeros: what the venue's clock says stands inside of the frames."""
        return np.zeros(len(self), np.int64)

    def rows(self, begin: int, end: int) -> "RawColumns":
        """Return frames [begin, end) with their bytes, re-based to 0."""
        end = min(end, len(self))
        if begin >= end:
            first = last = 0
        else:
            first, last = int(self.start[begin]), int(self.start[end - 1] + self.n_bytes[end - 1])
        start, n_bytes = self.start[begin:end] - first, self.n_bytes[begin:end]
        return RawColumns(self.ts_recv[begin:end], start, n_bytes, self.data[first:last])

    def frame(self, place: int) -> bytes:
        """Return one frame."""
        begin = int(self.start[place])
        return self.data[begin : begin + int(self.n_bytes[place])].tobytes()


Columns = BookColumns | TradeColumns | FundingColumns | MarkColumns | OwnColumns | RawColumns
