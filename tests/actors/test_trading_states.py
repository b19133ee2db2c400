"""The order manager under the guard: what it lets through, what it cancels, and how a halt is proven and closed."""

from typing import Any

import pytest

from actors.guard_config import GuardConfig
from actors.order_config import OrderManagerConfig
from actors.risk import Limits
from market.messages import (
    AccountSnapshot,
    Adjustment,
    AmendOrder,
    AmendWish,
    CancelAll,
    CancelOrder,
    CancelRejected,
    ConnectionLost,
    ConnectionUp,
    Fill,
    Flattened,
    HaltCause,
    Heartbeat,
    HeartbeatAsked,
    NothingOpen,
    OpenOrder,
    OrderExpired,
    OrderFlag,
    OrderRejected,
    PlaceOrder,
    PositionInDoubt,
    QuotesBack,
    QuotesPulled,
    Reason,
    RequestAccount,
    Stale,
    SubmitOrder,
    TradingState,
    TradingStateChanged,
    VenueRefused,
    first_client_id,
)
from market.units import MS, SECOND
from tests.actors.model_venue import S, World, refusals, said, states, want, world

A, R, H = TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED
REDUCE, IOC = int(OrderFlag.REDUCE_ONLY), int(OrderFlag.IOC)


def guarded(state: TradingState | None = A, limits: Limits | None = None, **config: Any) -> World:
    guard = GuardConfig(**config)
    w = world(OrderManagerConfig(session=5, guard=guard, limits=limits or Limits()))
    if state is not None:
        tell(w, state)
    return w


def tell(w: World, state: TradingState) -> None:
    w.give(TradingStateChanged(w.now, state, HaltCause.PERSON, "a test"))


def hold(w: World, lots: int) -> None:
    """Let us hold so many lots, bought or sold somewhere."""
    n = len(w.all_fills) + 1
    fill = Fill(first_client_id(4, 0, 0) + n, 0, w.now, w.now, n, 1 if lots > 0 else -1, 9_990, abs(lots), True, 0)
    w.all_fills.append(fill)
    w.give(fill)
    w.settle()
    w.commands.clear()


def placed(w: World) -> list[PlaceOrder]:
    return [m for m in w.commands if isinstance(m, PlaceOrder)]


def submit(w: World, tag: int, side: int, price: int, size: int, flags: int = 0) -> None:
    w.give(SubmitOrder(0, 0, tag, side, price, size, flags))


# --- before the guard has spoken, and without one --------------------------------------------------------------------


def test_nothing_is_placed_before_the_guard_has_spoken() -> None:
    w = guarded(None)
    assert want(w, [(9_990, 5)]) == []
    assert refusals(w) == [(9_990, Reason.TRADING_HALTED)]
    tell(w, A)
    assert want(w, [(9_990, 5)]) == [("place", 1, 9_990, 5)]


def test_kernels_may_act_only_where_all_may_be_traded() -> None:
    w = guarded(None)
    want(w, [(9_990, 5)])
    assert not w.manager.is_at_ease
    for state in (A, R, A, H):
        tell(w, state)
        assert w.manager.is_at_ease == (state == A)
    assert world().manager.ledger.trading_state == A, "without a guard"


def test_the_heartbeat_tells_the_state_and_what_is_live() -> None:
    w = guarded()
    want(w, [(9_990, 5)])
    w.restart()
    w.give(HeartbeatAsked(3))
    assert w.reports[-1] == Heartbeat(3, 1, H, 1), "a new life knows of no state before it is told"


# --- reducing --------------------------------------------------------------------------------------------------------


def test_reducing_cancels_all_that_stands() -> None:
    w = guarded()
    want(w, [(9_990, 5)], [(10_010, 5)])
    w.settle()
    tell(w, R)
    assert [m.__class__ for m in w.commands[-2:]] == [CancelOrder, CancelOrder]


@pytest.mark.parametrize("side", [1, -1])
def test_only_what_reduces_at_the_worst_passes(side: int) -> None:
    w = guarded(R)
    hold(w, -10 * side)
    price = 9_990 if side > 0 else 10_010
    submit(w, 1, side, price, 11)
    submit(w, 2, -side, 10_000 + 10 * side, 2)
    submit(w, 3, side, price, 6)
    submit(w, 4, side, price, 5)
    submit(w, 5, side, price, 4)
    assert [(m.size, m.flags) for m in placed(w)] == [(6, REDUCE), (4, REDUCE)]
    assert [reason for _, reason in refusals(w)] == [Reason.ONLY_REDUCING] * 3


