"""What Binance's refusals mean: whether the request surely did nothing, why, and what to do next.

A time-out, a server's fault or a code that stands in no table here never means "rejected": the fate is unknown until
the venue is asked.
"""

from enum import IntEnum
from typing import Final

import msgspec

from market.messages import Reason

TOO_MUCH_WEIGHT: Final = -1003


class Fate(IntEnum):
    """What became of a request that was not granted."""

    REFUSED = 0  # it surely did nothing
    UNKNOWN = 1  # it may have done what it asked for: ask the venue


class Remedy(IntEnum):
    """What is to be done besides telling who asked."""

    NONE = 0
    BACK_OFF = 1  # the same again after a pause
    WAIT_FOR_LIMIT = 2  # no request until the limit's interval is over; cancels last of all
    SYNC_CLOCK = 3  # read the venue's time, then once more
    RECONCILE = 4  # what we believe of orders or position is wrong: ask for the account
    RELOAD_INSTRUMENTS = 5  # the rules of prices and sizes have changed
    REDUCE_ONLY = 6  # no order that opens until a person has looked
    HALT_SYMBOL = 7  # it is not traded at present
    HALT = 8  # keys, permissions, a ban: a person must look
    NEW_LISTEN_KEY = 9


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """What an answer that is no success means; `status` is that of HTTP or of the WebSocket API."""

    fate: Fate
    reason: Reason
    remedy: Remedy
    code: int
    message: str
    status: int = 0

    @property
    def is_of_limits(self) -> bool:
        """Nothing may be asked for a while: too much was, or the address is banned."""
        return self.remedy is Remedy.WAIT_FOR_LIMIT or self.status in (418, 429) or self.code == TOO_MUCH_WEIGHT


_R = Reason
_UNKNOWN: Final = (Fate.UNKNOWN, _R.NO_ANSWER, Remedy.RECONCILE)
_HALT: Final = (Fate.REFUSED, _R.VENUE_OTHER, Remedy.HALT)
_HALT_SYMBOL: Final = (Fate.REFUSED, _R.VENUE_OTHER, Remedy.HALT_SYMBOL)
_REDUCE: Final = (Fate.REFUSED, _R.VENUE_OTHER, Remedy.REDUCE_ONLY)

