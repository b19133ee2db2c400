"""What made a result is told so that another can tell whether he has the same."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from research.provenance import FOLDERS, ROOT, packages, provenance, sources_hash

PROGRAM = "import json; from research.provenance import provenance; print(json.dumps(provenance()['code']))"


def copied(target: Path) -> Path:
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def code_of(root: Path) -> dict[str, object]:
    answer = subprocess.run([sys.executable, "-c", PROGRAM], cwd=root, capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(answer.stdout)
    return found


def git(root: Path, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", "-C", str(root), *who, *words], check=True, capture_output=True)


def test_what_is_stated() -> None:
    found = provenance()
    assert set(found) == {"code", "lock", "packages", "machine"}
    assert found["packages"]["numpy"] == np.__version__
    assert {"llvmlite", "python"} <= set(found["packages"]), "what our packages need counts, too"
    assert "pytest" not in found["packages"]
    assert len(found["lock"]["sha256"]) == 64
    assert packages() is not packages(), "a caller may change what it got"


def test_the_hash_follows_the_sources_not_their_place(tmp_path: Path) -> None:
    root = copied(tmp_path / "elsewhere")
    first = code_of(root)
    assert first["sources_sha256"] == sources_hash()
    assert (first["commit"], first["dirty"]) == (None, None), "no checkout"
    (root / "market" / "fresh.py").write_text("x = 1\n")
    changed = code_of(root)["sources_sha256"]
    assert changed != first["sources_sha256"]
    (root / "market" / "fresh.py").rename(root / "market" / "other.py")
    assert code_of(root)["sources_sha256"] not in (changed, first["sources_sha256"])


def test_commit_and_whether_the_tree_was_changed(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    root = copied(tmp_path)
    git(root, "add", ".")
    git(root, "commit", "-qm", "all")
    clean = code_of(root)
    assert (len(str(clean["commit"])), clean["dirty"]) == (40, False)
    (root / "market" / "units.py").write_text("# changed\n" + (root / "market" / "units.py").read_text())
    assert code_of(root)["dirty"] is True


def test_a_folder_inside_of_another_checkout_has_no_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-qm", "theirs", "--allow-empty")
    assert code_of(copied(tmp_path / "vendored"))["commit"] is None
