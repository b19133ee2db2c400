"""The book keeper on broken feeds."""

from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
import msgspec
import numpy as np
import pytest
from hypothesis import given

from actors.book_keeper import BookKeeper, BookKeeperConfig
from actors.thin_books import ThinBooks
from market.instrument import Instrument
from market.messages import (
    ActorUp,
    BookDelta,
    BookGap,
    BookSnapshot,
    BookUpdate,
    ConnectionLost,
    ConnectionUp,
    Fresh,
    LevelArray,
    RequestSnapshot,
    SetTimer,
    Stale,
    Started,
    TimerFired,
)
from market.units import SECOND

SOL = Instrument(3, "bybit", "SOLUSDT", "SOL", "USDT", "USDT", Decimal("0.01"), Decimal("0.1"))
Levels = list[tuple[int, int]]


def keeper(depth: int = 2, **config: Any) -> BookKeeper:
    actor = BookKeeper("keeper", 0, [SOL], depth, BookKeeperConfig(**config))
    actor.now = 10
    actor.handle(Started(0))
    actor.out.clear()
    return actor


def rows(levels: Levels) -> Any:
    array = np.array(levels, dtype=np.int64).reshape(-1, 2)
    array.flags.writeable = False
    return array


def snapshot(seq: int, bids: Levels, asks: Levels) -> BookSnapshot:
    return BookSnapshot(SOL.id, 100 + seq, 200 + seq, seq, rows(bids), rows(asks))


def delta(prev_seq: int, seq: int, bids: Levels = (), asks: Levels = ()) -> BookDelta:  # type: ignore[assignment]
    return BookDelta(SOL.id, 100 + seq, 200 + seq, prev_seq, seq, rows(list(bids)), rows(list(asks)))


def give(actor: BookKeeper, message: Any) -> list[Any]:
    """Deliver a message; return what was published, said and asked, timers left out."""
    actor.handle(message)
    out = [message for port, message in actor.out if port != "timers"]
    actor.out.clear()
    return out


def shown(messages: list[Any]) -> list[tuple[int, Any, Any]]:
    return [(m.seq, _list(m.bids), _list(m.asks)) for m in messages if isinstance(m, BookUpdate)]


def _list(levels: LevelArray | None) -> Any:
    assert levels is not None
    return levels.tolist()


def followed(change: BookDelta) -> BookDelta:
    return msgspec.structs.replace(change, is_followed=True)


FULL = snapshot(5, [(99, 1), (98, 2), (97, 3)], [(101, 4)])


def test_publishes_the_best_levels_after_each_message_read_only() -> None:
    actor = keeper()
    assert give(actor, delta(4, 5, [(99, 7)])) == []  # before the first snapshot there is nothing to change
    (update,) = give(actor, FULL)
    assert shown([update]) == [(5, [[99, 1], [98, 2]], [[101, 4]])]
    assert (update.ts_venue, update.ts_recv) == (105, 205)
    assert not update.bids.flags.writeable
    # the level behind moves up when a shown one goes
    assert shown(give(actor, delta(5, 6, [(99, 0)]))) == [(6, [[98, 2], [97, 3]], [[101, 4]])]
    assert update.bids.tolist() == [[99, 1], [98, 2]], "what was handed over must not change"


def test_broken_chain_is_stale_until_the_next_snapshot_and_what_came_meanwhile() -> None:
    actor = keeper()
    give(actor, FULL)
    assert give(actor, delta(7, 8, [(99, 9)])) == [
        Stale(SOL.id, 10, "a delta that follows 7 came after 5"),
        RequestSnapshot(SOL.id),
    ]
    assert give(actor, delta(8, 9, [(98, 9)])) == [], "a stale book is not published"
    fresh, update = give(actor, snapshot(8, [(99, 9), (98, 2)], [(101, 4)]))
    assert fresh == Fresh(SOL.id, 10)
    assert shown([update]) == [(9, [[99, 9], [98, 9]], [[101, 4]])]


def test_snapshot_older_than_what_waits_does_not_heal() -> None:
    actor = keeper()
    give(actor, FULL)
    give(actor, delta(7, 8))
    give(actor, delta(8, 9))
    assert give(actor, snapshot(6, [(99, 1)], [(101, 4)])) == [RequestSnapshot(SOL.id)], "7 is missing still"
    healed = give(actor, snapshot(9, [(99, 1)], [(101, 4)]))
    assert [type(m) for m in healed] == [Fresh, BookUpdate]
    assert shown(give(actor, delta(9, 10, [(99, 5)]))) == [(10, [[99, 5]], [[101, 4]])]


