"""Where two simulations of one workload part: order by order, and by which rule."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import attrs
import numpy as np

from market.columns import BookColumns, TradeColumns
from market.order_log import LogKind
from market.units import Lots, Nanos, Ticks
from research.run_data import Run

Key = tuple[Nanos, int]  # of an order: when it was sent, and its side

RULES: Final = {
    "unchanged book": "a snapshot equal to the one before wakes our quoter; as diffs it has no row: the peer sleeps",
    "own side's print": "a print strictly through the price fills, whoever was its aggressor; with the peer only the "
    "other side's do",
    "end of run": "our quoter hears the last book and cancels at the end; the peer stops",
    "earlier divergence": "follows from a divergence before it: another own order or another position stood there",
}
_PEER_ENDS: Final = {2: "rejected", 3: "filled", 4: "cancelled", 6: "rejected"}
_OUR_ENDS: Final = {LogKind.CANCELLED.name: "cancelled", LogKind.REJECTED.name: "rejected"}


@attrs.frozen
class OrderEnd:
    """What became of an order; `ts_end` in venue time, 0 while it is open."""

    price: Ticks
    size: Lots
    end: str = "open"
    ts_end: Nanos = 0


@attrs.frozen
class Divergence:
    """One order that is not the same on both sides; None: it was never sent there."""

    ts: Nanos
    side: int
    ours: OrderEnd | None
    peer: OrderEnd | None
    rule: str


def peer_orders(file: Path) -> dict[Key, OrderEnd]:
    """Read what `peer_hftbacktest_orders.py` wrote."""
    with np.load(file) as arrays:
        sent, ended = arrays["sent"].tolist(), arrays["ends"].tolist()
    ends = {number: (_PEER_ENDS[status], ts) for number, status, ts in ended}
    return {(ts, side): OrderEnd(price, lots, *ends.get(number, ())) for number, ts, side, price, lots in sent}


def our_orders(run: Run) -> dict[Key, OrderEnd]:
    """Read the orders of a run whose orders are filled whole."""
    orders, fills = run.table("orders"), run.table("fills")
    ends = {c: ("filled", ts) for c, ts in zip(fills["client_id"].tolist(), fills["ts_venue"].tolist(), strict=True)}
    names = ("kind", "ts", "ts_venue", "client_id", "side", "price", "size")
    placed: dict[int, tuple[Key, Ticks, Lots]] = {}
    for kind, ts, ts_venue, client_id, side, price, size in zip(*(orders[n].tolist() for n in names), strict=True):
        if kind == LogKind.PLACE.name:
            placed[client_id] = ((ts, side), price, size)
        elif kind in _OUR_ENDS:
            ends.setdefault(client_id, (_OUR_ENDS[kind], ts_venue))
    return {key: OrderEnd(price, size, *ends.get(client, ())) for client, (key, price, size) in placed.items()}


class Workload:
    """What happened on the quoted venue, for telling which rule was at work."""

    def __init__(self, book: BookColumns, trades: TradeColumns) -> None:
        self._trades = trades
        levels = book.levels.reshape(len(book), -1)
        same = (levels[1:] == levels[:-1]).all(axis=1)
        self.unchanged = frozenset(book.ts_recv[1:][same].tolist())
        self.end = int(book.ts_recv[-1])

    def printed_by_own_side(self, order: OrderEnd, side: int) -> bool:
        """Tell whether all that went through an order's price when it was filled came from aggressors of its side."""
        first, last = np.searchsorted(self._trades.ts_venue, (order.ts_end, order.ts_end + 1))
        rows = slice(int(first), int(last))
        through = (order.price - self._trades.ticks[rows]) * side >= 0
        return bool(through.any()) and bool((self._trades.taker[rows][through] == side).all())


class Position:
    """A position over time, as its owner knew it: fills count once their news has come."""

    def __init__(self, orders: Mapping[Key, OrderEnd], latency: Nanos) -> None:
        fills = sorted((o.ts_end + latency, side * o.size) for (_, side), o in orders.items() if o.end == "filled")
        self._ts = np.array([ts for ts, _ in fills], dtype=np.int64)
        self._lots = np.cumsum([0, *(lots for _, lots in fills)])

    def at(self, ts: Nanos) -> Lots:
        """Return the position known at `ts`."""
        return int(self._lots[np.searchsorted(self._ts, ts, side="right")])


def divergences(
    ours: Mapping[Key, OrderEnd], peer: Mapping[Key, OrderEnd], workload: Workload, latency: Nanos
) -> Iterator[Divergence]:
    """Yield the orders that differ, by time, each with the rule that explains it, or "?".

    Args:
        latency: of requests, and of their answers and fills.
    """
    positions = Position(ours, latency), Position(peer, latency)
    parted = {1: False, -1: False}
    for key in sorted(ours.keys() | peer.keys()):
        ts, side = key
        mine, theirs = ours.get(key), peer.get(key)
        if mine != theirs:
            decided = [ts, *(order.ts_end - latency for order in (mine, theirs) if order is not None and order.ts_end)]
            follows = any(parted.values()) or any(positions[0].at(t) != positions[1].at(t) for t in decided)
            rule = _rule(ts, side, mine, theirs, workload, latency)
            yield Divergence(ts, side, mine, theirs, rule or ("earlier divergence" if follows else "?"))
        parted[side] = mine != theirs


def _rule(
    ts: Nanos, side: int, mine: OrderEnd | None, theirs: OrderEnd | None, workload: Workload, latency: Nanos
) -> str:
    """Return the rule that makes this one order differ; empty if none does by itself."""
    cancelled = [order for order in (mine, theirs) if order is not None and order.end == "cancelled"]
    if ts == workload.end or any(order.ts_end - latency >= workload.end for order in cancelled):
        return "end of run"
    if mine is None:
        return ""
    if theirs is None:
        return "unchanged book" if ts in workload.unchanged else ""
    if mine.end == "cancelled" and mine.ts_end - latency in workload.unchanged:
        return "unchanged book"
    if mine.end == "filled" and workload.printed_by_own_side(mine, side):
        return "own side's print"
    return ""
