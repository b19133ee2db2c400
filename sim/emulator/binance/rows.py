"""Instruments, orders, executions, positions and money as Binance writes them."""

from decimal import Decimal
from typing import Any, Final

from market.instrument import Instrument
from market.messages import OrderFlag, Reason
from market.units import Nanos
from sim.emulator.account import Account
from sim.emulator.amounts import money, plain
from sim.emulator.binance.codes import EXPIRIES, MARKET_EXPIRY
from sim.emulator.orders import Execution, Holding, Order, Payment, Status
from sim.emulator.public_view import Print, PublicView
from sim.emulator.times import ms

SIDES: Final = {1: "BUY", -1: "SELL"}
PRICE_BAND: Final = Decimal("0.05")
MAINTENANCE: Final = Decimal("0.005")
MAX_LEVERAGE: Final = 125

Row = dict[str, Any]


def time_in_force(order: Order) -> str:
    for flag, name in ((OrderFlag.POST_ONLY, "GTX"), (OrderFlag.IOC, "IOC"), (OrderFlag.FOK, "FOK")):
        if order.flags & flag:
            return name
    return "GTC"


def status_of(order: Order) -> str:
    match order.status:
        case Status.OPEN:
            return "PARTIALLY_FILLED" if order.filled else "NEW"
        case Status.CANCELLED:
            return "CANCELED"
    return order.status.name


def order_row(order: Order, view: PublicView) -> Row:
    """Return an order as the answers to placing, changing and cancelling do."""
    price, size = view.price.text, view.size.text
    return {
        "orderId": order.number,
        "symbol": order.instrument.symbol,
        "status": status_of(order),
        "clientOrderId": order.client_id,
        "price": price(0 if order.is_market else order.price),
        "origQty": size(order.size),
        "executedQty": size(order.filled),
        "cumQty": size(order.filled),
        "timeInForce": time_in_force(order),
        "type": "MARKET" if order.is_market else "LIMIT",
        "reduceOnly": order.reduces_only,
        "closePosition": False,
        "side": SIDES[order.side],
        "positionSide": "BOTH",
        "stopPrice": price(0),
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": "MARKET" if order.is_market else "LIMIT",
        "priceMatch": "NONE",
        "selfTradePreventionMode": order.terms.get("stp", "EXPIRE_MAKER"),
        "goodTillDate": 0,
        "updateTime": ms(order.updated),
    }


def asked_order_row(order: Order, view: PublicView) -> Row:
    """Return an order as a query does: with its average price and its time."""
    row = order_row(order, view)
    del row["cumQty"]
    return row | {
        "avgPrice": money(order.average_price, view.price.places + 1),
        "cumQuote": plain(order.instrument.value(1, order.value)),
        "time": ms(order.created),
    }


def order_update(order: Order, kind: str, execution: Execution | None, view: PublicView, now: Nanos) -> Row:
    """Return an ORDER_TRADE_UPDATE."""
    price, size = view.price.text, view.size.text
    expiry = "0"
    if order.status is Status.EXPIRED:
        expiry = MARKET_EXPIRY if order.is_market else EXPIRIES.get(Reason(order.reason), "0")
    o: Row = {
        "s": order.instrument.symbol,
        "c": order.client_id,
        "S": SIDES[order.side],
        "o": "MARKET" if order.is_market else "LIMIT",
        "f": time_in_force(order),
        "q": size(order.size),
        "p": price(0 if order.is_market else order.price),
        "ap": plain(order.average_price),
        "sp": "0",
        "x": kind,
        "X": status_of(order),
        "i": order.number,
        "l": size(execution.size) if execution else "0",
        "z": size(order.filled),
        "L": price(execution.price) if execution else "0",
        "n": plain(execution.fee) if execution else "0",
        "N": order.instrument.settle,
        "T": ms(order.updated),
        "t": execution.trade_id if execution else 0,
        "b": "0",
        "a": "0",
        "m": execution.is_maker if execution else False,
        "R": order.reduces_only,
        "wt": "CONTRACT_PRICE",
        "ot": "MARKET" if order.is_market else "LIMIT",
        "ps": "BOTH",
        "cp": False,
        "rp": plain(execution.realised) if execution else "0",
        "pP": False,
        "si": 0,
        "ss": 0,
        "V": order.terms.get("stp", "EXPIRE_MAKER"),
        "pm": "NONE",
        "gtd": 0,
        "er": expiry,
    }
    if execution is None:
        del o["n"], o["N"]
    if kind == "AMENDMENT" and order.terms.get("modifyId"):
        o["M"] = order.terms["modifyId"]
    return {"e": "ORDER_TRADE_UPDATE", "T": ms(order.updated), "E": ms(now), "o": o}


