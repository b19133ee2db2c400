"""A short run of the fuzzer, and that its inputs reach what they are to reach."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_every_seed_is_read_and_not_refused() -> None:
    program = (
        "from tests.fuzz.codecs import READERS, seeds\n"
        "inputs = seeds()\n"
        "assert {each[0] for each in inputs} == set(range(len(READERS)))\n"
        "for each in inputs: READERS[each[0]](each[1:])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.mark.slow
def test_whatever_comes_is_read_or_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz.codecs", str(tmp_path), "-runs=4000", "-seed=7", "-max_len=600"]
    done = subprocess.run(
        [*command, f"-artifact_prefix={tmp_path}/"], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:] + done.stdout[-4000:]
    assert "Done 4000 runs" in done.stderr
