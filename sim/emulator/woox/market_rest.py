"""WOO X's public endpoints."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from market.instrument import Instrument
from market.units import Nanos
from sim.emulator.amounts import MOST, money, plain
from sim.emulator.desk import Desk
from sim.emulator.public_view import Print, PublicView
from sim.emulator.times import ms
from sim.emulator.woox import codes
from sim.emulator.woox.codes import VenueError
from sim.emulator.woox.entry import PRICE_BAND
from sim.emulator.woox.public_stream import PublicStreams
from sim.emulator.woox.rows import SIDES

Fields = Mapping[str, str]
Row = dict[str, Any]
_MOST_LEVELS: Final = 500
_MOST_TRADES: Final = 1000


class MarketRest:
    """Answers by path: `data`, and where it is of another time than now, the time."""

    def __init__(self, desk: Desk, streams: PublicStreams) -> None:
        self._desk = desk
        self._streams = streams
        self.routes: Mapping[str, Callable[[Fields, Nanos], tuple[Any, int]]] = {
            "/v3/public/systemInfo": self._system,
            "/v3/public/instruments": self._instruments,
            "/v3/public/orderbook": self._book,
            "/v3/public/marketTrades": self._trades,
            "/v3/public/futures": self._futures,
            "/v3/public/fundingRate": self._funding,
        }

    def _system(self, fields: Fields, now: Nanos) -> tuple[Any, int]:
        return {"status": 0, "msg": "System is functioning properly.", "estimatedEndTime": ms(now)}, ms(now)

    def _instruments(self, fields: Fields, now: Nanos) -> tuple[Any, int]:
        rows = [_instrument_row(view.instrument, view) for view in self._desk.views.values()]
        return {"rows": rows}, ms(now)

    def _book(self, fields: Fields, now: Nanos) -> tuple[Any, int]:
        self._desk.catch_up(now)
        view = self._view(fields)
        most = _count(fields, "maxLevel", 100, _MOST_LEVELS)
        bids, asks, ts = self._streams.whole(view, now)
        sides = {
            name: [{"price": view.price.text(p), "quantity": view.size.text(q)} for p, q in levels[:most]]
            for name, levels in (("asks", asks), ("bids", bids))
        }
        return sides, ts

    def _trades(self, fields: Fields, now: Nanos) -> tuple[Any, int]:
        view = self._view(fields)
        most = _count(fields, "limit", 10, _MOST_TRADES)
        newest = list(view.trades)[-most:]
        return {"rows": [_trade_row(view, printed) for printed in reversed(newest)]}, ms(now)

    def _futures(self, fields: Fields, now: Nanos) -> tuple[Any, int]:
        return {"rows": [_future_row(view, now) for view in self._views(fields)]}, ms(now)

    def _funding(self, fields: Fields, now: Nanos) -> tuple[Any, int]:
        rows = []
        for view in self._views(fields):
            due, rate = view.funding(now)
            rows.append(
                {
                    "symbol": view.instrument.symbol,
                    "estFundingRate": plain(rate),
                    "estFundingRateTimestamp": ms(now),
                    "lastFundingRate": plain(rate),
                    "lastFundingRateTimestamp": ms(now),
                    "nextFundingTime": ms(due),
                    "lastFundingIntervalHours": 8,
                    "estFundingIntervalHours": 8,
                }
            )
        return {"rows": rows}, ms(now)

    def _views(self, fields: Fields) -> list[PublicView]:
        return [self._view(fields)] if fields.get("symbol") else list(self._desk.views.values())

    def _view(self, fields: Fields) -> PublicView:
        view = self._desk.views.get(fields.get("symbol", ""))
        if view is None:
            raise VenueError(codes.WRONG_FORMAT, "symbol is invalid")
        return view


def _instrument_row(instrument: Instrument, view: PublicView) -> Row:
    """Return an instrument's rules."""
    return {
        "symbol": instrument.symbol,
        "status": "TRADING",
        "baseAsset": instrument.base,
        "baseAssetMultiplier": 1,
        "quoteAsset": instrument.quote,
        "quoteMin": "0",
        "quoteMax": view.price.text(MOST),
        "quoteTick": view.price.text(1),
        "baseMin": view.size.text(instrument.min_size),
        "baseMax": view.size.text(instrument.max_size or MOST),
        "baseTick": view.size.text(1),
        "minNotional": plain(instrument.min_notional),
        "bidCapRatio": plain(1 + PRICE_BAND),
        "bidFloorRatio": None,
        "askCapRatio": None,
        "askFloorRatio": plain(1 - PRICE_BAND),
        "orderMode": "NORMAL",
        "impactNotional": "10000",
        "isAllowedRpi": False,
        "tickGranularity": None,
        "fundingIntervalHours": 8,
        "fundingCap": "0.0075",
        "fundingFloor": "-0.0075",
        "baseIMR": "0.01",
        "baseMMR": "0.006",
    }


def _future_row(view: PublicView, now: Nanos) -> Row:
    price = view.price.text
    due, rate = view.funding(now)
    first, last = view.first_price or view.last_price, view.last_price
    mark = money(view.mark, view.price.places)
    return {
        "symbol": view.instrument.symbol,
        "indexPrice": mark,
        "markPrice": mark,
        "estFundingRate": plain(rate),
        "lastFundingRate": plain(rate),
        "openInterest": view.size.text(10**6),
        "24hOpen": price(first),
        "24hClose": price(last),
        "24hHigh": price(view.high or last),
        "24hLow": price(view.low or last),
        "24hVolume": view.size.text(view.volume),
        "24hAmount": plain(view.instrument.value(1, view.turnover)),
        "nextFundingTime": ms(due),
    }


def _trade_row(view: PublicView, printed: Print) -> Row:
    return {
        "symbol": view.instrument.symbol,
        "side": SIDES[printed.taker],
        "source": 1,
        "executedPrice": view.price.text(printed.price),
        "executedQuantity": view.size.text(printed.size),
        "executedTimestamp": ms(printed.ts),
        "rpi": False,
    }


def _count(fields: Fields, name: str, usual: int, most: int) -> int:
    text = fields.get(name) or str(usual)
    if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text)):
        raise VenueError(codes.WRONG_FORMAT, f"{name} is a number from 1 to {most}")
    return min(int(text), most)
