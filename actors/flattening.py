"""Closing what is held after a halt: reduce-only, at once or not at all, not far from the touch, and only so often."""

from collections.abc import Callable
from typing import Final

from actors.book_mirror import BookReader
from actors.guard_config import GuardConfig
from actors.order_ledger import OrderLedger
from market.instrument import InstrumentTable
from market.messages import NO_QUOTER, Flattened, OrderFlag, Reason
from market.units import InstrumentId, Side, Ticks, VenueId

_FLAGS: Final = int(OrderFlag.IOC | OrderFlag.REDUCE_ONLY)


class Flattening:
    """One order after another for each instrument, each once the account is known after the last.

    Args:
        is_sound: whether a book may be traded on, by instrument.
        is_certain: whether our position is beyond doubt, by instrument.
    """

    def __init__(
        self,
        actor: BookReader,
        ledger: OrderLedger,
        instruments: InstrumentTable,
        config: GuardConfig,
        is_sound: Callable[[InstrumentId], bool],
        is_certain: Callable[[InstrumentId], bool],
    ) -> None:
        self._actor = actor
        self._ledger = ledger
        self._instruments = instruments
        self._config = config
        self._is_sound = is_sound
        self._is_certain = is_certain
        self._n_orders: dict[InstrumentId, int] = {}
        self._over: set[InstrumentId] = set()
        self._refused = 0
        self._is_off = False

    def end(self) -> None:
        """The halt is over: the next begins anew."""
        self._n_orders.clear()
        self._over.clear()

    def stop(self) -> None:
        """Place nothing more: the run ends."""
        self._is_off = True

    def step(self, venue: VenueId) -> bool:
        """Close some of what is held on a venue where nothing is open; True if an order was placed."""
        is_placed = False
        for instrument, its_venue in enumerate(self._ledger.venue_of):
            if its_venue == venue and not self._is_off and instrument not in self._over:
                is_placed |= self._close(instrument)
        return is_placed

    def _close(self, instrument: InstrumentId) -> bool:
        guard = self._ledger.guards[instrument]
        n = self._n_orders.get(instrument, 0)
        if guard.position == 0 or n >= self._config.flatten_orders:
            if n:
                why = f", the last was refused: {Reason(refusal).name}" if (refusal := self._refused) else ""
                text = "closed" if guard.position == 0 else f"{n} orders were not enough{why}: a person must close it"
                self._over.add(instrument)
                self._actor.out.append(("control", Flattened(self._actor.now, instrument, guard.position, text)))
            return False
        if not (self._is_certain(instrument) and self._is_sound(instrument)):
            return False
        side = Side.SELL if guard.position > 0 else Side.BUY
        price = self._price(instrument, side)
        size = min(abs(guard.position), guard.most_lots(price)) if price else 0
        if size == 0:
            return False
        lane = self._ledger.lanes[NO_QUOTER][instrument]
        self._refused = self._ledger.place(lane, int(side), price, size, _FLAGS, 0, is_closing=True)
        # one that our own limits refuse counts as well: it must not be tried for ever
        self._n_orders[instrument] = n + 1
        return not self._refused

    def _price(self, instrument: InstrumentId, side: Side) -> Ticks:
        """Return the worst price, the collar away from the touch that is taken; 0 without one."""
        book = self._actor.books.get(instrument)
        if book is None or not book.is_two_sided:
            return 0
        touch = book.best_ask if side > 0 else book.best_bid
        collar = self._config.flatten_collar_bps / 10_000
        traded = self._instruments[instrument]
        return traded.round_price(traded.price(touch) * (1 + side * collar), side)
