"""What a quoter asks for (quoter -> order manager, recorder) and what becomes of it (order manager -> quoter)."""

import msgspec

from market.units import ClientOrderId, InstrumentId, Lots, Nanos, Ticks


class WantedQuotes(msgspec.Struct, frozen=True, gc=False):
    """All the quotes a quoter wants on an instrument: ((ticks, lots), ...) a side; the order manager sees to it."""

    quoter: int
    instrument: InstrumentId
    bids: tuple[tuple[Ticks, Lots], ...]
    asks: tuple[tuple[Ticks, Lots], ...]


class SubmitOrder(msgspec.Struct, frozen=True, gc=False):
    """A single order of a quoter.

    Attributes:
        tag: above 0, the quoter's own number for it until it learns the client id.
        is_hedge: it takes at once or not at all, and stands for itself: what is wrong with other books, connections and
            accounts of the quoter does not forbid it.
    """

    quoter: int
    instrument: InstrumentId
    tag: int
    side: int
    price: Ticks
    size: Lots
    flags: int
    is_hedge: bool = False


class AmendWish(msgspec.Struct, frozen=True, gc=False):
    quoter: int
    instrument: InstrumentId
    tag: int
    price: Ticks
    size: Lots


class CancelWish(msgspec.Struct, frozen=True, gc=False):
    quoter: int
    instrument: InstrumentId
    tag: int


class CancelAllWish(msgspec.Struct, frozen=True, gc=False):
    """Cancel all of this quoter's orders on an instrument, wanted quotes included."""

    quoter: int
    instrument: InstrumentId


class CountsWish(msgspec.Struct, frozen=True, gc=False):
    """Tell this quoter its live orders, every `CountedPosition` and `VenueMargin`, now and after each change."""

    quoter: int


class OrderUpdate(msgspec.Struct, frozen=True, gc=False):
    """An order of this quoter after a change; `tag` is 0 for an order made from wanted quotes."""

    client_id: ClientOrderId
    instrument: InstrumentId
    quoter: int
    tag: int
    state: int
    side: int
    price: Ticks
    size: Lots
    filled: Lots
    reason: int


class OrderRefused(msgspec.Struct, frozen=True, gc=False):
    """Our own side held back an order, or an amend (with the `client_id` of its order), for a `Reason`."""

    ts: Nanos
    instrument: InstrumentId
    quoter: int
    tag: int
    client_id: ClientOrderId
    side: int
    price: Ticks
    size: Lots
    reason: int


class Declaration(msgspec.Struct, frozen=True, gc=False):
    """A named value that a quoter declared; `instrument` -1 for none."""

    ts: Nanos
    key: str
    value: float
    instrument: InstrumentId
    group: str
    quoter: int