def trade_lite(order: Order, execution: Execution, view: PublicView, now: Nanos) -> Row:
    """Return a TRADE_LITE."""
    return {
        "e": "TRADE_LITE",
        "E": ms(now),
        "T": ms(execution.ts),
        "s": order.instrument.symbol,
        "q": view.size.text(order.size),
        "p": view.price.text(0 if order.is_market else order.price),
        "m": execution.is_maker,
        "c": order.client_id,
        "S": SIDES[order.side],
        "L": view.price.text(execution.price),
        "l": view.size.text(execution.size),
        "t": execution.trade_id,
        "i": order.number,
    }


def account_update(
    account: Account, reason: str, holdings: list[Holding], change: Decimal, ts: Nanos, now: Nanos
) -> Row:
    """Return an ACCOUNT_UPDATE; `change` of the balance is that which is neither profit nor fee."""
    wallet = money(account.wallet)
    rows = [
        {
            "s": h.instrument.symbol,
            "pa": plain(h.lots * h.instrument.lot),
            "ep": plain(h.entry),
            "bep": plain(h.entry),
            "cr": plain(h.realised),
            "up": plain(h.profit(account.mark(h.instrument))),
            "mt": "cross",
            "iw": "0",
            "ps": "BOTH",
            "ma": h.instrument.settle,
        }
        for h in holdings
    ]
    balance = {"a": "USDT", "wb": wallet, "cw": wallet, "bc": plain(change)}
    return {
        "e": "ACCOUNT_UPDATE",
        "T": ms(ts),
        "E": ms(now),
        "a": {"B": [balance], "P": rows, "m": reason},
    }


def trade_row(e: Execution, view: PublicView) -> Row:
    """Return an execution as `userTrades` does: without the client's id."""
    return {
        "symbol": e.order.instrument.symbol,
        "id": e.trade_id,
        "orderId": e.order.number,
        "side": SIDES[e.order.side],
        "price": view.price.text(e.price),
        "qty": view.size.text(e.size),
        "realizedPnl": money(e.realised),
        "quoteQty": plain(e.value),
        "commission": money(e.fee),
        "commissionAsset": e.order.instrument.settle,
        "time": ms(e.ts),
        "positionSide": "BOTH",
        "maker": e.is_maker,
        "buyer": e.order.side > 0,
    }


def position_row(h: Holding, account: Account, version: int) -> Row:
    """Return a position as `positionRisk` does."""
    mark = account.mark(h.instrument)
    value = h.value(mark) * (1 if h.lots >= 0 else -1)
    bids, asks = open_notionals(h, account)
    row = {
        "symbol": h.instrument.symbol,
        "positionSide": "BOTH",
        "positionAmt": plain(h.lots * h.instrument.lot),
        "entryPrice": plain(h.entry),
        "breakEvenPrice": plain(h.entry),
        "markPrice": money(mark),
        "unRealizedProfit": money(h.profit(mark)),
        "liquidationPrice": "0",
        "isolatedMargin": "0",
        "notional": money(value),
        "isolatedWallet": "0",
        "updateTime": ms(h.updated),
    }
    if version == 2:
        return row | {
            "leverage": plain(h.leverage),
            "maxNotionalValue": "1000000",
            "marginType": "cross",
            "isAutoAddMargin": "false",
        }
    in_position, in_orders = h.margin(mark), (bids + asks) / h.leverage
    return row | {
        "marginAsset": h.instrument.settle,
        "initialMargin": money(in_position + in_orders),
        "maintMargin": money(h.value(mark) * MAINTENANCE),
        "positionInitialMargin": money(in_position),
        "openOrderInitialMargin": money(in_orders),
        "adl": 1 if h.lots else 0,
        "bidNotional": plain(bids),
        "askNotional": plain(asks),
    }


