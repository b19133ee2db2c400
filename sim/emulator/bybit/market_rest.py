"""Bybit's public REST: time, instruments, books, trades, tickers, funding."""

from collections.abc import Mapping
from decimal import Decimal
from itertools import islice
from typing import Any

from market.units import HOUR, Nanos
from sim.emulator.amounts import plain
from sim.emulator.bybit.codes import PARAMETER, VenueError
from sim.emulator.bybit.entry import OrderEntry
from sim.emulator.bybit.market_rows import instrument_row, ticker_row
from sim.emulator.bybit.public_stream import trade_row
from sim.emulator.desk import Desk
from sim.emulator.public_view import PublicView
from sim.emulator.times import ms

Fields = Mapping[str, Any]
Result = dict[str, Any]
_TICKER_ONLY = ("tickDirection", "singleOpenInterest", "singleOpenInterestValue")


class MarketRest:
    """What everybody may ask."""

    def __init__(self, desk: Desk, entry: OrderEntry) -> None:
        self._desk = desk
        self._entry = entry
        self.routes = {
            "/v5/market/time": self._time,
            "/v5/market/instruments-info": self._instruments,
            "/v5/market/orderbook": self._book,
            "/v5/market/recent-trade": self._trades,
            "/v5/market/tickers": self._tickers,
            "/v5/market/funding/history": self._fundings,
            "/v5/market/price-limit": self._limits,
            "/v5/system/status": self._status,
        }

    def _time(self, fields: Fields, now: Nanos) -> Result:
        return {"timeSecond": str(now // 10**9), "timeNano": str(now)}

    def _instruments(self, fields: Fields, now: Nanos) -> Result:
        views = self._chosen(fields)
        rows = [instrument_row(view.instrument, view) for view in views]
        return {"category": fields["category"], "list": rows, "nextPageCursor": ""}

    def _book(self, fields: Fields, now: Nanos) -> Result:
        view = self._one(fields)
        depth = _limit(fields, 25, 1000)
        price, size = view.price.text, view.size.text
        return {
            "s": view.instrument.symbol,
            "a": [[price(p), size(q)] for p, q in view.asks[:depth]],
            "b": [[price(p), size(q)] for p, q in view.bids[:depth]],
            "ts": ms(now),
            "u": view.update_id,
            "seq": view.seq,
            "cts": ms(view.ts),
        }

    def _trades(self, fields: Fields, now: Nanos) -> Result:
        view = self._one(fields)
        newest = islice(reversed(view.trades), _limit(fields, 500, 1000))
        return {"category": "linear", "list": [_recent(trade_row(view, printed)) for printed in newest]}

    def _tickers(self, fields: Fields, now: Nanos) -> Result:
        rows = []
        for view in self._chosen(fields):
            row = {name: text for name, text in ticker_row(view, now).items() if name not in _TICKER_ONLY}
            more = ("predictedDeliveryPrice", "basisRate", "deliveryFeeRate", "basis", "basisRateYear")
            rows.append(row | dict.fromkeys(more, "") | {"deliveryTime": "0"})
        return {"category": fields["category"], "list": rows}

    def _fundings(self, fields: Fields, now: Nanos) -> Result:
        view = self._one(fields)
        due, rate = view.funding(now)
        row = {
            "symbol": view.instrument.symbol,
            "fundingRate": plain(Decimal(rate)),
            "fundingRateTimestamp": str(ms(due - 8 * HOUR)),
        }
        return {"category": "linear", "list": [row]}

    def _limits(self, fields: Fields, now: Nanos) -> Result:
        view = self._one(fields)
        buy, sell = self._entry.band(view)
        return {
            "symbol": view.instrument.symbol,
            "buyLmt": view.price.text(buy),
            "sellLmt": view.price.text(sell),
            "ts": str(ms(now)),
        }

    def _status(self, fields: Fields, now: Nanos) -> Result:
        return {"list": []}

    def _chosen(self, fields: Fields) -> list[PublicView]:
        category = str(fields.get("category", ""))
        if category not in ("linear", "inverse", "spot", "option"):
            raise VenueError(PARAMETER, "Category invalid")
        if category != "linear":
            return []
        base, settle = fields.get("baseCoin", ""), fields.get("settleCoin", "")
        if fields.get("symbol"):
            return [self._one(fields)]
        views = self._desk.views.values()
        return [v for v in views if base in ("", v.instrument.base) and settle in ("", v.instrument.settle)]

    def _one(self, fields: Fields) -> PublicView:
        view = self._desk.views.get(str(fields.get("symbol", "")))
        if view is None or fields.get("category") != "linear":
            raise VenueError(PARAMETER, "params error: symbol invalid")
        return view


def _limit(fields: Fields, usual: int, most: int) -> int:
    text = str(fields.get("limit", usual))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise VenueError(PARAMETER, f"limit must be 1 to {most}")
    return int(text)


def _recent(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "execId": row["i"],
        "symbol": row["s"],
        "price": row["p"],
        "size": row["v"],
        "side": row["S"],
        "time": str(row["T"]),
        "isBlockTrade": row["BT"],
        "isRPITrade": row["RPI"],
        "seq": str(row["seq"]),
    }
