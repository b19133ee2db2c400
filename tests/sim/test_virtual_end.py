"""How a virtual run ends: drained, at its deadline, on request; and what of it is written down."""

import json
from pathlib import Path
from typing import Any

import attrs
import pytest

from actors.runtime.child_spec import ChildSpec, Restart, Strategy, SupervisorSpec
from actors.runtime.log import open_log
from actors.runtime.mailbox import Policy
from actors.runtime.nursery import ActorSpec, Outcome
from actors.runtime.planned_crash import PlannedCrash
from actors.runtime.run_log import RunLog
from market.messages import (
    Position,
    Started,
    Stop,
)
from sim.virtual import VirtualNursery
from tests.actors.runtime.toys import (
    Line,
    MuteManager,
    ScriptedSource,
    Toy,
    ToyManager,
    ToyVenue,
    child,
    forward,
)
from tests.sim.virtual_runs import END, books


def with_manager(kind: type[Toy], diary: list[Any], **options: Any) -> VirtualNursery:
    nursery = VirtualNursery(RunLog(), 1, **options)
    nursery.spawn(ActorSpec("venue", "connector", is_shell=True))
    nursery.spawn(ActorSpec("om", "manager"))
    nursery.connect("venue", "books", "om", Policy.FAIL, 9, "a toy")
    children = (ChildSpec("venue", lambda: ToyVenue("venue")), child("om", diary, kind=kind))
    nursery.supervise(SupervisorSpec("top", Strategy.ONE_FOR_ONE, children))
    return nursery


def test_the_manager_is_drained_then_all_are_stopped() -> None:
    diary: list[Any] = []
    nursery = with_manager(ToyManager, diary)
    assert nursery.run(ScriptedSource(nursery, books((10, 1)), END)) == Outcome("done", 0)
    assert nursery.now == END
    assert diary[-1][2] == Stop()


def test_without_an_answer_the_drain_ends_at_its_deadline() -> None:
    nursery = with_manager(MuteManager, [], drain_ns=500)
    outcome = nursery.run(ScriptedSource(nursery, books((10, 1)), END))
    assert outcome == Outcome("done", 0)
    assert nursery.now == END + 500


def test_a_manager_that_is_down_at_the_end_is_drained_when_it_is_back() -> None:
    diary: list[Any] = []
    nursery = with_manager(ToyManager, diary, crashes=[PlannedCrash("om", at_ns=END - 1)])
    assert nursery.run(ScriptedSource(nursery, books((10, 1)), END)) == Outcome("done", 0)
    assert nursery.now > END  # it took the backoff
    assert [(g, m) for _, g, m in diary if isinstance(m, Started | Stop)][1:] == [(1, Started(1)), (1, Stop())]


def test_one_that_never_comes_back_holds_nobody_and_loses_what_is_sent_to_it() -> None:
    diary: list[Any] = []
    nursery = VirtualNursery(RunLog(), 1, crashes=[PlannedCrash("b", at_ns=35)])
    nursery.spawn(ActorSpec("venue", "connector", is_shell=True))
    nursery.spawn(ActorSpec("a", "quoter"))
    nursery.spawn(ActorSpec("b", "recorder", service_time_ns=1_000))
    nursery.connect("venue", "books", "a", Policy.FAIL, 9, "a toy")
    into_b = nursery.connect("a", "next", "b", Policy.BLOCK, 1, "a toy")
    b = attrs.evolve(child("b", diary), restart=Restart.TEMPORARY)
    children = (ChildSpec("venue", lambda: ToyVenue("venue")), child("a", diary, forward), b)
    nursery.supervise(SupervisorSpec("top", Strategy.ONE_FOR_ONE, children))
    nursery.run(ScriptedSource(nursery, books(*[(10 * i, i) for i in range(1, 7)]), END))
    assert [m.lots for name, _, m in diary if name == "a" and isinstance(m, Position)] == [1, 2, 3, 4, 5, 6]
    assert into_b.dropped == 4  # of six one was in service, and one waited, when b fell


def test_a_stop_on_request_ends_between_events() -> None:
    diary: list[Any] = []

    def stop(nursery: VirtualNursery) -> None:
        nursery.stop_requested = True

    nursery = with_manager(ToyManager, diary, on_progress=stop, progress_every=3)
    outcome = nursery.run(ScriptedSource(nursery, books(*[(10 * i, i) for i in range(1, 9)]), END))
    assert outcome == Outcome("interrupted", 0)
    assert [m.lots for _, _, m in diary if isinstance(m, Position)] == [1, 2]


def test_who_is_supervised_must_be_spawned() -> None:
    nursery = VirtualNursery(RunLog(), 1)
    nursery.spawn(ActorSpec("a", "quoter"))
    told = r"^spawned and supervised must be the same actors; only one of both: a, b$"
    with pytest.raises(ValueError, match=told):
        nursery.supervise(SupervisorSpec("top", Strategy.ONE_FOR_ONE, (child("b", []),)))


def test_the_structured_log_is_the_same_twice(tmp_path: Path) -> None:
    def write(name: str) -> bytes:
        line = Line(("a", "b", "c"), strategy=Strategy.REST_FOR_ONE)
        path = tmp_path / name
        nurseries: list[VirtualNursery] = []
        with open_log(path, lambda: nurseries[0].now, "a run") as logger:
            crashes = [PlannedCrash("b", at_message=3)]
            nurseries.append(VirtualNursery(RunLog(), 7, crashes=crashes, logger=logger))
            line.wire(nurseries[0])
            nurseries[0].run(ScriptedSource(nurseries[0], books((10, 1), (20, 2)), END))
        return path.read_bytes()

    first = write("first.jsonl")
    assert first == write("second.jsonl")
    assert first.count(b"child restarting") == 2
    mailboxes = [r for r in map(json.loads, first.splitlines()) if r["message"] == "mailbox" and r["port"] == "next"]
    assert [(r["source"], r["target"], r["put"], r["peak"]) for r in mailboxes] == [("a", "b", 2, 1), ("b", "c", 1, 1)]
