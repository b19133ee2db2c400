"""Gaps on the disk: what was written is read, and writing it does not bring pandas into a process that trades."""

import subprocess
import sys
from pathlib import Path

import pytest

from market.archive.gaps import Gap, read_gaps, write_gaps
from market.units import HOUR, SECOND

T = 472_000 * HOUR
GAPS = [
    Gap(T + SECOND, T + 2 * SECOND, "delta", "silence"),
    Gap(T + SECOND, T + 3 * SECOND, "trades", "connection lost: Schnüre & Käbel", is_hole=False),
    Gap(T + 5 * SECOND, T + 6 * SECOND, "", ""),
]


@pytest.mark.parametrize("n", [0, 1, 3])
def test_what_is_written_is_read(tmp_path: Path, n: int) -> None:
    write_gaps(tmp_path, "bybit", "SOLUSDT", T, reversed(GAPS[:n]))
    assert read_gaps(tmp_path, "bybit", "SOLUSDT") == sorted(GAPS[:n])


@pytest.mark.slow
def test_pandas_is_not_loaded_by_it(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from market.archive.gaps import Gap, write_gaps
write_gaps(Path({str(tmp_path)!r}), "bybit", "SOLUSDT", {T}, [Gap({T}, {T + 1}, "delta", "silence")])
sys.exit("pandas" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
