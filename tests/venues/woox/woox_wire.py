"""Recorded messages of the venue, and the instruments they are about."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from market import Instrument

BTC = Instrument(
    0, "woox", "PERP_BTC_USDT", "BTC", "USDT", "USDT", Decimal("0.1"), Decimal("0.00001"), min_notional=Decimal(1)
)
LTC = Instrument(1, "woox", "PERP_LTC_USDT", "LTC", "USDT", "USDT", Decimal("0.01"), Decimal("0.1"))


def recorded(shared: Path, name: str) -> list[dict[str, Any]]:
    """Return the lines of a file; `msg` of each is the message."""
    lines = (shared / "data/wire/woox" / f"{name}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def bodies(shared: Path, name: str) -> list[bytes]:
    """Return the messages of a file as bodies."""
    return [json.dumps(line["msg"]).encode() for line in recorded(shared, name)]
