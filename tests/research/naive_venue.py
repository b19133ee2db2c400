"""A venue in plain Python that trades at random: sound runs with known data, for checks that must find nothing in them.

Its rule of fills: a print hits what rests at or through its price, best price then arrival, up to its size.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from market.columns import BookColumns, Columns, FundingColumns, TradeColumns
from market.messages import OrderFlag
from market.stream import Stream
from research.run_data import Run
from tests.research.run_writer import BTC_INVERSE, SOL, write_run

BEGIN = 1_736_470_800 * 10**9
SHIFT = -3_000_000  # added to the venue's stamps
LATENCY = 700
STAMP = 40_000

Table = dict[str, list[Any]]
BAND = {"maker_fee": "-0.0001", "taker_fee": "0.0005"}
INSTRUMENTS: dict[str, dict[str, Any]] = {"linear": {**SOL, **BAND}, "inverse": {**BTC_INVERSE, **BAND}}


@attrs.define
class Resting:
    """An order at the venue."""

    client_id: int
    side: int
    price: int
    size: int
    flags: int
    filled: int = 0

    @property
    def rest(self) -> int:
        return self.size - self.filled


class NaiveVenue:
    """Makes a market, orders and what comes of them; `tables` and `streams` are then what a run leaves and was given.

    Args:
        events: how many; about half a microsecond apart, some at one instant.
        consume: what prints and we took is gone until the next book.
    """

    def __init__(self, seed: int, *, events: int = 400, money: str = "linear", consume: bool = True) -> None:
        self._rng = np.random.default_rng(seed)
        self._consume = consume
        self.entry = INSTRUMENTS[money]
        self.books: list[tuple[int, dict[int, int], dict[int, int]]] = []
        self.prints: list[tuple[int, int, int, int]] = []
        self.funding: list[tuple[int, int, int]] = []
        self.orders: list[dict[str, Any]] = []
        self.fills: list[dict[str, Any]] = []
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        self._taken: dict[tuple[int, int], int] = {}
        self._open: dict[int, Resting] = {}
        self._position = 0
        self._mid = 20_000
        self._paid: list[tuple[int, int]] = []
        self._run(events)

    # --- the day ----------------------------------------------------------------------------------------------------

    def _run(self, events: int) -> None:
        rng = self._rng
        ts = BEGIN
        # an instant sees trades, books, requests: in this order
        actions = (self._print, self._book, self._place, self._cancel, self._amend, self._fund)
        self._book(ts)
        for _ in range(events):
            ts += int(rng.integers(1, 1000))
            chosen = rng.choice(6, size=1 + int(rng.random() < 0.3), p=[0.35, 0.25, 0.25, 0.08, 0.05, 0.02])
            if 5 in chosen:
                chosen = chosen[chosen == 5][:1]  # a payment has its instant for itself
            for action in sorted(chosen.tolist()):
                actions[action](ts)
        self._end = ts + LATENCY

    def _book(self, ts: int) -> None:
        rng = self._rng
        self._mid += int(rng.integers(-2, 3))
        bid, ask = self._mid - int(rng.integers(1, 3)), self._mid + int(rng.integers(1, 3))
        sizes = rng.integers(1, 30, size=10).tolist()
        self._bids = {bid - k: sizes[k] for k in range(5)}
        self._asks = {ask + k: sizes[5 + k] for k in range(5)}
        self._taken.clear()
        self.books.append((ts, self._bids, self._asks))
        for order in list(self._open.values()):
            if order.price >= ask if order.side > 0 else order.price <= bid:
                self._fill(ts, order, order.price, order.rest, is_maker=True)

    def _print(self, ts: int) -> None:
        rng = self._rng
        taker = int(rng.choice((-1, 1)))
        price = (max(self._bids) if taker < 0 else min(self._asks)) + taker * int(rng.integers(0, 3))
        left = lots = int(rng.integers(1, 40))
        self.prints.append((ts, price, lots, taker))
        reached = [o for o in self._open.values() if o.side == -taker and (o.price - price) * o.side >= 0]
        for order in sorted(reached, key=lambda o: -o.price * o.side):
            hit = min(left, order.rest)
            if hit:
                self._fill(ts, order, order.price, hit, is_maker=True)
                left -= hit
        self._take(taker, price, lots)

    def _place(self, ts: int) -> None:
        rng = self._rng
        client_id, side = len(self.orders) + 1, int(rng.choice((-1, 1)))
        best = max(self._bids) if side > 0 else min(self._asks)
        price, size = best + side * int(rng.integers(-3, 4)), int(rng.integers(1, 30))
        flags = int(rng.choice((0, 0, OrderFlag.IOC, OrderFlag.POST_ONLY, OrderFlag.MARKET)))
        if flags & OrderFlag.MARKET:
            price = 0
        self._log("PLACE", ts - LATENCY, 0, client_id, side, price, size, flags)
        order = Resting(client_id, side, price, size, flags)
        if self._is_refused(order, price):
            self._fact("REJECTED", ts, client_id, detail=1)
            return
        self._fact("ACCEPTED", ts, client_id)
        self._open[client_id] = order
        self._walk(ts, order)
        if flags & (OrderFlag.IOC | OrderFlag.MARKET) and order.rest:
            del self._open[client_id]
            self._fact("EXPIRED", ts, client_id)

    def _cancel(self, ts: int) -> None:
        if self._open:
            client_id = int(self._rng.choice(list(self._open)))
            self._log("CANCEL", ts - LATENCY, 0, client_id)
            del self._open[client_id]
            self._fact("CANCELLED", ts, client_id)

    def _amend(self, ts: int) -> None:
        if self._open:
            order = self._open[int(self._rng.choice(list(self._open)))]
            price = order.price + int(self._rng.integers(-2, 3))
            size = order.filled + int(self._rng.integers(1, 30))
            self._log("AMEND", ts - LATENCY, 0, order.client_id, 0, price, size)
            if self._is_refused(order, price):
                self._fact("AMEND_REJECTED", ts, order.client_id, detail=1)
                return
            order.price, order.size = price, size
            self._open[order.client_id] = self._open.pop(order.client_id)  # last in arrival
            self._fact("AMENDED", ts, order.client_id, order.price, order.size)
            self._walk(ts, order)

    def _fund(self, ts: int) -> None:
        rate = int(self._rng.integers(-(10**9), 10**9))
        self.funding.append((ts, rate, self._mid))
        if self._position:
            self._log("FUNDING", ts + LATENCY, ts, 0, detail=len(self._paid) + 1)
            self._paid.append((ts, self._position))

    def _is_refused(self, order: Resting, price: int) -> bool:
        opposite = min(self._asks) if order.side > 0 else max(self._bids)
        return bool(order.flags & OrderFlag.POST_ONLY) and (price - opposite) * order.side >= 0

    def _walk(self, ts: int, order: Resting) -> None:
        levels = self._asks if order.side > 0 else self._bids
        for price in sorted(levels, reverse=order.side < 0):
            lots = min(order.rest, levels[price] - self._taken.get((order.side, price), 0))
            if (order.price and (order.price - price) * order.side < 0) or not order.rest:
                return
            if lots > 0:
                self._take(order.side, price, lots)
                self._fill(ts, order, price, lots, is_maker=False)

    def _take(self, taker: int, price: int, lots: int) -> None:
        if self._consume:
            self._taken[taker, price] = self._taken.get((taker, price), 0) + lots

    def _fill(self, ts: int, order: Resting, price: int, lots: int, *, is_maker: bool) -> None:
        order.filled += lots
        self._position += order.side * lots
        if not order.rest:
            del self._open[order.client_id]
        self.fills.append(
            {
                "ts": ts + LATENCY,
                "ts_venue": ts,
                "client_id": order.client_id,
                "fill_id": len(self.fills) + 1,
                "side": order.side,
                "price": price,
                "size": lots,
                "is_maker": is_maker,
                "fee": float(abs(self.value(price, lots)) * Decimal(BAND["maker_fee" if is_maker else "taker_fee"])),
            }
        )

    def _fact(self, kind: str, ts: int, client_id: int, price: int = 0, size: int = 0, detail: int = 0) -> None:
        self._log(kind, ts + LATENCY, ts, client_id, 0, price, size, detail=detail)

    def _log(self, kind: str, ts: int, ts_venue: int, client_id: int, *rest: int, detail: int = 0) -> None:
        side, price, size, flags = (*rest, 0, 0, 0, 0)[:4]
        row = {"kind": kind, "ts": ts, "ts_venue": ts_venue, "client_id": client_id}
        self.orders.append({**row, "side": side, "price": price, "size": size, "detail": flags or detail})

    # --- what is left of it -----------------------------------------------------------------------------------------

    def value(self, price: int, lots: int) -> Decimal:
        """As `market.instrument.Instrument.value`, written out."""
        tick, lot = Decimal(self.entry["tick"]), Decimal(self.entry["lot"])
        if self.entry is INSTRUMENTS["inverse"]:
            return -100 * lots * lot / (price * tick)
        return price * tick * lots * lot

    def equity(self) -> Table:
        """Return the stamps, summed up anew at each."""
        rows: Table = {name: [] for name in ("ts", "position", "cash", "fees", "funding", "mid", "pnl")}
        for ts in range(BEGIN + STAMP, self._end + STAMP, STAMP):
            fills = [fill for fill in self.fills if fill["ts"] <= ts]
            position = sum(fill["side"] * fill["size"] for fill in fills)
            fees = sum(fill["fee"] for fill in fills)
            funding = 0.0
            for (at, rate, mark), (_, held) in ((f, p) for f in self.funding for p in self._paid if p[0] == f[0]):
                if at + LATENCY <= ts:
                    funding -= float(abs(self.value(mark, held))) * (1 if held > 0 else -1) * rate / 1e12
            cash = -sum(float(self.value(fill["price"], fill["side"] * fill["size"])) for fill in fills)
            cash += funding - fees
            bids, asks = next((b, a) for at, b, a in reversed(self.books) if at + LATENCY <= ts)
            mid = (max(bids) + min(asks)) / 2 * float(self.entry["tick"])
            worth = -100.0 * position * float(self.entry["lot"]) / mid
            if self.entry is INSTRUMENTS["linear"]:
                worth = position * float(self.entry["lot"]) * mid
            for name, value in zip(rows, (ts, position, cash, fees, funding, mid, cash + worth), strict=True):
                rows[name].append(value)
        return rows

    def tables(self) -> dict[str, Table]:
        """Return the tables of the run; a test may change them."""
        return {"orders": _columns(self.orders), "fills": _columns(self.fills), "equity": self.equity()}

    def write(self, path: Path, tables: Mapping[str, Any] | None = None) -> Run:
        """Write the run directory."""
        quoter = {"name": "mm", "strategy": "vamp", "instrument": f"{self.entry['venue']}:{self.entry['symbol']}"}
        run = write_run(path, instruments=(self.entry,), quoters=(quoter,), **(tables or self.tables()))
        with (path / "run.toml").open("a") as file:
            file.write(f'\n[[venue]]\nname = "{self.entry["venue"]}"\nconsume = {str(self._consume).lower()}\n')
        return Run.load(run.path)

    @property
    def shifts(self) -> dict[str, int]:
        return {str(self.entry["venue"]): SHIFT}

    def streams(self, chunk_rows: int = 1000, *, deltas: bool = False) -> list[Stream]:
        """Return the raw data as the venue stamped it; as snapshots, or as one and then deltas."""
        trades = np.array(self.prints, dtype=np.int64).reshape(-1, 4)
        n, ts = len(trades), trades[:, 0] - SHIFT
        trade_columns = TradeColumns(ts, ts, trades[:, 1], trades[:, 2], trades[:, 3], np.arange(n))
        funding = np.array(self.funding, dtype=np.int64).reshape(-1, 3)
        due = funding[:, 0] - SHIFT
        feeds: dict[str, Columns] = {
            "funding": FundingColumns(due, due, funding[:, 1], funding[:, 2]),
            "trades": trade_columns,
            "book": self._book_columns(deltas=deltas),
        }
        return [Stream(0, kind, _chunks(columns, chunk_rows)) for kind, columns in feeds.items()]

    def _book_columns(self, *, deltas: bool) -> BookColumns:
        levels: list[tuple[int, int]] = []
        heads = []
        shown: tuple[dict[int, int], dict[int, int]] = ({}, {})
        for n, (ts, bids, asks) in enumerate(self.books):
            start, is_snapshot = len(levels), not deltas or n == 0
            counts = []
            for before, side in zip(shown, (bids, asks), strict=True):
                rows = (
                    list(side.items()) if is_snapshot else [*((p, 0) for p in before if p not in side), *side.items()]
                )
                levels += rows
                counts.append(len(rows))
            heads.append((ts - SHIFT, ts - SHIFT, 10 * n, 10 * n - 10 if deltas else -1, is_snapshot, start, *counts))
            shown = (bids, asks)
        ts, recv, seq, prev_seq, is_snapshot_, start_, n_bids, n_asks = np.array(heads, dtype=np.int64).T
        return BookColumns(ts, recv, seq, prev_seq, is_snapshot_, start_, n_bids, n_asks, np.array(levels))


def _columns(rows: list[dict[str, Any]]) -> Table:
    return {name: [row[name] for row in rows] for name in rows[0]}


def _chunks(columns: Columns, chunk_rows: int) -> Iterator[Columns]:
    for begin in range(0, len(columns), chunk_rows):
        yield columns.rows(begin, min(begin + chunk_rows, len(columns)))
