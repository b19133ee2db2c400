"""What the venue keeps does not grow with the orders that are over."""

import pytest

from market.messages import CancelOrder, PlaceOrder
from tests.retained import n_retained
from tests.venues.binance.scripted_binance import COUNTDOWN, TIME, Drive, drive, order, report

N_KNOWN = 200
pytestmark = pytest.mark.slow


def trade(venue: Drive, first: int, n: int) -> None:
    """Place orders and cancel them, each heard of by both ways, some of them filled first."""
    for number in range(first, first + n):
        name, venue_id = f"ls-{number}", 10 * number
        venue.command(PlaceOrder(number, 0, 1, 1000, 5, 0))
        answer_all(venue)
        venue.hear("trade", {"id": venue.frames["trade"][-1]["id"], "status": 200, "result": order(name, venue_id)})
        venue.hear("private", report(name, venue_id, "NEW", "NEW"))
        if number % 3 == 0:
            filled = {"l": "0.001", "L": "100.0", "z": "0.001", "t": number, "m": True, "n": "0.1", "N": "USDT"}
            venue.hear("private", report(name, venue_id, "TRADE", "PARTIALLY_FILLED", **filled))
        venue.command(CancelOrder(number, 0))
        gone = order(name, venue_id, "CANCELED")
        venue.hear("trade", {"id": venue.frames["trade"][-1]["id"], "status": 200, "result": gone})
        venue.hear("private", report(name, venue_id, "CANCELED", "CANCELED"))
        venue.speak().forget().outputs.clear()
        venue.later(0.5)
        answer_all(venue)


def answer_all(venue: Drive) -> None:
    while venue.n_asked(COUNTDOWN):
        venue.answer(COUNTDOWN, {"symbol": "BTCUSDT", "countdownTime": "30000"})
    while venue.n_asked(TIME):
        venue.tell_time()
    for name, asked in list(venue.asked.items()):
        while asked:
            venue.fail(name)


def test_orders_that_are_over_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("venues.binance.order_index._MAX_KNOWN", N_KNOWN)
    venue = drive().up()
    trade(venue, 1, 2 * N_KNOWN)
    before = n_retained(venue.venue)
    trade(venue, 1000, 3 * N_KNOWN)
    assert abs(n_retained(venue.venue) - before) < 100
