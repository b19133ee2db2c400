"""What all tests share."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recorded data that lies beside the project; a test that needs it is skipped where it is absent."""
    folder = Path(os.environ.get("LOCKSTEP_SHARED") or ROOT.parent / "shared").resolve()
    if not folder.is_dir():
        pytest.skip(f"no recorded data: {folder} is not a folder; set LOCKSTEP_SHARED to where it lies")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests that need the real clock after all others; the order is otherwise kept."""
    items.sort(key=lambda item: item.get_closest_marker("realtime") is not None)
