"""How other people's clients are run: each in a process of its own."""

import json
import sys
from pathlib import Path
from typing import Any

import trio

FOLDER = Path(__file__).parent


async def run_client(program: str, task: dict[str, Any]) -> dict[str, Any]:
    """Run a client that takes a JSON object and prints one; return what it printed."""
    with trio.fail_after(120):
        done = await trio.run_process(
            [sys.executable, str(FOLDER / program), json.dumps(task)],
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr.decode()[-4000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found
