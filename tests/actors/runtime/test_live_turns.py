"""Whose turn it is in the live nursery: what a message causes comes first, and nobody is left out under a flood."""

from collections.abc import Callable
from functools import partial
from typing import Any

import loguru
import pytest
import trio

from actors.runtime.child_spec import ChildSpec, Strategy, SupervisorSpec
from actors.runtime.live import LiveNursery
from actors.runtime.live_clock import LiveClock
from actors.runtime.mailbox import Policy
from actors.runtime.nursery import ActorSpec, Emit, Outcome
from actors.runtime.planned_crash import PlannedCrash
from actors.runtime.run_log import RunLog
from market.messages import PlaceOrder, Position, Started, TimerFired
from market.units import MS
from tests.actors.runtime.seeded_trio import seeded
from tests.actors.runtime.test_live import SEEDS, stop_after
from tests.actors.runtime.toys import SHORT, Diary, Reaction, Toy, ToyVenue, child, forward, keep, position

A_READ = 16  # messages that a socket's reader brings before the others have their turn


class Reader(ToyVenue):
    """A venue that brings books as sockets do, some in each of its turns of Trio; notes what it finds done by then."""

    def __init__(self, n_books: list[int], look: Callable[[], int]) -> None:
        super().__init__("venue")
        self._n_books, self._look = n_books, look
        self.found: list[int] = []

    async def run(self, emit: Emit) -> None:
        number = 0
        for n in self._n_books:
            for _ in range(n):
                emit("books", position(number))
                number += 1
            await trio.lowlevel.checkpoint()
            await trio.lowlevel.checkpoint()
            self.found.append(self._look())


class Toys:
    """A venue and toys; a way is (source, port, target, policy, capacity)."""

    def __init__(
        self, reactions: dict[str, Reaction], ways: list[tuple[str, str, str, Policy, int]], n_books: list[int]
    ) -> None:
        self.diary: Diary = []
        self.log = RunLog()
        self.venue = Reader(n_books, lambda: len(self.log))
        self._reactions, self._ways = reactions, ways
        self.nursery: LiveNursery

    def wire(self) -> LiveNursery:
        """Return their nursery; from inside Trio."""
        nursery = self.nursery = LiveNursery(self.log, 7, LiveClock(start=0))
        nursery.spawn(ActorSpec("venue", "connector", is_shell=True))
        for place, name in enumerate(self._reactions):
            nursery.spawn(ActorSpec(name, "quoter", place))
        for way in self._ways:
            nursery.connect(*way, "a toy")
        children = [child(name, self.diary, reaction) for name, reaction in self._reactions.items()]
        toys = SupervisorSpec("toys", Strategy.ONE_FOR_ONE, tuple(children), backoff=SHORT)
        venue = ChildSpec("venue", lambda: self.venue)
        nursery.supervise(SupervisorSpec("top", Strategy.ONE_FOR_ONE, (venue, toys), intensity=0))
        return nursery

    async def run(self) -> Outcome:
        return await stop_after(self.wire(), 1.0)

    def lots(self, name: str) -> list[int]:
        return [message.lots for who, _, message in self.diary if who == name and isinstance(message, Position)]


def place(toy: Toy, message: Any) -> None:
    if isinstance(message, Position):
        toy.send(PlaceOrder(message.lots, 0, 1, 1, 1, 0))


CHAIN = [
    (*way, Policy.FAIL, 64)
    for way in (("venue", "books", "a"), ("a", "next", "b"), ("b", "next", "c"), ("c", "next", "venue"))
]


@pytest.mark.parametrize("seed", SEEDS)
def test_what_a_book_causes_is_done_before_the_shells_go_on(seed: int) -> None:
    """A keeper, a quoter, a manager and the way back to the venue, in one turn of Trio."""
    toys = Toys({"a": forward, "b": forward, "c": place}, CHAIN, [1] * 20)
    seeded(seed, toys.run)
    orders_and_answers = [2 * n for n in range(1, 21)]
    assert toys.venue.found == orders_and_answers


@pytest.mark.parametrize("seed", SEEDS)
def test_what_sockets_bring_does_not_pile_up_however_many_it_goes_to(seed: int) -> None:
    names = [f"quoter {n}" for n in range(12)]
    ways = [("venue", "books", name, Policy.FAIL, 4 * A_READ) for name in names]
    toys = Toys(dict.fromkeys(names, keep), ways, [A_READ] * 100)
    assert seeded(seed, toys.run) == Outcome("done")
    assert all(toys.lots(name) == list(range(100 * A_READ)) for name in names)
    counts = [edge for edges in toys.nursery.statistics().values() for edge in edges if edge.source == "venue"]
    assert max(edge.peak for edge in counts) <= 3 * A_READ  # where one more than four times fails


class Collecting(Reader):
    """A venue that takes together what comes together; the first that it takes breaks it, if it is fragile."""

    def __init__(self, n_books: list[int], *, is_fragile: bool = False) -> None:
        super().__init__(n_books, lambda: 0)
        self.taken: list[list[int]] = []
        self._ready: list[int] = []
        self._is_fragile = is_fragile

    def _on_place(self, order: PlaceOrder) -> None:
        self._ready.append(order.client_id)

    def settle(self) -> None:
        if self._ready:
            self.taken.append(self._ready)
            self._ready = []
            if self._is_fragile:
                raise OSError("too much")


def place_three(toy: Toy, message: Any) -> None:
    if isinstance(message, Position):
        for n in range(3):
            toy.send(PlaceOrder(10 * message.lots + n, 0, 1, 1, 1, 0))