def open_notionals(h: Holding, account: Account) -> tuple[Decimal, Decimal]:
    """Return what the open orders to buy and to sell an instrument come to."""
    sums = {1: Decimal(0), -1: Decimal(0)}
    for order in account.orders.values():
        if order.instrument.id == h.instrument.id:
            sums[order.side] += order.worth(order.price, order.left)
    return sums[1], sums[-1]


def balance_row(account: Account) -> Row:
    """Return the money as `balance` does."""
    return {
        "accountAlias": "SgsR",
        "asset": "USDT",
        "balance": money(account.wallet),
        "crossWalletBalance": money(account.wallet),
        "crossUnPnl": money(account.unrealised),
        "availableBalance": money(account.available),
        "maxWithdrawAmount": money(account.available),
        "marginAvailable": True,
        "updateTime": ms(account.updated),
    }


def totals(account: Account) -> Row:
    """Return the totals of `account`."""
    in_positions, in_orders = account.position_margin, account.order_margin
    return {
        "totalInitialMargin": money(in_positions + in_orders),
        "totalMaintMargin": money(account.maintenance(MAINTENANCE)),
        "totalWalletBalance": money(account.wallet),
        "totalUnrealizedProfit": money(account.unrealised),
        "totalMarginBalance": money(account.wallet + account.unrealised),
        "totalPositionInitialMargin": money(in_positions),
        "totalOpenOrderInitialMargin": money(in_orders),
        "totalCrossWalletBalance": money(account.wallet),
        "totalCrossUnPnl": money(account.unrealised),
        "availableBalance": money(account.available),
        "maxWithdrawAmount": money(account.available),
    }


def asset_row(account: Account) -> Row:
    """Return the money as `account` does."""
    in_positions, in_orders = account.position_margin, account.order_margin
    return {
        "asset": "USDT",
        "walletBalance": money(account.wallet),
        "unrealizedProfit": money(account.unrealised),
        "marginBalance": money(account.wallet + account.unrealised),
        "maintMargin": money(account.maintenance(MAINTENANCE)),
        "initialMargin": money(in_positions + in_orders),
        "positionInitialMargin": money(in_positions),
        "openOrderInitialMargin": money(in_orders),
        "crossWalletBalance": money(account.wallet),
        "crossUnPnl": money(account.unrealised),
        "availableBalance": money(account.available),
        "maxWithdrawAmount": money(account.available),
        "marginAvailable": True,
        "updateTime": ms(account.updated),
    }


def income_row(e: Execution | Payment, kind: str) -> Row:
    """Return a change of the balance: of kind REALIZED_PNL, COMMISSION or FUNDING_FEE."""
    is_trade = isinstance(e, Execution)
    instrument = e.order.instrument if isinstance(e, Execution) else e.instrument
    if isinstance(e, Execution):
        amount = -e.fee if kind == "COMMISSION" else e.realised
        number = e.trade_id
    else:
        amount, number = e.amount, e.payment_id
    return {
        "symbol": instrument.symbol,
        "incomeType": kind,
        "income": money(amount),
        "asset": instrument.settle,
        "time": ms(e.ts),
        "info": str(number) if is_trade else "FUNDING_FEE",
        "tranId": number,
        "tradeId": str(number) if is_trade else "",
    }


def instrument_row(instrument: Instrument, view: PublicView, max_orders: int) -> Row:
    """Return an instrument's rules."""
    price, size = view.price, view.size
    largest = size.text(instrument.max_size or 10**9)
    filters: list[Row] = [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": price.text(1),
            "maxPrice": price.text(10**9),
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
