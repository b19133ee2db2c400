"""Orders, cancels and amends to a venue that answers what a test says, without sockets or a clock."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from market.messages import (
    AmendOrder,
    AmendRejected,
    CancelOrder,
    CancelRejected,
    Fill,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderFlag,
    OrderRejected,
    PlaceOrder,
    Reason,
)
from market.units import MS, SECOND, Nanos
from tests.venues.hyperliquid.hyperliquid_wire import BTC
from venues.hyperliquid.exchange import Exchange
from venues.hyperliquid.gate import HyperliquidGate
from venues.hyperliquid.limits import MESSAGES, ActionBudget
from venues.hyperliquid.order_path import OrderPath
from venues.hyperliquid.order_status import HyperliquidQueries
from venues.hyperliquid.orders import Orders
from venues.hyperliquid.private import PrivateData
from venues.hyperliquid.requests import OrderActions
from venues.hyperliquid.signing import Signer
from venues.hyperliquid.structs import read_frame
from venues.rate_window import RateWindow
from venues.venue import HttpAnswer, Output, SendFrame, SendRequest, Tell
from venues.wire import InstrumentGrid

NOW: Nanos = 1_760_000_000_000 * MS
GRID = InstrumentGrid(BTC)
ACCOUNT = "0x" + "1" * 40
PRICE = GRID.ticks["65000"]
ORDER = PlaceOrder(77, BTC.id, 1, PRICE, 100, int(OrderFlag.POST_ONLY))
TAKING = PlaceOrder(78, BTC.id, 1, PRICE, 100, int(OrderFlag.IOC))


class Hyperliquid:
    """Drives the order path of one account, and keeps what it sends."""

    def __init__(self) -> None:
        self.now = NOW
        gate, orders, messages = HyperliquidGate(0), Orders(), RateWindow(MESSAGES)
        self.budget = ActionBudget()
        self.exchange = Exchange(Signer("01" * 32, is_mainnet=False), gate, messages, self.budget)
        self.private = PrivateData(ACCOUNT, {"BTC": GRID}, orders)
        queries = HyperliquidQueries(ACCOUNT, [BTC], orders, gate)
        actions = OrderActions([BTC], {"BTC": 0})
        self.path = OrderPath(ACCOUNT, actions, orders, self.private, queries, self.exchange, gate)
        self.gate, self.orders = gate, orders
        self.exchange.begin(NOW)
        self.path.is_up = self.exchange.is_up = True
        self.now += SECOND

    def give(self, command: Any) -> list[Output]:
        return self.path.on[type(command)](command, self.now)

    def send(self, command: Any) -> int:
        """Give a command that goes by the socket; return the number of its post."""
        (sent,) = self.give(command)
        assert isinstance(sent, SendFrame)
        number = json.loads(sent.data)["id"]
        assert isinstance(number, int)
        return number

    def answer(self, number: int, *statuses: Any, refusal: str = "") -> list[Any]:
        result = {"type": "order", "data": {"statuses": list(statuses)}}
        payload = {"status": "err", "response": refusal} if refusal else {"status": "ok", "response": result}
        data = {"id": number, "response": {"type": "action", "payload": payload}}
        frame = read_frame(json.dumps({"channel": "post", "data": data}))
        assert frame is not None
        return facts(self.exchange.receive(frame, self.now))

    def hear(self, channel: str, data: Any) -> list[Any]:
        frame = read_frame(json.dumps({"channel": channel, "data": data}))
        assert frame is not None
        return list(self.private.receive(frame, self.now))

    def news(self, oid: int, status: str, left: int = 100, size: int = 100, order: PlaceOrder = ORDER) -> list[Any]:
        terms = {"coin": "BTC", "side": "B", "limitPx": GRID.price_text(order.price), "sz": GRID.size_text(left)}
        terms |= {"origSz": GRID.size_text(size), "cloid": f"0x{order.client_id:032x}"}
        row = {"order": terms | {"oid": oid, "timestamp": 1}, "status": status, "statusTimestamp": self.now // MS}
        return self.hear("orderUpdates", [row])

    def fill(self, oid: int, lots: int, trade: int = 1) -> list[Any]:
        row = {"coin": "BTC", "px": GRID.price_text(PRICE), "sz": GRID.size_text(lots), "side": "B", "oid": oid}
        row |= {"time": self.now // MS, "crossed": False, "fee": "0", "tid": trade}
        return self.hear("userFills", {"user": ACCOUNT, "fills": [row]})

    def stand(self) -> "Hyperliquid":
        """Let ORDER stand as the venue's 9001."""
        assert kinds(self.answer(self.send(ORDER), resting(9001))) == [OrderAccepted]
        return self


