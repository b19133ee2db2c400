"""Recorded messages of the venue, and the instruments they are about."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from market import Instrument

BTC = Instrument(0, "bybit", "BTCUSDT", "BTC", "USDT", "USDT", Decimal("0.10"), Decimal("0.001"))
ETH = Instrument(1, "bybit", "ETHUSDT", "ETH", "USDT", "USDT", Decimal("0.01"), Decimal("0.01"))


def recorded(shared: Path, name: str) -> list[dict[str, Any]]:
    """Return the lines of a file; `msg` of each is the message."""
    lines = (shared / "data/wire/bybit_linear" / f"{name}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def messages(shared: Path, name: str) -> list[bytes]:
    """Return the messages of a file as frames or bodies."""
    return [json.dumps(line["msg"]).encode() for line in recorded(shared, name)]