def test_pending_and_unknown_orders_count_and_late_fills_turn_what_reduced() -> None:
    w = guarded()
    hold(w, -10)
    submit(w, 1, 1, 9_990, 8)
    w.serve("lost")
    w.advance(5 * SECOND + 1)
    assert states(w) == {9_990: S.UNKNOWN}
    tell(w, R)
    w.requests.clear()
    w.commands.clear()
    submit(w, 2, 1, 9_991, 3)
    submit(w, 3, 1, 9_992, 2)
    assert [m.size for m in placed(w)] == [2]
    (order,) = [o for o in w.manager.ledger.live.values() if o.price == 9_992]
    w.settle()
    hold(w, 9)
    assert order.state in (S.PENDING_CANCEL, S.CANCELLED), "it would buy more than we are short by now"


def test_a_doubt_or_a_correction_counts_against_what_reduces() -> None:
    for news in (PositionInDoubt(0, 0, 6), Adjustment(0, 0, 0, 1, 6, 9_990, "test")):
        w = guarded(R)
        hold(w, -10)
        submit(w, 1, 1, 9_990, 5)
        w.settle()
        assert w.open_orders()
        w.give(news)
        w.settle()
        assert w.open_orders() == [], "5 more may turn us round: 4 are left to be bought"
        submit(w, 2, 1, 9_990, 5)
        submit(w, 3, 1, 9_990, 4)
        w.settle()
        assert [w.at_venue[i].size for i in w.open_orders()] == [4]


def test_amends_reduce_or_are_refused() -> None:
    w = guarded(R)
    hold(w, -10)
    submit(w, 1, 1, 9_980, 6)
    w.settle()
    w.commands.clear()
    w.give(AmendWish(0, 0, 1, 9_985, 11))
    w.give(AmendWish(0, 0, 1, 9_985, 10))
    w.settle()
    assert [(m.price, m.size) for m in w.commands if isinstance(m, AmendOrder)] == [(9_985, 10)]
    assert refusals(w) == []
    assert [r.reason for r in w.refused] == [Reason.ONLY_REDUCING]
    tell(w, H)
    w.commands.clear()
    w.give(AmendWish(0, 0, 1, 9_985, 5))
    assert not [m for m in w.commands if isinstance(m, AmendOrder)]


def test_what_was_refused_is_placed_when_all_may_be_traded_again() -> None:
    w = guarded(R)
    assert want(w, [(9_990, 5)]) == []
    tell(w, A)
    assert want(w, [(9_990, 5)]) == [("place", 1, 9_990, 5)]
    assert placed(w) == []


# --- halted ----------------------------------------------------------------------------------------------------------


def test_a_halt_cancels_all_at_once_and_refuses_everything() -> None:
    w = guarded()
    want(w, [(9_990, 5)])
    submit(w, 1, -1, 10_010, 5)
    w.settle()
    submit(w, 2, 1, 9_980, 5)
    w.commands.clear()
    tell(w, H)
    assert said(w) == ["CancelAll", ("cancel", 9_980), "CancelAll"], "and what is under way by itself, in its order"
    assert want(w, [(9_991, 5)]) == []
    hold(w, -10)
    submit(w, 3, 1, 9_990, 5)
    w.settle()
    assert w.open_orders() == []
    assert [type(m) for m in w.control] == [QuotesPulled]
    w.advance(2 * SECOND)
    w.settle()
    assert placed(w) == []


def halt_and_wait(w: World, seconds: int = 3) -> None:
    tell(w, H)
    for _ in range(seconds):
        w.settle()
        w.advance(SECOND)
    w.settle()