def facts(outputs: list[Output]) -> list[Any]:
    return [each.message for each in outputs if isinstance(each, Tell)]


def kinds(messages: list[Any]) -> list[type]:
    return [type(each) for each in messages]


def resting(oid: int) -> dict[str, Any]:
    return {"resting": {"oid": oid}}


def amend(size: int = 200) -> AmendOrder:
    return AmendOrder(ORDER.client_id, BTC.id, PRICE - 10, size)


@pytest.mark.parametrize("is_answered_first", [True, False])
def test_the_end_of_an_order_that_takes_is_told_once(is_answered_first: bool) -> None:
    venue = Hyperliquid()
    number = venue.send(TAKING)
    filled = {"filled": {"oid": 9001, "totalSz": GRID.size_text(40), "avgPx": "65000"}}
    steps: list[Callable[[], list[Any]]] = [
        lambda: venue.answer(number, filled),
        lambda: venue.news(9001, "canceled", 60, order=TAKING),
    ]
    told = [fact for step in (steps if is_answered_first else steps[::-1]) for fact in step()]
    ends = [each for each in told if isinstance(each, OrderExpired)]
    assert [each.filled for each in ends] == [40]
    (fill,) = venue.fill(9001, 40)
    assert isinstance(fill, Fill)
    assert fill.client_id == TAKING.client_id
    assert not venue.orders.live


def test_an_amend_keeps_the_order_through_the_end_of_the_one_it_replaces() -> None:
    venue = Hyperliquid().stand()
    number = venue.send(amend())
    assert venue.news(9001, "canceled") == []
    assert venue.news(9002, "open", 200, 200) == []
    (amended,) = venue.answer(number, resting(9002))
    assert isinstance(amended, OrderAmended)
    assert amended.size == 200
    assert kinds(venue.news(9002, "canceled", 200, 200)) == [OrderCancelled]


def test_a_fill_before_the_amend_is_settled_though_the_new_order_ends_too() -> None:
    venue = Hyperliquid().stand()
    number = venue.send(amend())
    venue.news(9001, "canceled", 70)
    venue.news(9002, "canceled", 200, 200)
    told = venue.answer(number, resting(9002))
    assert kinds(told) == [OrderAmended, OrderAmended, OrderCancelled]
    assert (told[1].size, told[2].filled) == (230, 30)


@pytest.mark.parametrize("is_answered_first", [True, False])
def test_an_amend_refused_after_the_old_order_was_cancelled_tells_the_end(is_answered_first: bool) -> None:
    venue = Hyperliquid().stand()
    number = venue.send(amend())
    error = {"error": "Post only order would have immediately matched, bbo was 1@2."}
    steps: list[Callable[[], list[Any]]] = [lambda: venue.answer(number, error), lambda: venue.news(9001, "canceled")]
    told = [fact for step in (steps if is_answered_first else steps[::-1]) for fact in step()]
    assert kinds(told) == [AmendRejected, OrderCancelled]


def test_the_rejection_of_an_amended_order_does_not_end_the_one_that_stands() -> None:
    venue = Hyperliquid().stand()
    number = venue.send(amend())
    assert venue.news(9002, "badAloPxRejected", 200, 200) == []
    told = venue.answer(number, {"error": "Post only order would have immediately matched, bbo was 1@2."})
    assert kinds(told) == [AmendRejected]
    assert venue.news(9002, "badAloPxRejected", 200, 200) == []
    assert ORDER.client_id in venue.orders.live


