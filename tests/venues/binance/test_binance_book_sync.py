"""The book from changes and snapshots, against the whole history of a book that loses, repeats and mixes up events."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.messages import BookDelta, BookGap, BookSnapshot
from market.units import SECOND
from venues.binance.book_sync import NEVER, BookSync, BookSyncConfig
from venues.binance.market_data import DepthDiff, Touch

Levels = dict[int, int]


def diff(first: int, last: int, previous: int, now: int = 0, levels: Sequence[tuple[int, int]] = ()) -> DepthDiff:
    rows = np.array(levels, np.int64).reshape(-1, 2)
    return DepthDiff(first, BookDelta(0, now, now, previous, last, rows, rows[:0]))


def snapshot(seq: int, now: int = 0, levels: Sequence[tuple[int, int]] = ()) -> BookSnapshot:
    rows = np.array(levels, np.int64).reshape(-1, 2)
    return BookSnapshot(0, now, now, seq, rows, rows[:0])


def touch(seq: int, now: int) -> Touch:
    return Touch(0, now, now, seq, 1, 1, 2, 1)


def told(messages: Sequence[object]) -> list[tuple[str, int, int]]:
    """Return (kind, previous, seq) of each message."""
    found = []
    for each in messages:
        if isinstance(each, BookDelta):
            found.append(("delta", each.prev_seq, each.seq))
        elif isinstance(each, BookSnapshot):
            found.append(("book", 0, each.seq))
        else:
            assert isinstance(each, BookGap)
            found.append(("gap", 0, 0))
    return found


def live(seq: int = 100) -> BookSync:
    sync = BookSync(0)
    sync.connected(0)
    sync.on_diff(diff(seq - 5, seq, seq - 9))
    sync.asked(0)
    sync.on_snapshot(snapshot(seq))
    assert (sync.is_live, sync.seq) == (True, seq)
    return sync


def test_changes_wait_for_a_snapshot_that_is_asked_for_at_the_first() -> None:
    sync = BookSync(0)
    assert sync.ask_at == NEVER
    sync.connected(7)
    assert sync.ask_at == 7 + 3 * SECOND
    assert sync.on_diff(diff(140, 149, 131, now=9)) == []
    assert sync.ask_at == 9
    sync.asked(9)
    assert sync.ask_at == NEVER
    assert sync.on_diff(diff(157, 160, 149)) == []
    assert sync.on_diff(diff(163, 170, 160)) == []
    # 140-149 is in the snapshot, 157-160 reaches over it
    assert told(sync.on_snapshot(snapshot(158))) == [("book", 0, 158), ("delta", 158, 160), ("delta", 160, 170)]
    assert told(sync.on_diff(diff(171, 180, 170))) == [("delta", 170, 180)]


@pytest.mark.parametrize("first", [150, 158])
def test_the_first_change_may_follow_the_snapshot_directly(first: int) -> None:
    sync = live(149)
    assert told(sync.on_diff(diff(first, 160, 149))) == [("delta", 149, 160)]


def test_a_snapshot_older_than_what_waits_is_asked_for_again() -> None:
    sync = BookSync(0)
    sync.connected(0)
    sync.on_diff(diff(157, 160, 149))
    sync.asked(0)
    assert sync.on_snapshot(snapshot(140, now=5)) == []
    assert not sync.is_live
    assert sync.ask_at == 5 + SECOND
    sync.asked(5 + SECOND)
    assert sync.on_snapshot(snapshot(141, now=6)) == []
    assert sync.ask_at == 6 + 2 * SECOND  # and ever later
    sync.asked(6 + 2 * SECOND)
    assert told(sync.on_snapshot(snapshot(160))) == [("book", 0, 160)]


def test_a_change_that_does_not_follow_is_a_gap() -> None:
    sync = live(100)
    messages = sync.on_diff(diff(104, 108, 102, now=3))
    assert messages == [BookGap(0, 3, "a change that follows 102 came after 100")]
    assert not sync.is_live
    assert sync.ask_at == 3 + SECOND  # the book was not whole for long
    sync.asked(3 + SECOND)
    assert told(sync.on_snapshot(snapshot(105))) == [("book", 0, 105), ("delta", 105, 108)]


def test_a_book_that_was_whole_for_long_begins_anew_at_once() -> None:
    sync = live(100)
    sync.on_diff(diff(104, 108, 102, now=31 * SECOND))
    assert sync.ask_at == 31 * SECOND


def test_a_repeated_change_does_no_harm() -> None:
    sync = live(100)
    sync.on_diff(diff(101, 105, 100))
    assert sync.on_diff(diff(101, 105, 100)) == []
    assert sync.skipped == {"older than the book": 1}
    assert told(sync.on_diff(diff(106, 107, 105))) == [("delta", 105, 107)]


def test_a_hole_in_what_waits_needs_a_snapshot_beyond_it() -> None:
    sync = BookSync(0)
    sync.connected(0)
    sync.on_diff(diff(1, 5, 0))
    sync.asked(0)
    sync.on_diff(diff(11, 15, 10))
    assert sync.on_snapshot(snapshot(5)) == []
    sync.asked(9 * SECOND)
    assert told(sync.on_snapshot(snapshot(12))) == [("book", 0, 12), ("delta", 12, 15)]


def test_what_waits_is_bounded() -> None:
    sync = BookSync(0, BookSyncConfig(max_waiting=2))
    sync.connected(0)
    for seq in range(1, 5):
        sync.on_diff(diff(seq, seq, seq - 1))
    sync.asked(0)
    assert sync.on_snapshot(snapshot(1)) == []
    sync.asked(0)
    assert told(sync.on_snapshot(snapshot(2))) == [("book", 0, 2), ("delta", 2, 3), ("delta", 3, 4)]


def test_a_snapshot_without_an_answer_is_given_up() -> None:
    sync = BookSync(0)
    sync.connected(0)
    sync.asked(0)
    assert sync.next_deadline() == 5 * SECOND
    assert sync.on_deadline(5 * SECOND) == []
    assert sync.ask_at == 6 * SECOND
    assert sync.on_snapshot(snapshot(3)) == []  # it is too late
    sync.asked(6 * SECOND)
    sync.refused(6 * SECOND)
    assert sync.ask_at == 8 * SECOND


def test_the_connection_takes_the_book_with_it() -> None:
    sync = live(100)
    assert sync.disconnected(4) == [BookGap(0, 4, "the connection was lost")]
    assert sync.disconnected(5) == []
    assert (sync.ask_at, sync.next_deadline()) == (NEVER, NEVER)
    sync.connected(6)
    sync.on_diff(diff(101, 105, 100, now=7))
    assert sync.ask_at == 7


def test_whoever_keeps_the_book_may_have_it_again() -> None:
    sync = live(100)
    sync.restart(31 * SECOND)
    assert sync.ask_at == 31 * SECOND
    assert sync.on_diff(diff(101, 105, 100, now=31 * SECOND)) == []
    sync.asked(31 * SECOND)
    assert told(sync.on_snapshot(snapshot(103))) == [("book", 0, 103), ("delta", 103, 105)]


def test_silence_is_stale() -> None:
    sync = live(100)
    sync.on_diff(diff(101, 105, 100, now=SECOND))
    assert sync.next_deadline() == 61 * SECOND
    assert sync.on_deadline(61 * SECOND - 1) == []
    assert sync.on_deadline(61 * SECOND) == [BookGap(0, 61 * SECOND, "nothing was heard of it for 60 s")]


def test_a_touch_that_runs_away_is_stale() -> None:
    sync = live(100)
    sync.on_touch(touch(100, 0))
    assert sync.next_deadline() == 60 * SECOND
    sync.on_touch(touch(110, SECOND))
    sync.on_touch(touch(120, 2 * SECOND))
    assert sync.next_deadline() == 3 * SECOND
    sync.on_diff(diff(101, 115, 100, now=2 * SECOND))  # it moves
    assert sync.next_deadline() == 4 * SECOND
    reason = "the touch is at update 120, the book stays at 115"
    assert sync.on_deadline(4 * SECOND) == [BookGap(0, 4 * SECOND, reason)]


def test_a_book_that_catches_up_with_the_touch_is_sound() -> None:
    sync = live(100)
    sync.on_touch(touch(110, SECOND))
    sync.on_diff(diff(101, 112, 100, now=SECOND))
    assert sync.next_deadline() == 61 * SECOND


# --- against the whole history -----------------------------------------------------------------------------------

# of each event: by how much update numbers jump before it, how many updates it holds, what becomes of it
FATES = ("delivered",) * 6 + ("lost", "repeated", "late", "snapshot", "old snapshot")
EVENTS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3), st.sampled_from(FATES)), max_size=60)


@given(EVENTS)
def test_what_is_passed_on_is_always_the_book_as_it_was(events: list[tuple[int, int, str]]) -> None:
    draw = np.random.default_rng(len(events)).integers
    history: dict[int, Levels] = {0: {}}  # the book after each update
    book: Levels = {}
    seq = previous = 0
    sync = BookSync(0)
    sync.connected(0)
    mirror: Levels | None = None
    held: list[DepthDiff] = []

    def take(messages: Sequence[object]) -> None:
        nonlocal mirror
        for each in messages:
            if isinstance(each, BookGap):
                mirror = None
                continue
            assert isinstance(each, BookSnapshot | BookDelta)
            if isinstance(each, BookSnapshot):
                mirror = {}
            assert mirror is not None
            mirror.update({int(price): int(size) for price, size in each.bids})
            assert {p: s for p, s in mirror.items() if s} == history[each.seq]

    for now, (jump, n_updates, fate) in enumerate(events):
        first = seq + 1 + jump
        changed: Levels = {}
        for _ in range(n_updates):
            seq = first if not changed else seq + 1
            price, size = int(draw(1, 6)), int(draw(0, 4))
            changed[price] = size
            book = {p: s for p, s in {**book, price: size}.items() if s}
            history[seq] = book
        event = diff(first, seq, previous, now, list(changed.items()))
        previous = seq
        if fate == "lost":
            continue
        if fate == "late":
            held.append(event)
            continue
        for each in [event, *held] + [event] * (fate == "repeated"):
            take(sync.on_diff(each))
        held.clear()
        if sync.ask_at != NEVER:
            sync.asked(now)
        at = seq if fate == "snapshot" else list(history)[-min(len(history), 4)] if fate == "old snapshot" else None
        if at is not None:
            take(sync.on_snapshot(snapshot(at, now, list(history[at].items()))))
    assert sync.is_live == (mirror is not None)
