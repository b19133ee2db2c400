"""Where the orders of one quoter on one instrument stand: what is quoted, what is on its way out, what is single."""

from typing import Final

import attrs

from actors.order_config import QuoterSpec
from actors.risk import Guard
from market.messages import OrderFlag
from market.orders import Order
from market.units import ClientOrderId, InstrumentId, Ticks, VenueId

Levels = tuple[tuple[int, int], ...]

# what an order's state means for a lane, by state: it stands, its end is under way or unknown, it has ended
STANDING: Final = 0
ENDING: Final = 1
ENDED: Final = 2
PHASE: Final = (STANDING, STANDING, ENDING, STANDING, ENDED, ENDED, ENDED, ENDED, ENDING)


@attrs.define(eq=False)
class QuoteSide:
    """One side of the quotes.

    Attributes:
        wanted: (ticks, lots) by the last wanted quotes.
        present: the standing quotes by price, in the order of their placement.
        n_ending: quotes with a cancel in flight or of unknown fate.
        surplus: quotes that stand although another took their place, as after a refused cancel; the next diff cancels.
        refused: price -> reason of the wanted quotes that our limits refused last time.
    """

    side: int
    wanted: Levels = ()
    present: dict[Ticks, Order] = attrs.Factory(dict)
    n_ending: int = 0
    surplus: list[Order] = attrs.Factory(list)
    refused: dict[Ticks, int] = attrs.Factory(dict)

    def is_wanted(self, price: Ticks) -> bool:
        """Tell whether a quote at `price` is wanted."""
        for level in self.wanted:  # noqa: SIM110  # takes half the time of any() over a generator
            if level[0] == price:
                return True
        return False

    def take_out(self, order: Order) -> None:
        """A quote no longer stands."""
        if self.present.get(order.price) is order:
            del self.present[order.price]
        else:
            self.surplus = [each for each in self.surplus if each is not order]

    def give_up(self, order: Order) -> None:
        """A quote stands, but is not to be kept."""
        del self.present[order.price]
        self.surplus.append(order)

    def put_in(self, order: Order) -> None:
        """A quote stands (again)."""
        if order.price in self.present:
            self.surplus.append(order)
        else:
            self.present[order.price] = order


class ClientIds:
    """The client ids of one quoter, one after the other.

    Attributes:
        next: the one that is given out next.
    """

    __slots__ = ("next",)

    def __init__(self, first: ClientOrderId) -> None:
        self.next = first

    def take(self) -> ClientOrderId:
        """Return an id that was never given out."""
        client_id = self.next
        self.next = client_id + 1
        return client_id


class Lane:
    """One quoter on one instrument.

    Attributes:
        commands, updates: ports; nobody hears of the orders of a quoter without one ("").
        is_told: it is sent its `OrderUpdate`s; wants_updates: it is to be, except while a log is replayed.
        guard: of the instrument.  ids: where the quoter's next client id comes from, shared by its lanes.
        is_settled: the wanted quotes were acted upon, and nothing has happened since.
        refusal: why nothing may be placed now (a `Reason`), 0 if it may.  told: the refusal that the quoter knows of.
    """

    __slots__ = (
        "asks",
        "bids",
        "cancel_pending",
        "commands",
        "flags",
        "guard",
        "ids",
        "instrument",
        "is_sequential",
        "is_settled",
        "is_told",
        "quoter",
        "refusal",
        "resize",
        "sides",
        "told",
        "updates",
        "venue",
        "wants_updates",
    )

    def __init__(self, spec: QuoterSpec, instrument: InstrumentId, venue: VenueId, updates: str, guard: Guard) -> None:
        self.quoter = spec.index
        self.instrument = instrument
        self.venue = venue
        self.guard = guard
        self.ids = ClientIds(0)
        self.commands = f"commands:{venue}"
        self.updates = updates
        self.wants_updates = self.is_told = spec.is_told_orders and updates != ""
        self.is_sequential = spec.policy == "sequential"
        self.cancel_pending = spec.cancel_pending
        self.resize = spec.resize
        self.flags = int(OrderFlag.POST_ONLY) if spec.post_only else 0
        self.bids = QuoteSide(1)
        self.asks = QuoteSide(-1)
        self.sides = (self.bids, self.asks)
        self.is_settled = False
        self.refusal = 0
        self.told = 0

    def moved(self, order: Order, before: int, after: int) -> None:
        """An order of this lane that has not ended went from one phase to another."""
        if order.tag:
            return
        side = self.bids if order.side > 0 else self.asks
        if before == STANDING:
            side.take_out(order)
        elif before == ENDING:
            side.n_ending -= 1
        if after == STANDING:
            side.put_in(order)
        else:
            side.n_ending += 1
        self.is_settled = False

    def side(self, side: int) -> QuoteSide:
        """Return the bids or the asks."""
        return self.bids if side > 0 else self.asks

    def forget_wanted(self) -> None:
        """Want nothing."""
        self.bids.wanted = self.asks.wanted = ()
        self.is_settled = False
