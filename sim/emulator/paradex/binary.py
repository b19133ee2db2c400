"""Public messages in Simple Binary Encoding, schema 1 in version 1, as Paradex sends them to who asks for it.

Fields are in the order of the schema; what the emulator does not know is the null of its type.
"""

from decimal import Decimal
from struct import pack
from typing import Any, Final

NULL: Final = -(1 << 63)
_CUT: Final = (1 << 63) - 1  # what there is room for of the number of a trade
_TRADE, _BBO, _BOOK, _SUMMARY = 1, 2, 3, 4
_BUY: Final = "BUY"
_SUMMARY_FIELDS: Final = (
    "mark_price",
    "underlying_price",
    "last_traded_price",
    "volume_24h",
    "open_interest",
    "funding_rate",
    "bid",
    "ask",
    "total_volume",
    "price_change_rate_24h",
)
_N_SUMMARY: Final = 27  # values of 8 bytes, to which version 1 adds three

Row = dict[str, Any]


def asked_for(query: str) -> bool:
    """Tell whether a socket's address asks for binary frames.

    Raises:
        ValueError: in a schema or version that is not spoken.
    """
    told = dict(part.partition("=")[::2] for part in query.split("&") if part)
    if "sbeSchemaId" not in told:
        return False
    if told["sbeSchemaId"] != "1" or told.get("sbeSchemaVersion") != "1":
        raise ValueError(f"schema {query} is not supported")
    return True


def frame_of(kind: str, row: Row) -> bytes:
    """Return a message of a channel."""
    if kind == "trades":
        return _trade(row)
    if kind == "markets_summary":
        return _summary(row)
    return _touch(row) if kind == "bbo" else _book(row)


def _trade(row: Row) -> bytes:
    us = row["created_at"] * 1000
    side = 1 if row["side"] == _BUY else 2
    block = pack("<qqqBqqqB", us, 0, int(row["id"]) & _CUT, side, _e8(row["price"]), _e8(row["size"]), us, 1)
    return _whole(_TRADE, block, b"", row["market"])


def _book(row: Row) -> bytes:
    is_change = row["update_type"] == "d"
    block = pack("<qqB9q", row["last_updated_at"] * 1000, row["seq_no"], is_change, *[NULL] * 9)
    gone = [{**level, "size": "0"} for level in row["deletes"]]
    levels = [*gone, *row["updates"], *row["inserts"]]
    groups = b""
    for is_bid in (True, False):
        side = [level for level in levels if (level["side"] == _BUY) == is_bid]
        groups += pack("<HH", 16, len(side))
        groups += b"".join(pack("<qq", _e8(level["price"]), _e8(level["size"])) for level in side)
    return _whole(_BOOK, block, groups, row["market"])


def _touch(row: Row) -> bytes:
    values = [_e8(row[name]) for name in ("bid", "bid_size", "ask", "ask_size")]
    return _whole(_BBO, pack("<6q", row["last_updated_at"] * 1000, row["seq_no"], *values), b"", row["market"])


def _summary(row: Row) -> bytes:
    values = [_e8(row[name]) if row.get(name) else NULL for name in _SUMMARY_FIELDS]
    values += [NULL] * (_N_SUMMARY - 2 - len(values))
    precise = int(Decimal(row["funding_rate"]).scaleb(12)) if row.get("funding_rate") else NULL
    block = pack("<30q", row["created_at"] * 1000, 0, *values, NULL, NULL, precise)
    return _whole(_SUMMARY, block, b"", row["symbol"])


def _whole(template: int, block: bytes, groups: bytes, market: str) -> bytes:
    name = market.encode()
    return pack("<HHHH", len(block), template, 1, 1) + block + groups + bytes((len(name),)) + name


def _e8(text: str) -> int:
    return int(Decimal(text).scaleb(8))
