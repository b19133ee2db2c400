"""What the order manager does for those who hedge: orders for themselves, and positions in line with orders."""

from typing import Any

import pytest

from actors.order_config import OrderManagerConfig, QuoterSpec
from market.messages import (
    Adjustment,
    ConnectionLost,
    CountedPosition,
    CountsWish,
    Fill,
    OrderFlag,
    OrderUpdate,
    PositionInDoubt,
    PositionsCompared,
    Reason,
    Stale,
    SubmitOrder,
)
from tests.actors.model_venue import S, World, want

IOC, MARKET = int(OrderFlag.IOC), int(OrderFlag.MARKET)
QUOTED, HEDGED_ON = 0, 1


def world() -> World:
    """Return one whose quoter trades both instruments."""
    return World(OrderManagerConfig(session=5), (QuoterSpec(0, "q", (QUOTED, HEDGED_ON)),))


def submit(w: World, tag: int, instrument: int, flags: int = IOC, *, is_hedge: bool = True) -> list[Any]:
    """Submit an order; return the states and reasons that the quoter is told."""
    w.updates.clear()
    price = 0 if flags & MARKET else 10_010
    w.give(SubmitOrder(0, instrument, tag, 1, price, 5, flags, is_hedge))
    return [(S(u.state), Reason(u.reason)) for u in w.updates]


SENT = [(S.PENDING_NEW, Reason.NONE)]


def test_a_hedge_goes_out_while_another_book_is_stale_and_nothing_else_does() -> None:
    w = world()
    want(w, [(9_990, 5)])
    w.settle()
    w.give(Stale(QUOTED, w.now, "test"))
    w.settle()
    assert w.open_orders() == [], "the quotes are pulled"
    assert submit(w, 1, HEDGED_ON, is_hedge=False) == [(S.REJECTED, Reason.STALE_BOOK)]
    assert submit(w, 2, HEDGED_ON) == SENT
    assert submit(w, 3, HEDGED_ON, MARKET) == SENT
    assert want(w, [(9_990, 5)]) == [], "and quotes stay away"


def test_what_is_wrong_with_its_own_instrument_forbids_a_hedge() -> None:
    w = world()
    w.give(Stale(HEDGED_ON, w.now, "test"))
    assert submit(w, 1, HEDGED_ON) == [(S.REJECTED, Reason.STALE_BOOK)]
    w = world()
    w.give(ConnectionLost(0, w.now, 0, "test"))
    assert submit(w, 1, HEDGED_ON) == [(S.REJECTED, Reason.NOT_CONNECTED)]


@pytest.mark.parametrize("flags", [0, int(OrderFlag.POST_ONLY)])
def test_an_order_that_would_rest_is_no_hedge(flags: int) -> None:
    assert submit(world(), 1, HEDGED_ON, flags) == [(S.REJECTED, Reason.INVALID_TERMS)]


def test_limits_hold_for_a_hedge_too() -> None:
    w = world()
    w.updates.clear()
    w.give(SubmitOrder(0, HEDGED_ON, 1, 1, 10_010, 10**9, IOC, True))
    assert [Reason(u.reason) for u in w.updates] == [Reason.LIMIT_ORDER_NOTIONAL]


# --- positions in line with orders -----------------------------------------------------------------------------------


def outputs(w: World, message: Any) -> list[Any]:
    """Give a message; return what the quoter is told, in its order."""
    w.manager.now = w.now
    w.manager.on[type(message)](message)
    told = [m for port, m in w.manager.out if port == "updates:0"]
    w.manager.out.clear()
    return told


def test_who_asks_is_told_at_once_and_with_every_fill_before_the_order_and_the_fill() -> None:
    w = world()
    assert [m.lots for m in outputs(w, CountsWish(0))] == [0, 0]
    submit(w, 1, HEDGED_ON)
    (order,) = w.manager.ledger.live.values()
    w.serve()
    w.fill(order.client_id, 5)
    (fill,) = w.fills
    told = outputs(w, fill)
    assert [type(m) for m in told] == [CountedPosition, OrderUpdate, Fill]
    assert (told[0].instrument, told[0].lots) == (HEDGED_ON, 5)
    assert told[1].state == S.FILLED
    assert outputs(w, fill) == [], "once"


def test_adjustments_and_doubts_are_told_as_well() -> None:
    w = world()
    outputs(w, CountsWish(0))
    assert [(m.lots, m.doubt) for m in outputs(w, PositionInDoubt(QUOTED, w.now, 7))] == [(0, 7)]
    told = outputs(w, Adjustment(QUOTED, w.now, w.now, 1, 7, 10_000, "test"))
    told += outputs(w, PositionInDoubt(QUOTED, w.now, 0))
    assert [(m.lots, m.doubt) for m in told] == [(7, 7), (7, 0)], "never less than there may be"


def test_a_new_life_of_the_manager_tells_those_who_ask_again_what_the_log_holds() -> None:
    w = world()
    submit(w, 1, HEDGED_ON)
    (order,) = w.manager.ledger.live.values()
    w.serve()
    w.fill(order.client_id, 3)
    w.settle()
    w.restart()
    told = outputs(w, CountsWish(0))
    assert [type(m) for m in told] == [OrderUpdate, CountedPosition, CountedPosition], "what is live comes first"
    assert [m.lots for m in told[1:]] == [0, 3]


def test_fills_that_come_together_are_counted_together() -> None:
    w = world()
    outputs(w, CountsWish(0))
    for tag, side in ((1, 1), (2, -1), (3, 1)):
        w.give(SubmitOrder(0, HEDGED_ON, tag, side, 10_010, 5, IOC, True))
    orders = list(w.manager.ledger.live.values())
    while w.requests:
        w.serve()
    for order in orders:
        w.fill(order.client_id, 5)
    told = outputs(w, w.snapshot(w.now, 0))
    assert [m.lots for m in told if isinstance(m, CountedPosition)] == [5], "not 5, 0, 5"
    assert isinstance(told[0], CountedPosition), "and before the orders"
    assert sum(isinstance(m, Fill) for m in told) == 3


def test_an_account_is_known_once_it_has_been_compared() -> None:
    w = World(OrderManagerConfig(session=5, reconcile_at_start=True), (QuoterSpec(0, "q", (QUOTED, HEDGED_ON)),))
    asked = w.now
    assert [m.is_known for m in outputs(w, CountsWish(0))] == [False, False]
    w.now += 1
    outputs(w, w.snapshot(asked, 0))
    assert [m.is_known for m in outputs(w, PositionInDoubt(QUOTED, w.now, 7))] == [False]
    told = outputs(w, Adjustment(QUOTED, w.now, w.now, 1, 7, 10_000, "test"))
    told += outputs(w, PositionInDoubt(QUOTED, w.now, 0))
    told += outputs(w, PositionsCompared(0, asked))
    assert [(m.instrument, m.lots, m.doubt, m.is_known) for m in told][-2:] == [
        (QUOTED, 7, 0, True),
        (HEDGED_ON, 0, 0, True),
    ]
    assert not any(m.is_known for m in told[:-2])
    outputs(w, ConnectionLost(0, w.now, 0, "test"))
    assert all(m.is_known for m in outputs(w, CountsWish(0))), "what was counted stays counted in an outage"


def test_nobody_who_has_not_asked_is_told() -> None:
    w = world()
    submit(w, 1, HEDGED_ON)
    w.settle()
    assert w.counted == []
