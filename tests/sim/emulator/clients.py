"""How other people's clients are run: each in a process of its own."""

import json
import sys
from pathlib import Path
from typing import Any

import trio

ROOT = Path(__file__).resolve().parents[3]


async def run_client(program: str, task: dict[str, Any], python: str = sys.executable) -> dict[str, Any]:
    """Run a client of this folder that takes a JSON object and prints one; return what it printed.

    Args:
        python: the interpreter, where the client needs another than ours.
    """
    with trio.fail_after(120):
        done = await trio.run_process(
            [python, "-m", f"tests.sim.emulator.{program}", json.dumps(task)],
            cwd=ROOT,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr.decode()[-4000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found
