"""Recorded messages of the venue, and an instrument they are about."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from market.instrument import Instrument

BTC = Instrument(
    0, "paradex", "BTC-USD-PERP", "BTC", "USD", "USDC", Decimal("0.01"), Decimal("0.0001"), min_notional=Decimal(10)
)


def recorded(shared: Path, name: str) -> list[dict[str, Any]]:
    """Return the lines of a file; `msg` of each is the message."""
    lines = (shared / "data/wire/paradex" / f"{name}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def bodies(shared: Path, name: str) -> list[bytes]:
    """Return the messages of a file as bodies."""
    return [json.dumps(line["msg"]).encode() for line in recorded(shared, name)]
