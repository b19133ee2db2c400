"""Order commands as actions.  The order of keys is that in which the venue hashes them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from market.instrument import Instrument
from market.messages import AmendOrder, CancelOrder, OrderFlag, PlaceOrder
from market.units import InstrumentId, Lots, Ticks
from venues.hyperliquid.order_ids import cloid_of
from venues.hyperliquid.signing import Action
from venues.wire import InstrumentGrid

MAX_BATCH: Final = 40  # as much as counts as one request of REST
_HOW_LONG: Final = OrderFlag.POST_ONLY | OrderFlag.IOC | OrderFlag.FOK | OrderFlag.MARKET
_TIFS: Final = {OrderFlag.NONE: "Gtc", OrderFlag.POST_ONLY: "Alo", OrderFlag.IOC: "Ioc"}


class OrderActions:
    """Makes actions; knows the grids of prices and sizes.

    Args:
        assets: the venue's number of each symbol; it may be filled later, and is needed for each action.
    """

    def __init__(self, instruments: Iterable[Instrument], assets: Mapping[str, int]) -> None:
        self.grids = {each.id: InstrumentGrid(each) for each in instruments}
        self._assets = assets

    def place(self, orders: Sequence[PlaceOrder]) -> Action:
        """Return the action that places orders, 1 to `MAX_BATCH`.

        Raises:
            ValueError: there is no such order here: fill or kill, a market order without a worst price.
        """
        _check_batch(len(orders))
        return {"type": "order", "orders": [self._order(each) for each in orders], "grouping": "na"}

    def amend(self, amend: AmendOrder, order: PlaceOrder, remaining: Lots) -> Action:
        """Return the action that puts an order in place of another, whose cloid it takes over.

        Args:
            order: as it was placed.  remaining: the new size, less what is filled.
        """
        terms = self._terms(order.instrument, order.side, amend.price, remaining, order.flags, order.client_id)
        return {"type": "batchModify", "modifies": [{"oid": cloid_of(amend.client_id), "order": terms}]}

    def cancel(self, commands: Sequence[CancelOrder]) -> Action:
        """Return the action that cancels orders, ours and those that are known by the venue's number alone.

        Raises:
            ValueError: they are of both kinds.
        """
        _check_batch(len(commands))
        if all(each.client_id >= 0 for each in commands):
            named = [{"asset": self._asset(each.instrument), "cloid": cloid_of(each.client_id)} for each in commands]
            return {"type": "cancelByCloid", "cancels": named}
        if any(each.client_id >= 0 for each in commands):
            raise ValueError("a cancel by cloid and one by the venue's number are not of one action")
        return self.cancel_ids([(each.instrument, -each.client_id) for each in commands])

    def cancel_ids(self, orders: Sequence[tuple[InstrumentId, int]]) -> Action:
        """Return the action that cancels orders by the venue's numbers."""
        return {"type": "cancel", "cancels": [{"a": self._asset(at), "o": oid} for at, oid in orders]}

    def _order(self, order: PlaceOrder) -> dict[str, Any]:
        return self._terms(order.instrument, order.side, order.price, order.size, order.flags, order.client_id)

    def _terms(
        self, instrument: InstrumentId, side: int, price: Ticks, size: Lots, flags: int, client_id: int
    ) -> dict[str, Any]:
        grid = self.grids[instrument]
        how_long = OrderFlag(flags) & _HOW_LONG
        if how_long & OrderFlag.MARKET:  # a market order is an IOC with a worst price
            how_long = (how_long & ~OrderFlag.MARKET) | OrderFlag.IOC
        if how_long not in _TIFS or price <= 0:
            raise ValueError(
                f"order {client_id} of {grid.instrument.name}: {OrderFlag(flags)!r} at {price} ticks is no order at "
                "hyperliquid, which has no fill or kill, and market orders with a worst price only"
            )
        return {
            "a": self._asset(instrument),
            "b": side > 0,
            "p": number_text(grid.price_text(price)),
            "s": number_text(grid.size_text(size)),
            "r": bool(flags & OrderFlag.REDUCE_ONLY),
            "t": {"limit": {"tif": _TIFS[how_long]}},
            "c": cloid_of(client_id),
        }

    def _asset(self, instrument: InstrumentId) -> int:
        symbol = self.grids[instrument].instrument.symbol
        if symbol not in self._assets:
            raise ValueError(f"hyperliquid:{symbol} has no number in the venue's list")
        return self._assets[symbol]


def kind_of(command: PlaceOrder | AmendOrder | CancelOrder) -> tuple[type, object]:
    """Return what commands of one action have alike: how long orders stand, by what name cancels know theirs.

    Orders that only make are put first in a block, so that others do not stand beside them.  An amend goes alone.
    """
    if isinstance(command, PlaceOrder):
        return PlaceOrder, bool(command.flags & OrderFlag.POST_ONLY)
    if isinstance(command, CancelOrder):
        return CancelOrder, command.client_id >= 0
    return AmendOrder, command.client_id


def number_text(text: str) -> str:
    """Return a decimal text without trailing zeros, as the venue hashes it."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def _check_batch(n_items: int) -> None:
    if not 1 <= n_items <= MAX_BATCH:
        raise ValueError(f"a batch of {n_items} items: must be 1 to {MAX_BATCH}")
