"""Binary market data of Paradex, written field by field by the published schema (1, version 1)."""

import json
from decimal import Decimal
from struct import pack
from typing import Any

NULL = -(1 << 63)
Levels = list[tuple[str, str]]


def e8(text: str) -> int:
    return int(Decimal(text) * 10**8)


def frame(template: int, block: bytes, rest: bytes, market: str, version: int = 1) -> bytes:
    name = market.encode()
    return pack("<HHHH", len(block), template, 1, version) + block + rest + bytes((len(name),)) + name


def group(levels: Levels) -> bytes:
    return pack("<HH", 16, len(levels)) + b"".join(pack("<qq", e8(price), e8(size)) for price, size in levels)


def book_frame(market: str, ts_ms: int, seq: int, bids: Levels, asks: Levels, *, is_whole: bool = False) -> bytes:
    block = pack("<qqB9q", ts_ms * 1000, seq, 0 if is_whole else 1, *[NULL] * 9)
    return frame(3, block, group(bids) + group(asks), market)


def trade_frame(market: str, ts_ms: int, number: int, side: int, price: str, size: str, kind: int = 1) -> bytes:
    us = ts_ms * 1000
    block = pack("<qqqBqqqB", us + 5, 9, number, 1 if side > 0 else 2, e8(price), e8(size), us, kind)
    return frame(1, block, b"", market)


def summary_frame(market: str, ts_ms: int, mark: str, index: str, rate_e12: int, interest: str) -> bytes:
    told = (e8(mark), e8(index), NULL, NULL, e8(interest), rate_e12 // 10**4)
    block = pack("<30q", ts_ms * 1000, 0, *told, *[NULL] * 21, rate_e12)
    return frame(4, block, b"", market)


def of_message(text: bytes) -> bytes:
    """Return a message of a book or trades channel in binary; other frames stay as they are."""
    told = json.loads(text)
    if "params" not in told:
        return text
    row: dict[str, Any] = told["params"]["data"]
    if told["params"]["channel"].startswith("trades"):
        side = 1 if row["side"] == "BUY" else -1
        return trade_frame(row["market"], row["created_at"], int(row["id"]), side, row["price"], row["size"])
    sides: dict[str, Levels] = {"BUY": [], "SELL": []}
    for name in ("deletes", "updates", "inserts"):
        for level in row[name]:
            sides[level["side"]].append((level["price"], "0" if name == "deletes" else level["size"]))
    is_whole = row["update_type"] == "s"
    ts = row["last_updated_at"]
    return book_frame(row["market"], ts, row["seq_no"], sides["BUY"], sides["SELL"], is_whole=is_whole)
