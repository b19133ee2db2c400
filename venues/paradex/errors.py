"""What the venue's refusals mean for an order, and what should be done about them.

Only a code that is known to mean so says that a request was refused; any other leaves the fate of an order unknown.
"""

import re
from typing import Final

from market.messages import Reason
from venues.verdicts import UNKNOWN, Advice, Fate, Verdict, refused

_CODES: Final = {
    **dict.fromkeys(("INVALID_TOKEN", "UNAUTHORIZED_ERROR"), refused(advice=Advice.LOG_IN)),
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
        refused(advice=Advice.HALT),
    ),
    "INVALID_TIMESTAMP": refused(advice=Advice.RESYNC_CLOCK),
    "DUPLICATED_CLIENT_ID": Verdict(Fate.UNKNOWN, Reason.DUPLICATE_ID),  # the first may be live
    **dict.fromkeys(
        ("ORDER_ID_NOT_FOUND", "CLIENT_ORDER_ID_NOT_FOUND", "ORDER_IS_CLOSED", "ORDER_IS_NOT_OPEN"),
        refused(Reason.UNKNOWN_ORDER),
    ),
    "INVALID_ORDER_SIZE": refused(Reason.INVALID_SIZE, Advice.RELOAD_INSTRUMENTS),
    **dict.fromkeys(
        ("VALIDATION_ERROR", "INVALID_REQUEST_PARAMETER", "BINDING_ERROR"), refused(advice=Advice.RELOAD_INSTRUMENTS)
    ),
    **dict.fromkeys(
        ("MARKET_NOT_OPEN", "SYSTEM_STATUS_POST_ONLY", "SYSTEM_STATUS_CANCEL_ONLY"),
        refused(advice=Advice.LOOK_AT_SYSTEM),
    ),
    "BATCH_SIZE_OUT_OF_RANGE": refused(),
    "NOT_ENOUGH_MARGIN": refused(advice=Advice.STOP_OPENING),
}
INTERNAL_ERROR: Final = -32603
_GENERAL: Final = (-32600, -32601, -32602, 100)  # the texts may say what was wrong
_CODE: Final = re.compile(r"[A-Z][A-Z_]+[A-Z]")
_HEAVIEST_LAST: Final = (
    Advice.NONE,
    Advice.RELOAD_INSTRUMENTS,
    Advice.LOOK_AT_SYSTEM,
    Advice.RESYNC_CLOCK,
    Advice.LOG_IN,
    Advice.STOP_OPENING,
    Advice.HALT,
)
_RPC: Final = {
    **dict.fromkeys(_GENERAL, refused()),
    40300: refused(advice=Advice.LOG_IN),
    40110: refused(advice=Advice.LOG_IN),
    40111: refused(advice=Advice.LOG_IN),
    40112: refused(advice=Advice.HALT),
    42901: refused(Reason.LIMIT_ORDER_RATE, Advice.SLOW_DOWN),
}


def verdict_on(status: int, code: str) -> Verdict:
    """Return what a refusal by REST means."""
    if status == 429:
        return _RPC[42901]
    if status == 401 and code not in _CODES:
        return _CODES["INVALID_TOKEN"]
    return _CODES.get(code, UNKNOWN)


def verdict_on_call(code: int, texts: str) -> Verdict:
    """Return what a refusal on the socket means; codes of the REST interface stand in its texts.

    A number that says more than that something was wrong counts before any text.  Of several codes in the texts the
    one counts that leaves most open, then the one that asks for most.
    """
    if code == INTERNAL_ERROR:
        return UNKNOWN
    if code in _RPC and code not in _GENERAL:
        return _RPC[code]
    told = [_CODES[name] for name in _CODE.findall(texts) if name in _CODES]
    return max(told, key=_weight, default=_RPC.get(code, UNKNOWN))


def _weight(verdict: Verdict) -> tuple[bool, int]:
    return verdict.fate is Fate.UNKNOWN, _HEAVIEST_LAST.index(verdict.advice)


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
