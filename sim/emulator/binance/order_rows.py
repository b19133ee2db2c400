"""Orders and executions as Binance writes them."""

from typing import Any, Final

from market.messages import OrderFlag, Reason
from market.units import Nanos
from sim.emulator.amounts import money, plain
from sim.emulator.binance.codes import EXPIRIES, MARKET_EXPIRY
from sim.emulator.orders import Execution, Order, Status
from sim.emulator.public_view import PublicView
from sim.emulator.times import ms

SIDES: Final = {1: "BUY", -1: "SELL"}

Row = dict[str, Any]


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
