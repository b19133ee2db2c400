"""One whole snapshot for every request, whatever the venue's limits, failures and nonsense."""

import attrs
import pytest

from market.messages import AccountSnapshot, RequestAccount
from market.units import SECOND, Nanos
from venues.account_asking import AccountAsking
from venues.venue import NEVER, Answered, HttpAnswer, Output, SendRequest, Tell
from venues.wire import HttpRequest, RemoteProtocolError


@attrs.define
class TwoPages:
    """A snapshot of two answers, the second asked for by the first."""

    command: RequestAccount
    snapshot: AccountSnapshot | None = None


class Asking(AccountAsking[TwoPages, str]):
    """Questions are words; an answer is its status, and "?" is malformed."""

    def __init__(self) -> None:
        super().__init__(payments_every=30 * SECOND)
        self.free_at: Nanos = 0
        self.closed_until: Nanos = 0
        self.has_payments: list[bool] = []
        self.takers: dict[str, Answered] = {}
        self.n_asked = 0

    def _begin(self, command: RequestAccount, now: Nanos) -> tuple[TwoPages, list[str]]:
        self.has_payments.append(self._wants_payments(command, now))
        return TwoPages(command), ["first"]

    def _free_at(self, question: str, now: Nanos) -> Nanos:
        return max(now, self.free_at)

    def _ask(self, question: str, answered: Answered, now: Nanos) -> Output:
        self.takers[question] = answered
        self.n_asked += 1
        return SendRequest(HttpRequest("GET", question), self.n_asked)

    def _read(self, reader: TwoPages, question: str, answer: HttpAnswer, now: Nanos) -> list[str] | None:
        if answer.body == b"?":
            raise RemoteProtocolError("nonsense")
        if answer.status != 200:
            return None
        if question == "first":
            return ["second"]
        reader.snapshot = AccountSnapshot(0, 0, 0, now, reader.command.fills_since, (), (), ())
        return []

    def _closed_until(self, now: Nanos) -> Nanos:
        return self.closed_until

    def answer(self, question: str, now: Nanos, status: int = 200, body: bytes = b"") -> list[Output]:
        return self.takers[question](HttpAnswer(status, {}, body, now, now), now)


def snapshots(outputs: list[Output]) -> list[AccountSnapshot]:
    return [each.message for each in outputs if isinstance(each, Tell)]


def test_what_is_asked_meanwhile_is_answered_by_the_next_which_covers_all_of_it() -> None:
    asking = Asking()
    asking.request(RequestAccount(0, 500), 1)
    assert asking.request(RequestAccount(0, 300), 2) == []
    assert asking.request(RequestAccount(0, 400), 3) == []
    asking.answer("first", 4)
    (first,) = snapshots(asking.answer("second", 5))
    assert first.fills_since == 500
    asking.answer("first", 6)
    (second,) = snapshots(asking.answer("second", 7))
    assert (second.fills_since, asking.due) == (300, NEVER)


def test_a_failure_is_tried_again_at_pauses_that_double() -> None:
    asking, now, pauses = Asking(), 0, []
    asking.request(RequestAccount(0, 7), now)
    for _ in range(8):
        assert asking.answer("first", now, status=503) == []
        pauses.append((asking.due - now) / SECOND)
        now = asking.due
        asking.on_deadline(now)
    assert pauses == [0.5, 1, 2, 4, 8, 16, 16, 16]
    asking.answer("first", now)
    assert snapshots(asking.answer("second", now))[0].fills_since == 7


def test_a_failure_waits_until_the_limits_leave_room() -> None:
    asking = Asking()
    asking.closed_until = 600 * SECOND
    asking.request(RequestAccount(0, 7), 0)
    asking.takers["first"](None, 1)
    assert asking.due == 600 * SECOND


def test_nonsense_fails_the_reading_and_is_told() -> None:
    asking = Asking()
    asking.request(RequestAccount(0, 7), 0)
    with pytest.raises(RemoteProtocolError, match="nonsense"):
        asking.answer("first", 1, body=b"?")
    late = asking.takers["first"]
    asking.on_deadline(asking.due)
    assert late(None, SECOND) == []  # of the reading that was given up
    assert asking.due == NEVER


def test_questions_wait_for_the_limits() -> None:
    asking = Asking()
    asking.free_at = 5 * SECOND
    assert asking.request(RequestAccount(0, 7), 0) == []
    assert asking.due == 5 * SECOND
    assert len(asking.on_deadline(5 * SECOND)) == 1


def test_funding_is_asked_for_now_and_then_and_after_a_failure() -> None:
    asking = Asking()

    def reading(now: Nanos, since: Nanos, status: int = 200) -> bool:
        asking.request(RequestAccount(0, since), now)
        asking.answer("first", now, status)
        if status == 200:
            asking.answer("second", now)
        return asking.has_payments[-1]

    assert reading(0, 500)
    assert not reading(SECOND, 500)
    assert reading(2 * SECOND, 499)  # of a time that was not asked for yet
    assert reading(33 * SECOND, 500)
    assert not reading(34 * SECOND, 500, status=503)
    assert reading(40 * SECOND, 500)


def test_a_doubt_reads_what_was_asked_for_last_and_several_at_a_time_are_one() -> None:
    asking = Asking()
    asking.doubt(0)
    assert asking.on_deadline(SECOND) == []  # nobody has asked for anything yet
    asking.request(RequestAccount(0, 500), SECOND)
    asking.answer("first", SECOND)
    asking.answer("second", SECOND)
    for at in (2, 3, 4):
        asking.doubt(at * SECOND // 2)
    assert asking.due == 2 * SECOND
    assert len(asking.on_deadline(2 * SECOND)) == 1
    asking.answer("first", 3 * SECOND)
    assert snapshots(asking.answer("second", 3 * SECOND))[0].fills_since == 500
    assert asking.due == NEVER
