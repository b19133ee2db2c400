"""The venue's own SDK hears market data twice, in JSON and in binary, without a key, and compares them.

Reads one JSON object from the command line, and prints what it found as JSON.
"""

import asyncio
import json
import logging
from decimal import Decimal
from typing import Any

from tests.sim.emulator.paradex_py_program import MODELS, Complaints, Heard, hear_public, hush, sdk_of

Row = dict[str, Any]
# a summary's fields in JSON, and in binary
SUMMARY = {
    "mark_price": "mark_price",
    "underlying_price": "index_price",
    "last_traded_price": "last_price",
    "open_interest": "open_interest",
    "funding_rate": "funding_rate_precise",
    "total_volume": "total_volume",
    "bid": "bid",
    "ask": "ask",
}
KINDS = ("trades", "bbo", "order_book", "markets_summary")


def from_json(kind: str, row: Row) -> tuple[Any, Any]:
    """Return by what a message is known, and what it says."""
    if kind == "trades":
        return row["id"], [
            row["market"],
            row["side"],
            row["trade_type"],
            row["created_at"],
            *amounts(row, "price", "size"),
        ]
    if kind == "bbo":
        return row["seq_no"], [row["market"], *amounts(row, "bid", "bid_size", "ask", "ask_size")]
    if kind == "markets_summary":
        return row["created_at"], [row["symbol"], *amounts(row, *SUMMARY)]
    sides = [
        [amounts(each, "price", "size") for each in row["inserts"] if each["side"] == side] for side in ("BUY", "SELL")
    ]
    best = [amounts(row[name], "price", "size") for name in ("best_bid_api", "best_ask_api")]
    return row["seq_no"], [row["market"], {"s": "SNAPSHOT", "d": "DELTA"}[row["update_type"]], sides, best]


def from_binary(kind: str, row: Row) -> tuple[Any, Any]:
    """Return the same of what the SDK made of a binary frame."""
    if kind == "trades":
        says = [row["market"], row["side"], row["trade_type"], row["created_at"], *amounts(row, "price", "size")]
        return row["trade_id_str"], says
    if kind == "bbo":
        return row["seq_no"], [row["market"], *amounts(row, "bid_price", "bid_size", "ask_price", "ask_size")]
    if kind == "markets_summary":
        return row["timestamp"], [row["market"], *amounts(row, *SUMMARY.values())]
    sides = [[[Decimal(text) for text in level] for level in row[side]] for side in ("bids", "asks")]
    best = [amounts(row, f"best_{side}_api_price", f"best_{side}_api_size") for side in ("bid", "ask")]
    return row["seq_no"], [row["market"], row["pkg_type"], sides, best]


def amounts(row: Row, *names: str) -> list[Decimal]:
    return [Decimal(row[name]) for name in names]


def compared(text: Heard, binary: Heard) -> dict[str, Any]:
    """Return by kind how many messages both have heard, and in which they differ."""
    found: dict[str, Any] = {}
    for kind in KINDS:
        ours, theirs = (dict(read(kind, row) for row in heard.by_kind[kind]) for heard, read in pair(text, binary))
        both = [key for key in ours if key in theirs]
        found[kind] = [len(both), [[str(ours[key]), str(theirs[key])] for key in both if ours[key] != theirs[key]]]
    return found


def pair(text: Heard, binary: Heard) -> Any:
    return (text, from_json), (binary, from_binary)


async def main() -> dict[str, Any]:
    complaints, text, binary = Complaints(), Heard(MODELS), Heard({})
    logging.getLogger().addHandler(complaints)
    clients = [(sdk_of(ws_sbe_enabled=is_binary), heard) for is_binary, heard in ((False, text), (True, binary))]
    for sdk, heard in clients:
        assert await sdk.ws_client.connect()
        await hear_public(sdk.ws_client, heard)
    enough = await text.until(lambda by: all(n > 1 for n, _ in compared(text, binary).values()), 60)
    for sdk, _ in clients:
        await hush(sdk.ws_client)
        await sdk.close()
    return {"enough": enough, "compared": compared(text, binary), "complaints": complaints.texts}


print(json.dumps(asyncio.run(main())))
