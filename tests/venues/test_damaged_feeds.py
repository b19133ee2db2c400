"""Whatever is damaged on the way of market data: no wrong book is told as sound, and the book is healed soon."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.messages import BookGap
from tests.venues.damaged_feed import damaged_feed
from venues.binance import book_sync as binance_sync
from venues.bybit.book_sync import BookSync as BybitSync
from venues.bybit.book_sync import Step
from venues.bybit.public_feed import PublicFeed
from venues.woox.book_sync import BookSync as WooxSync

pytestmark = pytest.mark.slow
VENUES = pytest.mark.parametrize("venue", ["bybit", "binance-futures", "woox", "paradex", "paradex in binary"])


@VENUES
@settings(deadline=None, max_examples=25)
@given(data=st.binary(min_size=200, max_size=900))
def test_no_damage_makes_a_wrong_book_and_every_damage_heals(venue: str, data: bytes) -> None:
    damaged_feed(venue, data).run()


@VENUES
def test_damages_are_refused_and_break_books(venue: str) -> None:
    """The test above would pass, too, if nothing were ever damaged."""
    feeds = [damaged_feed(venue, random.Random(seed).randbytes(900)) for seed in range(4)]
    for feed in feeds:
        feed.run()
        assert feed.n_errors > 2
    assert sum(feed.n_stale for feed in feeds) > len(feeds)


# --- faults that must be found ---------------------------------------------------------------------------------------


def first_failure(venue: str) -> str:
    """Return what is wrong with the first of some runs that fails; "" if none does."""
    for seed in range(10):
        try:
            damaged_feed(venue, random.Random(seed).randbytes(900)).run()
        except AssertionError as found:
            return str(found)
    return ""


def test_a_hole_that_nobody_sees_is_found_at_bybit(monkeypatch: pytest.MonkeyPatch) -> None:
    def step(self: BybitSync, kind: str, u: int, seq: int, ts_recv: int) -> Step:
        self.last, self.last_seq = u, seq
        return Step.REPLACE if kind == "snapshot" else Step.APPLY

    monkeypatch.setattr(BybitSync, "step", step)
    assert " at update " in first_failure("bybit")


def test_a_hole_that_nobody_sees_is_found_at_binance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binance_sync.BookSync, "_follows", lambda self, diff, seq: True)
    assert " at update " in first_failure("binance-futures")


def test_a_hole_that_nobody_sees_is_found_at_woox(monkeypatch: pytest.MonkeyPatch) -> None:
    follow: Any = WooxSync.change

    def change(self: WooxSync, previous: int, delta: Any, now: int) -> list[Any]:
        return list(follow(self, previous if self._last < 0 else self._last, delta, now))

    monkeypatch.setattr(WooxSync, "change", change)
    assert " at update " in first_failure("woox")


def test_a_book_that_nobody_asks_for_anew_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PublicFeed, "_resubscribe", lambda self, instrument, now: [])
    assert "has not healed" in first_failure("bybit")


def test_a_lost_connection_that_the_book_does_not_hear_of_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: Any = PublicFeed.closed

    def in_silence(self: PublicFeed, reason: str, now: int) -> list[Any]:
        return [each for each in closed(self, reason, now) if not isinstance(each.message, BookGap)]

    monkeypatch.setattr(PublicFeed, "closed", in_silence)
    assert "is told as sound over a lost connection" in first_failure("bybit")
