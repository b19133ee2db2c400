"""What the venue's refusals mean: it speaks in sentences, of which the parts that matter are known.

Only words that are known to mean so say that a request was refused for this or that; what is refused by other words is
refused all the same, as an answer to an action is its result.  No answer, or one of a server in trouble, leaves the
fate of an order unknown.
"""

from enum import Enum
from typing import Final

import attrs

from market.messages import Reason


class Advice(Enum):
    """What should be done besides."""

    NONE = "nothing"
    WAIT = "the address has asked too often"
    NO_BUDGET = "the account has no actions left: trade more, or reserve some"
    RELOAD_INSTRUMENTS = "read the instruments again: a rule has changed, or a price was rounded wrongly"
    STOP_OPENING = "open nothing more: there is no margin for it"
    HALT = "stop: a person is needed"


@attrs.frozen
class Verdict:
    """The meaning of a sentence; `is_known` is false where an earlier attempt may have got in: ask."""

    reason: Reason = Reason.VENUE_OTHER
    advice: Advice = Advice.NONE
    is_known: bool = True


_ROWS: Final[tuple[tuple[str, Verdict], ...]] = (
    ("post only order would have immediately matched", Verdict(Reason.POST_ONLY_WOULD_TAKE)),
    ("never placed, already canceled, or filled", Verdict(Reason.UNKNOWN_ORDER)),
    ("cannot modify canceled or filled order", Verdict(Reason.UNKNOWN_ORDER)),
    ("divisible by tick size", Verdict(Reason.INVALID_PRICE, Advice.RELOAD_INSTRUMENTS)),
    ("invalid price", Verdict(Reason.INVALID_PRICE, Advice.RELOAD_INSTRUMENTS)),
    ("invalid size", Verdict(Reason.INVALID_SIZE, Advice.RELOAD_INSTRUMENTS)),
    ("minimum value of", Verdict(Reason.BELOW_MIN_NOTIONAL)),
    ("insufficient margin", Verdict(Reason.VENUE_OTHER, Advice.STOP_OPENING)),
    ("perpmaxposition", Verdict(Reason.VENUE_OTHER, Advice.STOP_OPENING)),
    ("reduce only order would increase", Verdict(Reason.REDUCE_ONLY)),
    ("could not immediately match", Verdict(Reason.NO_LIQUIDITY)),
    ("too far from oracle", Verdict(Reason.INVALID_PRICE)),
    ("away from the reference price", Verdict(Reason.INVALID_PRICE)),
    ("open interest", Verdict(Reason.VENUE_OTHER)),
    ("too many cumulative requests", Verdict(Reason.LIMIT_ORDER_RATE, Advice.NO_BUDGET)),
    ("too many requests", Verdict(Reason.LIMIT_ORDER_RATE, Advice.WAIT)),
    ("too many open orders", Verdict(Reason.TOO_MANY_ORDERS)),
    # the first that had this nonce, or this client id, may have got in
    ("nonce", Verdict(is_known=False)),
    ("cloid", Verdict(Reason.DUPLICATE_ID, is_known=False)),
    ("does not exist", Verdict(advice=Advice.HALT)),
    ("must deposit before", Verdict(advice=Advice.HALT)),
    ("only post-only orders allowed", Verdict(Reason.INVALID_TERMS)),
    ("not enough volume", Verdict()),
)


def verdict_on(text: str) -> Verdict:
    """Return what a refusal means."""
    words = text.lower()
    if words.startswith("429"):
        return Verdict(Reason.LIMIT_ORDER_RATE, Advice.WAIT)
    return next((verdict for marks, verdict in _ROWS if marks in words), Verdict())


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
