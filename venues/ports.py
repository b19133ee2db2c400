"""By which port of the connector each message of a codec leaves."""

from collections.abc import Callable, Iterable, Mapping
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
    TradesCaughtUp,
    TradingState,
)
from market.units import Nanos
from venues import actions
from venues.venue import Connect, Output, Reconnect, Replace, SendFrame, Tell
from venues.wire import HttpRequest

PORTS: Final[Mapping[type, str]] = {
    **dict.fromkeys((BookSnapshot, BookDelta, BookGap), "books"),
    Trade: "trades",
    **dict.fromkeys((Mark, TradesCaughtUp), "marks"),
    **dict.fromkeys(
        (OrderAccepted, OrderRejected, OrderAmended, AmendRejected, OrderCancelled, CancelRejected, OrderExpired),
        "facts",
    ),
    **dict.fromkeys((Fill, FundingPayment, AccountSnapshot, OrderStatus), "fills"),
}


def told(messages: Iterable[Any]) -> list[Output]:
    """Return messages as outputs; those that nobody waits for, as reports of positions, are passed over."""
    return [Tell(port, each) for each in messages if (port := PORTS.get(type(each))) is not None]


def ask_for_person(venue: str, state: TradingState, text: str, now: Nanos) -> list[Output]:
    """Ask that no more than `state` be traded on a venue, and say why."""
    return [Tell("halts", HaltRequested(now, int(state), int(HaltCause.VENUE), f"{venue}: {text}"))]


def no_requests(request: HttpRequest, token: int) -> Output:
    """Take the request of a session that sends none."""
    raise AssertionError(f"no session of this venue sends requests, got {request!r}")


def on_socket(
    socket: str, outputs: Iterable[Any], ask: Callable[[HttpRequest, int], Output] = no_requests
) -> list[Output]:
    """Return what a session returned (`venues.actions`, messages) as outputs of the venue that is composed of it.

    Args:
        socket: the session's.
        outputs: messages without a port are passed over.
        ask: makes the output of a session's request and the session's own token for it.
    """
    named: list[Output] = []
    for each in outputs:
        kind = type(each)
        port = PORTS.get(kind)
        if port is not None:
            named.append(Tell(port, each))
        elif kind is actions.SendFrame:
            named.append(SendFrame(socket, each.data))
        elif kind is actions.SendRequest:
            named.append(ask(each.request, each.token))
        elif kind is actions.Reconnect:
            named.append(Reconnect(socket, each.reason))
        elif kind is actions.Connect:
            named.append(Connect(socket, each.target))
        elif kind is actions.Replace:
            named.append(Replace(socket, each.overlap_s))
    return named
