"""Commands of one instant on Hyperliquid: one action, one signature, and each order with a fate of its own."""

import json
from typing import Any

import msgspec
import pytest

from market.messages import (
    CancelOrder,
    CancelRejected,
    OrderAccepted,
    OrderExpired,
    OrderRejected,
    PlaceOrder,
    Reason,
)
from market.units import MS, SECOND
from tests.venues.hyperliquid.test_hyperliquid_orders import ORDER, TAKING, Hyperliquid, facts, kinds, resting
from tests.venues.hyperliquid.test_hyperliquid_venue import Hyperliquid as WholeVenue
from venues.venue import SendFrame, SendRequest

OTHER = msgspec.structs.replace(ORDER, client_id=90, side=-1)
THIRD = msgspec.structs.replace(ORDER, client_id=91)


class Trader(Hyperliquid):
    def together(self, *commands: Any) -> list[dict[str, Any]]:
        """Give commands of one kind; return the posts that leave."""
        sent = self.path.together(commands, self.now)
        self.facts = facts(sent)
        return [json.loads(each.data) for each in sent if isinstance(each, SendFrame)]


def action(post: dict[str, Any]) -> dict[str, Any]:
    found = post["request"]["payload"]["action"]
    assert isinstance(found, dict)
    return found


def test_orders_share_an_action_and_each_is_answered() -> None:
    trader = Trader()
    (post,) = trader.together(ORDER, OTHER, THIRD)
    assert [order["c"] for order in action(post)["orders"]] == [f"0x{each:032x}" for each in (77, 90, 91)]
    assert trader.budget.used == 3, "each takes one of the account's actions"
    error = {"error": "Insufficient margin to place order. asset=0"}
    told = trader.answer(post["id"], resting(9001), error, resting(9003))
    accepted = [each.client_id for each in told if isinstance(each, OrderAccepted)]
    (rejected,) = [each for each in told if isinstance(each, OrderRejected)]
    assert (accepted, rejected.client_id) == ([77, 91], 90)
    assert trader.orders.live[91].oid == 9003
    assert 90 not in trader.orders.live


def test_orders_that_take_say_each_what_expired_of_them() -> None:
    trader = Trader()
    second = msgspec.structs.replace(TAKING, client_id=79)
    (post,) = trader.together(TAKING, second)
    told = trader.answer(
        post["id"],
        {"filled": {"totalSz": "0.0004", "avgPx": "65000", "oid": 1}},
        {"error": "Order could not immediately match against any resting orders. asset=0"},
    )
    ended = {each.client_id: (each.reason, each.filled) for each in told if isinstance(each, OrderExpired)}
    assert ended == {78: (Reason.REMAINDER_EXPIRED, 40), 79: (Reason.NO_LIQUIDITY, 0)}


@pytest.mark.parametrize("by", ["refusal", "one error"])
def test_a_fault_of_the_whole_is_one_of_each(by: str) -> None:
    """Some faults are found before a batch is looked at order by order, and told once."""
    trader = Trader()
    (post,) = trader.together(ORDER, OTHER)
    words = "Price must be divisible by tick size. asset=0"
    told = trader.answer(post["id"], refusal=words) if by == "refusal" else trader.answer(post["id"], {"error": words})
    assert [each.client_id for each in told if isinstance(each, OrderRejected)] == [77, 90]


@pytest.mark.parametrize("statuses", [[resting(9001)], [], [resting(1), resting(2), resting(3)]])
def test_an_answer_that_does_not_tell_of_each_leaves_all_open(statuses: list[Any]) -> None:
    trader = Trader()
    (post,) = trader.together(ORDER, OTHER)
    assert trader.answer(post["id"], *statuses) == []
    assert set(trader.orders.live) == {77, 90}, "whoever sent them asks when their time is over"
    assert trader.path.seen["order of unknown fate"] == 2


def test_an_answer_that_is_lost_tells_of_none_and_the_stream_still_does() -> None:
    trader = Trader()
    trader.together(ORDER, OTHER)
    assert trader.exchange.closed(trader.now) == []
    assert trader.path.seen["order of unknown fate"] == 2
    assert kinds(trader.news(9002, "open", order=OTHER)) == [OrderAccepted]


