"""The structured log: one JSON object a line, the injected clock alone, and no secret."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from loguru import logger

from actors.runtime.child_spec import Backoff, ChildSpec, Strategy, SupervisorSpec
from actors.runtime.log import open_log
from actors.runtime.log_reader import LogError, LogReader, find_log
from actors.runtime.supervision import SupervisionTree
from actors.runtime.supervision_log import SupervisionLog
from tests.market.archive.full_disk import full_disk


def ticking(start: int = 1_700_000_000_000_000_000) -> Callable[[], int]:
    times = iter(range(start, start + 1_000_000, 7))
    return lambda: next(times)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_record_is_one_flat_object_with_the_injected_time(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with open_log(path, lambda: 42, "r1") as log:
        log.bind(child="orders", generation=1, backoff_s=0.25).warning("child restarting")
    assert rows(path) == [
        {
            "t_ns": 42,
            "level": "WARNING",
            "message": "child restarting",
            "run_id": "r1",
            "child": "orders",
            "generation": 1,
            "backoff_s": 0.25,
        }
    ]


def test_fields_that_json_does_not_know_are_written_plainly(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with open_log(path, lambda: 0, "r") as log:
        log.bind(a=np.int64(3), b=float("nan"), c=np.array([1, 2]), d=(None, Path("x")), e={"k": "v"}).info("facts")
    row = rows(path)[0]
    assert [row[name] for name in "abcde"] == [3, None, [1, 2], [None, "x"], {"k": "v"}]


def test_a_field_cannot_take_the_place_of_time_level_or_message(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with open_log(path, lambda: 5, "r") as log:
        log.bind(t_ns=1, level="x").info("facts")
    assert (rows(path)[0]["t_ns"], rows(path)[0]["level"]) == (5, "INFO")


def fail(price: int) -> None:
    raise ValueError(f"price {price} is below 0")


def write_a_run(path: Path) -> None:
    spec = SupervisorSpec("top", Strategy.ONE_FOR_ONE, (ChildSpec("q", object),), 1, 30.0, Backoff())
    tree = SupervisionTree(spec, seed=3)
    clock = ticking()
    with open_log(path, clock, "run") as log:
        told = SupervisionLog(log, tree)
        for generation in range(2):
            tree.on_started("q", generation)
            told.started("q", generation)
            try:
                fail(-generation - 1)
            except ValueError as error:
                told.crashed("q", generation, error)
                told.decided(tree.on_crash("q", generation, clock(), str(error)))


def test_two_same_runs_write_the_same_bytes(tmp_path: Path) -> None:
    write_a_run(tmp_path / "a.jsonl")
    write_a_run(tmp_path / "b.jsonl")
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_supervision_writes_one_record_per_start_crash_restart_and_end(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    write_a_run(path)
    written = rows(path)
    assert [(row["message"], row["level"]) for row in written] == [
        ("child started", "INFO"),
        ("child crashed", "ERROR"),
        ("child restarting", "WARNING"),
        ("child started", "INFO"),
        ("child crashed", "ERROR"),
        ("gave up", "CRITICAL"),
    ]
    crashed, restarting, gave_up = written[1], written[2], written[5]
    assert (crashed["supervisor"], crashed["child"], crashed["generation"]) == ("top", "q", 0)
    assert crashed["error"] == "ValueError: price -1 is below 0"
    assert crashed["traceback"][-1].startswith("tests/actors/runtime/test_log.py:")
    assert crashed["traceback"][-1].endswith(" in fail")
    assert (restarting["generation"], restarting["n_restarts"]) == (1, 1)
    assert 0.16 <= restarting["backoff_s"] <= 0.2
    assert (gave_up["supervisor"], gave_up["n_restarts"], gave_up["error"]) == ("top", 2, "price -2 is below 0")


def test_values_of_secret_variables_are_never_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYBIT_API_KEY", "k-123456")
    monkeypatch.setenv("BYBIT_API_SECRET", 'quo"ted\\secret')
    monkeypatch.setenv("LONGER_TOKEN", "k-123456-and-more")
    monkeypatch.setenv("SHORT_KEY", "7")
    path = tmp_path / "log.jsonl"
    with open_log(path, lambda: 7, "r") as log:
        log.bind(url="wss://x?key=k-123456", parts=["k-123456-and-more"], n=7).info('sent quo"ted\\secret')
        log.opt(exception=RuntimeError("bad key k-123456")).error("child crashed")
    text = path.read_text()
    assert "k-123456" not in text
    assert "ted" not in text
    first, second = rows(path)
    assert (first["url"], first["parts"]) == ("wss://x?key=<BYBIT_API_KEY>", ["<LONGER_TOKEN>"])
    assert (first["message"], first["n"]) == ("sent <BYBIT_API_SECRET>", 7)
    assert second["error"] == "RuntimeError: bad key <BYBIT_API_KEY>"


def test_two_logs_open_at_once_do_not_mix_and_close_for_good(tmp_path: Path) -> None:
    with open_log(tmp_path / "a", lambda: 1, "a") as a, open_log(tmp_path / "b", lambda: 2, "b") as b:
        a.info("to a")
        b.info("to b")
        logger.info("to nobody")
    a.info("after the end")
    assert [row["message"] for row in rows(tmp_path / "a")] == ["to a"]
    assert [row["message"] for row in rows(tmp_path / "b")] == ["to b"]


def test_log_is_closed_when_the_run_raises_and_keeps_what_was_written(tmp_path: Path) -> None:
    def run() -> Iterator[None]:
        with open_log(tmp_path / "log.jsonl", lambda: 1, "a") as log:
            log.info("before")
            yield
            raise KeyboardInterrupt

    steps = run()
    next(steps)
    assert [row["message"] for row in rows(tmp_path / "log.jsonl")] == ["before"], "written at once, not at the end"
    with pytest.raises(KeyboardInterrupt):
        next(steps)


def test_below_the_level_nothing_is_written(tmp_path: Path) -> None:
    with open_log(tmp_path / "log.jsonl", lambda: 1, "a") as log:
        log.debug("each message")
    assert (tmp_path / "log.jsonl").read_bytes() == b""


def test_what_a_full_disk_does_not_take_is_written_later_and_heard_at_once(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    heard: list[dict[str, Any]] = []
    with open_log(path, lambda: 1, "a", heard=heard.append) as log:
        log.info("before")
        with full_disk(100):
            for number in range(3):
                log.bind(number=number).info("during")
            assert [row["message"] for row in rows(path)] == ["before"], "no half record"
            assert [record.get("number") for record in heard] == [None, 0, 1, 2]
        log.info("after")
    assert [(row["message"], row.get("number")) for row in rows(path)] == [
        ("before", None),
        ("during", 0),
        ("during", 1),
        ("during", 2),
        ("after", None),
    ]


def test_who_hears_a_record_hears_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENUE_SECRET", "very-secret")
    heard: list[dict[str, Any]] = []
    with open_log(tmp_path / "log.jsonl", lambda: 1, "a", heard=heard.append) as log:
        log.bind(url="x?key=very-secret").info("sent")
    assert heard[0]["url"] == "x?key=<VENUE_SECRET>"


# --- reading back ----------------------------------------------------------------------------------------------------


def test_reader_gives_each_record_once_and_waits_for_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    whole = b'{"t_ns":1,"message":"a"}\n{"t_ns":2,"message":"b"}\n'
    path.write_bytes(whole[:40])
    reader = LogReader(path)
    assert [record["message"] for record in reader.records()] == ["a"]
    assert list(reader.records()) == []
    path.write_bytes(whole)
    assert [record["message"] for record in reader.records()] == ["b"]


@pytest.mark.parametrize("line", ["not json", "[1]", '{"t_ns": 1}', '{"t_ns": 1.5, "message": "a"}', ""])
def test_a_line_that_is_no_record_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(f'{{"t_ns":1,"message":"a"}}\n{line}\n')
    with pytest.raises(LogError, match=r"log\.jsonl:2: not a log record \(.+\); was the file edited\?$"):
        list(LogReader(path).records())


def test_find_log_takes_a_run_directory_or_the_file_and_tells_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"log\.jsonl: give a run directory"):
        find_log(tmp_path)
    (tmp_path / "log.jsonl").write_text("")
    assert find_log(tmp_path) == find_log(tmp_path / "log.jsonl") == tmp_path / "log.jsonl"
