"""Sign-on, subscriptions and heartbeats, by deadlines that somebody else keeps."""

import json
from pathlib import Path
from typing import Any

import pytest

from market.units import MS, SECOND
from tests.venues.bybit.bybit_wire import messages
from venues.actions import Action, Reconnect, SendFrame
from venues.bybit.session import Channel, Session
from venues.bybit.signing import Signer
from venues.bybit.structs import Envelope, read_frame
from venues.wire import RemoteProtocolError

NOW = 1_759_999_996_000 * MS
SIGNER = Signer("testApiKey0001", "testApiSecret0001")
TOPICS = [f"orderbook.50.S{each}" for each in range(12)]


def sent(actions: list[Action]) -> list[dict[str, Any]]:
    frames = []
    for each in actions:
        assert isinstance(each, SendFrame)
        frames.append(json.loads(each.data))
    return frames


def reply(**fields: Any) -> Envelope:
    return read_frame(json.dumps(fields).encode())


def test_a_public_session_subscribes_in_parts() -> None:
    session = Session(Channel.PUBLIC, TOPICS)
    assert Session(Channel.PUBLIC, TOPICS).deadline is None
    first, second = sent(session.opened(NOW))
    assert (first["op"], first["args"], second["args"]) == ("subscribe", TOPICS[:10], TOPICS[10:])
    assert session.deadline == NOW + 10 * SECOND
    was_ready = []
    for each in (second, first):
        session.receive(reply(success=True, ret_msg="", op="subscribe", req_id=each["req_id"]), NOW)
        was_ready.append(session.is_ready)
    assert was_ready == [False, True]
    assert session.deadline == NOW + 20 * SECOND


def test_a_private_session_signs_on_first() -> None:
    session = Session(Channel.PRIVATE, ["order.linear"], SIGNER)
    (auth,) = sent(session.opened(NOW))
    signature = "1a5aa18ae1935a1f5dedef978fa496e3bbaf341e858aee459fd71ec3809e58ad"
    assert auth == {"op": "auth", "args": ["testApiKey0001", 1760000001000, signature]}
    assert not session.is_ready
    answer = reply(success=True, ret_msg="", op="auth", conn_id="x")
    (subscribe,) = sent(session.receive(answer, NOW))
    assert subscribe["args"] == ["order.linear"]
    assert session.receive(answer, NOW) == []  # told again
    session.receive(reply(success=True, ret_msg="", op="subscribe", req_id=subscribe["req_id"]), NOW)
    assert session.is_ready


def test_the_offset_of_the_clock_counts_in_a_sign_on() -> None:
    session = Session(Channel.TRADE, (), SIGNER)
    session.offset = 250 * MS
    (auth,) = sent(session.opened(NOW))
    assert auth["args"][1] == 1760000001250
    session.receive(reply(retCode=0, retMsg="OK", op="auth", connId="x"), NOW)
    assert session.is_ready


@pytest.mark.parametrize(
    "pong",
    [
        {"success": True, "ret_msg": "pong", "conn_id": "x", "req_id": "s2", "op": "ping"},
        {"req_id": "s2", "op": "pong", "args": ["1"], "conn_id": "x"},
        {"retCode": 0, "retMsg": "OK", "op": "pong", "data": ["1"], "connId": "x"},
    ],
)
def test_pings_are_answered_in_three_shapes(pong: dict[str, Any]) -> None:
    session = ready()
    at = NOW + 20 * SECOND
    assert session.on_deadline(at - 1) == []
    (ping,) = sent(session.on_deadline(at))
    assert ping["op"] == "ping"
    assert session.deadline == at + 10 * SECOND
    session.receive(reply(**pong), at)
    assert session.deadline == at + 20 * SECOND
    assert sent(session.on_deadline(at + 20 * SECOND))[0]["op"] == "ping"


def test_silence_is_the_end_of_a_connection() -> None:
    session = ready()
    session.on_deadline(NOW + 20 * SECOND)
    assert session.on_deadline(NOW + 30 * SECOND) == [Reconnect("no answer to a ping within 10 s")]
    session.closed()
    assert session.deadline is None
    assert session.on_deadline(NOW + 60 * SECOND) == []
    late = Session(Channel.PUBLIC, ["a.b"])
    late.opened(NOW)
    assert late.on_deadline(NOW + 10 * SECOND) == [Reconnect("no answer to subscribe a.b within 10 s")]
    mute = Session(Channel.TRADE, (), SIGNER)
    mute.opened(NOW)
    assert mute.on_deadline(NOW + 10 * SECOND) == [Reconnect("no answer to sign-on within 10 s")]


def test_a_resync_leaves_and_joins_once_at_a_time() -> None:
    session = ready()
    leave, join = sent(session.resubscribe(["a.b"], NOW))
    assert (leave["op"], join["op"], join["args"]) == ("unsubscribe", "subscribe", ["a.b"])
    assert session.resubscribe(["a.b"], NOW) == []
    session.receive(reply(success=True, op="unsubscribe", req_id=leave["req_id"]), NOW)
    assert session.resubscribe(["a.b"], NOW) == []
    session.receive(reply(success=True, op="subscribe", req_id=join["req_id"]), NOW)
    assert len(session.resubscribe(["a.b"], NOW)) == 2


def test_refusals_are_named(shared: Path) -> None:
    failed, fine = (read_frame(each) for each in messages(shared, "ws_auth.nautilus"))
    private = Session(Channel.PRIVATE, ["order"], SIGNER)
    private.opened(NOW)
    with pytest.raises(RemoteProtocolError, match=r"^bybit refused the sign-on: 10003 Invalid apikey$"):
        private.receive(failed, NOW)
    private.opened(NOW)
    assert len(private.receive(fine, NOW)) == 1
    confirmed, refused = (read_frame(each) for each in messages(shared, "ws_subscription.nautilus"))
    session = Session(Channel.PUBLIC, ["invalid.topic.BTCUSDT"])
    session.opened(NOW)
    complaint = r"^bybit refused to subscribe invalid.topic.BTCUSDT: Invalid topic: invalid.topic.BTCUSDT$"
    with pytest.raises(RemoteProtocolError, match=complaint):
        session.receive(refused, NOW)
    assert confirmed.success


def test_a_session_that_cannot_be() -> None:
    with pytest.raises(ValueError, match=r"^topics of \d+ characters; a connection takes 21000"):
        Session(Channel.PUBLIC, [f"orderbook.50.SYMBOL{each}" for each in range(1000)])
    with pytest.raises(ValueError, match=r"^the private socket needs a key"):
        Session(Channel.PRIVATE, ["order"])


def ready() -> Session:
    session = Session(Channel.PUBLIC, ["a.b"])
    (subscribe,) = sent(session.opened(NOW))
    session.receive(reply(success=True, ret_msg="", op="subscribe", req_id=subscribe["req_id"]), NOW)
    return session
