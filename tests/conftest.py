"""What all tests share."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# what pytest set, or its caller: a live run heeds them, and ignores them at its end
SIGNALS = {
    number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
}


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recorded data that lies beside the project; a test that needs it is skipped where it is absent."""
    folder = Path(os.environ.get("LOCKSTEP_SHARED") or ROOT.parent / "shared").resolve()
    if not folder.is_dir():
        pytest.skip(f"no recorded data: {folder} is not a folder; set LOCKSTEP_SHARED to where it lies")
    return folder


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """Undo what a live run in this process does to signals: children of later tests would ignore them as well."""
    _reset_signals()  # by a fixture of a module
    yield
    _reset_signals()


def _reset_signals() -> None:
    for number, handler in SIGNALS.items():
        signal.signal(number, handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests that need the real clock after all others; the order is otherwise kept."""
    items.sort(key=lambda item: item.get_closest_marker("realtime") is not None)
