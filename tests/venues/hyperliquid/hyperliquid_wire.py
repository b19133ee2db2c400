"""Recorded messages of the venue, and instruments they are about."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from market.instrument import Instrument
from venues.hyperliquid.instruments import instrument_of
from venues.hyperliquid.structs import UniverseRow


def listed(name: str, decimals: int, number: int = 0) -> Instrument:
    """Return a perpetual as the venue lists it."""
    return instrument_of(UniverseRow(name, decimals), number, 0)


BTC = listed("BTC", 5)
FINE_BTC = Instrument(0, "hyperliquid", "BTC", "BTC", "USDC", "USDC", Decimal("0.01"), Decimal("0.00001"))


def recorded(shared: Path, name: str) -> list[dict[str, Any]]:
    """Return the lines of a file; `msg` of each is the message."""
    lines = (shared / "data/wire/hyperliquid" / f"{name}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def bodies(shared: Path, name: str) -> list[bytes]:
    """Return the messages of a file as bodies."""
    return [json.dumps(line["msg"]).encode() for line in recorded(shared, name)]
