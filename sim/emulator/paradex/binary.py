"""Public messages in Simple Binary Encoding, schema 1 in versions 1 and 2, as Paradex sends them to who asks for it.

Fields are in the order of the schema; what the emulator does not know is the null of its type.  Of what is told here,
version 2 adds the whole number of a trade.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from struct import pack
from typing import Any, Final

NULL: Final = -(1 << 63)
_VERSIONS: Final = {"1": 1, "2": 2}
_CUT: Final = (1 << 64) - 1  # what there is room for of the number of a trade, and its sign is lost
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
Parts = tuple[int, bytes, bytes, tuple[str, ...]]  # template, block, groups; the market's name, what version 2 adds


def asked_for(query: str) -> int:
    """Return in which version a socket's address asks for binary frames; 0: for JSON.

    Raises:
        ValueError: in a schema or version that is not spoken.
    """
    told = dict(part.partition("=")[::2] for part in query.split("&") if part)
    if "sbeSchemaId" not in told:
        return 0
    version = _VERSIONS.get(told.get("sbeSchemaVersion", ""), 0)
    if told["sbeSchemaId"] != "1" or not version:
        raise ValueError(f"schema {query} is not supported")
    return version


def frame_of(kind: str, row: Row, version: int) -> bytes:
    """Return a message of a channel."""
    template, block, groups, texts = _PARTS[kind](row)
    names = b"".join(bytes((len(text),)) + text.encode() for text in texts[:version])
    return pack("<HHHH", len(block), template, 1, version) + block + groups + names


def _trade(row: Row) -> Parts:
    us = row["created_at"] * 1000
    side = 1 if row["side"] == _BUY else 2
    block = pack("<qqQBqqqB", us, 0, int(row["id"]) & _CUT, side, _e8(row["price"]), _e8(row["size"]), us, 1)
    return _TRADE, block, b"", (row["market"], row["id"])


def _book(row: Row) -> Parts:
    is_change = row["update_type"] == "d"
    bid, ask = (row[name] for name in ("best_bid_api", "best_ask_api"))
    touch = [_e8(each[name]) for each in (bid, ask) for name in ("price", "size")]
    block = pack("<qqB9q", row["last_updated_at"] * 1000, row["seq_no"], is_change, *touch, NULL, *touch)
    gone = [{**level, "size": "0"} for level in row["deletes"]]
    levels = [*gone, *row["updates"], *row["inserts"]]
    groups = b""
    for is_bid in (True, False):
        side = [level for level in levels if (level["side"] == _BUY) == is_bid]
        groups += pack("<HH", 16, len(side))
        groups += b"".join(pack("<qq", _e8(level["price"]), _e8(level["size"])) for level in side)
    return _BOOK, block, groups, (row["market"],)


def _touch(row: Row) -> Parts:
    values = [_e8(row[name]) for name in ("bid", "bid_size", "ask", "ask_size")]
    return _BBO, pack("<6q", row["last_updated_at"] * 1000, row["seq_no"], *values), b"", (row["market"],)


def _summary(row: Row) -> Parts:
    values = [_e8(row[name]) if row.get(name) else NULL for name in _SUMMARY_FIELDS]
    values += [NULL] * (_N_SUMMARY - 2 - len(values))
    precise = int(Decimal(row["funding_rate"]).scaleb(12)) if row.get("funding_rate") else NULL
    block = pack("<30q", row["created_at"] * 1000, 0, *values, NULL, NULL, precise)
    return _SUMMARY, block, b"", (row["symbol"],)


_PARTS: Final[Mapping[str, Callable[[Row], Parts]]] = {
    "trades": _trade,
    "markets_summary": _summary,
    "bbo": _touch,
    "deltas": _book,
    "snapshot": _book,
}


def _e8(text: str) -> int:
    return int(Decimal(text).scaleb(8))
