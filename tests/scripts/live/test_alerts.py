"""Alerts: which records are told, how often, and what a command can do to the run (nothing)."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from loguru import logger

from scripts.live.alerts import KINDS, Alerts

pytestmark = pytest.mark.realtime

KEEP = "import sys, os; open(sys.argv[1], 'a').write(sys.stdin.read() + '\\n')"


def record(message: str, **facts: Any) -> dict[str, Any]:
    return {"t_ns": 1, "level": "ERROR", "message": message, **facts}


def told(
    path: Path, act: Callable[[Alerts], None], command: tuple[str, ...] | None = None, stale_s: float = 5.0
) -> list[dict[str, Any]]:
    """Let records be heard; return what the command was told."""

    async def main() -> None:
        keep = (sys.executable, "-c", KEEP, str(path))
        patience_s = 60.0 if command is None else 1.0
        alerts = Alerts(command or keep, logger, {"run": "r"}, patience_s, stale_s)
        async with trio.open_nursery() as tasks:
            tasks.start_soon(alerts.run)
            act(alerts)
            alerts.end()

    trio.run(main)
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def hear(*records: dict[str, Any]) -> Callable[[Alerts], None]:
    def act(alerts: Alerts) -> None:
        for each in records:
            alerts.hear(each)

    return act


def test_what_a_person_must_know_is_told_with_its_facts(tmp_path: Path) -> None:
    heard = hear(record("order sent"), record("cancels are not proven", n_orders=2), record("child started", child="a"))
    (alert,) = told(tmp_path / "alerts", heard)
    assert alert == {**record("cancels are not proven", n_orders=2), "kind": "unproven stop", "run": "r", "n_before": 0}


def test_only_restrictions_of_trading_are_told(tmp_path: Path) -> None:
    states = [record("trading state", state=state) for state in ("ACTIVE", "REDUCING", "HALTED")]
    assert [alert["state"] for alert in told(tmp_path / "alerts", hear(*states))] == ["REDUCING", "HALTED"]


def test_the_same_of_the_same_is_told_once_a_minute(tmp_path: Path) -> None:
    crashes = [record("child restarting", child=child) for child in ("a", "b", "a", "a")]
    assert [alert["child"] for alert in told(tmp_path / "alerts", hear(*crashes))] == ["a", "b"]


def test_each_reason_of_a_halt_is_told(tmp_path: Path) -> None:
    asked = [record("halt requested", reason=why) for why in ("margin", "key", "margin", "key")]
    state = [record("trading state", state="HALTED", reason=why) for why in ("drawdown", "stale data")]
    alerts = told(tmp_path / "alerts", hear(*asked, *state))
    assert [alert["reason"] for alert in alerts] == ["margin", "key", "drawdown", "stale data"]


def test_a_time_in_its_text_makes_no_other_reason(tmp_path: Path) -> None:
    banned = [record("halt requested", reason=f"-1003 banned until {1_700_000_000_000 + n}") for n in range(3)]
    assert len(told(tmp_path / "alerts", hear(*banned))) == 1


def test_a_halt_that_was_cleared_is_told_again(tmp_path: Path) -> None:
    halt, clear = (record("trading state", state=state, reason="by hand") for state in ("HALTED", "ACTIVE"))
    assert [alert["state"] for alert in told(tmp_path / "alerts", hear(halt, clear, halt))] == ["HALTED"] * 2


def test_a_book_that_is_healed_soon_wakes_nobody(tmp_path: Path) -> None:
    at = {"venue": "bybit", "instrument": "SOLUSDT"}
    assert told(tmp_path / "alerts", hear(record("book stale", **at), record("book fresh", **at))) == []


def test_a_book_that_stays_stale_is_told(tmp_path: Path) -> None:
    stale = record("book stale", venue="bybit", instrument="SOLUSDT", reason="a gap")
    assert [alert["kind"] for alert in told(tmp_path / "alerts", hear(stale), stale_s=0.0)] == ["stale feed"]


def failures(path: Path, command: tuple[str, ...]) -> list[str]:
    said: list[str] = []
    handler = logger.add(lambda message: said.append(message.record["extra"].get("error", "")), level="ERROR")
    try:
        told(path, hear(record("gave up")), command)
    finally:
        logger.remove(handler)
    return said


def test_a_command_that_fails_is_said_and_no_more(tmp_path: Path) -> None:
    command = (sys.executable, "-c", "import sys; sys.exit('no such channel')")
    assert failures(tmp_path / "alerts", command) == ["exit code 1: no such channel"]
    (failure,) = failures(tmp_path / "alerts", ("/no/such/command",))
    assert "No such file" in failure


def test_a_command_that_hangs_is_stopped_with_what_it_started(tmp_path: Path) -> None:
    began = time.monotonic()
    assert failures(tmp_path / "alerts", ("sh", "-c", "trap '' TERM; sleep 100; true")) == ["it took longer than 1 s"]
    assert time.monotonic() - began < 30


def test_a_command_is_not_given_our_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKSTEP_BYBIT_SECRET", "very-secret")
    monkeypatch.setenv("CHANNEL_TOKEN", "its own")
    write = f"import os; open({str(tmp_path / 'seen')!r}, 'w').write(repr(dict(os.environ)))"
    told(tmp_path / "alerts", hear(record("gave up")), (sys.executable, "-c", write))
    seen = (tmp_path / "seen").read_text()
    assert "very-secret" not in seen
    assert "its own" in seen


def test_more_than_can_wait_is_dropped_and_said(tmp_path: Path) -> None:
    dropped: list[str] = []
    handler = logger.add(lambda message: dropped.append(message.record["message"]), level="ERROR")
    try:
        heard = told(tmp_path / "alerts", hear(*[record("gave up", child=str(i)) for i in range(80)]), ("true",))
    finally:
        logger.remove(handler)
    assert heard == []
    assert dropped == ["alert dropped"] * 16


def test_every_kind_that_is_promised_is_told_of() -> None:
    assert set(KINDS.values()) >= {"halt", "restart", "stale feed", "recorder", "unproven stop"}
