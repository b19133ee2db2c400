"""Trio with a schedule that a seed decides."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio._core._run as trio_run  # private names, here and nowhere else
from trio.testing import MockClock


def seeded(seed: int, main: Callable[[], Any]) -> Any:
    """Run `main` on a clock that jumps when all sleep, its tasks in an order that the seed decides."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trio_run, "_ALLOW_DETERMINISTIC_SCHEDULING", True)
        trio_run._r.seed(seed)
        return trio.run(main, clock=MockClock(autojump_threshold=0))