def test_first_delta_after_healing_may_reach_back_but_later_ones_may_not() -> None:
    actor = keeper()
    give(actor, FULL)
    give(actor, BookGap(SOL.id, 0, "lost"))
    give(actor, snapshot(20, [(99, 1)], [(101, 4)]))
    assert shown(give(actor, delta(17, 22, [(99, 5)]))) == [(22, [[99, 5]], [[101, 4]])]
    assert isinstance(give(actor, delta(20, 23))[0], Stale)


def test_gap_connection_and_restart_make_it_stale_once() -> None:
    actor = keeper()
    assert give(actor, BookGap(SOL.id, 0, "lost")) == [], "a book that never was there is not stale"
    give(actor, FULL)
    assert give(actor, BookGap(SOL.id, 0, "lost")) == [Stale(SOL.id, 10, "lost"), RequestSnapshot(SOL.id)]
    assert give(actor, BookGap(SOL.id, 0, "again")) == []
    give(actor, snapshot(7, [(99, 1)], [(101, 4)]))
    assert give(actor, ConnectionLost(0, 0, 1, "reset")) == [Stale(SOL.id, 10, "the connection was lost: reset")]
    assert give(actor, ConnectionUp(0, 0, 2)) == [RequestSnapshot(SOL.id)]
    again = BookKeeper("keeper", 0, [SOL])
    assert give(again, Started(1)) == [Stale(SOL.id, 0, "the book keeper was restarted"), RequestSnapshot(SOL.id)]
    assert [type(m) for m in give(again, FULL)] == [Fresh, BookUpdate]


def test_deltas_of_a_lost_connection_are_not_used_after_it() -> None:
    actor = keeper()
    give(actor, FULL)
    give(actor, BookGap(SOL.id, 0, "lost"))
    give(actor, delta(6, 7, [(99, 77)]))
    give(actor, ConnectionLost(0, 0, 1, "reset"))
    give(actor, ConnectionUp(0, 0, 2))
    assert shown(give(actor, snapshot(6, [(99, 1)], [(101, 4)]))) == [(6, [[99, 1]], [[101, 4]])]


def test_asks_again_for_a_snapshot_that_does_not_come() -> None:
    actor = keeper(ask_again_s=2.0)
    actor.handle(FULL)
    actor.out.clear()
    actor.handle(BookGap(SOL.id, 0, "lost"))
    assert ("timers", SetTimer(10 + 2 * SECOND, 1)) in actor.out
    actor.out.clear()
    actor.now += 2 * SECOND
    assert give(actor, TimerFired(1)) == [RequestSnapshot(SOL.id)]
    give(actor, snapshot(7, [(99, 1)], [(101, 4)]))
    actor.now += 2 * SECOND
    actor.handle(TimerFired(1))
    assert actor.out == [], "nothing is asked, and no timer set, once all is sound"


def quiet_keeper() -> BookKeeper:
    actor = keeper(stale_after_s=3.0)
    actor.handle(Started(0))
    assert actor.out == [("timers", SetTimer(actor.now + 3 * SECOND, 2))]
    actor.out.clear()
    give(actor, FULL)  # received at 205
    return actor


def test_silence_makes_stale_when_its_time_is_over() -> None:
    actor = quiet_keeper()
    actor.now = 10 + 3 * SECOND
    actor.handle(TimerFired(2))
    assert actor.out == [("timers", SetTimer(205 + 3 * SECOND, 2))], "it is looked at when it may be due, not before"
    actor.out.clear()
    actor.now = 205 + 3 * SECOND
    assert give(actor, TimerFired(2)) == [
        Stale(SOL.id, actor.now, "nothing was heard of it for 3 s"),
        RequestSnapshot(SOL.id),
    ]


def test_what_is_heard_in_time_keeps_a_book_fresh() -> None:
    actor = quiet_keeper()
    actor.now = 2 * SECOND
    late = delta(5, 6, [(99, 7)])
    give(actor, msgspec.structs.replace(late, ts_recv=2 * SECOND))
    actor.now = 205 + 3 * SECOND
    actor.handle(TimerFired(2))
    assert actor.out == [("timers", SetTimer(5 * SECOND, 2))]


def test_silence_ends_with_something_newer_not_with_the_same_again() -> None:
    actor = quiet_keeper()
    actor.now = 205 + 3 * SECOND
    give(actor, TimerFired(2))
    assert give(actor, FULL) == [], "a venue that says the same again may be as dead as its feed"
    assert actor.is_stale(SOL.id)
    assert [type(m) for m in give(actor, snapshot(6, [(99, 1)], [(101, 4)]))] == [Fresh, BookUpdate]


