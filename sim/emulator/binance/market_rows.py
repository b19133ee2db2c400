"""Instruments, marks, trades and tickers as Binance writes them."""

from decimal import Decimal
from typing import Any, Final

from market.instrument import Instrument
from market.units import Nanos
from sim.emulator.amounts import MOST, money, plain
from sim.emulator.public_view import Print, PublicView
from sim.emulator.times import ms

PRICE_BAND: Final = Decimal("0.05")  # each side of the mark
MAX_LEVERAGE: Final = 125

Row = dict[str, Any]


def instrument_row(instrument: Instrument, view: PublicView, max_orders: int) -> Row:
    """Return an instrument's rules."""
    price, size = view.price, view.size
    largest = size.text(instrument.max_size or MOST)
    filters: list[Row] = [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": price.text(1),
            "maxPrice": price.text(MOST),
            "tickSize": price.text(1),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": size.text(instrument.min_size),
            "maxQty": largest,
            "stepSize": size.text(1),
        },
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": size.text(instrument.min_size),
            "maxQty": largest,
            "stepSize": size.text(1),
        },
        {"filterType": "MAX_NUM_ORDERS", "limit": max_orders},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
        {"filterType": "MIN_NOTIONAL", "notional": plain(instrument.min_notional)},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": money(1 + PRICE_BAND, 4),
            "multiplierDown": money(1 - PRICE_BAND, 4),
            "multiplierDecimal": "4",
        },
        {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE", "notionalLimit": "0"},
    ]
    return {
        "symbol": instrument.symbol,
        "pair": instrument.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": 1569398400000,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": instrument.base,
        "quoteAsset": instrument.quote,
        "marginAsset": instrument.settle,
        "pricePrecision": price.places,
        "quantityPrecision": size.places,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "settlePlan": 0,
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10000,
        "filters": filters,
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    }


def mark_row(view: PublicView, now: Nanos) -> Row:
    """Return mark, index and funding as `premiumIndex` does."""
    due, rate = view.funding(now)
    return {
        "symbol": view.instrument.symbol,
        "markPrice": money(view.mark),
        "indexPrice": money(view.mark),
        "estimatedSettlePrice": money(view.mark),
        "lastFundingRate": money(rate),
        "interestRate": "0.00010000",
        "nextFundingTime": ms(due),
        "time": ms(now),
    }


def day_row(view: PublicView, now: Nanos) -> Row:
    """Return the day's figures, which are those since the start, as `ticker/24hr` does."""
    price, size = view.price.text, view.size.text
    first, last = view.first_price or view.last_price, view.last_price
    turnover = view.instrument.value(1, view.turnover)
    change = Decimal(100) * (last - first) / first if first else Decimal(0)
    average = view.instrument.tick * view.turnover / view.volume if view.volume else Decimal(0)
    return {
        "symbol": view.instrument.symbol,
        "priceChange": price(last - first),
        "priceChangePercent": money(change, 3),
        "weightedAvgPrice": money(average, view.price.places),
        "lastPrice": price(last),
        "lastQty": size(view.trades[-1].size if view.trades else 0),
        "openPrice": price(first),
        "highPrice": price(view.high or last),
        "lowPrice": price(view.low or last),
        "volume": size(view.volume),
        "quoteVolume": plain(turnover),
        "openTime": ms(view.trades[0].ts) if view.trades else ms(now),
        "closeTime": ms(now),
        "firstId": view.trades[0].number if view.trades else 0,
        "lastId": view.trades[-1].number if view.trades else 0,
        "count": view.n_trades,
    }


def print_row(view: PublicView, printed: Print) -> Row:
    """Return a public trade as `trades` does."""
    return {
        "id": printed.number,
        "price": view.price.text(printed.price),
        "qty": view.size.text(printed.size),
        "quoteQty": plain(abs(view.instrument.value(printed.price, printed.size))),
        "time": ms(printed.ts),
        "isBuyerMaker": printed.taker < 0,
        "isRPITrade": False,
    }


def aggregate_row(view: PublicView, printed: Print) -> Row:
    """Return a public trade as `aggTrades` does; here nothing is aggregated."""
    return {
        "a": printed.number,
        "p": view.price.text(printed.price),
        "q": view.size.text(printed.size),
        "nq": view.size.text(printed.size),
        "f": printed.number,
        "l": printed.number,
        "T": ms(printed.ts),
        "m": printed.taker < 0,
    }
