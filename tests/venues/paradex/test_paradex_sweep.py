"""Who cancels all orders of an account counts all that are left, however many pages they fill."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest

from market.messages import OrderFlag, PlaceOrder
from tests.venues.paradex.paradex_wire import BTC
from tests.venues.paradex.scripted_paradex import CONNECTION, T0, row_of
from tests.venues.paradex.test_paradex_signing import ADDRESS, KEY
from venues.connection import Credentials
from venues.paradex.signing import chain_of
from venues.paradex.sweep import sweep
from venues.venue import Conversation, HttpAnswer, Swept, VenueSetup
from venues.wire import HttpRequest, RemoteProtocolError

SETUP = VenueSetup(0, (), CONNECTION, Credentials(ADDRESS, KEY))
SYSTEM = {
    "/v1/system/config": {"starknet_chain_id": chain_of("custom")},
    "/v1/system/time": {"server_time": T0 // 10**6},
    "/v1/auth": {"jwt_token": "token"},
}


def row(number: int, status: str = "OPEN") -> dict[str, Any]:
    return row_of(PlaceOrder(number, BTC.id, 1, 2_000_000, 50, int(OrderFlag.POST_ONLY)), status, T0)


def swept(talk: Conversation[Swept], reply: Callable[[HttpRequest], tuple[int, Any]]) -> Swept:
    def answer(request: HttpRequest) -> HttpAnswer:
        found = next((body for path, body in SYSTEM.items() if request.path.startswith(path)), None)
        status, body = reply(request) if found is None else (200, found)
        return HttpAnswer(status, {}, msgspec.json.encode(body), T0, T0)

    def held() -> Conversation[Swept]:
        found.append((yield from talk))
        return found[0]

    found: list[Swept] = []
    asking = held()
    with suppress(StopIteration):
        request = next(asking)
        while True:
            request = asking.send(answer(request))
    (only,) = found
    return only


def test_orders_of_every_page_count_each_once() -> None:
    pages = {
        "": {"results": [row(1), row(2)], "next": "a b"},
        "a b": {"results": [row(2), row(3, "CLOSED")], "next": "c"},
        "c": {"results": [row(4)], "next": None},
    }
    asked: list[str] = []

    def reply(request: HttpRequest) -> tuple[int, Any]:
        asked.append(request.method)
        return 200, pages[parse_qs(request.query).get("cursor", [""])[0]]

    assert swept(sweep(SETUP, cancels=False), reply) == Swept(3)
    assert asked == ["GET"] * 3


def test_pages_without_end_prove_nothing() -> None:
    with pytest.raises(RemoteProtocolError, match="have not ended"):
        swept(sweep(SETUP, cancels=False), lambda request: (200, {"results": [row(1)], "next": "more"}))


def test_a_cancel_of_all_that_is_refused_is_told() -> None:
    def reply(request: HttpRequest) -> tuple[int, Any]:
        if request.method == "DELETE":
            return 400, {"error": "VALIDATION_ERROR", "message": "no"}
        return 200, {"results": [row(1)]}

    assert swept(sweep(SETUP, cancels=True), reply) == Swept(1, ("cancel of all: 400 VALIDATION_ERROR no",))


def test_a_list_that_is_not_told_proves_nothing() -> None:
    with pytest.raises(RemoteProtocolError, match="open orders with status 503"):
        swept(sweep(SETUP, cancels=False), lambda request: (503, {}))
