"""Connections: what they send and when, what they make of silence, refusals and ends."""

import json
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.instrument import Instrument
from market.messages import BookDelta, BookGap, BookSnapshot, CancelOrder, Mark, OrderAccepted, PlaceOrder, Trade
from market.units import HOUR, MINUTE, MS, SECOND
from venues.actions import Connect, Reconnect, Replace, SendFrame, SendRequest
from venues.binance.connection_age import ConnectionAge
from venues.binance.market_session import MarketSession
from venues.binance.order_index import OrderIndex
from venues.binance.private_session import PrivateSession, PrivateSessionConfig
from venues.binance.queries import AccountQueries
from venues.binance.signing import Credentials
from venues.binance.subscriptions import NEVER, Subscriptions
from venues.binance.trade_session import TradeSession
from venues.binance.venue_clock import BinanceClock
from venues.wire import HttpRequest, RemoteProtocolError

BTC = Instrument(0, "binance-futures", "BTCUSDT", "BTC", "USDT", "USDT", tick=Decimal("0.1"), lot=Decimal("0.001"))
ETH = attrs.evolve(BTC, id=1, symbol="ETHUSDT", base="ETH")
T = 1_760_000_000_000 * MS


def diff(symbol: str, first: int, last: int, previous: int, bids: Sequence[Sequence[str]] = ()) -> bytes:
    data = {"e": "depthUpdate", "E": 5, "T": 4, "s": symbol, "U": first, "u": last, "pu": previous, "b": bids, "a": []}
    return json.dumps({"stream": "x", "data": data}).encode()


def touch(symbol: str, last: int) -> bytes:
    return json.dumps(
        {"e": "bookTicker", "u": last, "s": symbol, "b": "1", "B": "1", "a": "2", "A": "1", "T": 4, "E": 5}
    ).encode()


def depth(last: int) -> bytes:
    return json.dumps({"lastUpdateId": last, "E": 5, "T": 4, "bids": [["1", "1"]], "asks": [["2", "1"]]}).encode()


def sent(actions: Sequence[object]) -> list[dict[str, object]]:
    return [json.loads(action.data) for action in actions if isinstance(action, SendFrame)]


def public() -> MarketSession:
    """Return a session with all granted."""
    session = MarketSession("public", [BTC, ETH])
    assert session.begin() == Connect("/public/stream")
    (frame,) = sent(session.opened(T))
    assert frame == {
        "method": "SUBSCRIBE",
        "params": ["btcusdt@depth@100ms", "btcusdt@bookTicker", "ethusdt@depth@100ms", "ethusdt@bookTicker"],
        "id": 1,
    }
    assert session.receive(b'{"result":null,"id":1}', T) == []
    return session


def test_books_begin_one_after_another() -> None:
    session = public()
    (ask,) = session.receive(diff("ETHUSDT", 1, 5, 0), T)
    assert ask == SendRequest(HttpRequest("GET", "/fapi/v1/depth", "symbol=ETHUSDT&limit=1000", weight=20), 1)
    assert session.receive(diff("BTCUSDT", 1, 5, 0), T) == []  # one at a time
    eth, ask_next = session.on_response(1, 200, depth(5), T + 1)
    assert isinstance(eth, BookSnapshot)
    assert isinstance(ask_next, SendRequest)
    assert ask_next.token == 0
    (btc,) = session.on_response(0, 200, depth(4), T + 2)[:1]
    assert isinstance(btc, BookSnapshot)
    (delta,) = session.receive(diff("ETHUSDT", 6, 9, 5), T + 3)
    assert isinstance(delta, BookDelta)


def test_a_snapshot_that_is_refused_is_asked_for_later() -> None:
    session = public()
    session.receive(diff("BTCUSDT", 1, 5, 0), T)
    assert session.on_response(0, 429, b"", T) == []
    assert session.next_deadline() == T + SECOND
    (again,) = session.on_deadline(T + SECOND)
    assert isinstance(again, SendRequest)
    with pytest.raises(RemoteProtocolError):
        session.on_response(0, 200, b"<html>", T + SECOND)
    assert session.next_deadline() == T + 3 * SECOND
    (again,) = session.on_deadline(T + 3 * SECOND)
    (other,) = session.on_deadline(T + 8 * SECOND)  # no answer in 5 s: another book's turn
    assert isinstance(other, SendRequest)
    assert other.token == 1
    assert session.on_response(0, 200, depth(5), T + 9 * SECOND) == []  # too late


