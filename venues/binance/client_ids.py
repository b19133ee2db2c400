"""Client order ids as Binance has them: ours are `ls-` and the number; all others are somebody else's.

The venue allows 36 of `.A-Z:/a-z0-9_-`; of these `:` and `/` would be signed otherwise than sent by some.
"""

import re
from typing import Final

from market.units import ClientOrderId

_OURS: Final = re.compile(r"ls-(0|[1-9][0-9]{0,18})")
_END: Final = 1 << 63


def id_text(client_id: ClientOrderId) -> str:
    """Return the text of an id of ours.

    Raises:
        ValueError: it is negative, that is somebody else's, or has more than 63 bits.
    """
    if not 0 <= client_id < _END:
        raise ValueError(f"client order id {client_id} is not ours: must be in [0, {_END})")
    return f"ls-{client_id}"


def parse_id(text: str) -> ClientOrderId | None:
    """Return the id that `id_text` made into this text; None if it did not."""
    match = _OURS.fullmatch(text)
    if match is None:
        return None
    client_id = int(match[1])
    return client_id if client_id < _END else None


def client_id_of(text: str, order_id: int) -> ClientOrderId:
    """Return our id of an order, or, of somebody else's order, the venue's id with a minus."""
    ours = parse_id(text)
    return -order_id if ours is None else ours
