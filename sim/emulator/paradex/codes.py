"""Paradex's refusals."""

from typing import Any, Final

from market.messages import Reason

_RPC: Final = {429: 42901, 401: 40111, 500: -32603}


class VenueError(Exception):
    """A request is refused."""

    def __init__(self, code: str, message: str = "", status: int = 400) -> None:
        super().__init__(f"{code} {message}")
        self.code, self.message, self.status = code, message, status

    def body(self) -> dict[str, Any]:
        return {"error": self.code, "message": self.message or self.code, "data": {}}

    def call(self) -> dict[str, Any]:
        """Return it as the error of a call on the socket."""
        return {"code": _RPC.get(self.status, -32600), "message": self.message or self.code, "data": self.code}


INVALID_TOKEN: Final = "INVALID_TOKEN"
CLOSED_FOR: Final = {
    Reason.POST_ONLY_WOULD_TAKE: "POST_ONLY_WOULD_CROSS",
    Reason.REDUCE_ONLY: "REDUCE_ONLY_WILL_INCREASE",
    Reason.BELOW_MIN_NOTIONAL: "ORDER_SIZE_BELOW_MIN",
    Reason.BELOW_MIN_SIZE: "ORDER_SIZE_BELOW_MIN",
    Reason.NO_LIQUIDITY: "NO_LIQUIDITY",
    Reason.REMAINDER_EXPIRED: "IOC_REMAINDER",
    Reason.TOO_MANY_ORDERS: "MAX_OPEN_ORDERS",
}