def live() -> MarketSession:
    session = public()
    for symbol, token in (("BTCUSDT", 0), ("ETHUSDT", 1)):
        session.receive(diff(symbol, 1, 5, 0), T)
        session.receive(touch(symbol, 5), T)
        session.on_response(token, 200, depth(5), T)
    assert all(book.is_live for book in session.books.values())
    return session


def test_a_book_that_the_touch_leaves_behind_is_subscribed_anew_by_itself() -> None:
    session = live()
    session.receive(touch("BTCUSDT", 9), T)
    assert session.next_deadline() == T + 2 * SECOND
    gap, leave = session.on_deadline(T + 2 * SECOND)
    assert gap == BookGap(0, T + 2 * SECOND, "the touch is at update 9, the book stays at 5")
    streams = ["btcusdt@depth@100ms", "btcusdt@bookTicker"]
    assert sent([leave]) == [{"method": "UNSUBSCRIBE", "params": streams, "id": 2}]
    join, ask = session.on_deadline(T + 3 * SECOND)
    assert isinstance(ask, SendRequest)
    assert sent([join]) == [{"method": "SUBSCRIBE", "params": streams, "id": 3}]
    for number in (2, 3):
        assert session.receive(b'{"result":null,"id":%d}' % number, T + 3 * SECOND) == []
    session.on_response(0, 200, depth(9), T + 3 * SECOND)
    (delta,) = session.receive(diff("BTCUSDT", 10, 11, 9), T + 4 * SECOND)
    assert isinstance(delta, BookDelta)
    (other,) = session.receive(diff("ETHUSDT", 6, 9, 5), T + 4 * SECOND)
    assert isinstance(other, BookDelta), "the other book has gone on"


def test_a_book_that_is_stale_again_soon_ends_the_connection() -> None:
    session = live()
    session.receive(touch("BTCUSDT", 9), T)
    session.on_deadline(T + 2 * SECOND)
    session.on_deadline(T + 3 * SECOND)
    session.on_response(0, 200, depth(9), T + 3 * SECOND)
    session.receive(touch("BTCUSDT", 12), T + 4 * SECOND)
    assert Reconnect("the book of binance-futures:BTCUSDT is stale again") in session.on_deadline(T + 6 * SECOND)


def test_a_book_that_stays_silent_when_subscribed_anew_ends_the_connection() -> None:
    session = live()
    session.receive(touch("BTCUSDT", 9), T)
    session.on_deadline(T + 2 * SECOND)
    session.on_deadline(T + 3 * SECOND)
    for number in (2, 3):
        session.receive(b'{"result":null,"id":%d}' % number, T + 3 * SECOND)
    session.on_response(0, 200, depth(9), T + 3 * SECOND)
    session.receive(diff("ETHUSDT", 6, 9, 5), T + 30 * SECOND)
    failed = Reconnect("2 streams are granted and silent, such as btcusdt@depth@100ms, btcusdt@bookTicker")
    assert failed not in session.on_deadline(T + 32 * SECOND)
    assert failed in session.on_deadline(T + 33 * SECOND)


def test_what_was_to_be_asked_for_anew_is_not_said_to_a_connection_that_is_gone() -> None:
    session = live()
    session.receive(touch("BTCUSDT", 9), T)
    session.on_deadline(T + 2 * SECOND)  # leaves, and would join a second later
    session.closed(T + 2 * SECOND)
    assert not [each for each in session.restart_book(0, T + 9 * SECOND) if isinstance(each, SendFrame)]


def test_a_lost_connection_takes_every_book_with_it() -> None:
    session = live()
    assert [type(each) for each in session.closed(T)] == [BookGap, BookGap]
    assert session.next_deadline() == NEVER
    assert session.on_response(0, 200, depth(9), T) == []
    assert len(sent(session.opened(T + 1))) == 1


