"""Commands of one instant on Bybit's trade socket: one frame, and each with a fate of its own."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from market.messages import AmendOrder, AmendRejected, CancelOrder, CancelRejected, OrderRejected, PlaceOrder, Reason
from tests.venues.bybit.bybit_wire import ETH
from tests.venues.bybit.scripted_bybit import ORDER, Bybit
from venues.bybit.order_ids import link_of
from venues.connection import VenueConnection
from venues.venue import SendRequest

SECOND_ORDER = msgspec.structs.replace(ORDER, client_id=78, side=-1, price=650_100)
OF_ETH = msgspec.structs.replace(ORDER, client_id=79, instrument=ETH.id, price=25_000)


class Trader(Bybit):
    def commands(self, *messages: Any) -> list[dict[str, Any]]:
        """Give commands of one instant; return the frames that leave by the trade socket."""
        n = len(self.frames("trade"))
        self.take(self.venue.commands(messages, self.now))
        return self.frames("trade")[n:]

    def reply(self, frame: dict[str, Any], *codes: int, code: int = 0, names: Sequence[str] = ()) -> None:
        """Answer a batch: the code of each, in `retExtInfo`; `names` of orders in its list."""
        items = [{"code": each, "msg": "said"} for each in codes]
        self.hear(
            "trade",
            {
                "reqId": frame["reqId"],
                "retCode": code,
                "retMsg": "OK",
                "op": frame["op"],
                "data": {"list": [{"orderLinkId": each} for each in names]},
            }
            | {"retExtInfo": {"list": items}, "header": {"Timenow": str(self.now // 10**6)}},
        )


def up() -> Trader:
    trader = Trader()
    trader.come_up()
    return trader


def links(frame: dict[str, Any]) -> list[str]:
    return [item["orderLinkId"] for item in frame["args"][0]["request"]]


def test_orders_of_one_instant_share_a_frame_over_instruments() -> None:
    trader = up()
    (frame,) = trader.commands(ORDER, SECOND_ORDER, OF_ETH)
    assert frame["op"] == "order.create-batch"
    assert [item["symbol"] for item in frame["args"][0]["request"]] == ["BTCUSDT", "BTCUSDT", "ETHUSDT"]
    assert links(frame) == [link_of(77), link_of(78), link_of(79)]
    assert trader.commands(ORDER)[0]["op"] == "order.create", "one by itself goes as ever"


def test_a_refusal_of_one_is_told_of_that_one() -> None:
    trader = up()
    (frame,) = trader.commands(ORDER, SECOND_ORDER, OF_ETH)
    trader.reply(frame, 0, 110007, 0)
    (rejected,) = trader.told(OrderRejected)
    assert rejected.client_id == 78


@pytest.mark.parametrize("codes", [(0, 0), (0, 0, 0, 0), (), (10016, 10016, 10016)])
def test_an_answer_that_does_not_tell_of_each_leaves_all_open(codes: tuple[int, ...]) -> None:
    trader = up()
    (frame,) = trader.commands(ORDER, SECOND_ORDER, OF_ETH)
    trader.reply(frame, *codes)
    assert not trader.told(OrderRejected), "whoever sent them asks when their time is over"


def test_an_answer_in_another_order_is_believed_of_none() -> None:
    trader = up()
    (frame,) = trader.commands(ORDER, SECOND_ORDER, OF_ETH)
    first, second, third = links(frame)
    trader.reply(frame, 0, 110007, 0, names=(second, "", third))
    assert not trader.told(OrderRejected)
    (frame,) = trader.commands(ORDER, SECOND_ORDER, OF_ETH)
    trader.reply(frame, 0, 110007, 0, names=(first, "", third))
    assert [each.client_id for each in trader.told(OrderRejected)] == [78]


def test_a_batch_that_is_refused_as_a_whole_is_told_of_each() -> None:
    trader = up()
    (frame,) = trader.commands(ORDER, SECOND_ORDER)
    trader.reply(frame, code=10006)
    assert [each.client_id for each in trader.told(OrderRejected)] == [77, 78]
    frames = trader.commands(ORDER, SECOND_ORDER)
    assert [frame["op"] for frame in frames] == ["order.create"] * 2, "that kind of request has to wait a while"


def test_an_answer_that_is_lost_tells_of_none() -> None:
    trader = up()
    (frame,) = trader.commands(ORDER, SECOND_ORDER)
    trader.take(trader.venue.closed("trade", "gone", trader.now))
    trader.reply(frame, 110007, 110007)
    assert not trader.told(OrderRejected)
    assert trader.venue.seen["answer to nothing in flight"] == 1


def test_cancels_leave_before_new_orders_and_each_is_answered() -> None:
    trader = up()
    first, second = CancelOrder(71, 0), CancelOrder(72, 0)
    cancels, orders = trader.commands(ORDER, first, SECOND_ORDER, second)
    assert (cancels["op"], orders["op"]) == ("order.cancel-batch", "order.create-batch")
    assert links(cancels) == [link_of(71), link_of(72)]
    trader.reply(cancels, 110001, 0)
    (rejected,) = trader.told(CancelRejected)
    assert (rejected.client_id, rejected.reason) == (71, Reason.UNKNOWN_ORDER)


def test_amends_share_a_frame() -> None:
    trader = up()
    (frame,) = trader.commands(AmendOrder(71, 0, 650_000, 5), AmendOrder(72, 0, 650_001, 5))
    assert frame["op"] == "order.amend-batch"
    trader.reply(frame, 0, 110001)
    assert [each.client_id for each in trader.told(AmendRejected)] == [72]


def test_batches_have_limits_of_their_own_and_what_is_beyond_goes_by_itself_or_is_refused() -> None:
    trader = up()
    orders = [msgspec.structs.replace(ORDER, client_id=100 + n) for n in range(25)]
    frames = trader.commands(*orders)
    # ten in a batch, ten by themselves: each kind of request has ten a second
    assert [frame["op"] for frame in frames] == ["order.create-batch"] + ["order.create"] * 10
    assert links(frames[0]) == [link_of(100 + n) for n in range(10)]
    refused = [each.client_id for each in trader.told(OrderRejected)]
    assert refused == list(range(120, 125))
    assert {each.reason for each in trader.told(OrderRejected)} == {Reason.LIMIT_ORDER_RATE}
    trader.pass_by(1.1)
    assert trader.commands(*orders[:3])[0]["op"] == "order.create-batch"


def test_cancels_that_find_no_room_wait_and_none_is_lost() -> None:
    trader = up()
    cancels = [CancelOrder(100 + n, 0) for n in range(30)]
    frames = trader.commands(*cancels)
    assert [frame["op"] for frame in frames] == ["order.cancel-batch"] + ["order.cancel"] * 10
    n = len(trader.frames("trade"))
    trader.pass_by(1.1)
    later = [frame["args"][0]["orderLinkId"] for frame in trader.frames("trade")[n:] if frame["op"] == "order.cancel"]
    assert later == [link_of(120 + n) for n in range(10)]


def test_one_that_is_not_to_be_had_spoils_no_other() -> None:
    trader = up()
    odd = PlaceOrder(80, 0, 1, 650_000, 10, 1 | 2)  # IOC and FOK at once
    frames = trader.commands(ORDER, odd, SECOND_ORDER)
    assert [frame["op"] for frame in frames] == ["order.create", "order.create"]
    assert [each.client_id for each in trader.told(OrderRejected)] == [80]


def test_without_the_connection_each_is_refused_and_cancels_go_by_http() -> None:
    trader = up()
    trader.take(trader.venue.closed("trade", "gone", trader.now))
    assert trader.commands(ORDER, CancelOrder(71, 0), SECOND_ORDER, CancelOrder(72, 0)) == []
    assert {each.reason for each in trader.told(OrderRejected)} == {Reason.NOT_CONNECTED}
    assert len(trader.told(OrderRejected)) == 2
    assert len([each for each in trader.of(SendRequest) if each.request.path == "/v5/order/cancel"]) == 2


def test_where_orders_go_by_http_each_goes_by_itself() -> None:
    trader = Trader(VenueConnection("demo"))
    trader.come_up()
    trader.commands(ORDER, SECOND_ORDER)
    sent = [each for each in trader.of(SendRequest) if each.request.method == "POST"]
    assert [each.request.path for each in sent] == ["/v5/order/create"] * 2
