"""What the venue's codes mean for an order, and what should be done about them.

Only a code that is known to mean so says that a request was refused; any other leaves the fate of an order unknown.
"""

from typing import Final

from market.messages import Reason
from venues.verdicts import OK, Advice, Fate, Verdict, refused

_ASK: Final = Verdict(Fate.UNKNOWN, Reason.NONE, Advice.QUERY)

_ROWS: Final[tuple[tuple[tuple[int, ...], Verdict], ...]] = (
    ((0, 110025, 110026, 110043, 34040), OK),  # the latter: "not modified"
    ((110001, 170213, 110008, 110010, 110019), refused(Reason.UNKNOWN_ORDER, Advice.QUERY)),
    ((110079, 40004), refused(advice=Advice.RETRY)),
    ((110072,), _ASK),  # a duplicate client order id: an earlier attempt got in
    ((110020,), refused(Reason.TOO_MANY_ORDERS)),
    (
        (110004, 110006, 110007, 110012, 110044, 110045, 110051, 110052, 110053),
        refused(advice=Advice.STOP_OPENING),
    ),
    ((110011, 110039, 110040, 110046), refused(advice=Advice.HALT)),
    ((110017,), refused(Reason.REDUCE_ONLY)),
    ((110003, 110120, 110121, 30208, 30209), refused(Reason.INVALID_PRICE)),
    ((110094,), refused(Reason.BELOW_MIN_NOTIONAL)),
    ((110064,), refused(Reason.INVALID_SIZE)),
    (
        (110021, 110022, 110023, 110042, 110074, 110066, 110063, 30228),
        refused(advice=Advice.HALT_SYMBOL),
    ),
    ((10001,), refused(advice=Advice.RELOAD_INSTRUMENTS)),
    ((10002, -1), refused(advice=Advice.RESYNC_CLOCK)),
    (
        (10003, 33004, 10004, 10005, 10007, 10010, 10009, 10024, 10027, 10028, 110123, 110124, 110125),
        refused(advice=Advice.HALT),
    ),
    ((110024, 110028), refused(advice=Advice.HALT)),  # a mode cannot be switched: orders or positions are open
    ((10006, 10403), refused(advice=Advice.SLOW_DOWN)),
    ((10404, 10017), refused(advice=Advice.HALT)),  # no such operation or route: our own mistake
    ((110119,), refused()),
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