def test_a_connection_is_not_used_for_a_whole_day() -> None:
    session = live()
    at = T
    while at < T + 23 * HOUR + 30 * MINUTE:  # alive all the time
        at += MINUTE // 3
        for symbol in ("BTCUSDT", "ETHUSDT"):
            session.receive(diff(symbol, session.books[0].seq, session.books[0].seq, 0), at)
    assert session.next_deadline() == T + 23 * HOUR + 30 * MINUTE
    day = T + 23 * HOUR + 30 * MINUTE
    assert Replace(10.0) in session.on_deadline(day)
    assert Replace(10.0) not in session.on_deadline(day + MINUTE // 3)
    (frame,) = sent(session.opened(day + MINUTE // 2))
    assert frame["method"] == "SUBSCRIBE"
    assert all(book.is_live for book in session.books.values()), "the books go on"
    (delta,) = session.receive(diff("BTCUSDT", 6, 9, 5), day + MINUTE // 2)
    assert isinstance(delta, BookDelta)
    assert session.receive(diff("BTCUSDT", 6, 9, 5), day + MINUTE // 2) == [], "both connections tell it"


def test_a_connection_that_cannot_be_replaced_is_tried_again_and_then_ended() -> None:
    age = ConnectionAge(2.0)
    age.opened(T)
    found = []
    while (due := age.next_deadline()) != NEVER:
        found += [(due - T, each) for each in age.on_deadline(due)]
    half = 23 * HOUR + 30 * MINUTE
    assert found == [
        *((half + 5 * n * MINUTE, Replace(2.0)) for n in range(5)),
        (23 * HOUR + 55 * MINUTE, Reconnect("the connection is nearly a day old")),
    ]


def test_silence_of_a_connection_is_its_end() -> None:
    session = MarketSession("market", [BTC])
    session.opened(T)
    assert Reconnect("nothing was heard for 30 s") in session.on_deadline(T + 30 * SECOND)


def test_trades_and_marks_pass() -> None:
    session = MarketSession("market", [BTC])
    (frame,) = sent(session.opened(T))
    assert frame["params"] == ["btcusdt@aggTrade", "btcusdt@markPrice@1s"]
    trade = b'{"e":"aggTrade","E":5,"s":"BTCUSDT","a":7,"p":"5","q":"1","f":1,"l":1,"T":4,"m":true}'
    assert session.receive(trade, T) == [Trade(0, 4 * MS, T, 50, 1000, -1, 7)]
    (mark,) = session.receive(b'{"e":"markPriceUpdate","E":5,"s":"BTCUSDT","p":"5"}', T)
    assert isinstance(mark, Mark)


def test_a_keeper_may_ask_for_its_book() -> None:
    session = live()
    assert session.restart_book(0, T + MINUTE)[0] == SendRequest(
        HttpRequest("GET", "/fapi/v1/depth", "symbol=BTCUSDT&limit=1000", weight=20), 0
    )


# --- subscriptions -----------------------------------------------------------------------------------------------


def test_many_streams_are_asked_for_in_steps() -> None:
    streams = Subscriptions({f"s{n}": n for n in range(250)})
    streams.opened(T)
    found = []
    at = T
    while streams.next_deadline() < T + 5 * SECOND:
        at = streams.next_deadline()
        found += [(at - T, json.loads(frame)) for frame in streams.frames(at)]
    assert [(ms // MS, len(frame["params"]), frame["id"]) for ms, frame in found] == [
        (0, 100, 1),
        (200, 100, 2),
        (400, 50, 3),
    ]
    assert [name for _, frame in found for name in frame["params"]] == [f"s{n}" for n in range(250)]
    assert not streams.is_complete


def test_a_stream_that_is_granted_and_silent_has_failed() -> None:
    session = MarketSession("public", [BTC])
    session.opened(T)
    session.receive(b'{"result":null,"id":1}', T)
    session.receive(touch("BTCUSDT", 5), T + 29 * SECOND)
    assert Reconnect("1 streams are granted and silent, such as btcusdt@depth@100ms") in session.on_deadline(
        T + 30 * SECOND
    )


def test_a_subscription_may_be_refused_or_unanswered() -> None:
    session = MarketSession("public", [BTC])
    session.opened(T)
    assert session.receive(b'{"error":{"code":2,"msg":"no"},"id":1}', T) == [
        Reconnect("a subscription was refused: 2 no")
    ]
    session.opened(T)
    assert Reconnect("no answer to a subscription in 10 s") in session.on_deadline(T + 10 * SECOND)


def test_too_many_streams_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^1025 streams on a connection: must be 1 to 1024$"):
        Subscriptions({f"s{n}": None for n in range(1025)})


# --- the private stream ------------------------------------------------------------------------------------------

KEY = b'{"listenKey":"TheSecretKey1"}'


def private(form: str = "query") -> PrivateSession:
    queries = AccountQueries(Credentials("k", "s"))
    return PrivateSession([BTC], queries, OrderIndex(), PrivateSessionConfig(form))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("form", "target"),
    [
        ("query", "/private/ws?listenKey=TheSecretKey1"),
        ("path", "/private/ws/TheSecretKey1"),
        ("subscribe", "/private/stream"),
    ],
)
def test_a_key_opens_the_stream(form: str, target: str) -> None:
    session = private(form)
    (ask,) = session.begin(T)
    assert isinstance(ask, SendRequest)
    assert (ask.request.method, ask.request.path) == ("POST", "/fapi/v1/listenKey")
    (connect,) = session.on_response(ask.token, 200, KEY, T)
    assert connect == Connect(target)
    assert "Secret" not in repr(connect)
    frames = sent(session.opened(T))
    assert frames == ([{"method": "SUBSCRIBE", "params": ["TheSecretKey1"], "id": 1}] if form == "subscribe" else [])


def opened() -> PrivateSession:
    session = private()
    (ask,) = session.begin(T)
    assert isinstance(ask, SendRequest)
    session.on_response(ask.token, 200, KEY, T)
    session.opened(T)
    return session


def test_the_key_is_kept_alive() -> None:
    session = opened()
    assert session.next_deadline() == T + 30 * MINUTE
    (keep,) = session.on_deadline(T + 30 * MINUTE)
    assert isinstance(keep, SendRequest)
    assert keep.request.method == "PUT"
    assert session.next_deadline() == T + 30 * MINUTE + 10 * SECOND  # again, if there is no answer
    assert session.on_response(keep.token, 200, b"{}", T + 30 * MINUTE + SECOND) == []
    assert session.next_deadline() == T + 60 * MINUTE + SECOND


def test_a_key_that_could_not_be_kept_is_replaced() -> None:
    session = opened()
    at = T
    while at < T + 59 * MINUTE - 10 * SECOND:
        at = session.next_deadline()
        for action in session.on_deadline(at):
            assert isinstance(action, SendRequest)
            assert session.on_response(action.token, 0, b"", at) == []
    (make,) = session.on_deadline(T + 59 * MINUTE)
    assert isinstance(make, SendRequest)
    assert make.request.method == "POST"


@pytest.mark.parametrize("is_told_by_stream", [True, False])
def test_a_key_that_has_ended_is_replaced(is_told_by_stream: bool) -> None:
    session = opened()
    if is_told_by_stream:
        make = session.receive(b'{"e":"listenKeyExpired","E":1,"listenKey":"TheSecretKey1"}', T)[-1]
    else:
        (keep,) = session.on_deadline(T + 30 * MINUTE)
        assert isinstance(keep, SendRequest)
        (make,) = session.on_response(keep.token, 400, b'{"code":-1125,"msg":"gone"}', T)
    assert isinstance(make, SendRequest)
    # the same key again is connected to anew: its stream has ended
    assert session.on_response(make.token, 200, KEY, T) == [Connect("/private/ws?listenKey=TheSecretKey1")]


def test_no_key_is_asked_for_again() -> None:
    session = private()
    (ask,) = session.begin(T)
    assert isinstance(ask, SendRequest)
    assert session.on_response(ask.token, 503, b"", T) == []
    assert session.next_deadline() == T + 10 * SECOND
    assert len(session.on_deadline(T + 10 * SECOND)) == 1
    with pytest.raises(RemoteProtocolError, match=r"^the answer to POST /fapi/v1/listenKey of Binance has no key$"):
        session.on_response(ask.token, 200, b'{"key":"x"}', T)


# --- orders ------------------------------------------------------------------------------------------------------


def test_commands_and_their_answers() -> None:
    session = TradeSession([BTC], Credentials("k", "s"), OrderIndex())
    assert session.begin() == Connect("/ws-fapi/v1")
    session.opened(T)
    place, cancel = PlaceOrder(7, 0, 1, 5, 6, 0), CancelOrder(7, 0)
    ids = [json.loads(session.send(command, T, T).data)["id"] for command in (place, cancel)]
    assert ids == ["1", "2"]
    order = {"orderId": 9, "symbol": "BTCUSDT", "status": "NEW", "clientOrderId": "ls-7", "side": "BUY"}
    result = {**order, "price": "0.5", "origQty": "0.006", "updateTime": 4}
    outcome = session.receive(json.dumps({"id": "1", "status": 200, "result": result}).encode(), T, T)
    assert outcome.facts == (OrderAccepted(7, 0, 4 * MS, T),)
    assert session.closed() == [cancel]
    assert session.next_deadline() == NEVER


def test_the_clock_is_half_way() -> None:
    clock = BinanceClock()
    assert clock.ask_at == 0
    body = json.dumps({"serverTime": T // MS + 500}).encode()
    clock.on_answer(body, T, T + 20 * MS)
    assert clock.at(T + 10 * MS) == T + 500 * MS + MS // 2
    assert clock.error == 10 * MS + MS // 2
    clock.on_answer(json.dumps({"serverTime": T // MS + 900}).encode(), T, T + 400 * MS)  # too slow to be better
    assert clock.offset == 490 * MS + MS // 2
    clock.doubt(T + SECOND)
    assert clock.ask_at == T + SECOND
    clock.on_answer(json.dumps({"serverTime": T // MS + 900}).encode(), T, T + 400 * MS)
    assert clock.offset == 700 * MS + MS // 2


# --- damaged frames ----------------------------------------------------------------------------------------------

GOOD = [diff("BTCUSDT", 6 + 4 * n, 9 + 4 * n, 5 + 4 * n, [["0.9", "1.5"], ["0.8", str(n)]]) for n in range(6)]


HISTORY: dict[int, dict[int, int]] = {5: {10: 1000}}
for _n in range(6):
    HISTORY[9 + 4 * _n] = {p: size for p, size in {10: 1000, 9: 1500, 8: 1000 * _n}.items() if size}


def spoilt(frame: bytes, kind: str, at: int, byte: int) -> list[bytes]:
    """Return what arrives of a frame.  No digit is made another: nobody could tell."""
    at %= len(frame)
    match kind:
        case "cut":
            return [frame[:at]]
        case "merged":
            return [frame + frame[at:]]
        case "dropped":
            return []
        case "twice":
            return [frame, frame]
        case "changed" if not chr(frame[at]).isdigit() and not chr(byte).isdigit():
            return [frame[:at] + bytes([byte]) + frame[at + 1 :]]
    return [frame]


KINDS = st.sampled_from(["whole", "whole", "cut", "merged", "dropped", "twice", "changed"])


@settings(deadline=None)
@given(st.lists(st.tuples(KINDS, st.integers(0, 1000), st.integers(0, 255)), min_size=6, max_size=6))
def test_a_damaged_frame_never_makes_a_wrong_book(damages: list[tuple[str, int, int]]) -> None:
    session = live()
    book: dict[int, int] | None = {10: 1000}
    for frame, damage in zip(GOOD, damages, strict=True):
        for each in spoilt(frame, *damage):
            try:
                messages: Sequence[object] = session.receive(each, T)
            except RemoteProtocolError:
                messages = session.closed(T)
                session.opened(T)
            for message in messages:
                if isinstance(message, BookGap):
                    book = None
                elif isinstance(message, BookDelta):
                    assert book is not None
                    book.update({int(price): int(size) for price, size in message.bids})
                    book = {price: size for price, size in book.items() if size}
                    assert book == HISTORY[message.seq]


ANY_JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.sampled_from(["depthUpdate", "ORDER_TRADE_UPDATE", "BTCUSDT"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("eEsuUbapqTmo"), inner, max_size=8),
    max_leaves=12,
).map(lambda value: json.dumps(value).encode())


@settings(deadline=None)
@given(st.binary(max_size=60) | ANY_JSON)
def test_anything_at_all_gives_one_clear_error_or_is_skipped(frame: bytes) -> None:
    session, stream, trade = live(), opened(), TradeSession([BTC], Credentials("k", "s"), OrderIndex())
    for receive in (
        lambda: session.receive(frame, T),
        lambda: stream.receive(frame, T),
        lambda: trade.receive(frame, T, T),
        lambda: session.data.snapshot(0, frame, T),
    ):
        with suppress(RemoteProtocolError):
            receive()
