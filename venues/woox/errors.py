"""What the venue's refusals mean for an order, and what should be done about them.

Only a code that is known to mean so says that a request was refused; any other leaves the fate of an order unknown.
"""

from typing import Final

from market.messages import Reason
from venues.verdicts import OK, UNKNOWN, Advice, Fate, Verdict, refused

_ROWS: Final[tuple[tuple[tuple[int, ...], Verdict], ...]] = (
    ((302130,), OK),  # the order is what the amend would make of it
    ((-1006, 302129, 317152, 317184), refused(Reason.UNKNOWN_ORDER)),
    ((-1007, 302117), UNKNOWN),  # a client id that is in use: an earlier attempt got in
    ((-1001, -1002), refused(advice=Advice.HALT)),
    ((-1003,), refused(Reason.LIMIT_ORDER_RATE, Advice.SLOW_DOWN)),
    ((-1004, -1005), refused(advice=Advice.HALT)),  # our own mistake, and the next request would be one, too
    ((-1101, 302102, 302170, 302188), refused(advice=Advice.STOP_OPENING)),
    ((-1102, 302164), refused(Reason.BELOW_MIN_NOTIONAL)),
    ((-1103, -1105, 302140, 302141), refused(Reason.INVALID_PRICE, Advice.RELOAD_INSTRUMENTS)),
    ((-1104,), refused(Reason.INVALID_SIZE, Advice.RELOAD_INSTRUMENTS)),
    ((302138, 302314, 302125), refused(Reason.REDUCE_ONLY)),
    ((302142, 317170), refused(Reason.INVALID_SIZE)),  # an amend below what is filled
    ((302177, 317174), refused()),  # the order is on its way: it cannot be edited yet
    ((302111, 302307, 302162), refused(advice=Advice.STOP_OPENING)),
    ((317157, 317158, 317159), refused(advice=Advice.HALT_SYMBOL)),
    ((317178, 317179), refused(advice=Advice.RESYNC_CLOCK)),
    ((317176,), refused()),
    ((-1011,), Verdict(Fate.UNKNOWN, Reason.NONE, Advice.LOOK_AT_SYSTEM)),
    ((-1000, -1012, 302999, 311999, 302159, 302005), UNKNOWN),
    ((503,), Verdict(Fate.UNKNOWN, Reason.NONE, Advice.LOOK_AT_SYSTEM)),  # of the gateway, with HTTP status 200
)
VERDICTS: Final = {code: verdict for codes, verdict in _ROWS for code in codes}
_STATUSES: Final = {
    401: refused(advice=Advice.HALT),
    429: refused(Reason.LIMIT_ORDER_RATE, Advice.SLOW_DOWN),
}


def verdict_on(status: int, code: str) -> Verdict:
    """Return what a refusal means by its code, else by its HTTP status; one that is unknown means that nobody knows."""
    return _known(code) or _STATUSES.get(status, UNKNOWN)


def may_pass(status: int, code: str) -> bool:
    """Tell whether a refusal says that something was wrong at the venue for a moment: the same again may be granted."""
    known = _known(code)
    if known is None:
        return status >= 500 or status == 429
    return known.fate is Fate.UNKNOWN or known.advice is Advice.SLOW_DOWN


def _known(code: str) -> Verdict | None:
    digits = code.removeprefix("-")
    return VERDICTS.get(int(code)) if digits.isascii() and digits.isdigit() and len(code) < 10 else None


def reason_of(text: str) -> Reason:
    """Return why the venue ended an order, from its words; NONE where they say nothing that is known."""
    words = text.lower().replace("_", " ").replace("-", " ")
    for reason, marks in _WORDS:
        if any(mark in words for mark in marks):
            return reason
    return Reason.NONE


# the texts are documented nowhere; how most orders end is known from our own terms as well
_WORDS: Final[tuple[tuple[Reason, tuple[str, ...]], ...]] = (
    (Reason.POST_ONLY_WOULD_TAKE, ("post only",)),
    (Reason.REDUCE_ONLY, ("reduce only",)),
    (Reason.UNKNOWN_ORDER, ("not found", "not exist", "completed", "finished")),
    (Reason.BELOW_MIN_NOTIONAL, ("notional",)),
)
