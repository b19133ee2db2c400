"""The state folder: numbers that are never given twice, halts that outlive the process, beats on a full disk."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from actors.runtime.state_folder import Beat, Halt, StateError, StateFolder

BEAT = Beat(7, 1_700_000_000_000_000_000, 4242, 1, "ACTIVE", 3)
FIRST = 1_735_690_200 * 10**9  # the earliest time that a session is counted from
HALT = Halt(1_700_000_000_000_000_000, "DRAWDOWN", "far below")


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "state")


def test_sessions_are_counted_up_over_processes(folder: StateFolder) -> None:
    assert [folder.next_session(FIRST), StateFolder(folder.path).next_session(FIRST), folder.next_session(FIRST)] == [
        1,
        2,
        3,
    ]
    assert (folder.path / "session").read_text() == "3\n"


def test_a_folder_that_is_lost_goes_on_beyond_the_numbers_that_were_given(tmp_path: Path) -> None:
    """A run an hour for three years, then another disk: no id is used twice."""
    hour = 3600 * 10**9
    folder = StateFolder(tmp_path / "one")
    given = [folder.next_session(FIRST + n * hour) for n in range(100)]
    assert given == sorted(set(given))
    fresh = StateFolder(tmp_path / "another").next_session(FIRST + 100 * hour)
    assert fresh > given[-1]
    assert StateFolder(tmp_path / "old").next_session(FIRST + 18 * 365 * 24 * hour) < 1 << 20


def test_sessions_are_counted_up_also_when_the_clock_goes_back(folder: StateFolder) -> None:
    later = FIRST + 10**9 * 86_400
    assert folder.next_session(later) + 1 == folder.next_session(FIRST)


def test_a_clock_that_is_wrong_is_refused(folder: StateFolder) -> None:
    with pytest.raises(StateError, match="which is before 2025; set it"):
        folder.next_session(12 * 10**9)


def test_a_session_half_written_by_a_crash_is_not_read(folder: StateFolder) -> None:
    folder.next_session(FIRST)
    (folder.path / "session.0.new").write_text("9")
    assert folder.next_session(FIRST) == 2


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"x\n", b"-1\n", b"12 \n", b"1\n2\n", b"12345678\n", b"\xff\xfe", "\u0663".encode()]
)
def test_an_unreadable_session_is_refused_and_left_alone(folder: StateFolder, text: bytes) -> None:
    (folder.path / "session").write_bytes(text)
    with pytest.raises(StateError, match="not a session number: which client order ids were used is not known"):
        folder.next_session(FIRST)
    assert (folder.path / "session").read_bytes() == text


def test_a_lost_session_is_refused_and_a_fresh_folder_is_not(folder: StateFolder) -> None:
    folder.wish_halt("a person may be first")
    with folder.lock():
        assert folder.next_session(FIRST) == 1
    folder.write_beat(BEAT)
    (folder.path / "session").unlink()
    with pytest.raises(StateError, match=r"session is missing beside heartbeat: which client order ids"):
        folder.next_session(FIRST)


def test_sessions_are_used_up_at_twenty_bits(folder: StateFolder) -> None:
    (folder.path / "session").write_text(f"{(1 << 20) - 2}\n")
    assert folder.next_session(FIRST) == (1 << 20) - 1
    for _ in range(2):
        with pytest.raises(StateError, match="all 1048575 sessions are used up; cancel everything"):
            folder.next_session(FIRST)


@pytest.mark.slow
def test_two_processes_never_hold_a_folder(folder: StateFolder) -> None:
    code = (
        "import sys; from pathlib import Path; from actors.runtime.state_folder import StateFolder\n"
        "with StateFolder(Path(sys.argv[1])).lock(): print('held')"
    )
    command = [sys.executable, "-c", code, str(folder.path)]
    with folder.lock():
        refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "is in use: another process trades on this account; stop it first" in refused.stderr
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "held\n"


# --- halts -----------------------------------------------------------------------------------------------------------


def test_a_halt_holds_until_it_is_cleared(folder: StateFolder) -> None:
    assert (folder.halted(), folder.is_cleared) == ("", False)
    folder.write_halt(HALT)
    again = StateFolder(folder.path)
    assert (again.halted(), again.is_cleared, again.halt()) == ("DRAWDOWN: far below", False, HALT)
    again.clear(HALT.t_ns + 1, "it was the feed")
    assert (folder.halted(), folder.is_cleared) == ("", True)
    notes = (folder.path / "halts.jsonl").read_text().splitlines()
    assert [line.split('"')[1] for line in notes] == ["halted", "cleared"]
    assert "it was the feed" in notes[1]


@pytest.mark.parametrize(("text", "told"), [("stop now\n", "PERSON: stop now"), ("", "PERSON: the file HALT")])
def test_a_file_named_halt_is_enough(folder: StateFolder, text: str, told: str) -> None:
    (folder.path / "HALT").write_text(text)
    assert folder.halted() == told
    folder.clear(0, "looked")
    assert folder.halted() == ""


def test_a_halt_whose_file_is_removed_is_not_cleared(folder: StateFolder) -> None:
    folder.write_halt(HALT)
    (folder.path / "halt.json").unlink()
    assert "ends with a halt that nobody has cleared" in folder.halted()
    assert not folder.is_cleared
    folder.clear(HALT.t_ns + 1, "looked")
    assert (folder.halted(), folder.is_cleared) == ("", True)


def test_nor_is_a_wish_of_the_watchdog_or_of_the_command(folder: StateFolder) -> None:
    folder.wish_halt("the trader was dead")
    (folder.path / "HALT").unlink()
    assert folder.halted() != ""
    folder.clear(0, "looked")
    assert folder.halted() == ""
    (folder.path / "HALT").write_text("by hand, and taken back before anybody read it")
    (folder.path / "HALT").unlink()
    assert folder.halted() == ""


@pytest.mark.parametrize("rest", ['{"clea', "\n", '{"cleared": {}} x', "{}"])
def test_a_note_that_a_crash_cut_short_clears_nothing(folder: StateFolder, rest: str) -> None:
    folder.write_halt(HALT)
    (folder.path / "halt.json").unlink()
    with (folder.path / "halts.jsonl").open("a") as notes:
        notes.write(rest)
    assert folder.halted() != ""
    folder.clear(0, "looked")
    assert (folder.halted(), folder.is_cleared) == ("", True)


@pytest.mark.parametrize("text", ["", "{", '{"t_ns": 1}', "[]"])
def test_a_halt_that_cannot_be_read_halts(folder: StateFolder, text: str) -> None:
    (folder.path / "halt.json").write_text(text)
    assert "halt.json is not readable" in folder.halted()


def test_a_halt_that_the_disk_did_not_take_is_known_from_the_heartbeat(folder: StateFolder) -> None:
    folder.write_beat(BEAT)
    assert folder.halted() == ""
    folder.write_beat(Beat(8, BEAT.t_ns, 4242, 1, "HALTED", 0))
    assert folder.halted() == "the last heartbeat tells of a halt that could not be written down"
    folder.clear(0, "looked")
    assert folder.halted() == ""


# --- the heartbeat ---------------------------------------------------------------------------------------------------


def test_beats_are_read_as_they_were_written_whatever_their_length(folder: StateFolder) -> None:
    assert folder.beat() is None
    for beat in (Beat((1 << 60), 1 << 62, 1 << 30, 511, "REDUCING", 10_000, is_over=False), BEAT):
        folder.write_beat(beat)
        assert folder.beat() == beat
    (folder.path / "heartbeat").write_bytes(b'{"number": 3')
    assert folder.beat() is None


def test_an_end_is_told_apart_from_a_death(folder: StateFolder) -> None:
    folder.end()
    assert folder.beat() is None
    folder.write_beat(BEAT)
    folder.end()
    beat = folder.beat()
    assert beat is not None
    assert (beat.is_over, beat.n_live, beat.pid) == (True, 0, 4242)


@pytest.mark.slow
def test_a_full_disk_does_not_stop_the_heart(folder: StateFolder) -> None:
    folder.write_beat(BEAT)
    code = (
        "import resource, signal, sys; from pathlib import Path; from actors.runtime.state_folder import *\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "folder = StateFolder(Path(sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (256, 256))\n"
        "folder.write_beat(Beat(8, 1, 1, 1, 'HALTED', 0))\n"
        "try: folder.write_halt(Halt(1, 'DRAWDOWN', 'x' * 1000))\n"
        "except OSError: print('full')\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder.path)], capture_output=True, text=True, check=True)
    assert done.stdout == "full\n"
    assert folder.halt() is None, "half a halt is none"
    assert folder.halted() != ""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 256
    assert (folder.path / "heartbeat").stat().st_size == 256


def test_what_cannot_be_read_of_a_folder_halts_and_clears_nothing(folder: StateFolder) -> None:
    folder.write_halt(HALT)
    folder.path.rename(folder.path.with_name("elsewhere"))
    assert not folder.is_cleared, "the whole folder is gone"
    folder.path.mkdir()
    assert not folder.is_cleared, "another disk is in its place"
    folder.path.rmdir()
    folder.path.symlink_to(folder.path)
    assert not folder.is_cleared
    assert folder.beat() is None, "a watchdog must not fall over it"
    assert "not readable" in folder.halted()


def test_a_wish_that_cannot_be_read_halts(folder: StateFolder) -> None:
    (folder.path / "HALT").mkdir()
    assert folder.halted() == "PERSON: the file HALT, which is not readable (Is a directory)"
