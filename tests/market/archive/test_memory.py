"""What an import or a reading holds does not grow with the file."""

import subprocess
import sys
from pathlib import Path

import pytest

from market.archive.instruments import write_instruments
from tests.market.archive.samples import BTC, INCREMENT_HEADER, US0

ROOT = Path(__file__).resolve().parents[3]

# the kernel's own count of the most memory that this process had; getrusage would count that of the parent
PEAK = """
from pathlib import Path
def peak():
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) // 1024
"""
IMPORT = """
from market.archive.instruments import load_instruments, read_instruments
from market.archive.tardis import import_tardis
root = Path(sys.argv[1])
import_tardis([root / "feed.csv"], root / "archive", read_instruments(root, "binance-futures", "BTCUSDT"))
"""
READ = """
import os
os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
from market.archive.reader import read_stream
from market.archive.window import parse_window
window = parse_window("2024-08-08:22", "2024-08-09:21")
feed = read_stream(Path(sys.argv[1]) / "archive", "binance-futures", "BTCUSDT", "delta", window.start, window.end)
assert sum(len(chunk) for chunk in feed) > 3000
"""
SIZE = 140_000  # rows: several blocks


def feed(path: Path, n_rows: int) -> None:
    """Write increments: 30 rows a message, a message every 100 ms."""
    with path.open("w") as file:
        file.write(INCREMENT_HEADER + "\n")
        for i in range(n_rows):
            at = US0 + i // 30 * 100_000
            side, price = ("bid", 60000 - i * 7 % 500) if i % 2 else ("ask", 60001 + i * 11 % 500)
            is_snapshot = "true" if i < 30 else "false"
            file.write(
                f"binance-futures,BTCUSDT,{at},{at},{is_snapshot},{side},{price}.0,{i * 31 % 977}.{i % 1000:03}\n"
            )


def peak_mb(program: str, folder: Path) -> int:
    whole = f"import sys\n{PEAK}\n{program}\nprint(peak())"
    run = [sys.executable, "-c", whole, str(folder)]
    return int(subprocess.run(run, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the memory of a process from /proc")
def test_eight_times_the_rows_take_the_same_memory(tmp_path: Path) -> None:
    peaks = []
    for times in (1, 8):
        folder = tmp_path / str(times)
        folder.mkdir()
        feed(folder / "feed.csv", SIZE * times)
        write_instruments(folder, [BTC])
        peaks.append((peak_mb(IMPORT, folder), peak_mb(READ, folder)))
    (once_import, once_read), (eight_import, eight_read) = peaks
    # the rows alone would be 60 MB more, the text 80; what there is of it is the allocator's
    assert eight_import - once_import < 30, peaks
    assert eight_read - once_read < 30, peaks
