"""What the venue's codes mean for an order, and what should be done about them.

Only a code that is known to mean so says that a request was refused; any other leaves the fate of an order unknown.
"""

from enum import Enum
from typing import Final

import attrs

from market.messages import Reason


class Fate(Enum):
    """What became of a request."""

    DONE = "taken, or it was so already"
    REFUSED = "nothing has changed at the venue"
    UNKNOWN = "it may have taken effect: ask"


class Advice(Enum):
    """What should be done besides."""

    NONE = "nothing"
    QUERY = "ask what became of the order"
    RETRY = "try again once after a short wait"
    SLOW_DOWN = "send less until the limit is reset"
    PAUSE_HTTP = "send nothing by HTTP for ten minutes"
    RESYNC_CLOCK = "measure the venue's clock, then try again once"
    RECONNECT = "open a new connection"
    RELOAD_INSTRUMENTS = "read the instruments again: a rule has changed, or the request is wrong"
    STOP_OPENING = "open nothing more: there is no margin for it"
    HALT_SYMBOL = "only cancel and reduce on this symbol"
    HALT = "stop: a person is needed"


@attrs.frozen
class Verdict:
    """The meaning of a code.  `reason` is what is told of a refusal."""

    fate: Fate
    reason: Reason = Reason.NONE
    advice: Advice = Advice.NONE


OK: Final = Verdict(Fate.DONE)
_ASK: Final = Verdict(Fate.UNKNOWN, Reason.NONE, Advice.QUERY)


def _refused(reason: Reason = Reason.VENUE_OTHER, advice: Advice = Advice.NONE) -> Verdict:
    return Verdict(Fate.REFUSED, reason, advice)


_ROWS: Final[tuple[tuple[tuple[int, ...], Verdict], ...]] = (
    ((0, 110025, 110026, 110043, 34040), OK),  # the latter: "not modified"
    ((110001, 170213, 110008, 110010, 110019), _refused(Reason.UNKNOWN_ORDER, Advice.QUERY)),
    ((110079, 40004), _refused(advice=Advice.RETRY)),
    ((110072,), _ASK),  # a duplicate client order id: an earlier attempt got in
    ((110020,), _refused(Reason.TOO_MANY_ORDERS)),
    (
        (110004, 110006, 110007, 110012, 110044, 110045, 110051, 110052, 110053),
        _refused(advice=Advice.STOP_OPENING),
    ),
    ((110011, 110039, 110040, 110046), _refused(advice=Advice.HALT)),
    ((110017,), _refused(Reason.REDUCE_ONLY)),
    ((110003, 110120, 110121, 30208, 30209), _refused(Reason.INVALID_PRICE)),
    ((110094,), _refused(Reason.BELOW_MIN_NOTIONAL)),
    ((110064,), _refused(Reason.INVALID_SIZE)),
    (
        (110021, 110022, 110023, 110042, 110074, 110066, 110063, 30228),
        _refused(advice=Advice.HALT_SYMBOL),
    ),
    ((10001,), _refused(advice=Advice.RELOAD_INSTRUMENTS)),
    ((10002, -1), _refused(advice=Advice.RESYNC_CLOCK)),
    (
        (10003, 33004, 10004, 10005, 10007, 10010, 10009, 10024, 10027, 10028, 110123, 110124, 110125),
        _refused(advice=Advice.HALT),
    ),
    ((110024, 110028), _refused(advice=Advice.HALT)),  # a mode cannot be switched: orders or positions are open
    ((10006, 10403), _refused(advice=Advice.SLOW_DOWN)),
    ((10404, 10017), _refused(advice=Advice.HALT)),  # no such operation or route: our own mistake
    ((110119,), _refused()),
    ((10000, 10016), _ASK),
    ((429, 10429, 20003), Verdict(Fate.UNKNOWN, Reason.NONE, Advice.SLOW_DOWN)),
    ((20006,), _ASK),  # a request id used twice: the first of the two may have got in
    ((10019,), Verdict(Fate.UNKNOWN, Reason.NONE, Advice.RECONNECT)),
)
VERDICTS: Final = {code: verdict for codes, verdict in _ROWS for code in codes}
_HTTP: Final = {
    401: Verdict(Fate.UNKNOWN, Reason.NONE, Advice.HALT),  # the key, or whence it is used
    403: Verdict(Fate.UNKNOWN, Reason.NONE, Advice.PAUSE_HTTP),
    429: Verdict(Fate.UNKNOWN, Reason.NONE, Advice.SLOW_DOWN),
}

# of order events: why the venue did not take an order, or ended it
REJECT_REASONS: Final = {
    "EC_PostOnlyWillTakeLiquidity": Reason.POST_ONLY_WOULD_TAKE,
    "EC_NoImmediateQtyToFill": Reason.NO_LIQUIDITY,
    "EC_CancelForNoFullFill": Reason.FOK_NOT_FILLABLE,
    "EC_ReachRiskPriceLimit": Reason.INVALID_PRICE,
    "EC_ReachMarketPriceLimit": Reason.INVALID_PRICE,
}


def verdict_on(code: int, message: str) -> Verdict:
    """Return what `retCode` and `retMsg` mean; an unknown code means that nobody knows."""
    if code == 10001 and "not modified" in message:  # seen for an amend that changes nothing
        return OK
    return VERDICTS.get(code, _ASK)


def verdict_on_status(status: int) -> Verdict | None:
    """Return what an HTTP status means by itself; None for 200, whose body says it."""
    return None if status == 200 else _HTTP.get(status, _ASK)
