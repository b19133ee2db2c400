"""Hyperliquid's refusals, in its own words."""

from typing import Final

from market.messages import Reason

POST_ONLY: Final = "Post only order would have immediately matched, bbo was {bid}@{ask}."
NEVER_PLACED: Final = "Order was never placed, already canceled, or filled."
NO_MATCH: Final = "Order could not immediately match against any resting orders."
REDUCE_ONLY: Final = "Reduce only order would increase position."
WRONG_TICK: Final = "Price must be divisible by tick size."
WRONG_SIZE: Final = "Order has invalid size."
BELOW_MINIMUM: Final = "Order must have minimum value of $10."
NO_MARGIN: Final = "Insufficient margin to place order."
FAR_PRICE: Final = "Order price cannot be more than 80% away from the reference price"
CANNOT_MODIFY: Final = "Cannot modify canceled or filled order"
TOO_MANY_OPEN: Final = "Too many open orders"
EXPIRED: Final = "Order expired before it could be processed"
UNKNOWN_USER: Final = "User or API Wallet {address} does not exist."
NO_BUDGET: Final = "Too many cumulative requests sent ({used} > {cap}) for cumulative volume traded ${volume}."
BAD_NONCE: Final = "Invalid nonce: duplicate nonce {nonce}"
NO_SWITCH: Final = "Cannot set scheduled cancel time until enough volume traded. Required: $1000000. Traded: ${volume}."
SWITCH_TOO_SOON: Final = "Scheduled cancel time must be at least 5 seconds from now."
REPEATED_CLOID: Final = "Order with this cloid already exists."
MALFORMED: Final = "Failed to deserialize the JSON body into the target type"

OF_REASON: Final = {
    Reason.INVALID_PRICE: WRONG_TICK,
    Reason.INVALID_SIZE: WRONG_SIZE,
    Reason.BELOW_MIN_SIZE: WRONG_SIZE,
    Reason.ABOVE_MAX_SIZE: WRONG_SIZE,
    Reason.BELOW_MIN_NOTIONAL: BELOW_MINIMUM,
    Reason.REDUCE_ONLY: REDUCE_ONLY,
    Reason.NO_LIQUIDITY: NO_MATCH,
    Reason.TOO_MANY_ORDERS: TOO_MANY_OPEN,
}


class RefusalError(Exception):
    """One item of an action is refused."""


class MalformedError(Exception):
    """The body is none that is known: HTTP 422."""
