"""From wanted quotes to orders: place what is missing, cancel what is not wanted any more."""

from actors.lanes import Lane, QuoteSide
from actors.order_ledger import OrderLedger
from market.orders import PENDING_NEW, Order
from market.units import Ticks


class QuoteDiff:
    """Acts on what a lane wants.

    A wanted price is served by any standing quote at that price.  New orders go out before cancels, bids before asks;
    a lane that works sequentially cancels first and places on a side only when nothing there is on its way out.
    """

    def __init__(self, ledger: OrderLedger) -> None:
        self._ledger = ledger

    def act(self, lane: Lane) -> None:
        """Bring the quotes of a lane to what it wants."""
        if lane.resize != "never":
            for side in lane.sides:
                self._outgrow(lane, side)
        is_left = False  # something is to be tried again with the next wanted quotes, though they be the same
        if lane.is_sequential:
            for side in lane.sides:
                unwanted = [order for price, order in side.present.items() if not side.is_wanted(price)]
                is_left |= self._cancel(lane, unwanted + side.surplus)
            for side in lane.sides:
                if side.n_ending == 0 and not side.surplus and all(map(side.is_wanted, side.present)):
                    is_left |= self._place(lane, side)
            lane.is_settled = not is_left
            return
        # in line, as most calls find one side or both as they should be
        for side in lane.sides:
            present = side.present
            for level in side.wanted:
                if level[0] not in present:
                    is_left |= self._place(lane, side)
                    break
        doomed: list[Order] | None = None
        for side in lane.sides:
            wanted = side.wanted
            for price, order in side.present.items():
                for level in wanted:
                    if level[0] == price:
                        break
                else:
                    doomed = [order] if doomed is None else [*doomed, order]
            if side.surplus:
                doomed = [*(doomed or ()), *side.surplus]
        if doomed is not None:
            is_left |= self._cancel(lane, doomed)
        lane.is_settled = not is_left

    def _place(self, lane: Lane, side: QuoteSide) -> bool:
        """Place what is missing; True if our limits refused some of it."""
        present = side.present
        refused: dict[Ticks, int] | None = None
        for price, size in side.wanted:
            if price in present:
                continue
            refusal = self._ledger.place(lane, side.side, price, size, lane.flags, 0)
            if refusal:
                if refused is None:
                    refused = {}
                refused[price] = refusal
                if side.refused.get(price) != refusal:
                    self._ledger.refuse(lane, 0, side.side, price, size, refusal)
        if refused is not None or side.refused:
            side.refused = refused or {}
        return refused is not None

    def _cancel(self, lane: Lane, doomed: list[Order]) -> bool:
        """Cancel what is not wanted; True if some of it has to be accepted first."""
        is_patient = lane.cancel_pending != "at_once"
        is_left = False
        for order in doomed:
            if is_patient and order.state == PENDING_NEW:
                is_left = True
            else:
                self._ledger.cancel(order)
        return is_left

    def _outgrow(self, lane: Lane, side: QuoteSide) -> None:
        for price, size in side.wanted:
            order = side.present.get(price)
            if order is not None:
                rest = order.size - order.filled
                if size > rest or (size < rest and lane.resize == "always"):
                    side.give_up(order)
