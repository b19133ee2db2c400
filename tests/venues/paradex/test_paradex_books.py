"""A book of snapshot and deltas is the venue's book, or none."""

import json
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.book import Book
from market.messages import BookDelta, BookGap, BookSnapshot
from market.units import SECOND
from tests.venues.paradex.paradex_wire import BTC
from venues.paradex.market_data import MarketData
from venues.paradex.public_feed import PublicFeed
from venues.paradex.structs import Params
from venues.venue import Connect, SendFrame, Tell
from venues.wire import RemoteProtocolError

CHANNEL = "order_book.BTC-USD-PERP.deltas"
Sides = dict[int, dict[int, int]]


def message(kind: str, seq: int, **levels: list[dict[str, str]]) -> dict[str, Any]:
    row = {"market": "BTC-USD-PERP", "seq_no": seq, "last_updated_at": 1_700_000_000_000 + seq, "update_type": kind}
    return {**row, "inserts": [], "updates": [], "deletes": [], **levels}


def level(side: int, price: int, size: int) -> dict[str, str]:
    return {"side": "BUY" if side > 0 else "SELL", "price": f"{price / 100:.2f}", "size": f"{size / 10_000:.4f}"}


def frame_of(data: dict[str, Any]) -> bytes:
    return json.dumps(
        {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": CHANNEL, "data": data}}
    ).encode()


def differences(before: Sides, after: Sides) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {"inserts": [], "updates": [], "deletes": []}
    for side in (1, -1):
        for price in before[side].keys() | after[side].keys():
            old, new = before[side].get(price), after[side].get(price)
            if new is None:
                found["deletes"].append(level(side, price, old or 1))
            elif old is None:
                found["inserts"].append(level(side, price, new))
            elif old != new:
                found["updates"].append(level(side, price, new))
    return found


sides = st.fixed_dictionaries(
    {
        1: st.dictionaries(st.integers(5_000, 5_020), st.integers(1, 50), min_size=1),
        -1: st.dictionaries(st.integers(5_021, 5_040), st.integers(1, 50), min_size=1),
    }
)


@settings(deadline=None)  # the first example compiles the kernels
@given(st.lists(sides, min_size=2, max_size=12), st.data())
def test_a_book_of_deltas_is_the_venues(books: list[Sides], data: st.DataObject) -> None:
    """With a frame lost, doubled or out of place there is a gap, and no wrong book."""
    feed, book = MarketData([BTC]), Book(BTC, 1000)
    whole = [level(side, price, size) for side in (1, -1) for price, size in books[0][side].items()]
    frames = [message("s", 10, inserts=whole)]
    frames += [message("d", 11 + at, **differences(*pair)) for at, pair in enumerate(pairwise(books))]
    fault = data.draw(st.sampled_from(["none", "lost", "twice", "swapped"]))
    at = data.draw(st.integers(1, len(frames) - 1))
    if fault == "lost":
        del frames[at]
    elif fault == "twice":
        frames.insert(at, frames[at])
    elif fault == "swapped" and at + 1 < len(frames):
        frames[at], frames[at + 1] = frames[at + 1], frames[at]
    is_sound = False
    for frame in frames:
        for told in feed.receive(Params(CHANNEL, msgspec.Raw(json.dumps(frame).encode())), 5):
            if isinstance(told, BookSnapshot):
                book.load(told.bids, told.asks, told.ts_venue, told.ts_recv, told.seq)
                is_sound = True
            elif isinstance(told, BookDelta):
                assert is_sound
                assert book.apply(told.bids, told.asks, told.ts_venue, told.ts_recv, told.prev_seq, told.seq)
            elif isinstance(told, BookGap):
                is_sound = False
        if is_sound:
            truth = books[frame["seq_no"] - 10]
            assert dict(book.bid_levels.tolist()) == truth[1]
            assert dict(book.ask_levels.tolist()) == truth[-1]
    assert is_sound or fault != "none"


@pytest.mark.parametrize("missing", ["inserts", "updates", "deletes"])
def test_a_change_without_one_of_its_lists_is_refused(missing: str) -> None:
    """What was damaged on the way would be a book of which nobody could tell that it is wrong."""
    feed = PublicFeed([BTC])
    feed.receive(frame_of(message("s", 10, inserts=[level(1, 5_000, 3), level(-1, 5_021, 4)])), 1)
    change = message("d", 11, updates=[level(1, 5_000, 4)])
    del change[missing]
    with pytest.raises(RemoteProtocolError, match=missing):
        feed.receive(frame_of(change), 2)


def test_a_gap_asks_for_the_book_anew() -> None:
    feed = PublicFeed([BTC])
    assert feed.begin() == [Connect("public", "/v1?sbeSchemaId=1&sbeSchemaVersion=1")]
    asked = feed.opened(0)
    calls = [json.loads(each.data) for each in asked if isinstance(each, SendFrame)]
    assert calls[0]["params"]["channel"] == CHANNEL
    for call in calls:
        feed.receive(json.dumps({"id": call["id"], "result": call["params"]}), 1)
    assert feed.is_ready
    first = message("s", 10, inserts=[level(1, 5_000, 3), level(-1, 5_021, 4)])
    (told,) = feed.receive(frame_of(first), 2)
    assert isinstance(told, Tell)
    outputs = feed.receive(frame_of(message("d", 12)), 3)
    assert isinstance(outputs[0], Tell)
    assert isinstance(outputs[0].message, BookGap)
    methods = [json.loads(each.data)["method"] for each in outputs if isinstance(each, SendFrame)]
    assert methods == ["unsubscribe", "subscribe"]
    assert feed.receive(frame_of(message("d", 13)), 4) == []  # before the book
    (told,) = feed.receive(frame_of({**first, "seq_no": 14}), 5)
    assert isinstance(told, Tell)
    assert isinstance(told.message, BookSnapshot)
    assert feed.is_ready


def test_books_by_the_bare_name_or_by_the_documented_one() -> None:
    feed = PublicFeed([BTC])
    calls = [json.loads(each.data) for each in feed.opened(0) if isinstance(each, SendFrame)]
    refused = {"id": calls[0]["id"], "error": {"code": -32600, "message": "no such channel"}}
    (again,) = feed.receive(json.dumps(refused), 1)
    assert isinstance(again, SendFrame)
    assert json.loads(again.data)["params"]["channel"] == "order_book.BTC-USD-PERP.deltas@15@50ms"
    twice = {"id": json.loads(again.data)["id"], "error": {"code": -32600, "message": "no such channel"}}
    with pytest.raises(RemoteProtocolError, match="no such channel"):
        feed.receive(json.dumps(twice), 2)


def test_a_subscription_without_an_answer_is_given_up() -> None:
    feed = PublicFeed([BTC])
    feed.opened(0)
    assert feed.next_deadline() == 10 * SECOND
    (output,) = feed.on_deadline(10 * SECOND)
    assert "no answer" in output.reason  # type: ignore[union-attr]
