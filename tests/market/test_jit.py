"""The cache of compiled kernels never runs old code, and is where we say."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import market.jit
from market.jit import cache_key, kernel_sources

CALLEE = "from market.jit import njit\n\n\n@njit\ndef fee(lots: int) -> int:\n    return lots * {rate}\n"
CALLER = """
from market.jit import njit
from market.kernels import fee


@njit
def cost(lots: int) -> int:
    return fee(lots) + 1
"""
SHOW = "import sim.cost_kernels as k; import numba; print(k.cost(10), numba.config.CACHE_DIR)"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small project: one kernel of `sim` that calls one of `market`, and a file that is no kernel."""
    root = tmp_path / "project"
    for package in ("market", "sim"):
        (root / package).mkdir(parents=True)
        (root / package / "__init__.py").write_text("")
    shutil.copy(market.jit.__file__, root / "market/jit.py")
    (root / "market/kernels.py").write_text(CALLEE.format(rate=2))
    (root / "market/book.py").write_text("DEPTH = 20\n")
    (root / "sim/cost_kernels.py").write_text(CALLER)
    return root


def run(root: Path, program: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LOCKSTEP_CACHE": str(root / "cache"), "PYTHONPATH": str(root)}
    environment.pop("NUMBA_CACHE_DIR", None)
    return subprocess.run(
        [sys.executable, "-c", program], cwd=root, env=environment, capture_output=True, text=True, check=False
    )


def test_kernel_sources_are_found_by_name_in_a_fixed_order(tree: Path) -> None:
    assert kernel_sources(tree) == [tree / "market/kernels.py", tree / "sim/cost_kernels.py"]


def test_editing_a_kernel_renames_the_cache(tree: Path) -> None:
    before = cache_key(tree)
    (tree / "market/kernels.py").write_text(CALLEE.format(rate=3))
    assert cache_key(tree) != before
    (tree / "market/kernels.py").write_text(CALLEE.format(rate=2))
    assert cache_key(tree) == before


def test_adding_or_renaming_a_kernel_file_renames_the_cache(tree: Path) -> None:
    before = cache_key(tree)
    (tree / "sim/queue_kernels.py").write_text("")
    added = cache_key(tree)
    (tree / "sim/queue_kernels.py").rename(tree / "sim/order_kernels.py")
    assert len({before, added, cache_key(tree)}) == 3


def test_moving_text_between_two_kernel_files_renames_the_cache(tree: Path) -> None:
    (tree / "sim/cost_kernels.py").write_text("ab")
    (tree / "sim/queue_kernels.py").write_text("c")
    before = cache_key(tree)
    (tree / "sim/cost_kernels.py").write_text("a")
    (tree / "sim/queue_kernels.py").write_text("bc")
    assert cache_key(tree) != before


def test_editing_another_file_keeps_the_cache(tree: Path) -> None:
    before = cache_key(tree)
    (tree / "market/book.py").write_text("DEPTH = 50\n")
    assert cache_key(tree) == before


@pytest.mark.slow
def test_a_callee_edited_in_another_file_runs_as_edited(tree: Path) -> None:
    # numba alone gives 21 the second time: it looks at the caller's file only
    first = run(tree, SHOW)
    assert first.stdout.split()[0] == "21", first.stderr
    folder = Path(first.stdout.split()[1])
    assert folder.parent == tree / "cache/kernels"
    assert list(folder.rglob("*.nbc")), "nothing was cached"
    (tree / "market/kernels.py").write_text(CALLEE.format(rate=3))
    second = run(tree, SHOW)
    assert second.stdout.split()[0] == "31", second.stderr
    assert second.stdout.split()[1] != str(folder)


def test_numba_caches_in_the_folder_that_the_kernels_name() -> None:
    import numba

    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    assert folder.name == cache_key()
    assert str(folder) == numba.config.CACHE_DIR


def test_numba_imported_first_is_refused_with_the_remedy(tree: Path) -> None:
    done = run(tree, "import numba; import market.jit")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "ImportError: numba was imported before market.jit, so its cache folder cannot be chosen; import market first"
    )


@pytest.mark.slow
def test_a_kernel_loads_no_linear_algebra_and_leaves_it_to_others(tree: Path) -> None:
    done = run(
        tree,
        "import sys; import sim.cost_kernels as k; k.cost(10); print('scipy.linalg' in sys.modules);"
        "import scipy.linalg.cython_blas as blas; print(blas.__name__)",
    )
    assert (done.stdout, done.returncode) == ("False\nscipy.linalg.cython_blas\n", 0), done.stderr
