"""By which port of the connector each message of the codecs leaves."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from market.messages import (
    AccountSnapshot,
    AmendRejected,
    BookDelta,
    BookGap,
    BookSnapshot,
    CancelRejected,
    Fill,
    FundingPayment,
    HaltCause,
    HaltRequested,
    Mark,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderRejected,
    OrderStatus,
    Trade,
    TradingState,
)
from market.units import Nanos
from venues.venue import Output, Tell, on_socket
from venues.wire import HttpRequest

PORTS: Final[Mapping[type, str]] = {
    **dict.fromkeys((BookSnapshot, BookDelta, BookGap), "books"),
    Trade: "trades",
    Mark: "marks",
    **dict.fromkeys(
        (
            OrderAccepted,
            OrderRejected,
            OrderAmended,
            AmendRejected,
            OrderCancelled,
            CancelRejected,
            OrderExpired,
        ),
        "facts",
    ),
    **dict.fromkeys((Fill, FundingPayment, AccountSnapshot, OrderStatus), "fills"),
}


def on_bybit(socket: str, outputs: Iterable[Any]) -> list[Output]:
    """Return what a session or codec returned as outputs; reports of positions and balances are passed over."""
    return on_socket(socket, outputs, _no_requests, PORTS)


def _no_requests(request: HttpRequest, token: int) -> Output:
    raise AssertionError(f"no session of this venue sends requests, got {request!r}")


def ask_for_person(state: TradingState, text: str, now: Nanos) -> list[Output]:
    """Ask that no more than `state` be traded."""
    return [Tell("halts", HaltRequested(now, int(state), int(HaltCause.VENUE), f"bybit: {text}"))]
