"""That there is no such order is told only when none that was sent can still arrive."""

from market.messages import OrderState, OrderStatus, QueryOrder
from market.units import SECOND, Nanos
from venues.order_queries import OrderQueries
from venues.venue import NEVER, Output, SendFrame, Tell

QUERY = QueryOrder(7, 0)


class Queries(OrderQueries):
    """Of a venue that knows no order."""

    def __init__(self) -> None:
        super().__init__(on_its_way=15 * SECOND)
        self.free: Nanos = 0
        self.forgotten: list[int] = []

    def _free_at(self, command: QueryOrder, now: Nanos) -> Nanos:
        return max(now, self.free)

    def _ask(self, command: QueryOrder, now: Nanos) -> list[Output]:
        return [SendFrame("private", b"?")]

    def _never_was(self, client_id: int) -> None:
        self.forgotten.append(client_id)

    def answer(self, asked: Nanos, now: Nanos) -> list[Output]:
        return self._absent(QUERY, asked, asked - 5, now)


def test_an_order_of_this_life_may_arrive_for_a_while_after_it_was_sent() -> None:
    queries = Queries()
    queries.begin(0)
    queries.sent(7, 100 * SECOND)
    assert queries.answer(114 * SECOND, 116 * SECOND) == [], "it may have come since it was asked for"
    assert queries.next_deadline() == 115 * SECOND
    assert len(queries.on_deadline(116 * SECOND)) == 1
    (told,) = queries.answer(116 * SECOND, 117 * SECOND)
    assert isinstance(told, Tell)
    at = (116 * SECOND, 116 * SECOND - 5, 117 * SECOND)
    assert told.message == OrderStatus(7, 0, *at, int(OrderState.UNKNOWN), 0, 0, 0)
    assert queries.forgotten == [7]


def test_one_of_an_earlier_life_may_arrive_for_a_while_after_this_one_began() -> None:
    queries = Queries()
    queries.begin(10 * SECOND)
    assert queries.answer(24 * SECOND, 24 * SECOND) == []
    assert len(queries.answer(25 * SECOND, 25 * SECOND)) == 1


def test_one_that_was_heard_of_is_not_on_its_way() -> None:
    queries = Queries()
    queries.begin(0)
    queries.sent(7, 100 * SECOND)
    queries.heard_of(7)
    assert len(queries.answer(101 * SECOND, 101 * SECOND)) == 1


def test_a_question_waits_for_the_limits_and_is_asked_once() -> None:
    queries = Queries()
    queries.free = 5 * SECOND
    assert queries.ask(QUERY, 0) == queries.ask(QUERY, SECOND) == []
    assert queries.next_deadline() == 5 * SECOND
    assert len(queries.on_deadline(5 * SECOND)) == 1
    assert queries.next_deadline() == NEVER
