"""One book from a socket's changes and wholes by REST that may be late: what is sound is the book."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.book_keeper import BookKeeper
from market.book import Book
from market.messages import BookDelta, BookGap, BookSnapshot, Stale, Started, TimerFired
from market.units import MS, SECOND, Nanos
from tests.venues.woox.woox_wire import BTC
from venues.woox.book_sync import LAG, BookMessage, BookSync

T0: Nanos = 1_760_000_000_000 * MS
Levels = dict[int, int]


def rows(levels: Levels, *, falling: bool = True) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    return np.array(sorted(levels.items(), reverse=falling), np.int64).reshape(-1, 2)


def change(ts: int, bids: Levels | None = None) -> BookDelta:
    return BookDelta(0, ts * MS, T0, 0, ts, rows(bids or {}), rows({}))


def whole(ts: int, bids: Levels | None = None) -> BookSnapshot:
    return BookSnapshot(0, ts * MS, T0, ts, rows(bids or {100: 1}), rows({200: 1}, falling=False))


def kinds(messages: list[BookMessage]) -> list[tuple[type, int]]:
    return [(type(each), 0 if isinstance(each, BookGap) else each.seq) for each in messages]


def begun() -> BookSync:
    sync = BookSync(0)
    sync.begin(T0)
    sync.asked()
    return sync


def test_a_whole_that_a_change_follows_is_sound() -> None:
    sync = begun()
    for previous, ts in ((10, 20), (20, 30), (30, 40)):
        assert sync.change(previous, change(ts), T0) == []
    assert kinds(list(sync.whole(whole(20), T0))) == [(BookSnapshot, 20), (BookDelta, 30), (BookDelta, 40)]
    assert kinds(sync.change(40, change(50), T0)) == [(BookDelta, 50)]
    assert sync.is_sound


def test_a_whole_as_old_as_the_last_change_is_sound() -> None:
    sync = begun()
    sync.change(10, change(20), T0)
    assert kinds(sync.whole(whole(20), T0)) == [(BookSnapshot, 20)]


def test_a_whole_that_is_ahead_waits_for_what_follows_it() -> None:
    sync = begun()
    sync.change(10, change(20), T0)
    assert sync.whole(whole(30), T0) == []
    assert sync.change(20, change(30), T0) != []  # it was the one before the next
    assert sync.is_sound


def test_a_whole_that_fits_nowhere_is_asked_for_again_after_a_pause_that_grows() -> None:
    sync = begun()
    sync.change(10, change(20), T0)
    pauses = []
    for _ in range(8):
        assert sync.whole(whole(5), T0) == []  # before anything that was heard
        assert sync.ask_at is not None
        pauses.append((sync.ask_at - T0) / SECOND)
        sync.asked()
    assert pauses == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert (sync.is_sound, sync.n_misfits) == (False, 8)


def test_a_late_whole_is_found_among_the_changes_that_were_kept() -> None:
    sync = begun()
    for ts in range(20, 500, 10):
        sync.change(ts - 10, change(ts), T0)
    told = sync.whole(whole(100), T0)
    assert [each.seq for each in told if not isinstance(each, BookGap)] == [100, *range(110, 500, 10)]


def test_the_book_of_a_silent_socket_is_what_it_is_when_rest_cannot_be_late_any_more() -> None:
    sync = begun()
    assert sync.whole(whole(7), T0) == []
    assert sync.ask_at == T0 + LAG
    sync.asked()
    assert sync.whole(whole(7), T0 + LAG - 1) == []
    sync.asked()
    assert kinds(sync.whole(whole(7), T0 + LAG)) == [(BookSnapshot, 7)]
    # and what does not follow it shows that it was not
    assert kinds(sync.change(9, change(20), T0)) == [(BookGap, 0)]


def test_a_gap_is_told_once_and_what_comes_after_it_is_kept() -> None:
    sync = begun()
    sync.change(10, change(20), T0)
    sync.whole(whole(20), T0)
    (gap,) = sync.change(30, change(40), T0)
    assert isinstance(gap, BookGap)
    assert (gap.reason, sync.ask_at) == ("a change that follows 30 came after 20, ms", T0)
    sync.asked()
    assert sync.change(50, change(60), T0) == []  # not sound already
    sync.asked()
    assert kinds(sync.whole(whole(60), T0)) == [(BookSnapshot, 60)]


def test_what_is_told_again_is_passed_over() -> None:
    sync = begun()
    sync.change(10, change(20), T0)
    sync.whole(whole(20), T0)
    assert sync.change(10, change(20), T0) == []
    assert sync.is_sound


def test_a_living_socket_that_says_nothing_says_that_nothing_has_changed() -> None:
    sync = begun()
    assert sync.still(T0, T0) == []
    sync.change(10, change(20), T0)
    sync.whole(whole(20), T0)
    (first,) = sync.still(T0 + SECOND, T0 + SECOND)
    assert (first.prev_seq, first.seq, len(first.bids), len(first.asks), first.ts_recv) == (20, 21, 0, 0, T0 + SECOND)
    (delta,) = sync.change(20, change(30), T0)
    assert isinstance(delta, BookDelta)
    assert (delta.prev_seq, delta.seq) == (21, 30)


def test_a_book_that_is_wanted_anew_comes_when_a_whole_fits() -> None:
    sync = begun()
    sync.change(10, change(20), T0)
    sync.whole(whole(20), T0)
    sync.restart(T0)
    assert sync.ask_at == T0
    sync.asked()
    assert sync.whole(whole(10), T0) == []  # late: what followed it is told and gone
    sync.asked()
    assert kinds(sync.whole(whole(20), T0)) == [(BookSnapshot, 21)]  # numbers only grow


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_whatever_is_lost_and_however_late_rest_is_a_sound_book_is_the_truth(data: st.DataObject) -> None:
    """The market changes; messages are lost or told twice; REST shows a book of some changes ago."""
    bids: Levels = {100: 1}
    history = [(10, dict(bids))]
    sync, book = begun(), Book(BTC, 50)
    ts, n_sound = 10, 0
    for _ in range(data.draw(st.integers(5, 40))):
        kind = data.draw(st.sampled_from(("change", "change", "lost", "twice", "whole", "whole", "still", "restart")))
        told: list[BookMessage] = []
        if kind in ("change", "lost", "twice"):
            previous, ts = ts, ts + data.draw(st.integers(1, 30))
            price, lots = data.draw(st.integers(90, 100)), data.draw(st.integers(0, 3))
            bids[price] = lots
            history.append((ts, {p: n for p, n in bids.items() if n}))
            for _ in range({"lost": 0, "twice": 2}.get(kind, 1)):
                told += sync.change(previous, change(ts, {price: lots}), T0)
        elif kind == "whole":
            late = data.draw(st.integers(0, 6))
            at, levels = history[max(0, len(history) - 1 - late)]
            told += sync.whole(whole(at, levels) if levels else whole(at, {1: 1}), T0) if levels else []
        elif kind == "still":
            told += sync.still(T0, T0)
        else:
            sync.restart(T0)
        for message in told:
            if isinstance(message, BookSnapshot):
                book.load(message.bids, message.asks, 0, 0, message.seq)
            elif isinstance(message, BookDelta):
                followed = book.apply(message.bids, message.asks, 0, 0, message.prev_seq, message.seq)
                assert followed, msgspec.structs.asdict(message)
        # of what was lost nobody knows until something follows
        if sync.is_sound and kind in ("change", "twice"):
            n_sound += 1
            assert dict(book.bid_levels.tolist()) == history[-1][1]


def test_the_property_reaches_sound_books() -> None:
    sync = begun()
    sync.change(10, change(20, {99: 2}), T0)
    told = sync.whole(whole(10), T0)
    book = Book(BTC, 50)
    for each in told:
        if isinstance(each, BookSnapshot):
            book.load(each.bids, each.asks, 0, 0, each.seq)
        elif isinstance(each, BookDelta):
            assert book.apply(each.bids, each.asks, 0, 0, each.prev_seq, each.seq)
    assert dict(book.bid_levels.tolist()) == {100: 1, 99: 2}


@pytest.mark.parametrize("seconds", [0, 59])
def test_closing_forgets_everything(seconds: int) -> None:
    sync = begun()
    sync.change(10, change(20), T0)
    sync.closed()
    assert (sync.ask_at, sync.is_sound) == (None, False)
    sync.begin(T0 + seconds * SECOND)
    assert sync.whole(whole(20), T0 + seconds * SECOND) == []  # what was heard before proves nothing now


@pytest.mark.parametrize("lives", [True, False])
def test_a_keeper_trusts_a_silent_book_for_as_long_as_its_socket_lives(lives: bool) -> None:
    keeper = BookKeeper("keeper", 0, [BTC])
    keeper.now = T0
    keeper.handle(Started(0))
    sync = begun()
    sync.change(10, change(20), T0)
    for each in sync.whole(whole(20), T0):
        keeper.handle(each)
    for _ in range(20):  # five minutes, with a ping's answer every 15 s
        keeper.now += 15 * SECOND
        for each in sync.still(keeper.now, keeper.now) if lives else ():
            keeper.handle(each)
        keeper.handle(TimerFired(2))
    stale = [message for _, message in keeper.out if isinstance(message, Stale)]
    assert bool(stale) is not lives
