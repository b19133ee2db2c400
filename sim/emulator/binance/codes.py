"""Binance's codes, as an emulated venue answers them, and why an order is refused or ends."""

from typing import Final

from market.messages import Reason

TOO_MUCH_WEIGHT: Final = -1003
UNKNOWN_OUTCOME: Final = -1007
TOO_MANY_ORDERS_SENT: Final = -1015
TIMESTAMP: Final = -1021
BAD_SIGNATURE: Final = -1022
NOT_EMULATED: Final = -1104
MISSING: Final = -1102
PRECISION: Final = -1111
BAD_SIDE: Final = -1117
BAD_TYPE: Final = -1116
BAD_TIME_IN_FORCE: Final = -1115
BAD_SYMBOL: Final = -1121
NO_LISTEN_KEY: Final = -1125
BAD_PARAMETER: Final = -1130
CANCEL_REJECTED: Final = -2011
NO_SUCH_ORDER: Final = -2013
BAD_KEY: Final = -2015
NO_MARGIN: Final = -2019
REDUCE_ONLY: Final = -2022
TOO_MANY_ORDERS: Final = -2025
LEVERAGE: Final = -4028
MARGIN_TYPE_AS_IT_WAS: Final = -4046
SIDE_MODE_AS_IT_WAS: Final = -4059
SIDE_MISMATCH: Final = -4061
SIDE_MODE_BLOCKED: Final = -4067
BAD_CLIENT_ID: Final = -4015
PRICE_TOO_HIGH: Final = -4016
PRICE_TOO_LOW: Final = -4024
HMAC_KEY: Final = -4056
REPEATED_CLIENT_ID: Final = -4116
WRONG_ENDPOINT: Final = -4120
ASSET_MODE_AS_IT_WAS: Final = -4171
FOK: Final = -5021
POST_ONLY: Final = -5022
NOTHING_TO_AMEND: Final = -5027

TEXTS: Final = {
    TOO_MUCH_WEIGHT: "Too many requests; please use the websocket for live updates.",
    UNKNOWN_OUTCOME: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    TOO_MANY_ORDERS_SENT: "Too many new orders.",
    TIMESTAMP: "Timestamp for this request is outside of the recvWindow.",
    BAD_SIGNATURE: "Signature for this request is not valid.",
    PRECISION: "Precision is over the maximum defined for this asset.",
    BAD_SIDE: "Invalid side.",
    BAD_TYPE: "Invalid orderType.",
    BAD_TIME_IN_FORCE: "Invalid timeInForce.",
    BAD_SYMBOL: "Invalid symbol.",
    NO_LISTEN_KEY: "This listenKey does not exist.",
    CANCEL_REJECTED: "Unknown order sent.",
    NO_SUCH_ORDER: "Order does not exist.",
    BAD_KEY: "Invalid API-key, IP, or permissions for action.",
    NO_MARGIN: "Margin is insufficient.",
    REDUCE_ONLY: "ReduceOnly Order is rejected.",
    TOO_MANY_ORDERS: "Reach max open order limit.",
    LEVERAGE: "Leverage is not valid.",
    MARGIN_TYPE_AS_IT_WAS: "No need to change margin type.",
    SIDE_MODE_AS_IT_WAS: "No need to change position side.",
    SIDE_MISMATCH: "Order's position side does not match user's setting.",
    SIDE_MODE_BLOCKED: "Position side cannot be changed: only the one-way mode is emulated.",
    BAD_CLIENT_ID: "Client order id is not valid.",
    PRICE_TOO_HIGH: "Limit price can't be higher than the cap.",
    PRICE_TOO_LOW: "Limit price can't be lower than the floor.",
    HMAC_KEY: "HMAC_SHA256 API key is not supported.",
    REPEATED_CLIENT_ID: "ClientOrderId is duplicated.",
    WRONG_ENDPOINT: "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
    ASSET_MODE_AS_IT_WAS: "No need to change asset mode.",
    FOK: "Due to the order could not be filled immediately, the FOK order has been rejected.",
    POST_ONLY: "Due to the order could not be executed as maker, the Post Only order will be rejected.",
    NOTHING_TO_AMEND: "No need to modify the order.",
}

# the engine's refusals; all are answers, and leave no trace
REFUSALS: Final = {
    Reason.POST_ONLY_WOULD_TAKE: (POST_ONLY, TEXTS[POST_ONLY]),
    Reason.FOK_NOT_FILLABLE: (FOK, TEXTS[FOK]),
    Reason.INVALID_PRICE: (-4014, "Price not increased by tick size."),
    Reason.INVALID_SIZE: (-4003, "Quantity less than zero."),
    Reason.BELOW_MIN_SIZE: (-4004, "Quantity less than min quantity."),
    Reason.ABOVE_MAX_SIZE: (-4005, "Quantity greater than max quantity."),
    Reason.BELOW_MIN_NOTIONAL: (-4164, "Order's notional must be no smaller than the minimum."),
    Reason.REDUCE_ONLY: (REDUCE_ONLY, TEXTS[REDUCE_ONLY]),
    Reason.TOO_MANY_ORDERS: (TOO_MANY_ORDERS, TEXTS[TOO_MANY_ORDERS]),
    Reason.UNKNOWN_ORDER: (NO_SUCH_ORDER, TEXTS[NO_SUCH_ORDER]),
}

# why an order expired
EXPIRIES: Final = {
    Reason.NO_LIQUIDITY: "2",
    Reason.REMAINDER_EXPIRED: "2",
    Reason.REDUCE_ONLY: "4",
}
MARKET_EXPIRY: Final = "9"


class VenueError(Exception):
    """A request that is answered by an error."""

    def __init__(self, code: int, text: str = "", status: int = 400) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text or TEXTS.get(code, "refused")
        self.status = status
