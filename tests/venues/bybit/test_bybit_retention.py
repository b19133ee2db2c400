"""What the venue keeps does not grow with the orders that are over."""

import pytest

from market.messages import CancelOrder, PlaceOrder
from market.units import SECOND
from tests.retained import n_retained
from tests.venues.bybit.bybit_wire import BTC
from tests.venues.bybit.scripted_bybit import Bybit
from tests.venues.bybit.test_bybit_private import ORDER as ORDER_ROW
from venues.bybit.order_ids import link_of

N_KNOWN = 200
pytestmark = pytest.mark.slow


def trade(bybit: Bybit, first: int, n: int) -> None:
    """Place orders and cancel them, each heard of by both ways."""
    for number in range(first, first + n):
        row = {**ORDER_ROW, "orderLinkId": link_of(number), "orderId": str(10 * number)}
        place, cancel = PlaceOrder(number, BTC.id, 1, 650_000, 10, 4), CancelOrder(number, BTC.id)
        for command, status in ((place, "New"), (cancel, "Cancelled")):
            bybit.command(command)
            frame = bybit.frames("trade")[-1]
            data = {"orderId": row["orderId"], "orderLinkId": row["orderLinkId"]}
            bybit.hear(
                "trade", {"reqId": frame["reqId"], "retCode": 0, "retMsg": "OK", "op": frame["op"], "data": data}
            )
            bybit.hear("private", {"topic": "order", "creationTime": 1, "data": [{**row, "orderStatus": status}]})
            bybit.outputs.clear()
        bybit.now += SECOND // 2
        bybit.take(bybit.venue.on_deadline(bybit.now))


def test_orders_that_are_over_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("venues.bybit.private._MAX_KNOWN", N_KNOWN)
    bybit = Bybit().come_up()
    trade(bybit, 1, 2 * N_KNOWN)
    before = n_retained(bybit.venue)
    trade(bybit, 1000, 3 * N_KNOWN)
    assert abs(n_retained(bybit.venue) - before) < 100
