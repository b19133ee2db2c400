"""What tests of the emulator share."""

import pytest

from tests.sim.emulator.clients import ROOT


@pytest.fixture
def paradex_python() -> str:
    """The interpreter that has Paradex's own SDK; a test that needs it is skipped where there is none."""
    folder = ROOT / ".venv-paradex-py"
    if not (folder / "installed").exists():  # written last
        pytest.skip("paradex-py, which needs Python 3.10, is not installed: make paradex-py")
    return str(folder / "bin" / "python")