def test_silence_is_never_too_long_where_it_is_off() -> None:
    actor = keeper(stale_after_s=0.0)
    assert give(actor, Started(0)) == []
    assert actor.out == []


@pytest.mark.parametrize("max_waiting", [1, 2])
def test_too_many_waiting_deltas_need_a_later_snapshot(max_waiting: int) -> None:
    actor = keeper(max_waiting=max_waiting)
    give(actor, FULL)
    for seq in (7, 8, 9, 10):
        give(actor, delta(seq - 1, seq))
    assert give(actor, snapshot(7, [(99, 1)], [(101, 4)])) == [RequestSnapshot(SOL.id)]
    assert isinstance(give(actor, snapshot(10, [(99, 1)], [(101, 4)]))[0], Fresh)


STEPS = st.lists(
    st.tuples(st.sampled_from(["delta", "delta", "delta", "lose", "gap", "answer"]), st.integers(0, 9)), max_size=40
)


@given(steps=STEPS)
def test_what_is_published_is_what_the_venue_had(steps: list[tuple[str, int]]) -> None:
    """However the feed breaks, a published book is the venue's book at its sequence number."""
    actor = keeper(depth=20)
    venue = {99: 1, 98: 2}
    history = {0: dict(venue)}
    seq = 0
    answers: list[BookSnapshot] = [snapshot(0, [(99, 1), (98, 2)], [(101, 1)])]
    published: list[tuple[int, Any, Any]] = []
    last = 0

    def deliver(message: Any) -> None:
        out = give(actor, message)
        published.extend(shown(out))
        if any(isinstance(m, RequestSnapshot) for m in out):
            answers.append(snapshot(seq, sorted(history[seq].items(), reverse=True), [(101, 1)]))

    deliver(answers.pop())
    for what, number in steps:
        if what in ("delta", "lose"):
            seq += 1
            price, size = 90 + number, seq % 4
            if size:
                venue[price] = size
            else:
                venue.pop(price, None)
            history[seq] = dict(venue)
            if what == "delta":
                deliver(delta(seq - 1, seq, [(price, size)]))
        elif what == "gap":
            deliver(BookGap(SOL.id, 0, "lost"))
        elif answers:
            deliver(answers.pop(0))
    for number, bids, _ in published:
        assert dict(map(tuple, bids)) == history[number]
        assert number >= last
        last = number
    if not actor.is_stale(SOL.id) and published:
        assert actor.books[SOL.id].seq == published[-1][0]


def test_who_begins_anew_is_told_what_is_stale_and_nothing_else() -> None:
    actor = keeper()
    give(actor, FULL)
    assert give(actor, ActorUp("manager", 0)) == []
    give(actor, delta(6, 7, [(99, 2)]))  # 6 never came
    for kind in ("manager", "quoter"):
        (stale,) = give(actor, ActorUp(kind, 0))
        assert isinstance(stale, Stale)
        assert stale.instrument == SOL.id
    assert give(actor, ActorUp("connector", 0)) == []
    give(actor, snapshot(7, [(99, 2)], [(101, 4)]))
    assert give(actor, ActorUp("manager", 0)) == []


def test_a_crossed_book_is_asked_for_anew_where_that_is_wanted() -> None:
    actor = keeper(distrust_crossed=True)
    give(actor, snapshot(1, [(99, 5)], [(101, 5)]))
    crossing = delta(1, 2, bids=[(101, 1)])
    stale, asked = give(actor, crossing)
    assert isinstance(stale, Stale)
    assert stale.reason == "the book is crossed: best bid 101, best ask 101, in ticks"
    assert asked == RequestSnapshot(SOL.id)
    assert give(actor, delta(2, 3, bids=[(98, 1)])) == []  # waits for the snapshot
    assert isinstance(give(actor, snapshot(4, [(99, 5)], [(101, 5)]))[0], Fresh)

    easy = keeper()
    give(easy, snapshot(1, [(99, 5)], [(101, 5)]))
    assert [type(each) for each in give(easy, crossing)] == [BookUpdate]


# --- thin books ------------------------------------------------------------------------------------------------------


def thin_keeper(**rule: float) -> BookKeeper:
    return keeper(thin=ThinBooks(**rule))


def said(found: list[Any]) -> list[Any]:
    return [(type(each), each.is_thin) if isinstance(each, Stale) else type(each) for each in found]


