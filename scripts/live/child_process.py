"""What processes that a run starts are given of its environment."""

import os
from typing import Final

_OURS: Final = "LOCKSTEP_"


def without_keys() -> dict[str, str]:
    """Return the environment without our own keys; a command may need other secrets of its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
