"""Requests that h11 reads as they were meant, and answers of all shapes that HTTP/1.1 allows, however they are cut."""

import gzip
from collections.abc import Iterator
from itertools import pairwise

import h11
import hypothesis.strategies as st
import pytest
from hypothesis import given

from venues.http_connection import HttpConnection, HttpError, HttpReply
from venues.wire import HttpRequest

ORDER = HttpRequest("POST", "/v5/order/create", "", (("X-Key", "k"), ("Content-Type", "application/json")), b'{"a":1}')
TIME = HttpRequest("GET", "/v5/market/time", "a=1&b=%2F%20")
CUT = gzip.compress(b"x" * 99)[:12]
PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)


def connection(most: int = 1 << 20) -> HttpConnection:
    return HttpConnection("api.venue.com", most)


def is_free(line: HttpConnection) -> bool:
    return line.is_free


def parts(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return (data[begin:end] for begin, end in pairwise(places))


def answered(line: HttpConnection, answer: bytes, cuts: list[int] | None = None) -> HttpReply:
    """Return the answer; it comes with its last byte, not before."""
    *early, last = parts(answer, cuts or [])
    assert [line.receive(each) for each in early] == [None] * len(early)
    reply = line.receive(last)
    assert reply is not None
    return reply


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    path=PRINTABLE,
    headers=st.lists(st.tuples(st.from_regex(r"X-[A-Za-z0-9-]{1,10}", fullmatch=True), PRINTABLE), max_size=5),
    body=st.binary(max_size=300),
)
def test_h11_reads_a_request_as_it_was_meant(
    method: str, path: str, headers: list[tuple[str, str]], body: bytes
) -> None:
    request = HttpRequest(method, f"/{path}", "", tuple(headers), body)
    server = h11.Connection(h11.SERVER)
    server.receive_data(connection().request(request))
    head, got = server.next_event(), b""
    while isinstance(event := server.next_event(), h11.Data):
        got += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage)
    assert isinstance(head, h11.Request)
    assert (head.method.decode(), head.target.decode(), got) == (method, f"/{path}", body)
    found = [(name.decode(), text.decode()) for name, text in head.headers]
    assert found[0] == ("host", "api.venue.com")
    assert [each for each in found if each[0].startswith("x-")] == [(name.lower(), text) for name, text in headers]
    assert ("content-length" in dict(found)) == (method in ("POST", "PUT") or bool(body))


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest("GET", "/a b"),
        HttpRequest("GET", "/a", "cursor=1\r\nX-Evil: 1"),
        HttpRequest("GET", "/ä"),
        HttpRequest("GET", "/a", "", (("X-Key", "secret\r\nX-Evil: 1"),)),
        HttpRequest("GET", "/a", "", (("X-Key\n", "secret"),)),
    ],
)
def test_nothing_that_would_break_a_request_up_is_sent_and_no_secret_is_told(request_: HttpRequest) -> None:
    line = connection()
    with pytest.raises(HttpError, match="cannot be sent") as raised:
        line.request(request_)
    assert "secret" not in str(raised.value)
    assert line.is_free


def packed(server: h11.Connection, body: bytes, shape: str) -> bytes:
    """Return an answer as a server of h11 writes it."""
    headers = [("X-Limit", "9"), ("X-Limit", "7")]
    if "gzip" in shape:
        body = gzip.compress(body)
        headers.append(("Content-Encoding", "gzip"))
    headers.append(("Transfer-Encoding", "chunked") if "chunked" in shape else ("Content-Length", str(len(body))))
    events: list[h11.Event] = [h11.Response(status_code=418, headers=headers)]
    events += [h11.Data(data=body[at : at + 50]) for at in range(0, len(body), 50)]
    data = b"".join(server.send(event) or b"" for event in [*events, h11.EndOfMessage()])
    return b"HTTP/1.1 103 Early Hints\r\n\r\n" + data if "early" in shape else data


@given(
    body=st.binary(max_size=400),
    shapes=st.lists(st.sampled_from(["plain", "chunked", "gzip", "gzip chunked", "early"]), min_size=1, max_size=4),
    cuts=st.lists(st.integers(0, 1000), max_size=6),
)
def test_answers_of_all_shapes_follow_each_other_on_a_connection(
    body: bytes, shapes: list[str], cuts: list[int]
) -> None:
    line, server = connection(), h11.Connection(h11.SERVER)
    for shape in shapes:
        assert is_free(line)
        server.receive_data(line.request(ORDER))
        assert not is_free(line)
        while not isinstance(server.next_event(), h11.EndOfMessage):
            pass
        reply = answered(line, packed(server, body, shape), cuts)
        assert (reply.status, reply.body, reply.n_bytes, reply.headers["x-limit"]) == (418, body, len(body), "9, 7")
        server.start_next_cycle()
    assert line.is_free


def test_who_says_that_he_closes_is_not_asked_again() -> None:
    line = connection()
    line.request(TIME)
    reply = answered(line, b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
    assert reply.body == b"ok"
    assert not line.is_free


@pytest.mark.parametrize("more", [b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n", b"x"])
def test_what_nobody_asked_for_is_not_taken_for_the_next_answer(more: bytes) -> None:
    line = connection()
    line.request(TIME)
    reply = answered(line, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + more)
    assert (reply.status, reply.body) == (200, b"ok")
    assert not line.is_free


def test_an_answer_may_end_with_its_connection() -> None:
    line = connection()
    line.request(TIME)
    assert line.receive(b"HTTP/1.0 200 OK\r\n\r\nall of ") is None
    assert line.receive(b"it") is None
    reply = line.receive(b"")
    assert reply is not None
    assert reply.body == b"all of it"
    assert not line.is_free


@pytest.mark.parametrize("is_packed", [False, True])
def test_what_is_too_long_is_counted_and_not_kept(is_packed: bool) -> None:
    line, server = connection(most=1000), h11.Connection(h11.SERVER)
    server.receive_data(line.request(TIME))
    server.next_event()
    reply = answered(line, packed(server, bytes(1_000_000), "gzip" if is_packed else "plain"))
    assert (len(reply.body), reply.n_bytes > 1000) == (1000, True)
    assert line.is_free


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "closed|hung up|without"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "closed|hung up|without"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "illegal"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "conflicting"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx", "not asked for"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nplain", "unpacked"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\n" + gzip.compress(b"x" * 99)[:12],
            "ends",
        ),
    ],
)
def test_a_broken_answer_is_told_and_its_connection_of_no_more_use(answer: bytes, words: str) -> None:
    line = connection()
    line.request(TIME)

    def receive() -> None:
        if line.receive(answer) is None:
            line.receive(b"")

    with pytest.raises(HttpError, match=words):
        receive()
    assert not line.is_free or words == "ends"


@given(st.binary(max_size=200))
def test_whatever_comes_is_an_answer_or_an_error(data: bytes) -> None:
    for begin in (b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"):
        line = connection()
        line.request(TIME)
        try:
            reply = line.receive(begin + data)
            assert reply is None or reply.status >= 200
        except HttpError:
            pass
