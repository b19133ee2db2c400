"""WOO X's codes, as an emulated venue answers them."""

from typing import Any, Final

from market.messages import Reason

INTERNAL: Final = -1000
BAD_FORMAT: Final = -1001
BAD_KEY: Final = -1002
TOO_MANY: Final = -1003
UNKNOWN_PARAMETER: Final = -1004
WRONG_FORMAT: Final = -1005
NOT_FOUND: Final = -1006
NO_MARGIN: Final = -1101
BELOW_NOTIONAL: Final = -1102
WRONG_TICK: Final = -1103
WRONG_STEP: Final = -1104
FAR_PRICE: Final = -1105
UNCHANGED: Final = 302130
REPEATED_ID: Final = 302117
REDUCE_ONLY: Final = 302138
FILLED_MORE: Final = 317170
NO_SUCH_ORDER: Final = 317152
COUNTDOWN_RANGE: Final = 317176
STALE_TIME: Final = 317178

TEXTS: Final = {
    INTERNAL: "An internal error has occurred. We are unable to process your request. Please try again later.",
    BAD_FORMAT: "The api key or secret is in wrong format.",
    BAD_KEY: "API key or secret is invalid, it may because key have insufficient permission or the key is revoked.",
    TOO_MANY: "Rate limit exceed.",
    UNKNOWN_PARAMETER: "An unknown parameter was sent.",
    WRONG_FORMAT: "Some parameters are in wrong format for api.",
    NOT_FOUND: "The data is not found in server.",
    NO_MARGIN: "The risk exposure for client is too high, it may cause by sending too big order.",
    BELOW_NOTIONAL: "The order value (price * size) is too small.",
    WRONG_TICK: "The order price is not following the tick size rule for the symbol.",
    WRONG_STEP: "The order quantity is not following the step size rule for the symbol.",
    FAR_PRICE: "Price is too high or too low from the mid price.",
    UNCHANGED: "The order didn't update.",
    REPEATED_ID: "The client order id is duplicated.",
    REDUCE_ONLY: "The reduce only order is larger than the position.",
    FILLED_MORE: "The new quantity must exceed the executed quantity.",
    NO_SUCH_ORDER: "The order is not found, or already completed.",
    COUNTDOWN_RANGE: "triggerAfter is out of range.",
    STALE_TIME: "The timestamp is out of the receive window.",
}

# refusals of the engine that are answered at once; the others are reports of an order that was taken
ANSWERED: Final = {
    Reason.INVALID_PRICE: WRONG_TICK,
    Reason.INVALID_SIZE: WRONG_STEP,
    Reason.BELOW_MIN_SIZE: WRONG_STEP,
    Reason.ABOVE_MAX_SIZE: WRONG_STEP,
    Reason.BELOW_MIN_NOTIONAL: BELOW_NOTIONAL,
    Reason.REDUCE_ONLY: REDUCE_ONLY,
    Reason.TOO_MANY_ORDERS: NO_MARGIN,
    Reason.UNKNOWN_ORDER: NO_SUCH_ORDER,
}
_STATUSES: Final = {BAD_FORMAT: 401, BAD_KEY: 401, TOO_MANY: 429, INTERNAL: 500, REPEATED_ID: 409}


class VenueError(Exception):
    """A request that is answered by an error."""

    def __init__(self, code: int, text: str = "", status: int = 0) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text or TEXTS.get(code, "refused")
        self.status = status or _STATUSES.get(code, 400)

    def reply(self) -> dict[str, Any]:
        return {"success": False, "code": self.code, "message": self.text}
