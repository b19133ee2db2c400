"""Bybit's codes, as an emulated venue answers them, and why an order is refused or ends."""

from typing import Final

from market.messages import Reason

OK: Final = 0
PARAMETER: Final = 10001
TIMESTAMP: Final = 10002
BAD_KEY: Final = 10003
BAD_SIGN: Final = 10004
NO_PERMISSION: Final = 10005
TOO_MANY_REQUESTS: Final = 10006
UNKNOWN_OUTCOME: Final = 10016
NO_SUCH_ROUTE: Final = 10404
REPEATED_AUTH: Final = 20001
REPEATED_REQUEST_ID: Final = 20006
NO_SUCH_ORDER: Final = 110001
PRICE_OUTSIDE: Final = 110003
NO_MARGIN: Final = 110007
TOO_MANY_ORDERS: Final = 110020
REDUCE_ONLY: Final = 110017
MODE_AS_IT_WAS: Final = 110025
MODE_BLOCKED: Final = 110028
LEVERAGE_AS_IT_WAS: Final = 110043
FILLED_MORE: Final = 110064
REPEATED_LINK_ID: Final = 110072
BELOW_NOTIONAL: Final = 110094

TEXTS: Final = {
    OK: "OK",
    TIMESTAMP: "invalid request, please check your server timestamp or recv_window param.",
    BAD_KEY: "API key is invalid.",
    BAD_SIGN: "error sign!",
    NO_PERMISSION: "Permission denied, please check your API key permissions.",
    TOO_MANY_REQUESTS: "Too many visits. Exceeded the API Rate Limit.",
    UNKNOWN_OUTCOME: "Server error.",
    NO_SUCH_ROUTE: "op type is not found.",
    REPEATED_AUTH: "Repeat auth.",
    REPEATED_REQUEST_ID: "Duplicate reqId.",
    NO_SUCH_ORDER: "order not exists or too late to cancel",
    PRICE_OUTSIDE: "Order price exceeds the allowable range.",
    NO_MARGIN: "ab not enough for new order",
    TOO_MANY_ORDERS: "Not allowed to have more than 500 active orders",
    REDUCE_ONLY: "current position is zero, cannot fix reduce-only order qty",
    MODE_AS_IT_WAS: "Position mode is not modified",
    MODE_BLOCKED: "Position mode cannot be switched",
    LEVERAGE_AS_IT_WAS: "leverage not modified",
    FILLED_MORE: "The amended qty is not above the filled one",
    REPEATED_LINK_ID: "OrderLinkedID is duplicate",
    BELOW_NOTIONAL: "Order does not meet minimum order value",
}

# refusals of the engine that Bybit answers at once; the others are events of an order that was taken
ANSWERED: Final = {
    Reason.INVALID_PRICE: (PARAMETER, "Price invalid"),
    Reason.INVALID_SIZE: (PARAMETER, "Qty invalid"),
    Reason.BELOW_MIN_SIZE: (PARAMETER, "The number of contracts exceeds minimum limit allowed"),
    Reason.ABOVE_MAX_SIZE: (PARAMETER, "The number of contracts exceeds maximum limit allowed"),
    Reason.BELOW_MIN_NOTIONAL: (BELOW_NOTIONAL, TEXTS[BELOW_NOTIONAL]),
    Reason.REDUCE_ONLY: (REDUCE_ONLY, TEXTS[REDUCE_ONLY]),
    Reason.TOO_MANY_ORDERS: (TOO_MANY_ORDERS, TEXTS[TOO_MANY_ORDERS]),
    Reason.UNKNOWN_ORDER: (NO_SUCH_ORDER, TEXTS[NO_SUCH_ORDER]),
}

# of an order's end or refusal: rejectReason, cancelType
ENDS: Final = {
    Reason.NONE: ("EC_PerCancelRequest", "CancelByUser"),
    Reason.CANCEL_ALL: ("EC_PerCancelRequest", "CancelByUser"),
    Reason.POST_ONLY_WOULD_TAKE: ("EC_PostOnlyWillTakeLiquidity", "UNKNOWN"),
    Reason.FOK_NOT_FILLABLE: ("EC_CancelForNoFullFill", "UNKNOWN"),
    Reason.NO_LIQUIDITY: ("EC_NoImmediateQtyToFill", "UNKNOWN"),
    Reason.REMAINDER_EXPIRED: ("EC_NoImmediateQtyToFill", "UNKNOWN"),
    Reason.REDUCE_ONLY: ("EC_NoError", "CancelByReduceOnly"),
}


class VenueError(Exception):
    """A request that is answered by an error."""

    def __init__(self, code: int, text: str = "", status: int = 200) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text or TEXTS[code]
        self.status = status
