"""A live run is followed from its journal to the same outputs and the same order log, or it says where not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import trio

from actors.runtime.child_spec import OnRestart, Strategy
from actors.runtime.journal import DeliveryRecord, EndRecord, Head, JournalFile, read_journal
from actors.runtime.live import LiveNursery
from actors.runtime.live_clock import LiveClock
from actors.runtime.mailbox import Policy
from actors.runtime.message_codec import MessageCodec
from actors.runtime.planned_crash import PlannedCrash
from actors.runtime.run_log import RunLog
from market.messages import (
    AccountSnapshot,
    BookSnapshot,
    BookUpdate,
    Fill,
    OpenOrder,
    PlaceOrder,
    Position,
    Started,
    TimerFired,
)
from market.units import MS, SECOND
from sim.journal_replay import DivergenceError, JournalReplay
from sim.virtual import VirtualNursery
from tests.actors.runtime.seeded_trio import seeded
from tests.actors.runtime.toys import Line, ScriptedSource, Toy, position

SCRIPT = [(20 * i * MS + j, "venue", "books", position(i, j)) for i in range(1, 20) for j in range(3)]


def trade(toy: Toy, message: Any) -> None:
    """Order what the book says, and more when a timer fires."""
    if isinstance(message, Position):
        toy.send(PlaceOrder(message.lots, message.instrument, 1, 100 + message.lots, 5, 0))
    elif isinstance(message, Started | TimerFired):
        toy.set_timer(toy.now + 50 * MS, 1)
        toy.send(PlaceOrder(0, 0, -1, toy.now // MS, 5, 0))


def toys(**changes: Any) -> Line:
    made = Line(
        ("a", "b", "om"),
        reactions={"om": trade},
        replays_log=("om",),
        strategy=Strategy.REST_FOR_ONE,
        script=SCRIPT,
    )
    return attrs.evolve(made, diary=[], **changes)


CRASHES = (
    PlannedCrash("b", at_message=8),
    PlannedCrash("om", at_message=9, after_handler=True),
    PlannedCrash("a", at_ns=171 * MS),
)


def run_live(
    line: Line,
    path: Path,
    crashes: tuple[PlannedCrash, ...] = (),
    nurseries: list[LiveNursery] | None = None,
    seed: int = 1,
    *,
    patient: bool = False,
) -> tuple[str, int]:
    async def main() -> tuple[str, int]:
        clock = LiveClock(start=0)
        log = RunLog()
        journal = JournalFile(path, config="a toy", patient=patient)
        nursery = LiveNursery(log, 7, clock, journal=journal, crashes=crashes)
        line.wire(nursery, clock)
        if nurseries is not None:
            nurseries.append(nursery)
        async with trio.open_nursery() as tasks:
            tasks.start_soon(nursery.run)
            await trio.sleep(0.5)
            nursery.request_stop()
        return log.digest(), len(log)

    digest, n_rows = seeded(seed, main)
    return digest, n_rows


def follow(line: Line, path: Path) -> str:
    replay = JournalReplay(RunLog())
    line.wire(replay)
    return replay.follow(path)


@pytest.mark.parametrize("crashes", [(), CRASHES], ids=["calm", "crashes"])
@pytest.mark.parametrize("mailbox", list(OnRestart))
@pytest.mark.parametrize(
    ("policy", "capacity"), [(Policy.FAIL, 64), (Policy.BLOCK, 1), (Policy.CONFLATE, 3), (Policy.FAIL, 1)]
)
def test_a_live_run_is_followed_to_the_same_digest_and_diary(
    policy: Policy, capacity: int, mailbox: OnRestart, crashes: tuple[PlannedCrash, ...], tmp_path: Path
) -> None:
    wiring = {"policy": policy, "capacity": capacity, "mailbox": mailbox}
    live = toys(**wiring)
    digest, n_rows = run_live(live, tmp_path / "journal", crashes)
    assert n_rows > 50
    again = toys(**wiring)
    assert follow(again, tmp_path / "journal") == digest
    # a crash before the handler leaves nothing, one after it was written down live, and is not run again
    last = max(generation for _, generation, _ in live.diary)
    assert [entry for entry in again.diary if entry[1] == last] == [entry for entry in live.diary if entry[1] == last]
    if not crashes and capacity > 1:
        assert again.diary == live.diary


@pytest.mark.parametrize("after_handler", [False, True])
def test_a_command_that_a_shell_fell_by_is_followed_to_the_same_digest(after_handler: bool, tmp_path: Path) -> None:
    """It stands in the order log as soon as the shell was given it, whatever came of that."""
    crash = PlannedCrash("venue", at_message=20, after_handler=after_handler)
    digest, n_rows = run_live(toys(), tmp_path / "journal", (crash,))
    assert n_rows > 15
    assert follow(toys(), tmp_path / "journal") == digest


@pytest.mark.parametrize("crashes", [(), CRASHES], ids=["calm", "crashes"])
def test_a_journal_that_is_written_down_later_is_the_same(crashes: tuple[PlannedCrash, ...], tmp_path: Path) -> None:
    run_live(toys(), tmp_path / "at once", crashes)
    run_live(toys(), tmp_path / "later", crashes, patient=True)
    assert (tmp_path / "later").read_bytes() == (tmp_path / "at once").read_bytes()


def test_a_journal_ends_where_something_cannot_be_written_down_and_says_so(tmp_path: Path) -> None:
    def give(toy: Toy, message: Any) -> None:
        if isinstance(message, Position):
            toy.send(PlaceOrder(message.lots, 0, 1, 100, 5, object() if message.lots == 8 else 0))  # type: ignore[arg-type]

    nurseries: list[LiveNursery] = []
    line = Line(("om",), reactions={"om": give}, script=SCRIPT)
    run_live(line, tmp_path / "journal", nurseries=nurseries, patient=True)
    journal = nurseries[0].journal
    assert journal is not None
    assert "object cannot stand in a message" in journal.fault
    _, records = read_journal(tmp_path / "journal")
    given = [each for each in records if isinstance(each, DeliveryRecord) and each.n_out]
    assert len(given) == 21, "up to there it can be followed"


def test_what_numpy_reckoned_is_written_down_as_what_it_is() -> None:
    codec = MessageCodec()
    price, size = np.array([100, 5])
    reckoned = PlaceOrder(1, 0, 1, price, size, 0)
    assert codec.encode(reckoned) == codec.encode(PlaceOrder(1, 0, 1, 100, 5, 0))


@pytest.mark.parametrize("seed", range(12))
def test_every_interleaving_is_followed(seed: int, tmp_path: Path) -> None:
    wiring = {"policy": Policy.BLOCK, "capacity": 2}
    digest, _ = run_live(toys(**wiring), tmp_path / "journal", CRASHES, seed=seed)
    assert follow(toys(**wiring), tmp_path / "journal") == digest


def with_other_decision(change: Callable[[Toy, Any], None]) -> Line:
    def react(toy: Toy, message: Any) -> None:
        trade(toy, message)
        if isinstance(message, Position) and (message.lots, message.instrument) == (12, 2):
            change(toy, message)

    return toys(reactions={"om": react})


def another_price(toy: Toy, message: Position) -> None:
    port, order = toy.out[-1]
    toy.out[-1] = port, PlaceOrder(order.client_id, order.instrument, order.side, order.price + 1, order.size, 0)


def one_order_more(toy: Toy, message: Position) -> None:
    toy.out.append(toy.out[-1])


def run_live_and_number(path: Path) -> int:
    """Run live; return which delivery the changed decision is."""
    numbers: list[int] = []
    nurseries: list[LiveNursery] = []
    run_live(with_other_decision(lambda toy, message: numbers.append(nurseries[0].number)), path, nurseries=nurseries)
    (number,) = numbers
    return number


@pytest.mark.parametrize(
    ("change", "told"), [(another_price, "gave other messages"), (one_order_more, "gave 2 messages, journal has 1")]
)
def test_an_edited_decision_diverges_at_its_delivery(
    change: Callable[[Toy, Any], None], told: str, tmp_path: Path
) -> None:
    path = tmp_path / "journal"
    number = run_live_and_number(path)
    said = (
        rf"^delivery {number}: om on Position\(instrument=2, ts=0, lots=12, average_entry=0\.0\) {told}; here it gave"
    )
    with pytest.raises(DivergenceError, match=said):
        follow(with_other_decision(change), path)


def test_a_decision_that_raises_diverges_at_its_delivery(tmp_path: Path) -> None:
    def fail(toy: Toy, message: Any) -> None:
        raise ZeroDivisionError("spread")

    number = run_live_and_number(tmp_path / "journal")
    with pytest.raises(DivergenceError, match=rf"^delivery {number}: om on .* raised ZeroDivisionError: spread; "):
        follow(with_other_decision(fail), tmp_path / "journal")


def test_another_wiring_is_told_before_anything_is_run(tmp_path: Path) -> None:
    run_live(toys(), tmp_path / "journal")
    told = r"^the journal is of other edges: venue\.books -> a \(fail 64\), here venue\.books -> a \(fail 65\)$"
    with pytest.raises(DivergenceError, match=told):
        follow(toys(capacity=65), tmp_path / "journal")


def test_a_journal_cut_short_is_followed_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    line = toys()
    run_live(line, path)
    whole = path.read_bytes()
    for n_bytes in (len(whole) - 1, len(whole) // 2, len(whole) // 2 + 3):
        path.write_bytes(whole[:n_bytes])
        again = toys()
        follow(again, path)
        assert again.diary == line.diary[: len(again.diary)]
        assert len(again.diary) > 50


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b"{}")
    with pytest.raises(ValueError, match=r"journal is not a journal: it has no head$"):
        read_journal(path)


def test_the_head_and_the_end(tmp_path: Path) -> None:
    digest, _ = run_live(toys(), tmp_path / "journal")
    head, records = read_journal(tmp_path / "journal")
    assert isinstance(head, Head)
    assert (head.seed, head.config, head.actors) == (7, "a toy", ("venue", "a", "b", "om"))
    assert list(records)[-1] == EndRecord(digest)


def test_a_virtual_run_is_followed_too(tmp_path: Path) -> None:
    line = toys()
    log = RunLog()
    nursery = VirtualNursery(log, 7, journal=JournalFile(tmp_path / "journal"), crashes=CRASHES)
    line.wire(nursery)
    nursery.run(ScriptedSource(nursery, SCRIPT, SECOND))
    assert len(log) > 50
    assert follow(toys(), tmp_path / "journal") == log.digest()


LEVELS = np.array([[100, 5], [99, 7]], dtype=np.int64)


@pytest.mark.parametrize(
    "message",
    [
        BookSnapshot(1, 2, 3, 4, LEVELS, np.zeros((0, 2), np.int64)),
        BookUpdate(1, 2, 3, 4, LEVELS, None),
        AccountSnapshot(0, 1, 2, 3, 4, (OpenOrder(1, 2, 3, 4, 5, 6, 7),), (Fill(1, 2, 3, 4, 5, 1, 7, 8, True, 9),), ()),
        Position(1, 2, -3, float("nan")),
    ],
    ids=lambda message: type(message).__name__,
)
def test_messages_survive_their_encoding(message: Any) -> None:
    codec = MessageCodec()
    name, data = codec.encode(message)
    again = codec.decode(name, data)
    assert type(again) is type(message)
    assert codec.encode(again) == (name, data)
    for side in ("bids", "asks"):
        levels = getattr(again, side, None)
        if levels is not None:
            np.testing.assert_array_equal(levels, getattr(message, side))
            assert levels.dtype == np.int64
            assert not levels.flags.writeable
