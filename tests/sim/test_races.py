"""Who comes first: requests, prints and books at the venue, facts and deliveries on their ways to us."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.messages import OrderFlag, Reason
from sim import state_kernels as k
from sim.latency import Latency, LognormalLatency, UniformLatency
from sim.matching_kernels import ACCEPTED, CANCELLED, FILL_MAKER, REJECTED
from tests.sim.market_script import BUY, SELL, Fact, Level, MarketScript, fills, latencies, perpetual, said

BIDS: list[Level] = [(100, 10), (99, 20)]
ASKS: list[Level] = [(102, 10), (103, 20)]

ARRIVES = 1_100  # what is sent at 1000, on the channel below
WAYS = latencies(request_private=100, ack_private=40, feed_private=25, feed_public=10)

# what fills order 1, written into a script at a time
Event = Callable[[MarketScript, int], None]


def resting(price: int = 101) -> MarketScript:
    """Rest order 1, 5 lots inside the spread."""
    s = MarketScript(latency=WAYS)
    s.book(10, BIDS, ASKS)
    s.place(20, 1, BUY, price, 5)
    return s


def by_print(s: MarketScript, ts: int) -> None:
    s.trade(ts, 101, 9, SELL)


def by_book(s: MarketScript, ts: int) -> None:
    s.book(ts, [(100, 10)], [(101, 3)])


# --- a fill and a cancel --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", [by_print, by_book])
@pytest.mark.parametrize("offset", [-1, 0])
def test_fill_before_or_at_the_cancels_arrival_wins(event: Event, offset: int) -> None:
    s = resting()
    s.cancel(1000, 1)
    event(s, ARRIVES + offset)
    facts = s.run()
    assert said(facts)[1:] == [("maker", 1, 101, 5), ("cancel rejected", 1, Reason.UNKNOWN_ORDER)]
    assert [(f.ts, f.due) for f in facts[1:]] == [(ARRIVES + offset, ARRIVES + offset + 25), (ARRIVES, ARRIVES + 40)]


@pytest.mark.parametrize("event", [by_print, by_book])
def test_fill_after_the_cancels_arrival_comes_too_late(event: Event) -> None:
    s = resting()
    s.cancel(1000, 1)
    event(s, ARRIVES + 1)
    assert said(s.run())[1:] == [("cancelled", 1, 5, Reason.NONE)]


@pytest.mark.parametrize(("offset", "is_met"), [(-1, True), (0, False), (1, False)])
def test_order_meets_a_print_only_after_its_arrival(offset: int, is_met: bool) -> None:
    s = MarketScript(latency=WAYS)
    s.book(10, BIDS, ASKS)
    s.place(1000, 1, BUY, 101, 5)
    s.trade(ARRIVES - offset, 101, 9, SELL)
    assert bool(fills(s.run())) is is_met


def test_partly_filled_order_is_cancelled_for_its_rest() -> None:
    s = resting()
    s.cancel(1000, 1)
    s.trade(ARRIVES, 101, 2, SELL)
    s.trade(ARRIVES + 1, 101, 2, SELL)
    assert said(s.run())[1:] == [("maker", 1, 101, 2), ("cancelled", 1, 3, Reason.NONE)]


def test_cancel_that_arrives_before_its_order_finds_nothing_and_the_order_rests() -> None:
    s = MarketScript(latency=WAYS)
    s.cancel(1000, 1)
    s.place(1000, 1, BUY, 101, 5)
    facts = s.run()
    assert said(facts) == [("cancel rejected", 1, Reason.UNKNOWN_ORDER), ("accepted", 1)]
    assert s.order(1) is not None


def test_cancel_sent_right_behind_its_order_arrives_behind_it() -> None:
    s = MarketScript(latency=WAYS)
    s.place(1000, 1, BUY, 101, 5)
    s.cancel(1000, 1)
    facts = s.run()
    assert said(facts) == [("accepted", 1), ("cancelled", 1, 5, Reason.NONE)]
    assert {(f.ts, f.due) for f in facts} == {(ARRIVES, ARRIVES + 40)}


# --- facts on two channels ------------------------------------------------------------------------------------------


def test_fill_on_the_feed_overtakes_the_acknowledgement() -> None:
    s = MarketScript(latency=WAYS)
    s.book(10, BIDS, ASKS)
    s.place(1000, 1, BUY, 102, 5)
    facts = s.run()
    assert said(facts) == [("taker", 1, 102, 5), ("accepted", 1)]
    assert [(f.ts, f.due) for f in facts] == [(ARRIVES, ARRIVES + 25), (ARRIVES, ARRIVES + 40)]


def test_news_of_a_fill_may_come_after_the_cancels_confirmation() -> None:
    s = MarketScript(latency=latencies(request_private=100, ack_private=5, feed_private=300))
    s.book(10, BIDS, ASKS)
    s.place(20, 1, BUY, 101, 5)
    s.cancel(1000, 1)
    s.trade(ARRIVES - 1, 101, 2, SELL)
    facts = s.run()
    assert said(facts)[1:] == [("cancelled", 1, 3, Reason.NONE), ("maker", 1, 101, 2)]
    assert facts[1].ts > facts[2].ts
    assert facts[1].due < facts[2].due


def test_facts_due_at_one_instant_are_one_event_before_the_next_request_meets_anything() -> None:
    s = MarketScript(latency=latencies(request_private=100, ack_private=10, feed_private=10))
    s.book(10, BIDS, ASKS)
    for client_id in range(1, 151):
        s.place(20, client_id, BUY, 101, 1)
    s.cancel_all(1000)
    facts = s.run()
    assert [f.due for f in facts] == [130] * 150 + [1110] * 150
    assert s.batches == [150, 150]


# --- amend of an order being filled ----------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [-1, 0])
def test_amend_below_what_is_filled_by_then_is_refused(offset: int) -> None:
    s = resting()
    s.amend(1000, 1, 101, 3)
    s.trade(ARRIVES + offset, 101, 3, SELL)
    s.trade(2000, 101, 9, SELL)
    assert said(s.run())[1:] == [
        ("maker", 1, 101, 3),
        ("amend rejected", 1, Reason.INVALID_SIZE),
        ("maker", 1, 101, 2),
    ]


def test_amend_that_comes_first_bounds_the_fill() -> None:
    s = resting()
    s.amend(1000, 1, 101, 3)
    s.trade(ARRIVES + 1, 101, 9, SELL)
    assert said(s.run())[1:] == [("maker", 1, 101, 3), ("amended", 1, 101, 3)]  # the feed is faster


def test_amend_of_a_filled_order_finds_nothing() -> None:
    s = resting()
    s.amend(1000, 1, 100, 5)
    s.trade(ARRIVES, 101, 9, SELL)
    assert said(s.run())[1:] == [("maker", 1, 101, 5), ("amend rejected", 1, Reason.UNKNOWN_ORDER)]


def test_amended_away_before_the_print() -> None:
    s = resting()
    s.amend(1000, 1, 100, 5)
    s.trade(ARRIVES + 1, 101, 9, SELL)
    s.trade(ARRIVES + 2, 100, 11, SELL)
    assert said(s.run())[1:] == [("maker", 1, 100, 1), ("amended", 1, 100, 5)]


# --- ties -----------------------------------------------------------------------------------------------------------


def test_at_one_instant_prints_come_before_books_and_books_before_requests() -> None:
    """The book restores what the print took, and the order takes all of it: written in the opposite order."""
    s = MarketScript(latency=latencies(request_private=100))
    s.book(10, BIDS, ASKS)
    s.place(1000, 1, BUY, 0, 10, OrderFlag.MARKET)
    s.book(ARRIVES, BIDS, [(102, 10), (104, 1)])
    s.trade(ARRIVES, 102, 9, BUY)
    assert fills(s.run()) == [("taker", 1, 102, 10)]


def test_at_one_instant_facts_are_delivered_before_market_data_and_both_before_timers() -> None:
    s = MarketScript(latency=latencies(ack_private=80))
    s.book(10, BIDS, ASKS)
    s.place(20, 1, BUY, 101, 5)
    s.book(50, BIDS, ASKS, recv=100)
    s.trade(60, 99, 1, BUY, recv=100)
    s.place(100, 2, BUY, 102, 5, OrderFlag.POST_ONLY)  # by a timer of that instant
    s.run()
    log = [(row.due, row.what if not isinstance(row, Fact) else (row.kind, row.client_id)) for row in s.log]
    assert log == [
        (10, k.HEARD_BOOK),
        (60, (FILL_MAKER, 1)),  # the fill's news has no way to go
        (100, (ACCEPTED, 1)),
        (100, k.HEARD_BOOK),
        (100, k.HEARD_TRADE),
        (180, (REJECTED, 2)),
    ]


def test_request_that_arrives_with_facts_comes_before_them() -> None:
    """The venue's side of an instant is over before anything of it is delivered."""
    s = MarketScript(latency=latencies(request_private=100, ack_private=40))
    s.place(1000, 1, BUY, 101, 5)
    s.cancel(1040, 1)
    s.run(ARRIVES + 40 - 1)
    assert s.order(1) is not None
    facts = s.run(ARRIVES + 40)
    assert said(facts) == [("accepted", 1)]
    assert s.order(1) is None


