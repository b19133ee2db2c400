"""Many files at once: a crash at any point leaves all of them or none."""

import json
import shutil
from pathlib import Path

import pytest

from market.archive.staging import Staging

NEW = {
    "v/S/trades/2024-08-08/22.parquet": "new 22",
    "v/S/trades/2024-08-08/23.parquet": "new 23",
    "v/S/quality.json": "new",
}
OLD = {"v/S/trades/2024-08-08/22.parquet": "old 22", "v/S/quality.json": "old", "v/T/quality.json": "other"}


def put(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def content(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): path.read_text()
        for path in root.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_commit_adds_to_what_is_there(tmp_path: Path) -> None:
    put(tmp_path, OLD)
    with Staging(tmp_path) as staging:
        put(staging.root, NEW)
        assert {name: text for name, text in content(tmp_path).items() if "staging" not in name} == OLD
        paths = staging.commit(replace=True)
    assert content(tmp_path) == OLD | NEW
    assert paths == sorted(tmp_path / name for name in NEW)


def test_without_commit_nothing_is_there(tmp_path: Path) -> None:
    put(tmp_path, OLD)
    with Staging(tmp_path) as staging:
        put(staging.root, NEW)
    assert content(tmp_path) == OLD


def test_refused_hours_change_nothing(tmp_path: Path) -> None:
    put(tmp_path, OLD)
    with Staging(tmp_path) as staging:
        put(staging.root, NEW)
        with pytest.raises(FileExistsError, match=r"22\.parquet: in the archive already$"):
            staging.commit(replace=False)
    assert content(tmp_path) == OLD


def test_what_stands_beside_the_hours_is_always_replaced(tmp_path: Path) -> None:
    gaps = "v/gaps/gaps/2024-08-08/22.parquet"
    put(tmp_path, {gaps: "old", "v/S/quality.json": "old"})
    with Staging(tmp_path) as staging:
        put(staging.root, {gaps: "new", "v/S/quality.json": "new"})
        staging.commit(replace=False)
    assert content(tmp_path) == {gaps: "new", "v/S/quality.json": "new"}


@pytest.mark.parametrize("n_moved", range(len(NEW) + 1))
def test_an_interrupted_commit_is_finished_by_the_next_import(tmp_path: Path, n_moved: int) -> None:
    put(tmp_path, OLD)
    left = tmp_path / ".staging-dead"
    put(left, NEW)
    (left / "committed.json").write_text(json.dumps(sorted(NEW)))
    for name in sorted(NEW)[:n_moved]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(left / name, tmp_path / name)
    with Staging(tmp_path):
        assert {name: text for name, text in content(tmp_path).items() if "staging" not in name} == OLD | NEW
    assert content(tmp_path) == OLD | NEW


def test_an_interrupted_import_is_thrown_away_by_the_next(tmp_path: Path) -> None:
    put(tmp_path, OLD)
    put(tmp_path / ".staging-dead", NEW)
    with Staging(tmp_path):
        pass
    assert content(tmp_path) == OLD


def test_one_import_at_a_time(tmp_path: Path) -> None:
    says = f"^{tmp_path}: another import is writing into this archive$"
    with Staging(tmp_path), pytest.raises(BlockingIOError, match=says), Staging(tmp_path):
        pass
    with Staging(tmp_path):
        pass
