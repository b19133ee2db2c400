"""The commands for people: what they say of a whole archive, of a damaged one, and what they mend."""

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from market.archive.ahead_layout import ahead_root, open_path, parts
from market.archive.content import content_hash
from market.archive.hour import read_hour
from market.archive.layout import GAPS, hour_files, hour_path
from market.archive.reader import read_stream
from market.archive.recorder import Recorder
from market.units import HOUR, MINUTE, SECOND
from scripts.archive import main
from tests.market.archive.samples import BTC, T0, Message, book_columns, messages_of, rows_of, trade_columns

TIMES = range(T0 + MINUTE, T0 + HOUR + MINUTE, 5 * SECOND)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two recordings: from 22:01 to 23:01, and a minute from 23:10."""
    root = tmp_path / "archive"
    books: list[Message] = [(at, at, int(i == 0), ((100, 1 + i % 9),), ((101, 2),)) for i, at in enumerate(TIMES)]
    record(root, T0, books)
    record(root, T0 + HOUR + 10 * MINUTE, [(T0 + HOUR + 10 * MINUTE, T0 + HOUR + 10 * MINUTE, 1, ((90, 1),), ())])
    return root


def record(root: Path, now: int, books: list[Message], *, is_rolled: bool = True) -> None:
    made = Recorder(root, [(BTC, "delta"), (BTC, "trades")], now)
    made.put(BTC.id, "delta", book_columns(books))
    made.put(BTC.id, "trades", trade_columns([books[0][1], books[-1][1]]))
    made.close(books[-1][1] + MINUTE)
    if is_rolled:
        assert made.roll().problems == ()


def rows(root: Path) -> tuple[list[Message], list[tuple[int, ...]]]:
    at = (T0, T0 + 24 * HOUR)
    return (
        messages_of(read_stream(root, BTC.venue, BTC.symbol, "delta", *at)),
        rows_of(read_stream(root, BTC.venue, BTC.symbol, "trades", *at)),
    )


def test_ls_shows_hours_holes_and_sizes(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", str(archive), "--holes"]) == 0
    said = capsys.readouterr().out
    [delta] = [line for line in said.splitlines() if "│ delta" in line]
    assert [cell.strip() for cell in delta.split("│")[1:8]] == [
        "binance-futures:BTCUSDT",
        "delta",
        "2024-08-08:22",
        "2024-08-08:23",
        "2",
        "0",
        "3",
    ]
    assert (
        "binance-futures:BTCUSDT delta 2024-08-08:23: restart from 2024-08-08 23:01:55.000 to 2024-08-08 23:10:00.000"
        in said
    )


def test_check_finds_nothing_in_a_whole_archive(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(archive)]) == 0
    assert capsys.readouterr().out == "4 hours read, 0 problems\n"


@pytest.mark.slow
def test_check_sees_every_changed_byte_that_matters(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = hour_path(archive, BTC.venue, BTC.symbol, "delta", T0)
    good, whole, hour = path.read_bytes(), rows(archive), read_hour(path)
    n_seen = 0
    for place in range(0, len(good), 41):
        data = bytearray(good)
        data[place] ^= 1 << place % 8
        path.write_bytes(data)
        if main(["check", str(archive)]):
            assert f"problem {path}: " in capsys.readouterr().out
            n_seen += 1
        else:  # parquet says many things twice
            assert (rows(archive), read_hour(path)) == (whole, hour), f"byte {place} of {len(good)}"
    assert n_seen > len(good) / 41 / 3


def test_check_sees_what_is_in_the_wrong_place(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    right = hour_path(archive, BTC.venue, BTC.symbol, "delta", T0)
    shutil.copy(right, hour_path(archive, BTC.venue, BTC.symbol, "delta", T0 + HOUR))
    hour_path(archive, BTC.venue, BTC.symbol, GAPS, T0).write_bytes(b"PAR1 no")
    (archive / BTC.venue / BTC.symbol / "instrument.json").unlink()
    assert main(["check", str(archive)]) == 1
    said = capsys.readouterr().out
    assert "delta of another place or hour" in said
    assert "no instrument.json beside it" in said
    assert "22.parquet: damaged: " in said


def test_repair_finishes_what_a_kill_left(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = T0 + 2 * HOUR
    before = rows(archive)
    record(archive, at, [(at, at, 1, ((100, 1),), ()), (at + 1, at + 1, 0, ((99, 1),), ())], is_rolled=False)
    for part in parts(archive):
        half = open_path(part.path)
        part.path.rename(half)
        half.write_bytes(half.read_bytes() + b"torn")
    (archive / BTC.venue / f".{BTC.symbol}.1.tmp").write_bytes(b"half")
    (archive / ".staging-x").mkdir()
    assert main(["check", str(archive)]) == 1
    assert capsys.readouterr().out.count("problem") == 5
    assert main(["repair", str(archive)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("8 bytes cut off torn ends of the write-ahead\n1 half files removed\nhour written: ")
    assert main(["check", str(archive)]) == 0
    after = rows(archive)
    assert (len(after[0]) - len(before[0]), len(after[1]) - len(before[1])) == (2, 2)
    assert main(["repair", str(archive)]) == 0
    assert capsys.readouterr().out.endswith("nothing to repair\n")
    assert list(ahead_root(archive).rglob("*.arrow*")) == []


def test_repair_leaves_a_recorder_at_work_alone(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = Recorder(archive, [(BTC, "delta")], T0 + 5 * HOUR)
    assert main(["repair", str(archive)]) == 1
    assert "a recorder is writing into this archive" in capsys.readouterr().err
    made.close(T0 + 5 * HOUR)


def test_compact_keeps_every_row(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = hour_files(archive, BTC.venue, BTC.symbol, "delta")
    before, hours = rows(archive), [read_hour(path) for path in files]
    sizes = [path.stat().st_size for path in files]
    assert main(["compact", str(archive)]) == 0
    assert "of 4 hours written anew" in capsys.readouterr().out
    assert rows(archive) == before
    assert [read_hour(path) for path in files] == hours
    assert sum(path.stat().st_size for path in files) < sum(sizes)
    assert main(["check", str(archive)]) == 0
    hashes = content_hash(archive, files)
    assert main(["compact", str(archive)]) == 0
    assert content_hash(archive, files) == hashes, "what is packed is left as it is"


def test_sync_copies_there_and_back(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backup = tmp_path / "backup"
    assert main(["sync", str(archive), str(backup)]) == 0
    assert main(["check", str(backup)]) == 0
    assert rows(backup) == rows(archive)
    assert not ahead_root(backup).exists()
    lost = hour_path(archive, BTC.venue, BTC.symbol, "delta", T0)
    kept = lost.read_bytes()
    lost.unlink()
    assert main(["sync", str(backup), str(archive)]) == 0
    assert lost.read_bytes() == kept
    capsys.readouterr()
    assert main(["sync", str(archive), str(backup)]) == 0
    assert capsys.readouterr().out.startswith("0 files copied, 0 B; ")


def test_sync_replaces_only_when_told(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    backup = tmp_path / "backup"
    main(["sync", str(archive), str(backup)])
    path = hour_path(archive, BTC.venue, BTC.symbol, "delta", T0)
    table = pq.read_table(path)
    changed = path.read_bytes()[:-1] + b"X"
    path.write_bytes(changed)
    assert main(["sync", str(archive), str(backup)]) == 1
    assert "differs, left as it is (--replace takes the new one): binance-futures/BTCUSDT/delta" in (
        capsys.readouterr().out
    )
    theirs = backup / path.relative_to(archive)
    assert pq.read_table(theirs).equals(table)
    assert main(["sync", str(archive), str(backup), "--replace"]) == 0
    assert theirs.read_bytes() == changed


def test_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["ls", str(tmp_path / "nowhere")])
    assert "no archive at" in capsys.readouterr().err
    assert main(["ls", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"nothing in {tmp_path}\n"


def test_sync_to_an_address_and_back(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    address, back = "memory://backup/archive", tmp_path / "back"
    assert main(["sync", str(archive), address]) == 0
    assert main(["sync", address, str(back), "--by-size"]) == 0
    assert main(["check", str(back)]) == 0
    assert rows(back) == rows(archive)
    capsys.readouterr()
    assert main(["sync", str(archive), address]) == 0
    assert capsys.readouterr().out.startswith("0 files copied, 0 B; ")
    assert main(["sync", "memory://elsewhere", str(back)]) == 1
    assert capsys.readouterr().out == "nothing in memory://elsewhere\n"
    assert main(["sync", str(archive), "s3://bucket/archive"]) == 1
    assert "pip install s3fs" in capsys.readouterr().err
