"""Client order ids: the venue's own are 63-bit ints, as ours are; 0 stands for none.

An order without one was placed by somebody else on the account: its id is the venue's, negative.  Whoever else gives
numbers of his own is not told apart from us: an account has one trader.
"""

from typing import Final

from market.units import ClientOrderId
from venues.wire import RemoteProtocolError, number_of

_END: Final = 1 << 63


def client_id_of(client_id: int, order_id: int) -> ClientOrderId:
    """Return the id of an order that the venue tells of.

    Raises:
        RemoteProtocolError: it has neither.
    """
    if client_id:
        return client_id
    if order_id <= 0:
        raise RemoteProtocolError("woox tells of an order that has neither an id nor a client's")
    return -order_id


def name_of(client_id: ClientOrderId) -> tuple[str, int]:
    """Return the field that names an order to the venue, and its number.

    Raises:
        ValueError: the id is 0, which stands for none there, or has more than 63 bits.
    """
    if client_id == 0 or not -_END < client_id < _END:
        raise ValueError(f"client order id {client_id}: woox takes 1 to {_END - 1}, and 0 stands for none")
    return ("clientOrderId", client_id) if client_id > 0 else ("orderId", -client_id)


def fill_id_of(order_id: int, trade_id: int) -> int:
    """Return the id of an execution: both sides of a trade have its number, and both may be ours."""
    return number_of(f"{order_id}/{trade_id}")
