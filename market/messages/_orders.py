"""Order commands (order manager -> connector) and order facts (connector -> order manager, position tracker)."""

import msgspec

from market.units import ClientOrderId, InstrumentId, Lots, Nanos, Ticks


class PlaceOrder(msgspec.Struct, frozen=True, gc=False):
    """`flags` is an `OrderFlag`; `price` of a market order is its worst acceptable price, 0 for none."""

    client_id: ClientOrderId
    instrument: InstrumentId
    side: int
    price: Ticks
    size: Lots
    flags: int


class AmendOrder(msgspec.Struct, frozen=True, gc=False):
    """Change an open order: `size` is the new total, filled part included."""

    client_id: ClientOrderId
    instrument: InstrumentId
    price: Ticks
    size: Lots


class CancelOrder(msgspec.Struct, frozen=True, gc=False):
    client_id: ClientOrderId
    instrument: InstrumentId


class CancelAll(msgspec.Struct, frozen=True, gc=False):
    """Cancel every order of an instrument."""

    instrument: InstrumentId


class OrderAccepted(msgspec.Struct, frozen=True, gc=False):
    client_id: ClientOrderId
    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos


class OrderRejected(msgspec.Struct, frozen=True, gc=False):
    client_id: ClientOrderId
    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    reason: int


class OrderAmended(msgspec.Struct, frozen=True, gc=False):
    client_id: ClientOrderId
    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    price: Ticks
    size: Lots


class AmendRejected(msgspec.Struct, frozen=True, gc=False):
    client_id: ClientOrderId
    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    reason: int


class OrderCancelled(msgspec.Struct, frozen=True, gc=False):
    """The order has ended; `filled` lots of it in all, by the venue's count, -1 where that is not told (or is none).

    Fills come another way and may come later: until they have, what they add to our position counts as open.
    """

    client_id: ClientOrderId
    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    reason: int
    filled: Lots = -1


class CancelRejected(msgspec.Struct, frozen=True, gc=False):
    client_id: ClientOrderId
    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    reason: int


class OrderExpired(msgspec.Struct, frozen=True, gc=False):
    """The venue ended the order by itself: remainder of an IOC, a fill-or-kill, a reduce-only with nothing left.

    `filled` as in `OrderCancelled`.
    """

    client_id: ClientOrderId
    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    reason: int
    filled: Lots = -1


class Fill(msgspec.Struct, frozen=True, gc=False):
    """One execution of ours; `fill_id` is unique per venue and instrument; `fee_e12` in 1e-12 of the settle asset."""

    client_id: ClientOrderId
    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    fill_id: int
    side: int
    price: Ticks
    size: Lots
    is_maker: bool
    fee_e12: int


class QueryOrder(msgspec.Struct, frozen=True, gc=False):
    """Ask the venue what became of one order; answered by `OrderStatus` on the port of the account snapshots.

    It is asked where an order should stand in an account snapshot and does not: a snapshot is read in pages, its list
    of fills may lag behind, and the order itself may still be on its way.
    """

    client_id: ClientOrderId
    instrument: InstrumentId


class OrderStatus(msgspec.Struct, frozen=True, gc=False):
    """The venue's answer to `QueryOrder`; without one (a time-out, an error of the venue's) nothing is sent.

    Attributes:
        ts_request: when we asked, our clock.
        ts_venue: true at this time of the venue's (that of its answer, or of our request by its clock).
        state: an `OrderState`: OPEN, FILLED, CANCELLED, REJECTED or EXPIRED; UNKNOWN: the venue has no such order.
        price, size: as they are now.  filled: lots, as the venue counts them.  All 0 where it has no such order.
    """

    client_id: ClientOrderId
    instrument: InstrumentId
    ts_request: Nanos
    ts_venue: Nanos
    ts_recv: Nanos
    state: int
    price: Ticks
    size: Lots
    filled: Lots
