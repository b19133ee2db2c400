"""Client order ids: ours have 63 bits, the venue's cloid 128, as 0x and 32 hex digits in lower case.

An order without one, or with one that is wider, was placed by somebody else on the account: its id is the venue's,
negative.
"""

from typing import Final

from market.units import ClientOrderId
from venues.wire import RemoteProtocolError, number_of

_BITS: Final = 63
_DIGITS: Final = 32


def cloid_of(client_id: ClientOrderId) -> str:
    """Return how an order of ours is named to the venue.

    Raises:
        ValueError: the id is not within 0 and 63 bits.
    """
    if not 0 <= client_id < 1 << _BITS:
        raise ValueError(f"client order id {client_id} is none of ours: must be in [0, 2**{_BITS})")
    return f"0x{client_id:0{_DIGITS}x}"


def client_id_of(cloid: str | None, order_id: int) -> ClientOrderId:
    """Return the id of an order that the venue tells of.

    Raises:
        RemoteProtocolError: the cloid is malformed, or the order id is none.
    """
    if cloid:
        digits = cloid.removeprefix("0x")
        if len(digits) != _DIGITS or not all(each in "0123456789abcdefABCDEF" for each in digits):
            raise RemoteProtocolError(f"hyperliquid tells of an order with the cloid {cloid!r:.60}, which is none")
        found = int(digits, 16)
        if found < 1 << _BITS:
            return found
    if order_id <= 0:
        raise RemoteProtocolError(f"hyperliquid tells of order {order_id}, which is no id")
    return -order_id


def fill_id_of(order_id: int, trade_id: int) -> int:
    """Return the id of an execution: both sides of a trade have its number, and both may be ours."""
    return number_of(f"{order_id}/{trade_id}")
