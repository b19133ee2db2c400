"""Orders that a quoter names one by one, by its own tags."""

from typing import Final

from actors.lanes import PHASE, STANDING
from actors.order_ledger import OrderLedger
from actors.quote_ownership import QuoteOwnership
from market.messages import AmendWish, CancelAllWish, CancelWish, OrderFlag, Reason, SubmitOrder
from market.orders import Order

_LATE: Final = int(Reason.UNKNOWN_ORDER)
_SIDES: Final = (1, -1)
_HOW_LONG: Final = int(OrderFlag.POST_ONLY | OrderFlag.IOC | OrderFlag.FOK)
_ONE_AT_A_TIME: Final = (0, int(OrderFlag.POST_ONLY), int(OrderFlag.IOC), int(OrderFlag.FOK))
_MARKET: Final = int(OrderFlag.MARKET)
_AT_ONCE: Final = int(OrderFlag.MARKET | OrderFlag.IOC | OrderFlag.FOK)
_BY_MARKET: Final = (0, int(OrderFlag.IOC))


class SingleOrders:
    """Handlers of what quoters ask for besides wanted quotes.  All of it also proves that the quoter is alive."""

    def __init__(self, ledger: OrderLedger, ownership: QuoteOwnership) -> None:
        self._ledger = ledger
        self._ownership = ownership

    def on_submit(self, wish: SubmitOrder) -> None:
        """Send an order, or tell why not."""
        self._ownership.hear(wish.quoter)
        ledger = self._ledger
        lane = ledger.lanes[wish.quoter][wish.instrument]
        known = ledger.tags.get((wish.quoter, wish.tag))
        refusal = self._refusal(wish)
        if refusal:
            reason = refusal
        elif wish.tag <= 0 or (known is not None and not known.is_final):
            reason = int(Reason.DUPLICATE_ID)
        elif wish.side not in _SIDES or not _is_possible(wish.flags) or (wish.is_hedge and not wish.flags & _AT_ONCE):
            reason = int(Reason.INVALID_TERMS)
        else:
            reason = ledger.place(lane, wish.side, wish.price, wish.size, wish.flags, wish.tag)
        if reason:
            ledger.refuse(lane, wish.tag, wish.side, wish.price, wish.size, reason)

    def _refusal(self, wish: SubmitOrder) -> int:
        lane = self._ledger.lanes[wish.quoter][wish.instrument]
        if not lane.refusal or self._ownership.may_quote(wish.quoter):
            return 0
        return self._ownership.refusal_of_hedge(wish.quoter, wish.instrument) if wish.is_hedge else lane.refusal

    def on_amend(self, wish: AmendWish) -> None:
        """Send an amend, keep it for after the one in flight, or tell why not."""
        self._ownership.hear(wish.quoter)
        ledger = self._ledger
        order = ledger.tags.get((wish.quoter, wish.tag))
        lane = ledger.lanes[wish.quoter][wish.instrument]
        if order is None:
            ledger.refuse(lane, wish.tag, 0, wish.price, wish.size, _LATE)
            return
        if lane.refusal and not self._ownership.may_quote(wish.quoter):
            reason = lane.refusal
        elif PHASE[order.state] != STANDING:
            reason = _LATE
        elif order.amend_size:
            order.next_price, order.next_size = wish.price, wish.size
            return
        elif (wish.price, wish.size) == (order.price, order.size):
            return
        else:
            reason = ledger.amend(order, wish.price, wish.size)
        if reason:
            ledger.refuse_amend(lane, order, wish.price, wish.size, reason)

    def on_cancel(self, wish: CancelWish) -> None:
        """Send a cancel; one of an order that is gone is answered by how it stands."""
        self._ownership.hear(wish.quoter)
        order = self._ledger.tags.get((wish.quoter, wish.tag))
        if order is not None and not order.is_final:
            self._ledger.cancel(order)

    def on_cancel_all(self, wish: CancelAllWish) -> None:
        """Cancel every order of this quoter on the instrument; it wants no quotes there."""
        self._ownership.hear(wish.quoter)
        ledger = self._ledger
        ledger.lanes[wish.quoter][wish.instrument].forget_wanted()
        for order in [each for each in ledger.live.values() if _is_of(each, wish)]:
            ledger.cancel(order)


def _is_possible(flags: int) -> bool:
    """Tell whether any venue could do what the flags ask for: a connector takes no others."""
    how_long = flags & _HOW_LONG
    return how_long in (_BY_MARKET if flags & _MARKET else _ONE_AT_A_TIME)


def _is_of(order: Order, wish: CancelAllWish) -> bool:
    return order.quoter == wish.quoter and order.instrument == wish.instrument