TO_VENUE = [("venue", "books", "a", Policy.FAIL, 64), ("a", "next", "venue", Policy.FAIL, 64)]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_shell_has_what_one_delivery_has_caused_together_and_in_that_turn(seed: int) -> None:
    toys = Toys({"a": place_three}, TO_VENUE, [1] * 10)
    toys.venue = venue = Collecting([1] * 10)
    seeded(seed, toys.run)
    assert venue.taken == [[10 * n, 10 * n + 1, 10 * n + 2] for n in range(10)]


def test_a_shell_that_cannot_take_what_came_has_crashed() -> None:
    toys = Toys({"a": place_three}, TO_VENUE, [1])
    toys.venue = Collecting([1], is_fragile=True)
    outcome = seeded(1, toys.run)
    assert outcome.kind == "gave up", "it may crash no time at all here"
    assert "too much" in outcome.reason


def serve(toy: Toy, message: Any) -> None:
    """Pass on whatever comes, and begin with one of its own."""
    if isinstance(message, Started):
        toy.set_timer(20 * MS, 1)
    if isinstance(message, Started | Position):
        toy.send(position(message.lots + 1 if isinstance(message, Position) else 1000))


@pytest.mark.realtime
def test_two_that_never_rest_starve_nobody_and_hold_up_no_stop() -> None:
    """A mailbox that always has mail ends neither the others' turns nor the run's way to its end."""
    ways = [
        ("a", "next", "b", Policy.FAIL, 64),
        ("b", "next", "a", Policy.FAIL, 64),
        ("a", "next", "heard", Policy.CONFLATE, 1),
        ("venue", "books", "heard", Policy.FAIL, 64),
    ]
    toys = Toys({"a": serve, "b": serve, "heard": keep}, ways, [1] * 50)
    records: list[str] = []

    def has_seen_all() -> bool:
        has_fired = any(isinstance(message, TimerFired) for _, _, message in toys.diary)
        has_restarted = any(generation == 1 for _, generation, _ in toys.diary)
        return has_fired and has_restarted and len(toys.venue.found) == 50 and len(toys.lots("heard")) > 50

    async def stop_when_seen() -> None:
        while not has_seen_all():  # nobody ever rests
            await trio.lowlevel.checkpoint()
        toys.nursery.request_stop()

    async def main() -> Outcome:
        nursery = toys.wire()
        nursery.plan_crashes([PlannedCrash("b", at_message=500)])  # in the midst of a turn; what came is lost with it
        async with trio.open_nursery() as tasks:
            tasks.start_soon(stop_when_seen)
            return await nursery.run()

    sink = loguru.logger.add(records.append, format="{message}")
    try:
        assert trio.run(main) == Outcome("done")
    finally:
        loguru.logger.remove(sink)
    assert not [text for text in records if "did not end in time" in text]
    assert set(range(50)) <= set(toys.lots("heard"))


def test_a_turn_that_ends_leaves_nothing_to_do() -> None:
    """Who has nothing to deliver sleeps: rings from within a turn do not wake it to another."""

    class Turns(trio.abc.Instrument):
        n = 0

        def before_task_step(self, task: trio.lowlevel.Task) -> None:
            self.n += "_keep_delivering" in task.name

    turns = Turns()

    async def main() -> Outcome:
        trio.lowlevel.add_instrument(turns)
        return await toys.run()

    chain = [("venue", "books", "a"), ("a", "next", "b"), ("b", "next", "c")]
    toys = Toys({"a": forward, "b": forward, "c": keep}, [(*way, Policy.FAIL, 64) for way in chain], [1] * 50)
    seeded(1, main)
    n_of_the_beginning_and_the_end = 5
    assert 50 <= turns.n <= 50 + n_of_the_beginning_and_the_end


class Gatherer(Reader):
    """A venue that brings what came together together; notes what it finds done when that is told."""

    async def run(self, emit: Emit) -> None:
        number = 0
        for n in self._n_books:

            def bring(numbers: range) -> None:
                for each in numbers:
                    emit("books", position(each))
                self.found.append(self._look())

            self.gather(partial(bring, range(number, number + n)))
            number += n
            self.found.append(self._look())
            await trio.lowlevel.checkpoint()


def test_what_is_gathered_is_handled_before_the_shell_goes_on() -> None:
    """All of it together, and what it causes without another turn of Trio."""
    toys = Toys({"a": forward, "b": forward, "c": place}, CHAIN, [1, 5, A_READ])
    toys.venue = Gatherer([1, 5, A_READ], lambda: len(toys.log))
    seeded(1, toys.run)
    assert toys.venue.found == [0, 2, 2, 12, 12, 12 + 2 * A_READ], "orders and answers, before and after each"


class Later:
    """Puts things off, and notes what has been handled when it is to catch up."""

    def __init__(self, n_put_off: int, look: Callable[[], int]) -> None:
        self.n_put_off = n_put_off
        self._look = look
        self.found: list[int] = []

    def catch_up(self) -> None:
        self.n_put_off = 0
        self.found.append(self._look())


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("n_put_off", "n_times"), [(32, 1), (31, 0)])
def test_what_is_put_off_waits_until_nobody_has_mail(seed: int, n_put_off: int, n_times: int) -> None:
    """It is seen to when there is enough of it to be worth a turn, after all orders."""
    toys = Toys({"a": forward, "b": forward, "c": place}, CHAIN, [A_READ])
    later = Later(n_put_off, lambda: len(toys.log))

    async def main() -> None:
        nursery = toys.wire()
        nursery.put_off(later)
        await stop_after(nursery, 0.5)

    seeded(seed, main)
    orders_and_answers = 2 * A_READ
    assert later.found == [orders_and_answers] * n_times