_CODES: Final[dict[int, tuple[Fate, Reason, Remedy]]] = {
    # orders
    -5022: (Fate.REFUSED, _R.POST_ONLY_WOULD_TAKE, Remedy.NONE),
    -5021: (Fate.REFUSED, _R.FOK_NOT_FILLABLE, Remedy.NONE),
    -2011: (Fate.REFUSED, _R.UNKNOWN_ORDER, Remedy.RECONCILE),
    -2013: (Fate.REFUSED, _R.UNKNOWN_ORDER, Remedy.RECONCILE),
    # an earlier attempt with this id got in; so the fate of the order is not a refusal
    -4116: (Fate.UNKNOWN, _R.DUPLICATE_ID, Remedy.RECONCILE),
    -2010: (Fate.REFUSED, _R.VENUE_OTHER, Remedy.NONE),
    -2018: _REDUCE,
    -2019: _REDUCE,
    -2022: (Fate.REFUSED, _R.REDUCE_ONLY, Remedy.RECONCILE),
    -4118: (Fate.REFUSED, _R.REDUCE_ONLY, Remedy.RECONCILE),
    -2025: (Fate.REFUSED, _R.TOO_MANY_ORDERS, Remedy.NONE),
    -2027: _REDUCE,
    -4014: (Fate.REFUSED, _R.INVALID_PRICE, Remedy.RELOAD_INSTRUMENTS),
    -1111: (Fate.REFUSED, _R.INVALID_PRICE, Remedy.RELOAD_INSTRUMENTS),
    -4023: (Fate.REFUSED, _R.INVALID_SIZE, Remedy.RELOAD_INSTRUMENTS),
    -4164: (Fate.REFUSED, _R.BELOW_MIN_NOTIONAL, Remedy.NONE),
    -5029: (Fate.REFUSED, _R.BELOW_MIN_NOTIONAL, Remedy.NONE),
    -4002: (Fate.REFUSED, _R.INVALID_PRICE, Remedy.NONE),
    -4013: (Fate.REFUSED, _R.INVALID_PRICE, Remedy.NONE),
    -4003: (Fate.REFUSED, _R.INVALID_SIZE, Remedy.NONE),
    -4004: (Fate.REFUSED, _R.BELOW_MIN_SIZE, Remedy.NONE),
    -4005: (Fate.REFUSED, _R.ABOVE_MAX_SIZE, Remedy.NONE),
    -4016: (Fate.REFUSED, _R.INVALID_PRICE, Remedy.NONE),
    -4024: (Fate.REFUSED, _R.INVALID_PRICE, Remedy.NONE),
    -4131: (Fate.REFUSED, _R.INVALID_PRICE, Remedy.NONE),
    -4015: _HALT,
    -4060: _HALT,
    -4061: _HALT,
    -4120: _HALT,
    # amends
    -5027: (Fate.REFUSED, _R.NONE, Remedy.NONE),
    -5043: (Fate.REFUSED, _R.VENUE_OTHER, Remedy.BACK_OFF),
    -5026: (Fate.REFUSED, _R.VENUE_OTHER, Remedy.NONE),
    -5047: (Fate.REFUSED, _R.REDUCE_ONLY, Remedy.NONE),
    # the symbol, the account
    -5024: _HALT_SYMBOL,
    -1016: _HALT_SYMBOL,
    -4022: _HALT_SYMBOL,
    -4140: _HALT_SYMBOL,
    -4141: _HALT_SYMBOL,
    -1121: _HALT_SYMBOL,
    -1122: _HALT_SYMBOL,
    **dict.fromkeys((-4087, -4105, -4106, -4107, -4189, -4400, -4401), _REDUCE),
    **dict.fromkeys((-4088, -4192, -4109, -2023), _HALT),
    # requests
    **dict.fromkeys((-1022, -2014, -2015, -1002, -1099), _HALT),
    -1021: (Fate.REFUSED, _R.VENUE_OTHER, Remedy.SYNC_CLOCK),
    -5028: (Fate.REFUSED, _R.VENUE_OTHER, Remedy.SYNC_CLOCK),
    -1003: (Fate.REFUSED, _R.VENUE_OTHER, Remedy.WAIT_FOR_LIMIT),
    -1015: (Fate.REFUSED, _R.LIMIT_ORDER_RATE, Remedy.WAIT_FOR_LIMIT),
    -1008: (Fate.REFUSED, _R.VENUE_OTHER, Remedy.BACK_OFF),
    -1001: (Fate.REFUSED, _R.VENUE_OTHER, Remedy.BACK_OFF),
    -1125: (Fate.REFUSED, _R.VENUE_OTHER, Remedy.NEW_LISTEN_KEY),
    -1006: _UNKNOWN,
    -1007: _UNKNOWN,
    **dict.fromkeys((-1100, -1101, -1102, -1103, -1104, -1105, -1106, -1115, -1116, -1117, -1130), _HALT),
}
# by HTTP status, where the body has no code that we know
_STATUSES: Final[dict[int, tuple[Fate, Reason, Remedy]]] = {
    403: _HALT,
    418: _HALT,
    429: (Fate.REFUSED, _R.VENUE_OTHER, Remedy.WAIT_FOR_LIMIT),
}
NO_MODIFICATION: Final = -5027  # the order is what the amend would make of it


def refusal_of(status: int, code: int, message: str) -> Refusal:
    """Return what an answer means: its HTTP status (or that of the WebSocket API) and its code, 0 for none."""
    known = _CODES.get(code)
    if known is None:
        known = _STATUSES.get(status)
    if known is None and status == 503 and message.startswith(("Service Unavailable", "Internal error")):
        known = (Fate.REFUSED, Reason.VENUE_OTHER, Remedy.BACK_OFF)
    if status == 418:
        known = _HALT
    fate, reason, remedy = known or _UNKNOWN
    return Refusal(fate, reason, remedy, code, message, status)


NO_ANSWER: Final = Refusal(*_UNKNOWN, 0, "no answer in time")
