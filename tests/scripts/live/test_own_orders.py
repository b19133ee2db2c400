"""Our orders, as they are shown."""

from typing import Any

import pytest

from market.messages import (
    AccountSnapshot,
    CancelAll,
    CancelOrder,
    CancelRejected,
    Fill,
    OpenOrder,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderRejected,
    OrderState,
    OrderStatus,
    PlaceOrder,
)
from market.order_log import PACK
from market.units import MS
from scripts.live.own_orders import CANCELLING, OPEN, SENT, OwnOrders


def told(*steps: tuple[int, Any]) -> OwnOrders:
    orders = OwnOrders([0, 1, 1])
    for ts, message in steps:
        if isinstance(message, AccountSnapshot):
            orders.reconcile(message)
        elif isinstance(message, OrderStatus):
            orders.learn(message)
        else:
            orders.take(PACK[type(message)](message, ts))
    return orders


def place(client_id: int, instrument: int = 1, side: int = 1, price: int = 100, size: int = 5) -> PlaceOrder:
    return PlaceOrder(client_id, instrument, side, price, size, 0)


def account(ts_request: int, *client_ids: int, venue: int = 1) -> AccountSnapshot:
    opened = tuple(OpenOrder(each, 1, 1, 100, 5, 2, 0) for each in client_ids)
    return AccountSnapshot(venue, ts_request, ts_request + 1, ts_request + 2, 0, opened, (), ())


def status(client_id: int, ts_request: int, state: OrderState) -> OrderStatus:
    return OrderStatus(client_id, 1, ts_request, ts_request + 1, ts_request + 2, state, 100, 5, 0)


def fill(client_id: int, size: int) -> Fill:
    return Fill(client_id, 1, 1, 1, client_id * 100 + size, 1, 100, size, True, 0)


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        ([place(1)], [(1, SENT, 0)]),
        ([place(1), OrderAccepted(1, 1, 0, 0)], [(1, OPEN, 0)]),
        ([place(1), OrderAccepted(1, 1, 0, 0), fill(1, 2)], [(1, OPEN, 2)]),
        ([place(1), OrderAccepted(1, 1, 0, 0), fill(1, 2), fill(1, 3)], []),
        ([place(1), OrderRejected(1, 1, 0, 0, 3)], []),
        ([place(1), OrderExpired(1, 1, 0, 0, 3)], []),
        ([place(1), status(1, 7, OrderState.CANCELLED)], []),
        ([place(1), status(1, 7, OrderState.UNKNOWN)], []),
        ([place(1), status(1, 7, OrderState.OPEN)], [(1, SENT, 0)]),
        ([place(1), status(1, -1, OrderState.UNKNOWN)], [(1, SENT, 0)]),
        ([place(1), CancelOrder(1, 1)], [(1, CANCELLING, 0)]),
        ([place(1), CancelOrder(1, 1), OrderAccepted(1, 1, 0, 0)], [(1, CANCELLING, 0)]),
        ([place(1), CancelOrder(1, 1), OrderCancelled(1, 1, 0, 0, 0)], []),
        ([place(1), CancelOrder(1, 1), CancelRejected(1, 1, 0, 0, 0)], [(1, OPEN, 0)]),
        ([place(1), CancelAll(1)], [(1, CANCELLING, 0)]),
        ([place(1), CancelAll(2)], [(1, SENT, 0)]),
        # the account knows better, as far as it was asked afterwards
        ([place(1), account(5)], []),
        ([place(1), account(5, venue=0)], [(1, SENT, 0)]),
        ([place(1), place(2), account(1)], [(2, SENT, 0)]),
        ([account(5, 7)], [(7, OPEN, 2)]),
        ([place(1), OrderAccepted(1, 1, 0, 0), OrderCancelled(1, 1, 0, 0, 0), account(1, 1)], []),
    ],
)
def test_what_is_live_after(steps: list[Any], left: list[tuple[int, str, int]]) -> None:
    orders = told(*enumerate(steps))
    assert [(each.client_id, each.state, each.filled) for each in orders] == left


def test_best_prices_come_first_and_amends_count() -> None:
    orders = told(
        (0, place(1, price=100)),
        (0, place(2, price=102)),
        (0, place(3, side=-1, price=110)),
        (0, place(4, side=-1, price=108)),
        (1, OrderAmended(1, 1, 0, 0, 103, 9)),
    )
    assert [each.price for each in orders.live(1, 1)] == [103, 102]
    assert [each.price for each in orders.live(1, -1)] == [108, 110]
    assert orders.live(0, 1) == []
    assert orders.live(1, 1)[0].size == 9


def test_latencies_are_round_trips() -> None:
    orders = told(
        (0, place(1)),
        (3 * MS, OrderAccepted(1, 1, 0, 0)),
        (10 * MS, CancelOrder(1, 1)),
        (14 * MS, OrderCancelled(1, 1, 0, 0, 0)),
        (20 * MS, place(2)),
        (20 * MS, CancelOrder(2, 1)),
        (26 * MS, OrderAccepted(2, 1, 0, 0)),  # of an order that is being cancelled already: no clean measure
    )
    assert list(orders.latencies[1].place) == [3 * MS]
    assert list(orders.latencies[1].cancel) == [4 * MS]
    assert list(orders.latencies[0].place) == []
