"""Instruments, orders, executions, positions and wallets as Bybit writes them."""

import hashlib
from decimal import Decimal
from typing import Any, Final

from market.instrument import Instrument
from market.messages import OrderFlag, Reason
from sim.emulator.account import Account
from sim.emulator.amounts import money, plain
from sim.emulator.bybit.codes import ENDS
from sim.emulator.orders import Execution, Holding, Order, Payment, Status
from sim.emulator.public_view import PublicView
from sim.emulator.times import ms

SIDES: Final = {1: "Buy", -1: "Sell"}
PRICE_BAND: Final = Decimal("0.05")
MAINTENANCE: Final = Decimal("0.005")
MAX_LEVERAGE: Final = 100


def uuid(kind: str, number: int) -> str:
    """Return the id of an order or execution as text, the same for the same number."""
    digits = hashlib.sha256(f"{kind}/{number}".encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-9{digits[17:20]}-{digits[20:32]}"


def time_in_force(order: Order) -> str:
    for flag, name in ((OrderFlag.MARKET, "IOC"), (OrderFlag.POST_ONLY, "PostOnly"), (OrderFlag.IOC, "IOC")):
        if order.flags & flag:
            return name
    return "FOK" if order.flags & OrderFlag.FOK else "GTC"


def status_of(order: Order) -> str:
    match order.status:
        case Status.OPEN:
            return "PartiallyFilled" if order.filled else "New"
        case Status.FILLED:
            return "Filled"
    return "Cancelled"


def order_row(order: Order, view: PublicView) -> dict[str, Any]:
    """Return an order, as a stream tells it."""
    price, size = view.price, view.size
    reject, cancel = ("EC_NoError", "UNKNOWN")
    if order.status in (Status.CANCELLED, Status.EXPIRED, Status.REJECTED):
        reject, cancel = ENDS[Reason(order.reason)]
    value = order.instrument.value(1, order.value)
    return {
        "category": "linear",
        "symbol": order.instrument.symbol,
        "orderId": uuid("order", order.number),
        "orderLinkId": order.client_id,
        "blockTradeId": "",
        "side": SIDES[order.side],
        "positionIdx": 0,
        "orderStatus": status_of(order),
        "cancelType": cancel,
        "rejectReason": reject,
        "timeInForce": time_in_force(order),
        "isLeverage": "",
        "price": price.text(order.price),
        "qty": size.text(order.size),
        "avgPrice": plain(order.average_price) if order.filled else "",
        "leavesQty": size.text(order.left),
        "leavesValue": plain(order.worth(order.price, order.left)),
        "cumExecQty": size.text(order.filled),
        "cumExecValue": plain(value),
        "cumExecFee": plain(Decimal(order.fee_e12).scaleb(-12)),
        "orderType": "Market" if order.is_market else "Limit",
        "stopOrderType": "",
        "orderIv": "",
        "triggerPrice": "",
        "takeProfit": "",
        "stopLoss": "",
        "triggerBy": "",
        "tpTriggerBy": "",
        "slTriggerBy": "",
        "triggerDirection": 0,
        "placeType": "",
        "lastPriceOnCreated": order.terms.get("last_price", ""),
        "closeOnTrigger": bool(order.terms.get("closeOnTrigger", False)),
        "reduceOnly": order.reduces_only,
        "smpGroup": 0,
        "smpType": order.terms.get("smpType", "None"),
        "smpOrderId": "",
        "tpslMode": "UNKNOWN",
        "createType": "CreateByUser",
        "tpLimitPrice": "",
        "slLimitPrice": "",
        "feeCurrency": "",
        "cumFeeDetail": {order.instrument.settle: plain(Decimal(order.fee_e12).scaleb(-12))} if order.filled else {},
        "closedPnl": plain(order.realised),
        "slippageTolerance": "0",
        "slippageToleranceType": "UNKNOWN",
        "rpiTakerAccess": False,
        "rpiMatchedQty": "0",
        "extraFees": "",
        "createdTime": str(ms(order.created)),
        "updatedTime": str(ms(order.updated)),
    }


def execution_row(execution: Execution, order: Order, view: PublicView, *, is_stream: bool) -> dict[str, Any]:
    """Return an execution; a stream tells a little more of it than a query."""
    instrument = order.instrument
    rate = instrument.maker_fee if execution.is_maker else instrument.taker_fee
    row: dict[str, Any] = {
        "symbol": instrument.symbol,
        "orderId": uuid("order", order.number),
        "orderLinkId": order.client_id,
        "side": SIDES[order.side],
        "orderPrice": view.price.text(order.price),
        "orderQty": view.size.text(order.size),
        "leavesQty": view.size.text(execution.left),
        "createType": "CreateByUser",
        "orderType": "Market" if order.is_market else "Limit",
        "stopOrderType": "UNKNOWN",
        "execFee": plain(execution.fee),
        "execId": uuid("execution", execution.trade_id),
        "execPrice": view.price.text(execution.price),
        "execQty": view.size.text(execution.size),
        "execType": "Trade",
        "execValue": plain(execution.value),
        "execTime": str(ms(execution.ts)),
        "feeCurrency": instrument.settle,
        "isMaker": execution.is_maker,
        "feeRate": plain(rate),
        "tradeIv": "",
        "markIv": "",
        "markPrice": plain(view.mark, 4),
        "indexPrice": "",
        "underlyingPrice": "",
        "blockTradeId": "",
        "closedSize": view.size.text(execution.closed),
        "seq": execution.seq,
        "extraFees": "",
    }
    if is_stream:
        row |= {"isLeverage": "0", "marketUnit": "", "execPnl": plain(execution.realised)}
        row |= {"category": "linear", "extraFees": []}
    return row


def fast_execution_row(execution: Execution, order: Order, view: PublicView) -> dict[str, Any]:
    """Return an execution as `execution.fast` tells it: no fee, no link id of a maker's."""
    return {
        "category": "linear",
        "symbol": order.instrument.symbol,
        "execId": uuid("execution", execution.trade_id),
        "execPrice": view.price.text(execution.price),
        "execQty": view.size.text(execution.size),
        "orderId": uuid("order", order.number),
        "isMaker": execution.is_maker,
        "orderLinkId": "" if execution.is_maker else order.client_id,
        "side": SIDES[order.side],
        "execTime": str(ms(execution.ts)),
        "seq": execution.seq,
    }


def funding_row(payment: Payment, view: PublicView, *, is_stream: bool) -> dict[str, Any]:
    """Return a payment of funding, which Bybit lists among the executions; a fee above 0 was paid."""
    row: dict[str, Any] = {
        "symbol": payment.instrument.symbol,
        "orderId": uuid("funding", payment.payment_id),
        "orderLinkId": "",
        "side": SIDES[1 if payment.position > 0 else -1],
        "orderPrice": "0",
        "orderQty": "0",
        "leavesQty": "0",
        "createType": "UNKNOWN",
        "orderType": "UNKNOWN",
        "stopOrderType": "UNKNOWN",
        "execFee": plain(-payment.amount),
        "execId": uuid("payment", payment.payment_id),
        "execPrice": plain(view.mark, 4),
        "execQty": view.size.text(abs(payment.position)),
        "execType": "Funding",
        "execValue": plain(abs(view.mark * payment.position * payment.instrument.lot)),
        "execTime": str(ms(payment.ts)),
        "feeCurrency": payment.instrument.settle,
        "isMaker": False,
        "feeRate": "0",
        "tradeIv": "",
        "markIv": "",
        "markPrice": plain(view.mark, 4),
        "indexPrice": "",
        "underlyingPrice": "",
        "blockTradeId": "",
        "closedSize": "0",
        "seq": view.seq,
        "extraFees": "",
    }
    if is_stream:
        row |= {"isLeverage": "0", "marketUnit": "", "execPnl": "0", "category": "linear", "extraFees": []}
    return row


def position_row(holding: Holding, view: PublicView, *, is_stream: bool) -> dict[str, Any]:
    """Return a position; the entry price is `entryPrice` in a stream and `avgPrice` in a query."""
    mark = view.mark
    value, margin = holding.value(mark), plain(holding.margin(mark))
    keeping = plain(value * MAINTENANCE)
    side = "" if holding.lots == 0 else SIDES[1 if holding.lots > 0 else -1]
    row: dict[str, Any] = {
        "positionIdx": 0,
        "riskId": 1,
        "riskLimitValue": "2000000",
        "symbol": holding.instrument.symbol,
        "side": side,
        "size": view.size.text(abs(holding.lots)),
        "positionValue": plain(value) if holding.lots else "",
        "tradeMode": 0,
        "positionStatus": "Normal",
        "autoAddMargin": 0,
        "adlRankIndicator": 2 if holding.lots else 0,
        "leverage": plain(holding.leverage),
        "positionBalance": "0",
        "markPrice": plain(mark, 4),
        "liqPrice": "",
        "bustPrice": "",
        "breakEvenPrice": plain(holding.entry),
        "positionIM": margin,
        "positionIMByMp": margin,
        "positionMM": keeping,
        "positionMMByMp": keeping,
        "tpslMode": "Full",
        "takeProfit": "",
        "stopLoss": "",
        "trailingStop": "0",
        "sessionAvgPrice": "",
        "unrealisedPnl": plain(holding.profit(mark)) if holding.lots else "",
        "curRealisedPnl": plain(holding.realised - holding.fees),
        "cumRealisedPnl": plain(holding.realised - holding.fees),
        "seq": holding.seq,
        "isReduceOnly": False,
        "mmrSysUpdatedTime": "",
        "leverageSysUpdatedTime": "",
        "createdTime": str(ms(holding.opened)),
        "updatedTime": str(ms(holding.updated)),
    }
    row["entryPrice" if is_stream else "avgPrice"] = plain(holding.entry)
    if is_stream:
        row["category"] = "linear"
    return row


def wallet_row(account: Account) -> dict[str, Any]:
    """Return the account's money; everything is in USDT, which is taken for a dollar."""
    wallet, profit = account.wallet, account.unrealised
    in_positions, in_orders = account.position_margin, account.order_margin
    equity, margin = wallet + profit, in_positions + in_orders
    keeping = account.maintenance(MAINTENANCE)
    rate = plain(margin / equity, 4) if equity > 0 else "0"
    keeping_rate = plain(keeping / equity, 4) if equity > 0 else "0"
    coin = {
        "coin": "USDT",
        "equity": plain(equity),
        "usdValue": plain(equity),
        "walletBalance": plain(wallet),
        "availableToWithdraw": "",
        "availableToBorrow": "",
        "borrowAmount": "0",
        "accruedInterest": "0",
        "totalOrderIM": plain(in_orders),
        "totalPositionIM": plain(in_positions),
        "totalPositionMM": plain(keeping),
        "unrealisedPnl": plain(profit),
        "cumRealisedPnl": plain(account.realised),
        "bonus": "0",
        "collateralSwitch": True,
        "marginCollateral": True,
        "locked": "0",
        "spotHedgingQty": "0",
        "spotBorrow": "0",
    }
    return {
        "accountType": "UNIFIED",
        "accountLTV": "0",
        "accountIMRate": rate,
        "accountIMRateByMp": rate,
        "accountMMRate": keeping_rate,
        "accountMMRateByMp": keeping_rate,
        "totalEquity": plain(equity),
        "totalWalletBalance": plain(wallet),
        "totalMarginBalance": plain(equity),
        "totalAvailableBalance": plain(account.available),
        "totalPerpUPL": plain(profit),
        "totalInitialMargin": plain(margin),
        "totalInitialMarginByMp": plain(margin),
        "totalMaintenanceMargin": plain(keeping),
        "totalMaintenanceMarginByMp": plain(keeping),
        "coin": [coin],
    }


def instrument_row(instrument: Instrument, view: PublicView, now_ms: int) -> dict[str, Any]:
    """Return an instrument's rules."""
    price, size = view.price, view.size
    largest = size.text(instrument.max_size or 10**9)
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
            "maxPrice": price.text(10**9),
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
