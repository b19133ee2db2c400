"""Settings of the account that market making needs, to be sent before the first order.

Each is flat and needs no open orders; the answer "not modified" is a success, see `errors`.
"""

from typing import Final

import msgspec

from market.units import Nanos
from venues.bybit.requests import OrderRequests
from venues.wire import HttpRequest

_ONE_WAY: Final = 0
_encode: Final = msgspec.json.Encoder().encode


def refuse_far_prices(requests: OrderRequests, now: Nanos) -> HttpRequest:
    """Ask that a limit price outside the venue's band is refused; by default it is moved to the edge in silence."""
    body = _encode({"category": "linear", "modifyEnable": False})
    return requests.post("/v5/account/set-limit-px-action", body, now)


def one_position_a_symbol(requests: OrderRequests, coin: str, now: Nanos) -> HttpRequest:
    """Ask for one-way mode on everything settled in `coin`: orders are sent for it."""
    body = _encode({"category": "linear", "coin": coin, "mode": _ONE_WAY})
    return requests.post("/v5/position/switch-mode", body, now)
