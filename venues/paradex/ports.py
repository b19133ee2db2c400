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
from venues.venue import Output, Tell

_PORTS: Final[Mapping[type, str]] = {
    **dict.fromkeys((BookSnapshot, BookDelta, BookGap), "books"),
    Trade: "trades",
    Mark: "marks",
    **dict.fromkeys(
        (OrderAccepted, OrderRejected, OrderAmended, AmendRejected, OrderCancelled, CancelRejected, OrderExpired),
        "facts",
    ),
    **dict.fromkeys((Fill, AccountSnapshot, OrderStatus), "fills"),
}


def told(messages: Iterable[Any]) -> list[Output]:
    """Return messages as outputs."""
    return [Tell(_PORTS[type(each)], each) for each in messages]


def ask_for_person(state: TradingState, text: str, now: Nanos) -> list[Output]:
    """Ask that no more than `state` be traded."""
    return [Tell("halts", HaltRequested(now, int(state), int(HaltCause.VENUE), f"paradex: {text}"))]
