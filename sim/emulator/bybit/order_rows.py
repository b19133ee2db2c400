"""Orders and executions as Bybit writes them."""

import hashlib
from decimal import Decimal
from typing import Any, Final

from market.messages import OrderFlag, Reason
from sim.emulator.amounts import plain
from sim.emulator.bybit.codes import ENDS
from sim.emulator.orders import Execution, Order, Payment, Status
from sim.emulator.public_view import PublicView
from sim.emulator.times import ms

SIDES: Final = {1: "Buy", -1: "Sell"}

Row = dict[str, Any]


def order_row(order: Order, view: PublicView) -> Row:
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


def execution_row(execution: Execution, order: Order, view: PublicView, *, is_stream: bool) -> Row:
    """Return an execution; a stream tells a little more of it than a query."""
    instrument = order.instrument
    rate = instrument.maker_fee if execution.is_maker else instrument.taker_fee
    row: Row = {
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


def fast_execution_row(execution: Execution, order: Order, view: PublicView) -> Row:
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


def funding_row(payment: Payment, view: PublicView, *, is_stream: bool) -> Row:
    """Return a payment of funding, which Bybit lists among the executions; a fee above 0 was paid."""
    row: Row = {
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
