"""Binance's public REST: time, instruments, books, trades, marks."""

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Final

from market.units import HOUR, Nanos
from sim.emulator.amounts import money
from sim.emulator.binance import codes
from sim.emulator.binance.codes import VenueError
from sim.emulator.binance.entry import OrderEntry
from sim.emulator.binance.market_rows import aggregate_row, day_row, instrument_row, mark_row, print_row
from sim.emulator.binance.rates import Rates
from sim.emulator.desk import Desk
from sim.emulator.public_view import PublicView
from sim.emulator.times import ms

Params = Mapping[str, Any]
Handler = Callable[[Params, Nanos], Any]
Weight = Callable[[Params], int]
DEPTH_WEIGHTS: Final = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}


class MarketRest:
    """What everybody may ask: handlers and weights by path."""

    def __init__(self, desk: Desk, entry: OrderEntry, rates: Rates) -> None:
        self._desk = desk
        self._entry = entry
        self._rates = rates
        self.routes: dict[str, tuple[Handler, Weight]] = {
            "/fapi/v1/ping": (lambda params, now: {}, _flat(1)),
            "/fapi/v1/time": (lambda params, now: {"serverTime": ms(now)}, _flat(1)),
            "/fapi/v1/exchangeInfo": (self._rules, _flat(1)),
            "/fapi/v1/depth": (self.depth, lambda params: DEPTH_WEIGHTS.get(_whole(params, "limit", 500), 10)),
            "/fapi/v1/trades": (self._trades, _flat(5)),
            "/fapi/v1/aggTrades": (self._aggregates, _flat(20)),
            "/fapi/v1/premiumIndex": (self._marks, _by_symbol(1, 10)),
            "/fapi/v1/fundingRate": (self._fundings, _flat(1)),
            "/fapi/v1/fundingInfo": (lambda params, now: [], _flat(0)),
            "/sapi/v1/margin/allPairs": (lambda params, now: [], _flat(1)),  # ccxt asks at log-in
            "/fapi/v1/ticker/24hr": (self._days, _by_symbol(1, 40)),
            "/fapi/v1/ticker/price": (self._prices, _by_symbol(1, 2)),
            "/fapi/v2/ticker/price": (self._prices, _by_symbol(1, 2)),
            "/fapi/v1/ticker/bookTicker": (self._touches, _by_symbol(2, 5)),
        }

    def _rules(self, params: Params, now: Nanos) -> Any:
        most = self._desk.section.max_open_orders
        return {
            "timezone": "UTC",
            "serverTime": ms(now),
            "futuresType": "U_MARGINED",
            "rateLimits": self._rates.rules(),
            "exchangeFilters": [],
            "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
            "symbols": [instrument_row(v.instrument, v, most) for v in self._desk.views.values()],
        }

    def depth(self, params: Params, now: Nanos) -> Any:
        """Return the book as it is now; its id is of the same scale as those of the streams."""
        view = self._entry.view(params)
        limit = _whole(params, "limit", 500)
        if limit not in DEPTH_WEIGHTS:
            raise VenueError(-4021, f"{limit} is not valid depth limit.")
        price, size = view.price.text, view.size.text
        return {
            "lastUpdateId": view.update_id,
            "E": ms(now),
            "T": ms(view.ts),
            "bids": [[price(p), size(q)] for p, q in view.bids[:limit]],
            "asks": [[price(p), size(q)] for p, q in view.asks[:limit]],
        }

    def _trades(self, params: Params, now: Nanos) -> Any:
        view = self._entry.view(params)
        newest = islice(reversed(view.trades), _whole(params, "limit", 500))
        return [print_row(view, printed) for printed in newest][::-1]

    def _aggregates(self, params: Params, now: Nanos) -> Any:
        view = self._entry.view(params)
        limit = _whole(params, "limit", 500)
        found = list(view.trades)
        if params.get("fromId"):
            found = [p for p in found if p.number >= _whole(params, "fromId", 0)][:limit]
        else:
            begin, end = _whole(params, "startTime", 0), _whole(params, "endTime", 1 << 60)
            found = [p for p in found if begin <= ms(p.ts) <= end]
            found = found[:limit] if begin else found[-limit:]
        return [aggregate_row(view, printed) for printed in found]

    def _marks(self, params: Params, now: Nanos) -> Any:
        return self._one_or_all(params, lambda view: mark_row(view, now))

    def _fundings(self, params: Params, now: Nanos) -> Any:
        view = self._entry.view(params)
        due, rate = view.funding(now)
        row = {
            "symbol": view.instrument.symbol,
            "fundingRate": money(rate),
            "fundingTime": ms(due - 8 * HOUR),
            "markPrice": money(view.mark),
        }
        return [row]

    def _days(self, params: Params, now: Nanos) -> Any:
        return self._one_or_all(params, lambda view: day_row(view, now))

    def _prices(self, params: Params, now: Nanos) -> Any:
        return self._one_or_all(
            params,
            lambda view: {
                "symbol": view.instrument.symbol,
                "price": view.price.text(view.last_price),
                "time": ms(now),
            },
        )

    def _touches(self, params: Params, now: Nanos) -> Any:
        return self._one_or_all(params, lambda view: touch_row(view, now))

    def _one_or_all(self, params: Params, row: Callable[[PublicView], Any]) -> Any:
        if params.get("symbol"):
            return row(self._entry.view(params))
        return [row(view) for view in self._desk.views.values()]


def touch_row(view: PublicView, now: Nanos) -> dict[str, Any]:
    """Return the touch as `ticker/bookTicker` does."""
    bid, ask = (side[0] if side else [0, 0] for side in (view.bids, view.asks))
    return {
        "symbol": view.instrument.symbol,
        "bidPrice": view.price.text(bid[0]),
        "bidQty": view.size.text(bid[1]),
        "askPrice": view.price.text(ask[0]),
        "askQty": view.size.text(ask[1]),
        "time": ms(view.ts),
        "lastUpdateId": view.update_id,
    }


def _whole(params: Params, name: str, usual: int) -> int:
    text = str(params.get(name) or usual)
    if not text.isdecimal():
        raise VenueError(codes.BAD_PARAMETER, f"Data sent for parameter '{name}' is not valid.")
    return int(text)


def _flat(weight: int) -> Weight:
    return lambda params: weight


def _by_symbol(one: int, every: int) -> Weight:
    return lambda params: one if params.get("symbol") else every