WIDE = snapshot(1, [(9_900, 10)], [(10_100, 10)])  # 200 bps, worth 99 and 101 of quote


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"max_spread_bps": 199.0}, "too thin: the spread is 200.0 bps, limit 199"),
        ({"min_side_notional": 100.0}, "too thin: the bids shown are worth 99, limit 100"),
        ({"min_side_notional": 102.0}, "too thin: the bids shown are worth 99, limit 102"),
    ],
)
def test_a_thin_book_is_told_before_it_is_published(rule: dict[str, float], text: str) -> None:
    stale, update = give(thin_keeper(**rule), WIDE)
    assert (stale.reason, stale.is_thin, type(update)) == (text, True, BookUpdate)


@pytest.mark.parametrize("rule", [{}, {"max_spread_bps": 200.0}, {"min_side_notional": 99.0}])
def test_a_book_within_the_rule_is_none_of_its_business(rule: dict[str, float]) -> None:
    assert said(give(thin_keeper(**rule), WIDE)) == [BookUpdate]


def test_an_empty_side_is_thin_even_for_the_mildest_rule() -> None:
    stale, _ = give(thin_keeper(max_spread_bps=1e9), snapshot(1, [(9_900, 10)], []))
    assert stale.reason == "too thin: a side is empty"


def test_a_book_that_has_filled_up_is_trusted_when_it_has_stayed_so() -> None:
    actor = thin_keeper(max_spread_bps=50.0, settle_s=2.0)
    give(actor, WIDE)
    assert said(give(actor, delta(1, 2, [(10_090, 5)]))) == [BookUpdate]
    actor.now += SECOND
    assert said(give(actor, delta(2, 3, [(10_090, 0)]))) == [BookUpdate]  # and thin again: the time begins anew
    actor.now += 2 * SECOND
    assert said(give(actor, TimerFired(3))) == []
    assert said(give(actor, delta(3, 4, [(10_090, 5)]))) == [BookUpdate]
    actor.now += 2 * SECOND - 1
    assert said(give(actor, TimerFired(3))) == []
    actor.now += 1
    assert said(give(actor, TimerFired(3))) == [Fresh]
    assert said(give(actor, delta(4, 5, [(10_090, 0)]))) == [(Stale, True), BookUpdate]


def test_a_gap_in_a_thin_book_is_worse_than_its_thinness_and_heals_to_it() -> None:
    actor = thin_keeper(max_spread_bps=50.0)
    give(actor, WIDE)
    assert said(give(actor, BookGap(SOL.id, 7, "lost"))) == [(Stale, False), RequestSnapshot]
    assert said(give(actor, ActorUp("quoter", 0))) == [(Stale, False)]
    assert said(give(actor, snapshot(5, [(9_900, 10)], [(10_100, 10)]))) == [(Stale, True), BookUpdate]
    assert said(give(actor, ActorUp("quoter", 0))) == [(Stale, True)]
    give(actor, BookGap(SOL.id, 8, "lost"))
    # thick at last, and nobody trusts it until it has been so for a while
    assert said(give(actor, snapshot(6, [(10_090, 10)], [(10_100, 10)]))) == [(Stale, True), BookUpdate]
    actor.now += SECOND
    assert said(give(actor, TimerFired(3))) == [Fresh]


def test_a_book_has_a_rule_of_its_own_by_its_name() -> None:
    actor = keeper(thin=ThinBooks(max_spread_bps=1.0), thin_of={"bybit:SOLUSDT": ThinBooks(max_spread_bps=300.0)})
    assert said(give(actor, WIDE)) == [BookUpdate]


CHANGES = st.lists(
    st.tuples(
        st.lists(st.tuples(st.integers(95, 100), st.integers(0, 3)), max_size=3),
        st.lists(st.tuples(st.integers(100, 105), st.integers(0, 3)), max_size=3),
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


@given(CHANGES)
def test_changes_that_came_together_come_to_what_they_come_to_one_by_one(
    changes: list[tuple[Levels, Levels, bool]],
) -> None:
    """What is followed is not shown, and nothing else is otherwise: books that are shown, and crossed ones."""
    plain, marked = keeper(distrust_crossed=True), keeper(distrust_crossed=True)
    give(plain, FULL)
    give(marked, FULL)
    for n, (bids, asks, is_followed) in enumerate(changes):
        change = delta(5 + n, 6 + n, bids, asks)
        by_itself = give(plain, change)
        together = give(marked, followed(change) if is_followed else change)
        if is_followed:
            by_itself = [each for each in by_itself if not isinstance(each, BookUpdate)]
        assert msgspec.json.encode(together, enc_hook=np.ndarray.tolist) == msgspec.json.encode(
            by_itself, enc_hook=np.ndarray.tolist
        )
    assert marked.books[SOL.id].bid_levels.tolist() == plain.books[SOL.id].bid_levels.tolist()
    assert marked.books[SOL.id].ask_levels.tolist() == plain.books[SOL.id].ask_levels.tolist()
