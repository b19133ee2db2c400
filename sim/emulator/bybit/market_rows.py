"""Instruments and tickers as Bybit writes them."""

from decimal import Decimal
from typing import Any, Final

from market.instrument import Instrument
from sim.emulator.amounts import MOST, money, plain
from sim.emulator.public_view import PublicView
from sim.emulator.times import ms

PRICE_BAND: Final = Decimal("0.05")  # each side of the mark
MAX_LEVERAGE: Final = 100

Row = dict[str, Any]


def instrument_row(instrument: Instrument, view: PublicView) -> Row:
    """Return an instrument's rules."""
    price, size = view.price, view.size
    largest = size.text(instrument.max_size or MOST)
    interval = 480
    return {
        "symbol": instrument.symbol,
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": instrument.base,
        "quoteCoin": instrument.quote,
        "launchTime": "1585526400000",
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(price.places),
        "leverageFilter": {"minLeverage": "1", "maxLeverage": f"{MAX_LEVERAGE}.00", "leverageStep": "0.01"},
        "priceFilter": {
            "minPrice": price.text(1),
            "maxPrice": price.text(MOST),
            "tickSize": price.text(1),
        },
        "lotSizeFilter": {
            "maxOrderQty": largest,
            "minOrderQty": size.text(instrument.min_size),
            "qtyStep": size.text(1),
            "postOnlyMaxOrderQty": largest,
            "maxMktOrderQty": largest,
            "minNotionalValue": plain(instrument.min_notional),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": interval,
        "settleCoin": instrument.settle,
        "copyTrading": "none",
        "upperFundingRate": "0.005",
        "lowerFundingRate": "-0.005",
        "isPreListing": False,
        "preListingInfo": None,
        "riskParameters": {"priceLimitRatioX": plain(PRICE_BAND), "priceLimitRatioY": plain(2 * PRICE_BAND)},
        "displayName": "",
        "symbolType": "",
        "forbidUplWithdrawal": False,
        "symbolId": instrument.id + 1,
    }


def ticker_row(view: PublicView, now: int) -> dict[str, str]:
    """Return the newest of everything: prices, mark, funding; the day's figures are those since the start."""
    price, size = view.price, view.size
    due, rate = view.funding(now)
    bid, ask = (side[0] if side else [0, 0] for side in (view.bids, view.asks))
    first, last = view.first_price or view.last_price, view.last_price
    change = Decimal(last - first) / first if first else Decimal(0)
    mark = money(view.mark, price.places)
    turnover = view.instrument.value(1, view.turnover)
    return {
        "symbol": view.instrument.symbol,
        "tickDirection": view.trades[-1].tick_direction if view.trades else "ZeroPlusTick",
        "price24hPcnt": money(change, 6),
        "lastPrice": price.text(last),
        "prevPrice24h": price.text(first),
        "highPrice24h": price.text(view.high or last),
        "lowPrice24h": price.text(view.low or last),
        "prevPrice1h": price.text(first),
        "markPrice": mark,
        "indexPrice": mark,
        "openInterest": size.text(10**6),
        "openInterestValue": money(view.mark * 10**6 * view.instrument.lot, 2),
        "turnover24h": money(turnover, 4),
        "volume24h": size.text(view.volume),
        "fundingIntervalHour": "8",
        "fundingCap": "0.005",
        "singleOpenInterest": size.text(10**6),
        "singleOpenInterestValue": money(view.mark * 10**6 * view.instrument.lot, 2),
        "nextFundingTime": str(ms(due)),
        "fundingRate": plain(rate),
        "bid1Price": price.text(bid[0]),
        "bid1Size": size.text(bid[1]),
        "ask1Price": price.text(ask[0]),
        "ask1Size": size.text(ask[1]),
        "preOpenPrice": "",
        "preQty": "",
        "curPreListingPhase": "",
    }
