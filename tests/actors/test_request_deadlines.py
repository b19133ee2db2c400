"""Deadlines of requests while another keeps the orders: what is forgotten, what is told, when the timer fires."""

from actors.book_mirror import BookReader
from actors.request_deadlines import CANCEL, NEW, RETRY, TIMEOUTS, RequestDeadlines
from actors.runtime.actor import TIMERS, Actor
from market.book import Book
from market.messages import SetTimer
from market.orders import Order
from market.units import SECOND, InstrumentId

TIMEOUT_S = 2.0


class Owner(Actor):
    """An actor with no books."""

    def __init__(self) -> None:
        super().__init__("owner")
        self.books: dict[InstrumentId, Book] = {}

    def timers(self) -> list[int]:
        """Return when timers were asked for since the last call."""
        asked = [
            message.at for port, message in self.out if port == TIMERS and message == SetTimer(message.at, TIMEOUTS)
        ]
        self.out.clear()
        return asked


def order(client_id: int, *, is_accepted: bool = True) -> Order:
    made = Order(client_id, 0, 0, 0, 1, 100, 5, 0, 0)
    if is_accepted:
        made.accepted(1)
    return made


def begin() -> tuple[Owner, RequestDeadlines]:
    owner: Owner = Owner()
    reader: BookReader = owner
    return owner, RequestDeadlines(reader, TIMEOUT_S)


def test_a_cancel_to_be_tried_again_is_told_of_behind_answered_requests() -> None:
    owner, deadlines = begin()
    live = {1: order(1), 2: order(2)}
    deadlines.expect(1, NEW, 0)
    assert not deadlines.has_retry(live)
    deadlines.expect(2, RETRY, SECOND)
    assert deadlines.has_retry(live)
    del live[2]
    assert not deadlines.has_retry(live)
    owner.now = 10 * SECOND
    assert deadlines.due(live) == []


def test_a_request_that_waits_is_not_forgotten() -> None:
    owner, deadlines = begin()
    waiting = order(1, is_accepted=False)
    deadlines.expect(1, NEW, 0)
    assert not deadlines.has_retry({1: waiting})
    owner.now = 2 * SECOND
    assert deadlines.due({1: waiting}) == [(waiting, NEW)]


def test_what_was_asked_meanwhile_is_due_in_its_turn() -> None:
    owner, deadlines = begin()
    deadlines.watch(0)
    deadlines.watch(1)
    assert owner.timers() == [2 * SECOND], "one timer at a time"
    assert deadlines.go_on(2 * SECOND, None)
    assert deadlines.go_on(4 * SECOND, 3 * SECOND)
    assert owner.timers() == [4 * SECOND, 5 * SECOND]
    assert not deadlines.go_on(5 * SECOND, 3 * SECOND), "the oldest is due: the owner has to see to it"
    late = order(7)
    late.cancel_sent(3 * SECOND)
    deadlines.resume([(3 * SECOND, 7, CANCEL)])
    owner.now = 5 * SECOND
    assert deadlines.due({7: late}) == [(late, CANCEL)]
