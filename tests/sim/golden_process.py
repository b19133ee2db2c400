"""Golden runs in a process of their own, and what shows that a switch of its environment took.

`python -m tests.sim.golden_process NAME...` prints one JSON object: `seen`, and `runs` by name.
"""

import hashlib
import importlib
import json
import math
import sys
from typing import Any

from tests.golden.runs import NAMES, run_golden


def main(names: list[str]) -> None:
    """Run the goldens `names`, all of them by default; print what they come to."""
    runs = {name: run_golden(name) for name in names or NAMES}
    print(json.dumps({"seen": seen(), "runs": runs}))


def seen() -> dict[str, Any]:
    """Return what this process shows of hashing, of numpy's and numba's targets, and of libm."""
    from numba.core.registry import cpu_target

    _, cpu, features = cpu_target.target_context.codegen().magic_tuple()
    return {
        "hash": hash("lockstep"),
        "numpy": [name for name, is_used in numpy_features().items() if is_used],
        "numba": [cpu, features],
        "libm": libm(),
    }


def numpy_features() -> dict[str, bool]:
    """Return what numpy can dispatch on beyond its baseline, and whether it does here."""
    umath = importlib.import_module("numpy._core._multiarray_umath")
    return {name: bool(umath.__cpu_features__.get(name)) for name in umath.__cpu_dispatch__}


def libm() -> str:
    """Return a hash over values of libm, whose last bits depend on whether it may use fused multiply-add."""
    found = hashlib.sha256()
    for k in range(1, 20_000):
        x = k * 0.000731
        found.update(repr((math.exp(-x), math.log(x), math.sin(x), math.pow(x, 1.37))).encode())
    return found.hexdigest()


if __name__ == "__main__":
    main(sys.argv[1:])
