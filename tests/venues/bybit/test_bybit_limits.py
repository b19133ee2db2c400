"""No window of time ever holds more than its limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.units import MINUTE, MS, SECOND
from venues.bybit.limits import HTTP, RULES, RateLimits

BUCKET = "order.create-batch"
T0 = 1_760_000_000_000 * MS


@given(st.lists(st.tuples(st.integers(0, 400 * MS), st.integers(1, 5)), max_size=60))
def test_a_rolling_second_holds_at_most_the_limit(steps: list[tuple[int, int]]) -> None:
    limits = RateLimits()
    now, sent = T0, list[tuple[int, int]]()
    for pause, weight in steps:
        now += pause
        free = limits.free_at(BUCKET, weight, now)
        assert free >= now
        if free > now:  # not a moment too late: the limit was full until then
            assert sum(w for t, w in sent if t > free - 1 - RULES[BUCKET][1]) + weight > 10
        now = free
        limits.spend(BUCKET, weight, now)
        sent.append((now, weight))
        assert sum(w for t, w in sent if t > now - RULES[BUCKET][1]) <= 10


def test_the_venue_sees_no_more_than_it_allows_in_any_second_though_messages_are_delayed_unevenly() -> None:
    limits = RateLimits()
    sent: list[int] = []
    now = T0
    while len(sent) < 60:
        now = limits.free_at(BUCKET, 1, now)
        limits.spend(BUCKET, 1, now)
        sent.append(now)
    for late, quick in ((50 * MS, 0), (0, 50 * MS)):
        arrived = sorted(at + (late if n % 20 < 10 else quick) for n, at in enumerate(sent))
        assert all(after - before >= SECOND for before, after in zip(arrived, arrived[10:], strict=False))


def test_limits_are_learned_from_answers() -> None:
    limits = RateLimits()
    limits.learn("order.create", {"x-bapi-LIMIT": "20"})
    for text in ("", "0", "x", "-5", "9" * 30):
        limits.learn("order.create", {"X-Bapi-Limit": text})
    assert limits.limit("order.create") == 20
    assert limits.limit("order.amend") == 10
    with pytest.raises(ValueError, match=r"^a request of weight 21 never fits the order.create limit of 20; split it$"):
        limits.free_at("order.create", 21, T0)


def test_an_empty_bucket_stays_closed_until_its_reset() -> None:
    limits = RateLimits()
    reset = {"X-Bapi-Limit-Reset-Timestamp": str((T0 + 700 * MS) // MS)}
    limits.refused("order.create", reset, 200 * MS, T0)
    assert limits.free_at("order.create", 1, T0) == T0 + 500 * MS
    assert limits.free_at("order.cancel", 1, T0) == T0
    for nonsense in ("", "x", "1", "9" * 15):
        limits.refused("order.amend", {"X-Bapi-Limit-Reset-Timestamp": nonsense}, 0, T0)
        assert limits.free_at("order.amend", 1, T0) == T0 + RULES["order.amend"][1]


def test_a_ban_closes_http() -> None:
    limits = RateLimits()
    limits.banned(T0)
    assert limits.free_at(HTTP, 1, T0) == T0 + 10 * MINUTE
    assert all(limits.free_at(bucket, 1, T0) == T0 for bucket in RULES if bucket != HTTP)
