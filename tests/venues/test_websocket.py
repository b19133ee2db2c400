"""The client's side of WebSockets against wsproto's server: both must understand the other, however bytes are cut."""

import random
from itertools import pairwise

import pytest
import wsproto
import wsproto.events
from hypothesis import given
from hypothesis import strategies as st

from venues.websocket import Answered, Received, Reply, WebSocketClient, WebSocketError

MAX_MESSAGE = 70_000
SIZES = st.sampled_from([0, 1, 125, 126, 127, 300, 65_535, 65_536])


def client() -> WebSocketClient:
    return WebSocketClient("venue.example", "/feed?key=1", MAX_MESSAGE, random.Random(5).randbytes)


def pair() -> tuple[WebSocketClient, wsproto.WSConnection]:
    """Return both ends of an open connection."""
    ours, theirs = client(), wsproto.WSConnection(wsproto.ConnectionType.SERVER)
    theirs.receive_data(ours.upgrade())
    (request,) = theirs.events()
    assert isinstance(request, wsproto.events.Request)
    assert (request.host, request.target) == ("venue.example", "/feed?key=1")
    assert ours.receive(theirs.send(wsproto.events.AcceptConnection())) == []
    assert ours.is_open
    return ours, theirs


def texts(size: int) -> str:
    return ("grüße €" * (size // 7 + 1))[:size]


@pytest.mark.slow
@given(st.lists(SIZES, max_size=5))
def test_what_we_send_is_what_they_read(sizes: list[int]) -> None:
    ours, theirs = pair()
    sent = [texts(size) for size in sizes]
    for text in sent:
        theirs.receive_data(ours.text(text.encode()))
    heard: list[str] = [""]
    for event in theirs.events():
        assert isinstance(event, wsproto.events.TextMessage)
        heard[-1] += event.data
        if event.message_finished:
            heard.append("")
    assert heard[:-1] == sent


@st.composite
def conversations(draw: st.DrawFn) -> list[wsproto.events.Event]:
    """Draw what a server may say: whole and fragmented messages of both kinds, pings and pongs anywhere."""
    said: list[wsproto.events.Event] = []
    for _ in range(draw(st.integers(0, 5))):
        size, n_parts, is_text = draw(st.integers(0, 400)), draw(st.integers(1, 3)), draw(st.booleans())
        whole = texts(size)
        for number in range(n_parts):
            part = whole[number * size // n_parts : (number + 1) * size // n_parts]
            is_last = number == n_parts - 1
            said.append(
                wsproto.events.TextMessage(data=part, message_finished=is_last)
                if is_text
                else wsproto.events.BytesMessage(data=part.encode(), message_finished=is_last)
            )
            if draw(st.booleans()):
                control = wsproto.events.Ping if draw(st.booleans()) else wsproto.events.Pong
                said.append(control(payload=b"beat"))
    return said


def expected(said: list[wsproto.events.Event]) -> list[str | bytes | type]:
    found: list[str | bytes | type] = []
    parts: list[str | bytes] = []
    for event in said:
        if isinstance(event, wsproto.events.TextMessage | wsproto.events.BytesMessage):
            parts.append(event.data if isinstance(event, wsproto.events.TextMessage) else bytes(event.data))
            if event.message_finished:
                joined = [each if isinstance(each, bytes) else each.encode() for each in parts]
                found.append(b"".join(joined).decode() if isinstance(parts[0], str) else b"".join(joined))
                parts = []
        else:
            found.append(Reply if isinstance(event, wsproto.events.Ping) else Answered)
    return found


@pytest.mark.slow
@given(conversations(), st.data())
def test_what_they_say_is_read_however_it_is_cut(said: list[wsproto.events.Event], data: st.DataObject) -> None:
    ours, theirs = pair()
    wire = b"".join(theirs.send(event) for event in said)
    cuts = data.draw(st.lists(st.integers(0, len(wire)), max_size=12))
    heard: list[Received] = []
    for begin, end in pairwise(sorted({0, len(wire), *cuts})):
        heard += ours.receive(wire[begin:end])
    assert [each if isinstance(each, str | bytes) else type(each) for each in heard] == expected(said)
    for reply in heard:
        if isinstance(reply, Reply):
            theirs.receive_data(reply.data)
    assert all(isinstance(event, wsproto.events.Pong) and event.payload == b"beat" for event in theirs.events()), (
        "a pong says what its ping said"
    )


def test_our_ping_is_answered() -> None:
    ours, theirs = pair()
    theirs.receive_data(ours.ping())
    (ping,) = theirs.events()
    assert isinstance(ping, wsproto.events.Ping)
    (answer,) = ours.receive(theirs.send(ping.response()))
    assert isinstance(answer, Answered)


def test_frames_that_come_with_the_upgrade_are_not_lost() -> None:
    ours, theirs = client(), wsproto.WSConnection(wsproto.ConnectionType.SERVER)
    theirs.receive_data(ours.upgrade())
    list(theirs.events())
    accepted = theirs.send(wsproto.events.AcceptConnection())
    first = theirs.send(wsproto.events.TextMessage(data="first"))
    assert ours.receive(accepted[:-3]) == []
    assert ours.receive(accepted[-3:] + first) == ["first"]


WHOLE = b"\x81\x05hello"


@pytest.mark.parametrize(
    ("wire", "words"),
    [
        (b"", r"^the venue hung up without a farewell$"),
        (b"\x81\x85\0\0\0\0hello", r"^the venue sent a masked frame, which only we may$"),
        (
            b"\x81\x7e\xff\xff" + b"x" * 65_535 + b"\x81\x7f" + (70_001).to_bytes(8, "big"),
            r"^a message of 70001 bytes;",
        ),
        (b"\x01\x7e\xff\xff" + b"x" * 65_535 + b"\x80\x7e\x20\0", r"^a message of 73727 bytes; the most is 70000$"),
        (b"\x81\x02\xc3\x28", r"^a text message is not UTF-8: invalid continuation byte$"),
        (b"\x01\x02he" + WHOLE, r"^the venue ended it: 1002 "),  # a new message in the middle of one
        (b"\x80\x02he", r"^the venue ended it: 1002 "),  # goes on with nothing
        (b"\xc1\x02he", r"^the venue ended it: 1002 "),  # an extension that was not asked for
        (b"\x88\x06\x03\xe9done", r"^the venue ended it: 1001 done$"),
        (b"\x88\x02\x03\xe8", r"^the venue ended it: 1000 without a reason$"),
    ],
)
def test_what_breaks_the_protocol_ends_the_connection(wire: bytes, words: str) -> None:
    ours, _ = pair()
    assert ours.receive(WHOLE) == ["hello"]
    with pytest.raises(WebSocketError, match=words):
        ours.receive(wire)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", r"^the upgrade was refused by HTTP status 403$"),
        (b"\0\xff what is this\r\n\r\n", r"^the answer to the upgrade is none: "),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         b"Sec-WebSocket-Accept: bm90IHRoZSByaWdodCBvbmU=\r\n\r\n", r"^the answer to the upgrade is none: "),
        (b"x" * 70_000, r"^the answer to the upgrade has no end within 65536 bytes$"),
    ],
)  # fmt: skip
def test_an_upgrade_that_is_not_granted(answer: bytes, words: str) -> None:
    ours = client()
    ours.upgrade()
    with pytest.raises(WebSocketError, match=words):
        ours.receive(answer)


@pytest.mark.slow
@given(st.binary(max_size=200))
def test_whatever_comes_is_read_or_one_clear_error(wire: bytes) -> None:
    ours, _ = pair()
    try:
        ours.receive(wire or b"\0")
    except WebSocketError:
        return