def test_a_halt_is_proven_by_a_snapshot_asked_for_after_the_last_cancel() -> None:
    w = guarded()
    want(w, [(9_990, 5)])
    w.settle()
    w.give(ConnectionLost(0, w.now, 0, "test"))  # a snapshot is under way when the halt comes
    w.give(ConnectionUp(0, w.now, 1))
    w.serve()
    early = w.snapshot(w.now, 0)
    tell(w, H)
    w.settle()
    w.give(early)
    assert not [m for m in w.control if isinstance(m, NothingOpen)]
    w.advance(150 * MS)
    w.settle()
    assert [m for m in w.control if isinstance(m, NothingOpen)] == [NothingOpen(w.now, 0)]
    w.advance(10 * SECOND)
    w.settle()
    assert len([m for m in w.control if isinstance(m, NothingOpen)]) == 1


def test_a_cancel_that_is_lost_or_refused_is_sent_until_nothing_is_open() -> None:
    w = guarded()
    want(w, [(9_990, 5)])
    w.settle()
    tell(w, H)
    for n in range(16):
        while w.requests or w.fills or w.mailbox:
            if w.requests:
                w.serve("yes" if isinstance(w.requests[0], tuple) else ("lost", "no")[n % 2])
            for channel in (w.facts, w.fills):
                while channel:
                    w.emit(channel)
            while w.mailbox:
                w.handle()
        w.advance(SECOND)
    assert w.open_orders(), "nothing gets through"
    assert not [m for m in w.control if isinstance(m, NothingOpen)]
    for _ in range(8):
        w.settle()
        w.advance(SECOND)
    assert w.open_orders() == []
    assert [type(m) for m in w.control][-1] is NothingOpen


def test_an_order_of_nobody_that_a_snapshot_shows_is_cancelled_before_the_proof() -> None:
    w = guarded()
    tell(w, H)
    w.requests.clear()
    foreign = OpenOrder(-77, 0, 1, 9_990, 8, 0, 0)
    w.advance(SECOND)
    w.commands.clear()
    w.give(AccountSnapshot(0, w.now, w.now, w.now, 0, (foreign,), (), ()))
    assert said(w) == [("cancel", 9_990)]
    w.give(CancelRejected(-77, 0, w.now, w.now, Reason.VENUE_OTHER))
    w.requests.clear()
    w.commands.clear()
    w.advance(SECOND)
    assert "CancelAll" in said(w)
    assert not [m for m in w.control if isinstance(m, NothingOpen)]


def test_a_halt_while_the_venue_cannot_be_reached_is_carried_out_when_it_can() -> None:
    w = guarded()
    want(w, [(9_990, 5)])
    w.settle()
    w.give(ConnectionLost(0, w.now, 0, "test"))
    w.commands.clear()
    w.requests.clear()
    for seconds in range(10):
        tell(w, H) if seconds == 0 else w.advance(SECOND)
        w.requests.clear()  # it never gets there
    assert {type(command) for command in w.commands} == {CancelAll}, "nothing else is sent"
    assert w.open_orders()
    assert not [m for m in w.control if isinstance(m, NothingOpen)]
    w.give(ConnectionUp(0, w.now, 1))
    for _ in range(3):
        w.settle()
        w.advance(SECOND)
    assert w.open_orders() == []
    assert [type(m) for m in w.control][-1] is NothingOpen


def test_a_restarted_manager_goes_on_with_the_halt() -> None:
    w = guarded()
    want(w, [(9_990, 5)])
    w.settle()
    tell(w, H)
    w.requests.clear()
    w.restart()
    halt_and_wait(w, 8)  # the nursery tells it again
    assert w.open_orders() == []
    assert [type(m) for m in w.control][-1] is NothingOpen
    assert want(w, [(9_990, 5)]) == []


def test_a_halt_that_is_cleared_lets_quoters_speak_again() -> None:
    w = guarded()
    want(w, [(9_990, 5)])
    halt_and_wait(w)
    tell(w, A)
    assert want(w, [(9_990, 5)]) == [("place", 1, 9_990, 5)]
    assert [type(m) for m in w.control] == [QuotesPulled, NothingOpen, QuotesBack]


# --- flattening ------------------------------------------------------------------------------------------------------


def serve_ioc(w: World, most: int) -> None:
    """Settle; what cannot rest is filled up to `most` lots, and the rest of it expires."""
    w.settle()
    for client_id in w.open_orders():
        order = w.at_venue[client_id]
        if order.place.flags & IOC:
            if most:
                w.fill(client_id, most)
            if order.is_open:
                order.is_open = False
                w.facts.append(OrderExpired(client_id, 0, w.now, w.now, Reason.REMAINDER_EXPIRED))
    w.settle()


