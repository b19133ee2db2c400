"""The one door to numba: every kernel is compiled through `njit` here.

numba's on-disk cache looks at the file of the compiled function only, so an edit in a *callee's* file is not seen and
the old machine code runs in silence.  Here the cache folder is named by a hash over all kernel sources and numba's
version, and is chosen before numba is first imported: any edit of any kernel starts an empty folder.

Kernels live in modules whose name is `kernels.py` or ends in `_kernels.py`, and nowhere else (a test says so); those
files are what is hashed.  `LOCKSTEP_CACHE` moves the root of the cache (default: `$XDG_CACHE_HOME/lockstep`, else
`~/.cache/lockstep`).
"""

import hashlib
import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("market", "sim", "research")


def kernel_sources(root: Path = _ROOT) -> list[Path]:
    """Return the source files of all kernels below `root`, in a fixed order."""
    found: list[Path] = []
    for package in _PACKAGES:
        found += (root / package).rglob("kernels.py")
        found += (root / package).rglob("*_kernels.py")
    return sorted(found)


def cache_key(root: Path = _ROOT) -> str:
    """Return the name of the cache folder: a hash over the kernel sources and numba's version."""
    digest = hashlib.sha256(version("numba").encode())
    for path in kernel_sources(root):
        source = path.read_bytes()
        digest.update(f"{path.relative_to(root).as_posix()}:{len(source)}:".encode())
        digest.update(source)
    return digest.hexdigest()[:16]


def _cache_root() -> Path:
    if own := os.environ.get("LOCKSTEP_CACHE"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "lockstep"


if "numba" in sys.modules:
    raise ImportError("numba was imported before market.jit, so its cache folder cannot be chosen; import market first")
os.environ["NUMBA_CACHE_DIR"] = str(_cache_root() / "kernels" / cache_key())

import numba  # noqa: E402

# When numba's array functions are loaded they look for a BLAS by importing scipy.linalg, a fifth of the time to a run's
# first event.  Kernels of ours have no use for one, whose sums differ from machine to machine; so here there is none.
_BLAS = "scipy.linalg.cython_blas"
if _BLAS not in sys.modules:
    sys.modules[_BLAS] = None  # type: ignore[assignment]
    try:
        import numba.np.arraymath
    finally:
        del sys.modules[_BLAS]


def njit(function: F) -> F:
    """Compile `function` in nopython mode, cached on disk, with strict IEEE arithmetic (never fastmath)."""
    compiled: F = numba.njit(cache=True, fastmath=False, error_model="numpy")(function)
    return compiled
