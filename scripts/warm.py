"""Compile the kernels into numba's cache, so that the first run starts as fast as the second.

    python -m scripts.warm

A kernel is compiled when it is first called with arguments of a type; so what is compiled here is what `WARMUPS` call.
"""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from market.jit import kernel_sources

ROOT: Final = Path(__file__).resolve().parent.parent

# each runs something small that calls its kernels with the types of a real run
WARMUPS: Final[tuple[Callable[[], None], ...]] = ()


def import_kernels() -> list[str]:
    """Import every module of kernels and return their names: a kernel that cannot be imported fails the install."""
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in kernel_sources(ROOT)]
    for name in names:
        importlib.import_module(name)
    return names


def main() -> int:
    import_kernels()
    for warm in WARMUPS:
        warm()
    return 0


if __name__ == "__main__":
    sys.exit(main())
