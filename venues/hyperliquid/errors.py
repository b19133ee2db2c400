"""What the venue's refusals mean: it speaks in sentences, of which the parts that matter are known.

Only words that are known to mean so say that a request was refused for this or that; what is refused by other words is
refused all the same, as an answer to an action is its result.  No answer, or one of a server in trouble, leaves the
fate of an order unknown.
"""

from typing import Final

from market.messages import Reason
from venues.verdicts import Advice, Fate, Verdict, refused

_ROWS: Final[tuple[tuple[str, Verdict], ...]] = (
    ("post only order would have immediately matched", refused(Reason.POST_ONLY_WOULD_TAKE)),
    ("never placed, already canceled, or filled", refused(Reason.UNKNOWN_ORDER)),
    ("cannot modify canceled or filled order", refused(Reason.UNKNOWN_ORDER)),
    ("divisible by tick size", refused(Reason.INVALID_PRICE, Advice.RELOAD_INSTRUMENTS)),
    ("invalid price", refused(Reason.INVALID_PRICE, Advice.RELOAD_INSTRUMENTS)),
    ("invalid size", refused(Reason.INVALID_SIZE, Advice.RELOAD_INSTRUMENTS)),
    ("minimum value of", refused(Reason.BELOW_MIN_NOTIONAL)),
    ("insufficient margin", refused(advice=Advice.STOP_OPENING)),
    ("perpmaxposition", refused(advice=Advice.STOP_OPENING)),
    ("reduce only order would increase", refused(Reason.REDUCE_ONLY)),
    ("could not immediately match", refused(Reason.NO_LIQUIDITY)),
    ("too far from oracle", refused(Reason.INVALID_PRICE)),
    ("away from the reference price", refused(Reason.INVALID_PRICE)),
    ("open interest", refused()),
    ("too many cumulative requests", refused(Reason.LIMIT_ORDER_RATE, Advice.NO_BUDGET)),
    ("too many requests", refused(Reason.LIMIT_ORDER_RATE, Advice.SLOW_DOWN)),
    ("too many open orders", refused(Reason.TOO_MANY_ORDERS)),
    # the first that had this nonce, or this client id, may have got in
    ("nonce", Verdict(Fate.UNKNOWN, Reason.VENUE_OTHER)),
    ("cloid", Verdict(Fate.UNKNOWN, Reason.DUPLICATE_ID)),
    ("does not exist", refused(advice=Advice.HALT)),
    ("must deposit before", refused(advice=Advice.HALT)),
    ("only post-only orders allowed", refused(Reason.INVALID_TERMS)),
    ("not enough volume", refused()),
)


def verdict_on(text: str) -> Verdict:
    """Return what a refusal means."""
    words = text.lower()
    if words.startswith("429"):
        return refused(Reason.LIMIT_ORDER_RATE, Advice.SLOW_DOWN)
    return next((verdict for marks, verdict in _ROWS if marks in words), refused())


def is_switch_refused(text: str) -> bool:
    """Tell whether the dead man's switch is not for this account yet."""
    return "enough volume" in text.lower()


# states of an order that has ended, by the end of their names
_REJECTED: Final = {
    "badaloprejected": Reason.POST_ONLY_WOULD_TAKE,
    "badalopxrejected": Reason.POST_ONLY_WOULD_TAKE,
    "tickrejected": Reason.INVALID_PRICE,
    "mintradentlrejected": Reason.BELOW_MIN_NOTIONAL,
    "reduceonlyrejected": Reason.REDUCE_ONLY,
    "ioccancelrejected": Reason.NO_LIQUIDITY,
    "oraclerejected": Reason.INVALID_PRICE,
}


def reason_of(status: str) -> Reason:
    """Return why an order was rejected, by its state."""
    return _REJECTED.get(status.lower(), Reason.VENUE_OTHER)