def test_cancels_share_an_action_and_what_is_lost_is_sent_again_by_each() -> None:
    trader = Trader()
    (post,) = trader.together(CancelOrder(1, 0), CancelOrder(2, 0), CancelOrder(3, 0))
    assert action(post)["type"] == "cancelByCloid"
    words = "Order was never placed, already canceled, or filled. asset=0"
    (told,) = trader.answer(post["id"], "success", {"error": words}, "success")
    assert isinstance(told, CancelRejected)
    assert (told.client_id, told.reason) == (2, Reason.UNKNOWN_ORDER)
    trader.together(CancelOrder(4, 0), CancelOrder(5, 0))
    trader.exchange.closed(trader.now)
    assert trader.path.next_deadline() == trader.now + SECOND
    again = trader.path.on_deadline(trader.now + SECOND)
    assert len(again) == 2


def test_the_budget_is_shared_out_by_order_and_what_is_beyond_is_refused() -> None:
    trader = Trader()
    trader.budget.told(9_998, 10_000)
    (post,) = trader.together(ORDER, OTHER, THIRD)
    assert len(action(post)["orders"]) == 2
    (rejected,) = trader.facts
    assert (rejected.client_id, rejected.reason) == (91, Reason.LIMIT_ORDER_RATE)
    # cancels have more
    (post,) = trader.together(CancelOrder(1, 0), CancelOrder(2, 0))
    assert len(action(post)["cancels"]) == 2


def test_one_that_is_not_to_be_had_spoils_no_other() -> None:
    trader = Trader()
    odd = PlaceOrder(80, 0, 1, ORDER.price, 10, 2)  # fill or kill
    posts = trader.together(ORDER, odd, OTHER)
    assert [len(action(post)["orders"]) for post in posts] == [1, 1]
    assert [each.client_id for each in trader.facts] == [80]


def test_without_the_socket_orders_are_refused_and_cancels_go_together_by_http() -> None:
    trader = Trader()
    trader.path.is_up = trader.exchange.is_up = False
    assert trader.together(ORDER, OTHER) == []
    assert [each.reason for each in trader.facts] == [Reason.NOT_CONNECTED] * 2
    (sent,) = trader.path.together([CancelOrder(1, 0), CancelOrder(2, 0)], trader.now)
    assert isinstance(sent, SendRequest)
    assert len(json.loads(sent.request.body)["action"]["cancels"]) == 2


def test_a_quoter_that_moves_both_sides_sends_two_actions_cancels_first() -> None:
    venue = WholeVenue().up()
    venue.wait(10 * MS)
    n = len(venue.sent)
    commands = [ORDER, CancelOrder(1, 0), OTHER, CancelOrder(2, 0), TAKING]
    venue.take(venue.venue.commands(commands, venue.now))
    sent = [action(post) for _, post in venue.sent[n:] if post.get("method") == "post"]
    assert [each["type"] for each in sent] == ["cancelByCloid", "order", "order"]
    assert [len(each["cancels" if "cancels" in each else "orders"]) for each in sent] == [2, 2, 1]
    assert sent[2]["orders"][0]["t"] == {"limit": {"tif": "Ioc"}}, "orders that take stand beside none that make"


def test_what_makes_no_sense_of_one_spoils_no_other() -> None:
    trader = Trader()
    second = msgspec.structs.replace(TAKING, client_id=79)
    (post,) = trader.together(TAKING, second)
    filled = {"filled": {"totalSz": "many", "avgPx": "65000", "oid": 1}}
    told = trader.answer(post["id"], filled, {"error": "Insufficient margin to place order. asset=0"})
    assert [each.client_id for each in told if isinstance(each, OrderRejected)] == [79]
    assert set(trader.orders.live) == {78}
    assert trader.path.seen["order of unknown fate"] == 1


def test_an_answer_that_makes_no_sense_gives_up_no_cancel() -> None:
    trader = Trader()
    (post,) = trader.together(CancelOrder(1, 0), CancelOrder(2, 0))
    trader.answer(post["id"], 17)
    assert len(trader.path.on_deadline(trader.now + SECOND)) == 2, "both are sent again"


def test_an_answer_in_another_order_is_believed_of_none() -> None:
    trader = Trader()
    (post,) = trader.together(ORDER, OTHER, THIRD)
    names = [order["c"] for order in action(post)["orders"]]
    error = {"error": "Insufficient margin to place order. asset=0"}
    rows = [{"resting": {"oid": 9000 + n, "cloid": names[n]}} for n in (1, 0)]
    assert trader.answer(post["id"], *rows, error) == []
    assert set(trader.orders.live) == {77, 90, 91}
    assert trader.path.seen["order of unknown fate"] == 3
    (post,) = trader.together(CancelOrder(1, 0), CancelOrder(2, 0))
    assert trader.answer(post["id"], "success", "success") == []