def run_flattening(w: World, most: int, seconds: int) -> list[PlaceOrder]:
    w.commands.clear()
    tell(w, H)
    for _ in range(seconds):
        serve_ioc(w, most)
        w.advance(SECOND)
    return placed(w)


def test_without_the_wish_a_position_is_left_as_it_is() -> None:
    w = guarded()
    hold(w, 10)
    assert run_flattening(w, 100, 8) == []


@pytest.mark.parametrize("lots", [10, -10])
def test_after_the_proof_a_position_is_closed_near_the_touch(lots: int) -> None:
    w = guarded(flatten=True, flatten_collar_bps=20.0)
    hold(w, lots)
    want(w, [(9_980, 5)])
    w.settle()
    orders = run_flattening(w, 4, 16)
    price = 9_971 if lots > 0 else 10_030  # 20 bps beyond the touch, rounded towards it
    assert [(m.side, m.size, m.price, m.flags) for m in orders] == [
        (-1 if lots > 0 else 1, size, price, IOC | REDUCE) for size in (10, 6, 2)
    ]
    assert w.manager.ledger.guards[0].position == 0
    assert [type(m) for m in w.control if not isinstance(m, QuotesPulled)][:1] == [NothingOpen]
    assert [(m.instrument, m.lots, m.text) for m in w.control if isinstance(m, Flattened)] == [(0, 0, "closed")]
    assert w.manager.ledger.trading_state == H


def test_closing_is_bounded() -> None:
    w = guarded(flatten=True, flatten_orders=3)
    hold(w, 10)
    orders = run_flattening(w, 0, 30)
    assert [m.size for m in orders] == [10, 10, 10]
    (end,) = [m for m in w.control if isinstance(m, Flattened)]
    assert (end.lots, end.text) == (10, "3 orders were not enough: a person must close it")


def test_closing_keeps_to_the_limits_of_an_order() -> None:
    w = guarded(flatten=True, limits=Limits(max_order_size=0.6, max_order_notional=45.0))
    hold(w, 10)
    orders = run_flattening(w, 100, 16)
    assert [m.size for m in orders] == [4, 4, 2]  # at most 45 of 100 a unit


@pytest.mark.parametrize("what", ["stale", "doubt", "draining", "one side"])
def test_no_closing_on_a_stale_book_in_doubt_or_while_stopping(what: str) -> None:
    from market.messages import Drain

    w = guarded(flatten=True)
    hold(w, 10)
    if what == "stale":
        w.give(Stale(0, w.now, "gap"))
    elif what == "doubt":
        w.give(PositionInDoubt(0, w.now, -3))
    elif what == "draining":
        w.give(Drain(w.now + 10 * SECOND))
    else:
        import numpy as np

        w.manager.books[0].load(np.empty((0, 2), np.int64), np.array([[10_010, 5]]), w.now, w.now, 2)
    assert run_flattening(w, 100, 8) == []


# --- what the guard is told ------------------------------------------------------------------------------------------


def test_odd_refusals_and_time_outs_are_told_and_usual_ones_are_not() -> None:
    w = guarded()
    want(w, [(9_990, 5)])
    first = w.updates[-1].client_id
    w.give(OrderRejected(first, 0, w.now, w.now, Reason.POST_ONLY_WOULD_TAKE))
    want(w, [(9_991, 5)])
    w.give(OrderRejected(w.updates[-1].client_id, 0, w.now, w.now, Reason.VENUE_OTHER))
    assert [m.reason for m in w.reports if isinstance(m, VenueRefused)] == [Reason.VENUE_OTHER]
    w.requests.clear()
    want(w, [(9_992, 5)])
    w.requests.clear()
    w.advance(6 * SECOND)
    assert [m.reason for m in w.reports if isinstance(m, VenueRefused)][1:] == [Reason.NO_ANSWER]
    assert any(isinstance(m, RequestAccount) for m in w.commands)
    assert not any(isinstance(m, CancelAll) for m in w.commands)