@pytest.mark.parametrize("is_lost", [True, False])
def test_after_an_amend_of_unknown_fate_the_end_of_the_old_order_is_not_believed(is_lost: bool) -> None:
    venue = Hyperliquid().stand()
    number = venue.send(amend())
    assert (facts(venue.exchange.closed(venue.now)) if is_lost else venue.answer(number, 17)) == []
    assert venue.news(9001, "canceled") == []
    assert venue.private.is_doubted
    (refused,) = facts(venue.give(amend(300)))
    assert isinstance(refused, AmendRejected)
    (amended,) = venue.news(9002, "open", 200, 200)
    assert isinstance(amended, OrderAmended)
    assert amended.size == 200
    assert kinds(venue.news(9002, "canceled", 200, 200)) == [OrderCancelled]


def test_an_order_whose_number_is_not_told_yet_is_not_amended() -> None:
    venue = Hyperliquid()
    venue.send(ORDER)
    assert kinds(facts(venue.give(amend()))) == [AmendRejected]


def test_an_order_of_unknown_fate_is_told_by_the_stream() -> None:
    venue = Hyperliquid()
    venue.send(ORDER)
    assert facts(venue.exchange.closed(venue.now)) == []
    assert kinds(venue.news(9001, "open")) == [OrderAccepted]


@pytest.mark.parametrize("text", ["429 Too Many Requests", "Too many cumulative requests sent"])
def test_a_cancel_that_a_limit_refused_is_sent_again(text: str) -> None:
    venue = Hyperliquid().stand()
    command = CancelOrder(ORDER.client_id, BTC.id)
    assert venue.answer(venue.send(command), refusal=text) == []
    venue.now = venue.path.next_deadline()
    (sent,) = venue.path.on_deadline(venue.now)
    assert isinstance(sent, SendFrame)


def test_a_cancel_is_answered_by_http_with_502_and_sent_again() -> None:
    venue = Hyperliquid().stand()
    venue.path.is_up = venue.exchange.is_up = False
    (sent,) = venue.give(CancelOrder(ORDER.client_id, BTC.id))
    assert isinstance(sent, SendRequest)
    assert venue.gate.answered(sent.token, HttpAnswer(502, {}, b"", venue.now, venue.now), venue.now) == []
    venue.now = venue.path.next_deadline()
    assert kinds(venue.path.on_deadline(venue.now)) == [SendRequest]


def test_cancels_go_though_the_socket_is_full_and_the_budget_spent() -> None:
    venue = Hyperliquid().stand()
    number = 100
    while not isinstance(venue.give(PlaceOrder(number, BTC.id, 1, PRICE, 100, 0))[0], Tell):
        number += 1
    assert number == 180
    venue.budget.empty()
    sent = [venue.give(CancelOrder(each, BTC.id))[0] for each in range(100, 140)]
    assert kinds(sent) == [SendFrame] * 15 + [SendRequest] * 25


@pytest.mark.slow
def test_every_burst_is_within_the_nonces() -> None:
    venue = Hyperliquid().stand()
    sent = [venue.give(CancelOrder(each, BTC.id)) for each in range(1000, 2500)]
    assert 200 <= sum(map(len, sent)) < 1500
    while (due := venue.path.next_deadline()) < NOW + 60 * SECOND:
        venue.now = max(venue.now, due)
        sent.append(venue.path.on_deadline(venue.now))
    assert sum(map(len, sent)) == 1500


def test_the_budget_counts_what_was_sent_while_it_was_asked() -> None:
    budget = ActionBudget()
    budget.spend(5, NOW)
    budget.asked()
    budget.spend(3, NOW)
    budget.told(100, 102)
    assert budget.used == 103
    assert budget.free_at(NOW, is_cancel=False) > NOW == budget.free_at(NOW, is_cancel=True)


def test_refusals_are_told_with_their_reasons() -> None:
    venue = Hyperliquid()
    (told,) = venue.answer(venue.send(ORDER), {"error": "Order must have minimum value of $10."})
    assert isinstance(told, OrderRejected)
    assert told.reason == Reason.BELOW_MIN_NOTIONAL
    number = venue.send(CancelOrder(ORDER.client_id, BTC.id))
    (told,) = venue.answer(number, {"error": "Order was never placed, already canceled, or filled."})
    assert isinstance(told, CancelRejected)
    assert told.reason == Reason.UNKNOWN_ORDER
