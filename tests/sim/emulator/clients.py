"""How other people's clients are run: each in a process of its own."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import trio

ROOT = Path(__file__).resolve().parents[3]


def paradex_python() -> str:
    """Return the interpreter that has Paradex's own SDK; a test that needs it is skipped where there is none."""
    folder = ROOT / ".venv-paradex-py"
    if not (folder / "installed").exists():  # written last
        pytest.skip("paradex-py, which needs Python 3.10, is not installed: make paradex-py")
    return str(folder / "bin" / "python")


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
