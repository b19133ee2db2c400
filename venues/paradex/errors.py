"""What the venue's refusals mean for an order, and what should be done about them.

Only a code that is known to mean so says that a request was refused; any other leaves the fate of an order unknown.
"""

from enum import Enum
from typing import Final

import attrs

from market.messages import Reason


class Fate(Enum):
    """What became of a request."""

    REFUSED = "nothing has changed at the venue"
    UNKNOWN = "it may have taken effect: ask"


class Advice(Enum):
    """What should be done besides."""

    NONE = "nothing"
    SLOW_DOWN = "send less for a while"
    LOG_IN = "ask for a fresh token"
    RESYNC_CLOCK = "measure the venue's clock"
    LOOK_AT_SYSTEM = "ask what state the venue is in"
    RELOAD_INSTRUMENTS = "read the markets again: a rule has changed, or the request is wrong"
    STOP_OPENING = "open nothing more: there is no margin for it, or the position is at its limit"
    HALT = "stop: a person is needed"


@attrs.frozen
class Verdict:
    """The meaning of a code.  `reason` is what is told of a refusal."""

    fate: Fate
    reason: Reason = Reason.NONE
    advice: Advice = Advice.NONE


UNKNOWN: Final = Verdict(Fate.UNKNOWN)


def _refused(reason: Reason = Reason.VENUE_OTHER, advice: Advice = Advice.NONE) -> Verdict:
    return Verdict(Fate.REFUSED, reason, advice)


_CODES: Final = {
    **dict.fromkeys(("INVALID_TOKEN", "UNAUTHORIZED_ERROR"), _refused(advice=Advice.LOG_IN)),
    **dict.fromkeys(
        (
            "INVALID_ORDER_SIGNATURE",
            "STARKNET_SIGNATURE_VERIFICATION_FAILED",
            "INVALID_STARKNET_SIGNATURE",
            "NOT_ONBOARDED",
            "INVALID_SUBKEY",
            "IP_NOT_ALLOWED",
            "GEO_IP_BLOCK",
        ),
        _refused(advice=Advice.HALT),
    ),
    "INVALID_TIMESTAMP": _refused(advice=Advice.RESYNC_CLOCK),
    "DUPLICATED_CLIENT_ID": Verdict(Fate.UNKNOWN, Reason.DUPLICATE_ID),  # the first may be live
    **dict.fromkeys(
        ("ORDER_ID_NOT_FOUND", "CLIENT_ORDER_ID_NOT_FOUND", "ORDER_IS_CLOSED", "ORDER_IS_NOT_OPEN"),
        _refused(Reason.UNKNOWN_ORDER),
    ),
    "INVALID_ORDER_SIZE": _refused(Reason.INVALID_SIZE, Advice.RELOAD_INSTRUMENTS),
    **dict.fromkeys(
        ("VALIDATION_ERROR", "INVALID_REQUEST_PARAMETER", "BINDING_ERROR"), _refused(advice=Advice.RELOAD_INSTRUMENTS)
    ),
    **dict.fromkeys(
        ("MARKET_NOT_OPEN", "SYSTEM_STATUS_POST_ONLY", "SYSTEM_STATUS_CANCEL_ONLY"),
        _refused(advice=Advice.LOOK_AT_SYSTEM),
    ),
    "BATCH_SIZE_OUT_OF_RANGE": _refused(),
    "NOT_ENOUGH_MARGIN": _refused(advice=Advice.STOP_OPENING),
}
_RPC: Final = {
    **dict.fromkeys((-32600, -32601, -32602, 100), _refused()),
    40300: _refused(advice=Advice.LOG_IN),
    40110: _refused(advice=Advice.LOG_IN),
    40111: _refused(advice=Advice.LOG_IN),
    40112: _refused(advice=Advice.HALT),
    42901: _refused(Reason.LIMIT_ORDER_RATE, Advice.SLOW_DOWN),
}


def verdict_on(status: int, code: str) -> Verdict:
    """Return what a refusal by REST means."""
    if status == 429:
        return _RPC[42901]
    if status == 401 and code not in _CODES:
        return _CODES["INVALID_TOKEN"]
    return _CODES.get(code, UNKNOWN)


def verdict_on_call(code: int, texts: str) -> Verdict:
    """Return what a refusal on the socket means; codes of the REST interface stand in its texts."""
    for name, verdict in _CODES.items():
        if name in texts:
            return verdict
    return _RPC.get(code, UNKNOWN)


# an order that was closed for one of these never stood, if nothing of it was filled; others were cancelled
_NEVER_STOOD: Final = {
    "NOT_ENOUGH_MARGIN": Reason.VENUE_OTHER,
    "ORDER_EXCEEDS_POSITION_LIMIT": Reason.VENUE_OTHER,
    "POST_ONLY_WOULD_CROSS": Reason.POST_ONLY_WOULD_TAKE,
    "ORDER_SIZE_BELOW_MIN": Reason.BELOW_MIN_NOTIONAL,
}
REDUCE_ONLY: Final = "REDUCE_ONLY"


def refusal_of(cancel_reason: str) -> Reason:
    """Return why an order was refused, by the reason of its end; NONE: it stood."""
    return _NEVER_STOOD.get(cancel_reason, Reason.NONE)
