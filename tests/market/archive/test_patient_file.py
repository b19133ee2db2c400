"""A file for those who cannot wait for a disk."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.archive.patient_file import EAGER_AT, PatientFile
from tests.market.archive.full_disk import full_disk

STEPS = st.lists(st.one_of(st.binary(max_size=50), st.sampled_from(["begin", "settle", "now"])), max_size=40)


@given(steps=STEPS, limit=st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_file_and_waiting_are_always_what_was_added(
    tmp_path_factory: pytest.TempPathFactory, steps: list[bytes | str], limit: int
) -> None:
    """However writes and additions interleave, and whatever the disk refuses."""
    file = PatientFile(tmp_path_factory.mktemp("files") / "f")
    model, under_way = b"", None
    with full_disk(limit):
        for step in steps:
            match step:
                case bytes():
                    file.add(step)
                    model += step
                case "begin" if under_way is None:
                    under_way = file.begin_write()
                case "settle" if under_way is not None:
                    file.settle(under_way, under_way.run())
                    under_way = None
                case "now" if under_way is None:
                    file.write_now()
            assert file.read(0) == model
            assert file.path.read_bytes()[: file.size] == model[: file.size]
            middle = len(model) // 2
            assert (file.read(middle), file.read(middle, middle + 7)) == (model[middle:], model[middle : middle + 7])
    if under_way is not None:
        file.settle(under_way, under_way.run())
    file.write_now()
    assert file.error is None
    assert file.path.read_bytes() == model
    file.close()


def test_an_eager_file_writes_by_itself(tmp_path: Path) -> None:
    file = PatientFile(tmp_path / "f", eager=True)
    file.add(b"a" * (EAGER_AT - 1))
    assert file.size == 0
    file.add(b"b")
    assert file.path.stat().st_size == file.size == EAGER_AT
    file.close()


def test_what_finds_no_room_is_lost_whole_and_counted(tmp_path: Path) -> None:
    file = PatientFile(tmp_path / "f", most_waiting=10)
    assert [file.add(each) for each in (b"12345678", b"abc", b"x")] == [True, False, True]
    file.write_now()
    assert file.add(b"y")
    file.write_now()
    assert (file.path.read_bytes(), file.n_lost) == (b"12345678xy", 3)
    file.close()


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        PatientFile(tmp_path / "f")
    file = PatientFile(tmp_path / "f", resume=True)
    file.add(b"new")
    file.write_now()
    assert file.path.read_bytes() == b"oldnew"
    file.close()
