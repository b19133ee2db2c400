"""Fills come in pages of whatever size and order, and every one is told once; limits hold in every window."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from market.messages import AccountSnapshot, RequestAccount
from market.units import MS, SECOND, Nanos
from tests.venues.scripted_venue import NOW
from tests.venues.woox.scripted_woox import EMPTY, ORDER_PATH, Woox, refusal, reply
from venues.venue import SendRequest
from venues.woox.limits import RULES, RateLimits
from venues.woox.order_ids import fill_id_of, name_of

HISTORY = "/v3/trade/transactionHistory"


def page(fills: list[tuple[int, int]], query: dict[str, str], most: int, *, newest_first: bool) -> dict[str, Any]:
    """Return what the venue would: fills of (id, ms), at most so many, whichever end it begins at."""
    begin, end = int(query["startTime"]), int(query["endTime"])
    found = sorted((each for each in fills if begin <= each[1] <= end), key=lambda each: (each[1], each[0]))
    if newest_first:
        found.reverse()
    terms = {"symbol": "PERP_BTC_USDT", "executedPrice": "65000", "executedQuantity": "0.001", "side": "BUY"}
    rows = [
        {"id": number, "orderId": number % 3 + 1, "executedTimestamp": at, **terms}
        for number, at in found[: min(most, 500)]
    ]
    return {"rows": rows}


@settings(deadline=None, max_examples=40)
@given(
    times=st.lists(st.integers(0, 400), max_size=150),
    most=st.integers(40, 60),
    newest_first=st.booleans(),
)
def test_every_fill_is_in_the_account_once(times: list[int], most: int, newest_first: bool) -> None:
    at_one_time = max((times.count(each) for each in times), default=0)
    fills = [(number, NOW // MS + at) for number, at in enumerate(times, 1)]
    if at_one_time > most // 2:
        return  # a page of one ms has no edge to go on from
    woox = Woox().come_up()
    woox.now += SECOND
    place = len(woox.outputs)
    woox.command(RequestAccount(2, NOW))
    for _ in range(200):
        if woox.told(AccountSnapshot):
            break
        asked = [each for each in woox.outputs[place:] if isinstance(each, SendRequest)]
        place = len(woox.outputs)
        for each in asked:
            path = each.request.path
            query = dict(part.split("=") for part in each.request.query.split("&")) if each.request.query else {}
            if path == HISTORY:
                woox.answer(each, reply(page(fills, query, most, newest_first=newest_first)))
            elif path == ORDER_PATH:
                woox.answer(each, refusal(-1006), 400)
            elif path in EMPTY:
                woox.answer(each, reply(EMPTY[path]))
        woox.pass_by(0.5)
    (snapshot,) = woox.told(AccountSnapshot)
    assert sorted(each.fill_id for each in snapshot.fills) == sorted(fill_id_of(n % 3 + 1, n) for n, _ in fills)
    assert list(snapshot.fills) == sorted(
        snapshot.fills, key=lambda each: (each.ts_venue, each.instrument, each.fill_id)
    )


@given(
    st.sampled_from(sorted(RULES)),
    st.lists(st.integers(0, 400 * MS), max_size=60),
    st.lists(st.integers(0, 30), max_size=2),
)
def test_no_window_holds_more_than_its_limit(kind: str, pauses: list[int], refused: list[int]) -> None:
    limits, bucket = RateLimits(), (kind, "PERP_BTC_USDT")
    most, period = RULES[kind]
    now: Nanos = NOW
    sent: list[Nanos] = []
    for number, pause in enumerate(pauses):
        now = max(now + pause, limits.free_at(bucket, now + pause))
        assert limits.free_at((kind, "another"), now) == now
        limits.spend(bucket, now)
        sent.append(now)
        assert sum(at > now - period for at in sent) <= most
        if number in refused:
            limits.refused(bucket, now)
            assert limits.free_at(bucket, now) >= now + period


@given(st.integers(-(1 << 63) + 1, (1 << 63) - 1).filter(bool))
def test_every_id_has_a_name_that_is_a_json_number_of_64_bits(client_id: int) -> None:
    field, number = name_of(client_id)
    assert (field, number) == (("clientOrderId", client_id) if client_id > 0 else ("orderId", -client_id))
    assert json.loads(json.dumps({field: number}))[field] == abs(client_id)
