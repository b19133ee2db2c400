"""The run's own log: nothing lost, one digest however it is cut, and a kill costs at most the row being written."""

import hashlib
from pathlib import Path
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.runtime.run_log import RunLog
from market.order_log import ROW_INTS, Row
from tests.market.archive.full_disk import full_disk

ROWS = st.lists(st.tuples(*[st.integers(-(2**63), 2**63 - 1)] * ROW_INTS), max_size=20)


def bytes_of(rows: list[Row]) -> bytes:
    return b"".join(pack("<10q", *row) for row in rows)


def row(i: int) -> Row:
    return (i % 15, i, 0, 1, 2**62 + i, -1, 3, 4, 5, -6)


@given(ROWS, st.lists(st.sampled_from(["digest", "sync", "rows"]), max_size=5))
@settings(max_examples=40, deadline=None)
def test_digest_and_rows_do_not_depend_on_when_they_were_asked_for(rows: list[Row], asked: list[str]) -> None:
    log = RunLog()
    for i, one in enumerate(rows):
        log.append(one)
        if i < len(asked):
            getattr(log, asked[i])()
    assert len(log) == len(rows)
    assert list(log.rows()) == rows
    assert log.digest() == hashlib.sha256(bytes_of(rows)).hexdigest()


@pytest.mark.parametrize("is_patient", [False, True])
@pytest.mark.parametrize("n_rows", [0, 1, 1023, 1024, 1025, 5000])
def test_the_file_holds_the_rows_and_nothing_else(n_rows: int, is_patient: bool, tmp_path: Path) -> None:
    rows = [row(i) for i in range(n_rows)]
    log = RunLog(tmp_path / "orders.log", patient=is_patient)
    for one in rows:
        log.append(one)
    assert list(log.rows()) == rows
    log.close()
    assert (tmp_path / "orders.log").read_bytes() == bytes_of(rows)
    assert log.digest() == hashlib.sha256(bytes_of(rows)).hexdigest()


def test_rows_are_those_of_the_call_while_more_are_appended(tmp_path: Path) -> None:
    for log in (RunLog(), RunLog(tmp_path / "orders.log")):
        log.append(row(1))
        seen = []
        for one in log.rows():
            seen.append(one)
            log.append(row(2))
            log.sync()
        assert seen == [row(1)]
        log.close()


@pytest.mark.parametrize("is_file", [True, False])
def test_who_follows_the_log_gets_each_row_once(tmp_path: Path, is_file: bool) -> None:
    log = RunLog(tmp_path / "orders.log" if is_file else None)
    taken: list[Row] = []
    for n in (0, 3, 0, 1500, 1):
        for i in range(n):
            log.append(row(i))
        taken += log.rows(len(taken))
    assert taken == list(log.rows())
    assert len(taken) == 1504
    log.close()


def test_what_was_synced_outlives_the_process(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "orders.log")
    log.append(row(1))
    log.sync()
    assert (tmp_path / "orders.log").read_bytes() == bytes_of([row(1)])
    log.close()


def test_a_resumed_log_cuts_half_a_row_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "orders.log"
    rows = [row(i) for i in range(9000)]
    path.write_bytes(bytes_of(rows) + b"half a row")
    log = RunLog(path, resume=True)
    assert len(log) == 9000
    log.append(row(9000))
    assert list(log.rows()) == [*rows, row(9000)]
    log.close()
    assert log.digest() == hashlib.sha256(bytes_of([*rows, row(9000)])).hexdigest()


@pytest.mark.parametrize("is_patient", [False, True])
def test_what_a_full_disk_does_not_take_waits_and_is_read_all_the_same(tmp_path: Path, is_patient: bool) -> None:
    path = tmp_path / "orders.log"
    log = RunLog(path, patient=is_patient)
    rows = [row(i) for i in range(3000)]
    for one in rows[:1000]:
        log.append(one)
    log.sync()
    with full_disk(100_001):
        for one in rows[1000:]:
            log.append(one)
        log.sync()
        assert log.file is not None
        assert "too large" in str(log.file.error)
        assert list(log.rows()) == rows
        assert list(log.rows(2500)) == [tuple(one) for one in log.rows_from(2500).tolist()] == rows[2500:]
        assert log.digest() == hashlib.sha256(bytes_of(rows)).hexdigest()
    log.sync()
    assert log.file.error is None
    assert [tuple(one) for one in log.rows_from(999).tolist()] == rows[999:]
    log.close()
    assert path.read_bytes() == bytes_of(rows)


def test_a_log_that_a_disk_never_took_says_so_when_it_is_closed(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "orders.log")
    log.append(row(1))
    with full_disk(10), pytest.raises(OSError, match="too large"):
        log.close()


def test_rows_may_be_read_between_the_two_ends_of_a_write(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "orders.log", patient=True)
    log.append(row(1))
    log.flush()
    assert log.file is not None
    write = log.file.begin_write()
    log.append(row(2))
    assert list(log.rows()) == [row(1), row(2)]
    error = write.run()
    assert list(log.rows()) == [row(1), row(2)]
    log.file.settle(write, error)
    assert list(log.rows()) == [row(1), row(2)]
    assert (tmp_path / "orders.log").read_bytes() == bytes_of([row(1)])
    log.close()


def test_a_log_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "orders.log").write_bytes(b"")
    with pytest.raises(FileExistsError):
        RunLog(tmp_path / "orders.log")
