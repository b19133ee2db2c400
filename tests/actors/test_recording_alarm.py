"""What is said of a recording that does not keep up: each thing once, and that it is over."""

import attrs

from actors.recording_alarm import RecordingAlarm
from market.archive.recorder import RecorderStatus
from market.units import SECOND

WELL = RecorderStatus(0, 0, 0, 0, 0, 0, 0, (), None, 0)


def say(alarm: RecordingAlarm, at_s: float, **changes: object) -> list[str]:
    now = round(at_s * SECOND)
    status = attrs.evolve(WELL, **{"synced": now, **changes})  # type: ignore[arg-type]
    return [f"{notice.level} {notice.text}" for notice in alarm.look(status, now)]


def test_a_full_disk_is_told_once_and_again_when_it_is_back() -> None:
    alarm = RecordingAlarm()
    assert say(alarm, 0) == []
    assert say(alarm, 1, error="no space", n_waiting=5) == ["ERROR recording: the disk fails"]
    assert say(alarm, 9, error="no space", synced=0) == []
    assert say(alarm, 10, error=None, synced=0) == [], "a flush is under way, nobody knows how it ends"
    assert say(alarm, 11, error="no space", synced=0) == []
    assert say(alarm, 12) == ["INFO recording: the disk is back"]
    assert say(alarm, 13) == []


def test_a_slow_disk_is_told_once_and_again_when_it_keeps_up() -> None:
    alarm = RecordingAlarm()
    assert say(alarm, 2, synced=1 * SECOND) == []
    assert say(alarm, 4, synced=1 * SECOND) == ["WARNING recording: the disk is slow"]
    assert say(alarm, 90, synced=1 * SECOND) == []
    assert say(alarm, 91) == ["INFO recording: the disk keeps up again"]


def test_losses_are_told_with_their_sum_every_ten_seconds() -> None:
    alarm = RecordingAlarm()
    told = []
    for second in range(25):
        status = attrs.evolve(WELL, synced=second * SECOND, n_lost=100 * min(second, 12))
        told += [(second, notice.facts["n_lost"]) for notice in alarm.look(status, second * SECOND)]
    assert told == [(1, 100), (11, 1000), (21, 100)]
