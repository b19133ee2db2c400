"""The exchange around the kernels: room that grows unseen, mirrors, gaps, funding, and a connection that breaks."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.book import Book
from market.messages import OrderFlag, Reason
from sim import command_kernels as commands
from sim import engine_kernels as e
from sim import state_kernels as k
from sim.exchange import Capacity
from sim.fill_model import FillModel
from sim.matching_kernels import AMENDED, CANCEL_REJECTED, FILL_MAKER, FUNDING_PAID, PAYLOAD
from tests.sim.market_script import BUY, SELL, Heard, Level, MarketScript, fills, latencies, perpetual, said
from tests.sim.random_market import ALL_FLAGS, Step, markets, write

TINY = Capacity(levels=4, orders=2, rows=8)

BIDS: list[Level] = [(100, 10), (99, 20)]
ASKS: list[Level] = [(102, 10), (103, 20)]


def instruments() -> list[Any]:
    return [perpetual(0), perpetual(1), perpetual(2, venue="w")]


# --- growth ---------------------------------------------------------------------------------------------------------


def state_of(script: MarketScript) -> tuple[Any, ...]:
    """Return what an exchange shows of itself, apart from where it lies."""
    exchange = script.exchange
    return (
        [exchange.open_orders(v) for v in range(len(exchange.venues))],
        [exchange.positions(v) for v in range(len(exchange.venues))],
        [[np.asarray(part).tolist() for part in exchange.venue_levels(i.id) or ()] for i in exchange.instruments],
        exchange.gaps(),
        exchange.view(k.AT_VENUE).tolist(),
        exchange.view(k.AT_CHANNEL).tolist(),
        exchange.view(k.AT_TAPE).tolist(),
        [script.order(client_id) for client_id in range(1, 120)],
        [mirror(exchange.book(i.id)) for i in exchange.instruments],
    )


def mirror(book: Book) -> tuple[Any, ...]:
    return book.bid_levels.tolist(), book.ask_levels.tolist(), book.ts_venue, book.ts_recv, book.seq


@settings(max_examples=60, deadline=None)
@given(
    markets(flags=ALL_FLAGS, amends=True, deltas=True, n_instruments=3),
    st.sampled_from([FillModel.RISK_AVERSE, FillModel.PROBABILISTIC_LOG, FillModel.TOUCH]),
    st.sampled_from([0, 3, 40]),
)
def test_little_room_gives_the_same_as_much(steps: list[Step], model: FillModel, way: int) -> None:
    latency = latencies(request_private=way, ack_private=2 * way, feed_private=way)
    plenty = write(MarketScript(instruments(), fill_model=model, latency=latency), steps)
    scarce = write(MarketScript(instruments(), fill_model=model, latency=latency, capacity=TINY), steps)
    assert scarce.run() == plenty.run()
    assert scarce.log == plenty.log
    assert scarce.batches == plenty.batches
    assert state_of(scarce) == state_of(plenty)


def test_a_deep_book_and_many_orders_make_it_grow() -> None:
    s = MarketScript(instruments(), capacity=TINY)
    s.book(10, [(1000 - n, 1 + n) for n in range(300)], [(1001 + n, 1 + n) for n in range(300)], i=1)
    for client_id in range(1, 101):
        s.place(20, client_id, BUY, 500, client_id, i=client_id % 3)
    s.place(30, 200, BUY, 0, 300 * 301 // 2 + 7, OrderFlag.MARKET, i=1)
    facts = s.run()
    assert s.n_grown > 3
    assert sum(f.size for f in facts if f.client_id == 200 and f.price) == 300 * 301 // 2
    assert said(facts)[-1] == ("expired", 200, 7, Reason.REMAINDER_EXPIRED)
    assert sorted(o.client_id for v in (0, 1) for o in s.exchange.open_orders(v)) == list(range(1, 101))


def test_requests_and_facts_under_way_make_it_grow_and_none_is_lost() -> None:
    s = MarketScript(capacity=TINY, latency=latencies(request_private=1000, ack_private=5000))
    for n in range(3000):
        s.cancel(n // 10, n + 1)
    facts = s.run()
    assert s.n_grown >= 4
    assert [f.client_id for f in facts] == list(range(1, 3001))
    assert {f.kind for f in facts} == {CANCEL_REJECTED}


def test_one_print_may_fill_and_end_every_order_in_the_least_room() -> None:
    """Reduce-only orders that are filled in part and then expire: two facts each."""
    s = MarketScript(capacity=TINY, latency=latencies(feed_private=1000), max_open_orders=500)
    s.book(10, BIDS, [(102, 1000)])
    s.place(20, 1, BUY, 0, 50, OrderFlag.MARKET)
    for n in range(100):
        s.place(30, 2 + n, SELL, 104, 1, OrderFlag.REDUCE_ONLY)
    s.trade(40, 105, 1000, BUY)
    facts = s.run()
    assert fills(facts)[1:] == [("maker", 2 + n, 104, 1) for n in range(50)]
    assert [told for told in said(facts) if told[0] == "expired"] == [
        ("expired", 52 + n, 1, Reason.REDUCE_ONLY) for n in range(50)
    ]


def test_attached_books_and_tapes_survive_growth() -> None:
    s = MarketScript(capacity=Capacity(levels=4, orders=2, tape=16))
    s.book(10, [(100, 1)], [(102, 1)], seq=1)
    for n in range(40):
        s.trade(20 + n, 101, 1 + n, SELL)
        s.book(20 + n, [(99 - n, 1 + n)], [(103 + n, 2 + n)], seq=2 + n, prev_seq=1 + n)
    book, tape = s.exchange.book(0), s.exchange.tape(0)
    s.run(15)
    assert (book.best_bid, book.best_ask, book.n_bids) == (100, 102, 1)
    s.run(30)
    assert (s.n_grown, book.n_bids) == (1, 12)
    s.run()
    assert s.n_grown == 2
    assert book.is_attached
    assert (book.n_bids, book.n_asks, book.seq, book.ts_recv) == (41, 41, 41, 59)
    assert book.bid_levels.tolist() == [[100, 1]] + [[99 - n, 1 + n] for n in range(19)]
    assert tape.n_total == 40
    assert tape.rows(3).tolist() == [[57 + n, 57 + n, 101, 38 + n, -1] for n in range(3)]


def test_forgotten_mirrors_stay_where_they_are() -> None:
    s = MarketScript(capacity=TINY)
    s.book(10, [(100, 1)], [(102, 1)])
    book = s.exchange.book(0)
    s.run(10)
    book.detach()
    s.exchange.forget_mirrors()
    s.exchange.grow()
    assert not book.is_attached


# --- books ----------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(markets(deltas=True), st.integers(0, 9))
def test_mirror_of_deltas_is_the_book_rebuilt_from_the_messages(steps: list[Step], lag: int) -> None:
    s = MarketScript(capacity=TINY)
    rebuilt = Book(perpetual(), 20, 4)
    messages: list[tuple[Any, ...]] = []
    now = seq = 0
    for wait, what, (*args, _) in steps:
        now += wait
        if what in ("book", "delta"):
            seq += 1
            s.book(now, *args, recv=now + lag, seq=seq, prev_seq=None if what == "book" else seq - 1)
            messages.append((what, now, seq, *(np.array(side, np.int64).reshape(-1, 2) for side in args)))
    shown = s.exchange.book(0)
    n_seen = 0

    def see(heard: Heard) -> None:
        nonlocal n_seen
        what, ts, seq, bids, asks = messages[n_seen]
        n_seen += 1
        if what == "book":
            rebuilt.load(bids, asks, ts, heard.due, seq)
        else:
            assert rebuilt.apply(bids, asks, ts, heard.due, seq - 1, seq)
        assert mirror(shown) == mirror(rebuilt)

    s.on_heard = see
    s.run()
    assert n_seen == len(messages)
    if lag == 0:
        levels = s.exchange.venue_levels(0)
        assert levels is not None
        assert (levels[0].tolist(), levels[1].tolist(), levels[2]) == (*mirror(rebuilt)[:2], seq)


def test_venue_shows_its_book_before_it_reaches_us_and_to_read_only() -> None:
    s = MarketScript()
    s.book(10, BIDS, ASKS, recv=100, seq=7)
    shown = s.exchange.book(0)
    s.run(5)
    assert s.exchange.venue_levels(0) is None
    s.run(50)
    levels = s.exchange.venue_levels(0)
    assert levels is not None
    assert (levels[0].tolist(), levels[2:]) == ([[100, 10], [99, 20]], (7, 10))
    assert shown.is_empty
    with pytest.raises(ValueError, match="read-only"):
        levels[0][0, 0] = 1
    s.run()
    assert (shown.best_bid, shown.ts_venue, shown.ts_recv) == (100, 10, 100)


def gapped() -> MarketScript:
    """A snapshot, a delta that follows, one that does not, one after it, and a snapshot again."""
    s = MarketScript()
    s.book(10, BIDS, ASKS, seq=1)
    s.book(20, [(100, 7)], [], seq=2, prev_seq=1)
    s.book(30, [(100, 1)], [], seq=4, prev_seq=3)
    s.book(40, [(100, 2)], [], seq=5, prev_seq=4)
    s.book(50, [(98, 5)], [(103, 5)], seq=9)
    return s


def test_gap_stops_the_mirror_and_breaks_the_venues_book_until_a_snapshot() -> None:
    s = gapped()
    shown = s.exchange.book(0)
    s.run(29)
    assert (s.gaps, s.exchange.gaps()[0], shown.seq) == ([], 0, 2)
    s.run(45)
    assert [(gap.due, gap.what) for gap in s.gaps] == [(30, k.GAP)]
    assert s.exchange.gaps()[0] == 1
    assert s.exchange.venue_levels(0) is None
    assert (shown.seq, shown.level(BUY)) == (2, (100, 7))  # as it was told
    assert [heard.what for heard in s.heard] == [k.HEARD_BOOK] * 2 + [k.SPOKEN_ROW] * 2
    s.run()
    assert s.exchange.gaps()[0] == 1
    levels = s.exchange.venue_levels(0)
    assert levels is not None
    assert (levels[0].tolist(), shown.seq, shown.level(BUY)) == ([[98, 5]], 9, (98, 5))


def test_in_a_gap_nothing_is_displayed_and_queues_stand() -> None:
    s = gapped()
    s.place(25, 1, BUY, 100, 3)
    s.place(35, 2, BUY, 110, 3, OrderFlag.POST_ONLY)
    s.place(35, 3, BUY, 0, 3, OrderFlag.MARKET)
    s.trade(36, 100, 8, SELL)
    facts = s.run(49)
    assert said(facts)[1:] == [
        ("accepted", 2),
        ("accepted", 3),
        ("expired", 3, 3, Reason.NO_LIQUIDITY),
        ("maker", 2, 110, 3),
        ("maker", 1, 100, 1),
    ]


def test_deltas_before_the_first_snapshot_are_passed_over() -> None:
    s = MarketScript()
    s.book(10, [(100, 7)], [], seq=2, prev_seq=1)
    s.book(20, BIDS, ASKS, seq=5)
    s.run(15)
    assert s.exchange.venue_levels(0) is None
    s.run()
    assert (s.exchange.gaps()[0], s.gaps) == (0, [])
    assert s.exchange.book(0).seq == 5


def test_feeds_without_sequence_numbers_have_no_gaps() -> None:
    s = MarketScript()
    s.book(10, BIDS, ASKS, seq=0)
    s.book(20, [(100, 0), (55, 0)], [(101, 1)], seq=0, prev_seq=-1)
    s.run()
    assert s.exchange.gaps() == (0, 1)  # 55 was not there to delete
    assert (s.exchange.book(0).best_bid, s.exchange.book(0).best_ask) == (99, 101)


def test_touch_and_trade_rows_are_those_that_were_delivered() -> None:
    s = MarketScript()
    s.book(10, BIDS, ASKS, recv=15)
    s.trade(20, 102, 3, BUY, recv=40)
    s.book(30, [], [(104, 2)], recv=35)
    s.run(39)
    exchange = s.exchange
    assert exchange.touch[: exchange.state[k.N_TOUCH]].tolist() == [
        [10, 15, 0, 100, 10, 102, 10],
        [30, 35, 0, 0, 0, 104, 2],
    ]
    assert exchange.state[k.N_TRADE] == 0
    s.run()
    assert exchange.trades[: exchange.state[k.N_TRADE]].tolist() == [[20, 40, 0, 102, 3, 1]]


# --- funding --------------------------------------------------------------------------------------------------------


def test_funding_is_told_with_position_rate_and_mark() -> None:
    s = MarketScript([perpetual(0), perpetual(1)], latency=latencies(feed_private=5))
    s.book(10, BIDS, ASKS)
    s.place(20, 1, SELL, 0, 4, OrderFlag.MARKET)
    for i in (0, 1):
        s.funding(30, 123_456, 101, i=i)
        s.funding(60, -5, 99, i=i)
    facts = [f for f in s.run() if f.kind == FUNDING_PAID]
    assert [(f.due, f.ts, f.instrument, f.client_id, f.price, f.size, f.detail) for f in facts] == [
        (35, 30, 0, 123_456, 101, -4, 1),  # the rate stands in the id's place
        (65, 60, 0, -5, 99, -4, 2),
    ]


def test_funding_meets_the_position_after_the_prints_of_its_instant() -> None:
    s = MarketScript()
    s.book(10, BIDS, ASKS)
    s.place(20, 1, BUY, 101, 4)
    s.trade(30, 101, 4, SELL)
    s.funding(30, 1, 101)
    s.funding(30, 1, 101)
    assert [f.size for f in s.run() if f.kind == FUNDING_PAID] == [4, 4]


# --- what is under way ----------------------------------------------------------------------------------------------


def two_venues() -> MarketScript:
    """Orders 1 (venue 0) and 2 (venue 1) rest; at 1000 each has a fill, an answer and a cancel under way."""
    s = MarketScript(instruments(), latency=latencies(request_private=100, ack_private=400, feed_private=500))
    for client_id, i in ((1, 0), (2, 2)):
        s.book(10, BIDS, ASKS, i=i)
        s.place(20, client_id, BUY, 101, 5, i=i)
        s.trade(800, 101, 2, SELL, i=i)
        s.amend(810, client_id, 101, 4, i=i)
        s.cancel(950, client_id, i=i)
    assert said(s.run(1000)) == [("accepted", 1), ("accepted", 2)]
    return s


def test_facts_in_flight_are_listed_by_channel() -> None:
    s = two_venues()
    rows = s.exchange.facts_in_flight(1)
    assert [(row[k.R_DUE], row[k.R_KIND], row[k.R_CLIENT_ID], row[k.R_VENUE]) for row in rows] == [
        (1310, AMENDED, 2, 1),
        (1300, FILL_MAKER, 2, 1),
    ]


def test_a_broken_connection_loses_what_is_under_way_there_and_nothing_else() -> None:
    s = two_venues()
    s.exchange.drop_in_flight(0)
    assert s.exchange.facts_in_flight(0) == []
    assert said(s.run()) == [("maker", 2, 101, 2), ("amended", 2, 101, 4), ("cancelled", 2, 2, Reason.NONE)]
    (order,) = s.exchange.open_orders(0)
    assert (order.client_id, order.size, order.filled) == (1, 4, 2)
    assert s.exchange.positions(0)[0] == (0, 2)


def test_after_a_break_requests_are_heard_again() -> None:
    s = two_venues()
    for venue in (0, 1):
        s.exchange.drop_in_flight(venue)
    assert s.exchange.state[[k.NEXT_REQUEST, k.NEXT_FACT]].tolist() == [k.NEVER, k.NEVER]
    assert commands.submit(s.exchange.state, 1100, 0, commands.CANCEL, 1, 0, 0, 0, 0, 0)
    facts = s.run()
    assert said(facts) == [("cancelled", 1, 2, Reason.NONE)]
    assert facts[0].due == 1600


def test_answers_with_a_payload_wait_for_room_and_keep_their_order() -> None:
    s = MarketScript(capacity=TINY, latency=latencies(ack_public=50))
    state = s.exchange.state
    n = 0
    while commands.answer_payload(state, 0, k.RING_ACK_PUBLIC, k.ACK_PUBLIC, PAYLOAD, n):
        n += 1
    assert n == state[k.RING_CAP]
    s.exchange.grow_orders()
    assert commands.answer_payload(s.exchange.state, 0, k.RING_ACK_PUBLIC, k.ACK_PUBLIC, PAYLOAD, n)
    assert [row[k.R_DETAIL] for row in s.exchange.facts_in_flight(0)] == list(range(n + 1))


def test_snapshot_requests_arrive_on_their_own_channel() -> None:
    s = MarketScript(latency=latencies(request_public=30, request_private=10))
    s.book(10, BIDS, ASKS)
    s.run(50)
    assert commands.submit(s.exchange.state, 50, 0, commands.SNAPSHOT, 0, 0, 0, 0, 0, 77)
    assert commands.submit(s.exchange.state, 50, 0, commands.ACCOUNT, 0, 0, 0, 0, 0, 78)
    asked = [e.advance(s.exchange.state, s.window.flat, 1000) for _ in range(3)]
    assert asked[:2] == [
        (k.PAYLOAD_REQUEST, 60, commands.ACCOUNT, 0, 78),
        (k.PAYLOAD_REQUEST, 80, commands.SNAPSHOT, 0, 77),
    ]
    assert asked[2][0] == k.QUIET