def test_deliveries_of_one_instant_come_by_stream() -> None:
    s = MarketScript([perpetual(0), perpetual(1), perpetual(2, venue="w")])
    for i in (2, 0, 1):  # this is the order of the streams
        s.trade(10, 100, 1, BUY, i=i)
    for i in (1, 0, 2):
        s.book(10, BIDS, ASKS, i=i)
    s.run()
    assert [heard.stream for heard in s.heard] == [0, 1, 2, 3, 4, 5]
    assert [heard.what for heard in s.heard] == [k.HEARD_TRADE] * 3 + [k.HEARD_BOOK] * 3


# --- channels -------------------------------------------------------------------------------------------------------

WIDE: tuple[Latency, ...] = (UniformLatency(0.0, 0.003), LognormalLatency(0.001, 2.0))


def arrivals(sent: list[int], latency: Latency, seed: int) -> list[int]:
    """Return when orders sent at these times arrive, by their acknowledgements."""
    s = MarketScript(latency=latencies(request_private=latency), seed=seed, max_open_orders=1000)
    for client_id, ts in enumerate(sent, 1):
        s.place(ts, client_id, BUY, 100, 1)
    facts = s.run()
    assert [f.client_id for f in facts] == list(range(1, len(sent) + 1))
    return [f.ts for f in facts]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 2000), min_size=1, max_size=30).map(sorted), st.sampled_from(WIDE), st.integers(0, 10_000)
)
def test_a_channel_is_first_in_first_out(sent: list[int], latency: Latency, seed: int) -> None:
    """Arrival = max(last arrival, sent + draw), where the draws are those of orders sent far apart."""
    gap = 10**9
    draws = [at - n * gap for n, at in enumerate(arrivals([n * gap for n in range(len(sent))], latency, seed))]
    expected, last = [], 0
    for ts, draw in zip(sent, draws, strict=True):
        last = max(last, ts + draw)
        expected.append(last)
    assert arrivals(sent, latency, seed) == expected


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_acknowledgements_and_news_keep_their_order(seed: int) -> None:
    s = MarketScript(latency=latencies(request_private=WIDE[0], ack_private=WIDE[1], feed_private=WIDE[0]), seed=seed)
    s.book(10, [(100, 1000)], [(102, 1000)])
    for n in range(20):
        s.place(100 + 300 * n, n + 1, BUY, 102, 3)
    facts = s.run()
    for is_news in (False, True):
        channel = [f for f in facts if (f.kind > CANCELLED) is is_news]
        assert len(channel) == 20
        assert all(a.ts <= b.ts and a.due <= b.due and a.client_id < b.client_id for a, b in pairwise(channel))
        assert all(f.due >= f.ts for f in channel)


def test_what_one_channel_draws_changes_nothing_on_another() -> None:
    ways = {"request_private": WIDE[0], "ack_private": WIDE[1], "feed_private": WIDE[0]}
    runs = []
    for n_news in (0, 7):
        s = MarketScript([perpetual(0), perpetual(1)], latency=latencies(**ways))
        s.book(10, BIDS, ASKS)
        s.place(20, 99, BUY, 100, 50, i=1)
        for n in range(n_news):
            s.trade(100 + n, 99, 1, SELL, i=1)
        for n in range(10):
            s.place(5_000 + 10 * n, n + 1, BUY, 100, 1)
        runs.append([(f.client_id, f.ts, f.due) for f in s.run() if f.instrument == 0])
    assert runs[0] == runs[1]


def test_two_venues_and_two_seeds_have_numbers_of_their_own() -> None:
    def ts(seed: int) -> list[int]:
        s = MarketScript([perpetual(0), perpetual(1, venue="w")], latency=latencies(request_private=WIDE[0]), seed=seed)
        for i in (0, 1):
            s.place(1000, 1 + i, BUY, 100, 1, i=i)
        return [f.ts for f in s.run()]

    assert len({*ts(1), *ts(2)}) == 4
    assert ts(1) == ts(1)
