"""Requests on their way, the venue's clock, and a key that has died, whatever the venue."""

from collections.abc import Mapping

import pytest

from market.messages import HaltRequested
from market.units import MS, SECOND, Nanos
from venues.gate import Gate
from venues.venue import NEVER, Answered, HttpAnswer, Output, SendRequest, Tell
from venues.wire import HttpRequest, RemoteProtocolError

TIME = HttpRequest("GET", "/time")
SIGNED = HttpRequest("GET", "/orders", "", (("Key", "k"),))


class OneGate(Gate):
    """A venue whose clock is a second ahead; the body "dead" refuses the key, "?" is nonsense."""

    name = "somewhere"

    def __init__(self) -> None:
        super().__init__(0)
        self.free: Nanos = 0
        self.limited: list[Nanos] = []

    def used(self, now: Nanos) -> Mapping[str, tuple[int, int]]:
        return {}

    def send(self, request: HttpRequest, answered: Answered) -> int:
        sent = self._send(request, answered, "", self.limited.append)
        assert isinstance(sent, SendRequest)
        return sent.token

    def _time_free_at(self, now: Nanos) -> Nanos:
        return max(now, self.free)

    def _ask_time(self, answered: Answered, now: Nanos) -> Output:
        return self._send(TIME, answered, "")

    def _read_time(self, answer: HttpAnswer) -> Nanos:
        if answer.status != 200:
            raise RemoteProtocolError("no time")
        return (answer.ts_sent + answer.ts_recv) // 2 + SECOND - MS // 2

    def _refusal(self, answer: HttpAnswer) -> str:
        return "the key is dead" if answer.body == b"dead" else ""


def answer(now: Nanos, body: bytes = b"", status: int = 200, took: Nanos = 0) -> HttpAnswer:
    return HttpAnswer(status, {}, body, now - took, now)


def ask_time(gate: OneGate, now: Nanos, took: Nanos = 0, status: int = 200) -> list[Output]:
    (asked,) = gate.on_deadline(now)
    assert isinstance(asked, SendRequest)
    assert gate.next_deadline() == NEVER  # one at a time
    return gate.answered(asked.token, answer(now, status=status, took=took), now)


def pass_on(answer: HttpAnswer | None, now: Nanos) -> list[Output]:
    if answer is not None and answer.body in (b"?", b"dead"):
        raise RemoteProtocolError("nonsense")
    return []


def test_the_time_is_asked_for_thrice_and_then_now_and_then() -> None:
    gate, now, pauses = OneGate(), 0, []
    gate.due = now
    for _ in range(5):
        ask_time(gate, now)
        pauses.append((gate.next_deadline() - now) // SECOND)
        now = gate.next_deadline()
    assert pauses == [2, 2, 30, 30, 30]
    assert (gate.at(now), gate.surely_past(now)) == (now + SECOND, now + SECOND - MS // 2)


def test_a_time_that_is_not_told_is_asked_for_soon_again() -> None:
    gate = OneGate()
    with pytest.raises(RemoteProtocolError, match="no time"):
        ask_time(gate, 0, status=500)
    assert (gate.next_deadline(), gate.clock.is_known) == (2 * SECOND, False)


def test_the_time_waits_for_the_limits() -> None:
    gate = OneGate()
    gate.free = 7 * SECOND
    assert gate.on_deadline(0) == []
    assert gate.next_deadline() == 7 * SECOND


def test_a_clock_in_doubt_is_measured_anew_and_no_old_measure_counts() -> None:
    gate = OneGate()
    now = 0
    for _ in range(4):
        ask_time(gate, now)
        now = gate.next_deadline()
    gate.doubt_clock(now - SECOND)
    assert not gate.clock.is_known
    assert gate.next_deadline() == now - SECOND
    ask_time(gate, now, took=400 * MS)
    assert gate.clock.error == 200 * MS + MS // 2  # the quicker ones of before are forgotten
    gate.doubt_clock(now)
    assert gate.clock.is_known  # it has just been measured


def test_one_that_was_too_many_is_heard_of_before_whoever_asked_sends_more() -> None:
    gate = OneGate()
    heard: list[list[Nanos]] = []

    def asked(answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        heard.append(list(gate.limited))
        return []

    gate.answered(gate.send(TIME, asked), answer(5, status=429), 5)
    gate.answered(gate.send(TIME, asked), None, 6)
    gate.answered(gate.send(TIME, asked), answer(7), 7)
    assert heard == [[5], [5], [5]]


def test_a_person_is_asked_for_when_the_key_is_refused_time_and_again() -> None:
    gate = OneGate()
    for at in (0, 0, 2, 2):  # two at a time: what is asked side by side is refused side by side
        now = (at + 100) * SECOND
        with pytest.raises(RemoteProtocolError):
            gate.answered(gate.send(SIGNED, pass_on), answer(now, b"dead"), now)
    now = 104 * SECOND
    (halt,) = gate.answered(gate.send(SIGNED, pass_on), answer(now, b"dead"), now)  # told instead of the nonsense
    assert isinstance(halt, Tell)
    assert isinstance(halt.message, HaltRequested)
    assert halt.message.text == "somewhere: the key is dead"


def test_a_key_that_works_again_is_trusted_again() -> None:
    gate = OneGate()
    for at, body in enumerate((b"dead", b"dead", b"", b"dead", b"dead")):
        now = (2 * at + 100) * SECOND
        token = gate.send(SIGNED, lambda answer, now: [])
        assert gate.answered(token, answer(now, body), now) == []


def test_nonsense_is_told_where_nothing_else_is_wrong() -> None:
    gate = OneGate()
    with pytest.raises(RemoteProtocolError, match="nonsense"):
        gate.answered(gate.send(SIGNED, pass_on), answer(1, b"?"), 1)
