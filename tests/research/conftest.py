"""What the tests of research share."""

from pathlib import Path
from typing import Any

import pytest

from research.run_data import Run
from tests.research.run_writer import RunWriter
from tests.research.run_writer import write_run as write


@pytest.fixture
def write_run(tmp_path: Path) -> RunWriter:
    """Write a synthetic run directory below the test's own folder; see `tests.research.run_writer.write_run`."""

    def written(*, folder: str = "run", **content: Any) -> Run:
        return write(tmp_path / folder, **content)

    return written
