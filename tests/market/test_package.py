"""What `market` offers by name, and what it costs to import."""

import subprocess
import sys

import market


def test_every_name_it_offers_is_there() -> None:
    for name in market.__all__:
        assert getattr(market, name).__name__ == name


def test_units_and_messages_do_without_numba() -> None:
    code = "import sys, market.messages, market.units; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
