"""What an emulator says it sent, read from its file by no code of ours, and what an archive has of it."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from market.archive.gaps import Gap, read_gaps
from market.archive.layout import Kind
from market.archive.reader import read_stream
from market.columns import BookColumns, Columns, RawColumns, TradeColumns
from market.units import HOUR, MS, SECOND

TICK, LOT = Decimal("0.01"), Decimal("0.1")  # of the emulated SOLUSDT
SYMBOL = "SOLUSDT"
Levels = tuple[tuple[int, int], ...]


@attrs.frozen
class SentBook:
    """One message of a book: when it was sent, and its levels, sorted."""

    ts: int
    bids: Levels
    asks: Levels


@attrs.frozen
class SentTrade:
    """One trade: when it was sent, when it happened, in ticks and lots."""

    ts: int
    key: tuple[int, int, int, int]


@attrs.frozen
class Sent:
    """What was sent of one venue, to whoever listened.

    Attributes:
        books, changes: full books and changes, by their number.
        trades: as often as they were sent.
        payloads: whole, by when they were sent.
    """

    books: dict[int, SentBook] = attrs.field(factory=dict)
    changes: dict[int, SentBook] = attrs.field(factory=dict)
    trades: list[SentTrade] = attrs.field(factory=list)
    payloads: list[tuple[int, str, Any]] = attrs.field(factory=list)


def read_sent(path: Path) -> dict[str, Sent]:
    """Read the file; a line that is cut short ends it."""
    found = {"bybit": Sent(), "binance-futures": Sent()}
    for line in path.read_text().splitlines():
        try:
            message = json.loads(line)
        except ValueError:
            break
        sent, ts, payload = found[message["venue"]], message["ts"], message["payload"]
        sent.payloads.append((ts, message["topic"], payload))
        if "orderbook" in message["topic"]:
            data = payload["data"]
            messages = sent.books if payload["type"] == "snapshot" else sent.changes
            messages[data["u"]] = SentBook(ts, levels(data["b"]), levels(data["a"]))
        elif "@depth" in message["topic"]:
            sent.changes[payload["u"]] = SentBook(ts, levels(payload["b"]), levels(payload["a"]))
        elif "publicTrade" in message["topic"]:
            for each in payload["data"]:
                taker = 1 if each["S"] == "Buy" else -1
                sent.trades.append(SentTrade(ts, trade_key(each["T"], each["p"], each["v"], taker)))
        elif "aggTrade" in message["topic"]:
            taker = -1 if payload["m"] else 1
            sent.trades.append(SentTrade(ts, trade_key(payload["T"], payload["p"], payload["q"], taker)))
    return found


def levels(rows: Sequence[Sequence[str]]) -> Levels:
    return tuple(sorted((int(Decimal(price) / TICK), int(Decimal(size) / LOT)) for price, size in rows))


def trade_key(ms: int, price: str, size: str, taker: int) -> tuple[int, int, int, int]:
    return ms * MS, int(Decimal(price) / TICK), int(Decimal(size) / LOT), taker


def stored(archive: Path, venue: str, kind: Kind, symbol: str = SYMBOL) -> Iterator[Columns]:
    """Yield what an archive has of a feed."""
    days = sorted((archive / venue / symbol / kind).glob("*/*.parquet"))
    if days:
        from market.archive.layout import path_hour

        yield from read_stream(archive, venue, symbol, kind, path_hour(days[0]), path_hour(days[-1]) + HOUR)


def stored_books(archive: Path, venue: str) -> list[tuple[int, int, bool, Levels, Levels]]:
    """Return (number, ts_recv, is_snapshot, bids, asks) of every message of a book."""
    found = []
    for columns in stored(archive, venue, "delta"):
        assert isinstance(columns, BookColumns)
        for r in range(len(columns)):
            begin, middle = int(columns.start[r]), int(columns.start[r] + columns.n_bids[r])
            sides = columns.levels[begin:middle], columns.levels[middle : middle + int(columns.n_asks[r])]
            bids, asks = (tuple(sorted((int(p), int(s)) for p, s in side)) for side in sides)
            found.append((int(columns.seq[r]), int(columns.ts_recv[r]), bool(columns.is_snapshot[r]), bids, asks))
    return found


def stored_trades(archive: Path, venue: str) -> list[tuple[int, tuple[int, int, int, int]]]:
    """Return (ts_recv, (ts_venue, ticks, lots, taker)) of every trade."""
    found = []
    for columns in stored(archive, venue, "trades"):
        assert isinstance(columns, TradeColumns)
        rows = zip(columns.ts_recv, columns.ts_venue, columns.ticks, columns.lots, columns.taker, strict=True)
        found += [(int(recv), (int(ts), int(p), int(s), int(taker))) for recv, ts, p, s, taker in rows]
    return found


def stored_frames(archive: Path, venue: str, socket: str) -> list[tuple[int, Any]]:
    """Return (ts_recv, frame) of the frames that speak of a market, not of a subscription."""
    found = []
    for columns in stored(archive, venue, "raw", f"@{socket}"):
        assert isinstance(columns, RawColumns)
        frames = [(int(ts), json.loads(columns.frame(r))) for r, ts in enumerate(columns.ts_recv)]
        found += [(ts, frame.get("data") if "stream" in frame else frame) for ts, frame in frames]
    return [(ts, frame) for ts, frame in found if isinstance(frame, dict) and ("topic" in frame or "e" in frame)]


def gaps_of(archive: Path, venue: str, kind: str, symbol: str = SYMBOL) -> list[Gap]:
    """Return the holes of a feed that are marked, but for the end of a recording."""
    return [g for g in read_gaps(archive, venue, symbol) if g.kind == kind and g.is_hole and g.reason != "stopped"]


def told_late(archive: Path, venue: str, symbol: str = SYMBOL) -> list[Gap]:
    """Return the outages whose trades were told after them: the venue did not send these to the socket."""
    gaps = read_gaps(archive, venue, symbol)
    return [g for g in gaps if g.kind == "trades" and not g.is_hole and g.reason.startswith("told after")]


def is_in(gaps: Sequence[Gap], ts: int, slack: int = SECOND // 2) -> bool:
    """Tell whether a time of sending lies in a hole, by the times of receiving."""
    return any(gap.ts_from - slack <= ts <= gap.ts_to + slack for gap in gaps)


def assert_as_sent(archive: Path, venue: str, sent: Sent) -> int:
    """See that all books and trades of an archive are as they were sent; return how many messages were compared."""
    n_compared = 0
    for seq, _, is_snapshot, bids, asks in stored_books(archive, venue):
        if is_snapshot and venue != "bybit":
            continue  # Binance's full books are not sent, but asked for
        message = (sent.books if is_snapshot else sent.changes)[seq]
        assert (bids, asks) == (message.bids, message.asks), f"{venue} {seq}"
        n_compared += 1
    changes = [seq for seq, _, is_snapshot, *_ in stored_books(archive, venue) if not is_snapshot]
    assert changes == sorted(changes), "in order"
    known = Counter(trade.key for trade in sent.trades)
    for key, n in Counter(key for _, key in stored_trades(archive, venue)).items():
        if key not in known and is_in(told_late(archive, venue), key[0]):
            known[key] = 1
        assert n <= known[key], f"{venue}: a trade that was sent {known[key]} times is there {n} times"
        n_compared += n
    return n_compared
