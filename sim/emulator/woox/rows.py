"""Orders, executions, positions and money as WOO X writes them: by REST, in reports, and in the reports of old."""

from decimal import Decimal
from typing import Any, Final

from market.messages import OrderFlag, Reason
from market.units import Nanos
from sim.emulator.account import Account
from sim.emulator.amounts import plain
from sim.emulator.orders import Execution, Holding, Order, Payment, Status
from sim.emulator.public_view import PublicView
from sim.emulator.times import ms

SIDES: Final = {1: "BUY", -1: "SELL"}
NEWS, EDIT_REFUSED, CANCEL_REFUSED = range(3)
_ENDS: Final = {Status.CANCELLED: "CANCELLED", Status.EXPIRED: "CANCELLED", Status.REJECTED: "REJECTED"}
_TYPES: Final = (
    (OrderFlag.MARKET, "MARKET"),
    (OrderFlag.POST_ONLY, "POST_ONLY"),
    (OrderFlag.IOC, "IOC"),
    (OrderFlag.FOK, "FOK"),
)
_WORDS: Final = {
    Reason.POST_ONLY_WOULD_TAKE: "post only order would be matched",
    Reason.REDUCE_ONLY: "reduce only order has nothing left to reduce",
}

Row = dict[str, Any]


def type_of(order: Order) -> str:
    return next((name for flag, name in _TYPES if order.flags & flag), "LIMIT")


def status_of(order: Order) -> str:
    if order.status is Status.OPEN:
        return "PARTIAL_FILLED" if order.filled else "NEW"
    return "FILLED" if order.status is Status.FILLED else _ENDS[order.status]


def number_of(client_id: str) -> int:
    """Return a client's id; 0 for none."""
    return int(client_id) if client_id else 0


def order_row(order: Order, view: PublicView) -> Row:
    """Return an order as REST tells it: its numbers are JSON numbers there."""
    return {
        "orderId": order.number,
        "clientOrderId": number_of(order.client_id),
        "symbol": order.instrument.symbol,
        "orderTag": "default",
        "side": SIDES[order.side],
        "quantity": float(view.size.text(order.size)),
        "amount": None,
        "type": type_of(order),
        "status": status_of(order),
        "price": None if order.is_market else float(view.price.text(order.price)),
        "executed": float(view.size.text(order.filled)),
        "visible": float(view.size.text(order.size)),
        "averageExecutedPrice": float(order.average_price),
        "totalFee": float(_fee(order.fee_e12)),
        "feeAsset": order.instrument.settle,
        "totalRebate": 0,
        "rebateAsset": order.instrument.settle,
        "reduceOnly": order.reduces_only,
        "createdTime": f"{ms(order.created) / 1000:.3f}",
        "realizedPnl": None,
        "positionSide": "BOTH",
        "bidAskLevel": None,
    }


def report(order: Order, view: PublicView, execution: Execution | None = None, kind: int = NEWS) -> Row:
    """Return what the private stream of v3 says of an order."""
    price, size = view.price, view.size
    settle = order.instrument.settle
    return {
        "mt": kind,
        "s": order.instrument.symbol,
        "cid": number_of(order.client_id),
        "oid": order.number,
        "t": type_of(order),
        "sd": SIDES[order.side],
        "ps": "BOTH",
        "sx": size.text(order.size),
        "px": "0" if order.is_market else price.text(order.price),
        "tid": execution.trade_id if execution else 0,
        "epx": price.text(execution.price) if execution else "0",
        "esx": size.text(execution.size) if execution else "0",
        "f": plain(execution.fee) if execution else "0",
        "fa": settle,
        "tesx": size.text(order.filled),
        "aepx": plain(order.average_price),
        "ss": status_of(order),
        "rs": _WORDS.get(Reason(order.reason), "") if not order.is_open else "",
        "tg": "default",
        "tf": plain(_fee(order.fee_e12)),
        "tfc": settle,
        "tr": "0",
        "trc": settle,
        "vsx": size.text(order.size),
        "ts": ms(execution.ts if execution else order.updated),
        "ro": order.reduces_only,
        "mk": bool(execution and execution.is_maker),
        "lv": 10,
        "m": "CROSS",
        "rpi": False,
    }


def old_report(order: Order, view: PublicView, execution: Execution | None = None) -> Row:
    """Return what the private stream of v2 says of an order, by long names."""
    return {
        "symbol": order.instrument.symbol,
        "clientOrderId": number_of(order.client_id),
        "orderId": order.number,
        "type": type_of(order),
        "side": SIDES[order.side],
        "quantity": float(view.size.text(order.size)),
        "price": 0 if order.is_market else float(view.price.text(order.price)),
        "tradeId": execution.trade_id if execution else 0,
        "executedPrice": float(view.price.text(execution.price)) if execution else 0,
        "executedQuantity": float(view.size.text(execution.size)) if execution else 0,
        "fee": float(execution.fee) if execution else 0,
        "feeAsset": order.instrument.settle,
        "totalExecutedQuantity": float(view.size.text(order.filled)),
        "status": status_of(order),
        "reason": _WORDS.get(Reason(order.reason), "") if not order.is_open else "",
        "orderTag": "default",
        "totalFee": float(_fee(order.fee_e12)),
        "visible": float(view.size.text(order.size)),
        "timestamp": ms(execution.ts if execution else order.updated),
        "reduceOnly": order.reduces_only,
        "maker": bool(execution and execution.is_maker),
    }


def fill_row(execution: Execution, view: PublicView) -> Row:
    """Return an execution as REST tells it; its time is in seconds there."""
    order = execution.order
    return {
        "id": execution.trade_id,
        "symbol": order.instrument.symbol,
        "orderId": order.number,
        "executedPrice": view.price.text(execution.price),
        "executedQuantity": view.size.text(execution.size),
        "fee": plain(execution.fee),
        "feeAsset": order.instrument.settle,
        "side": SIDES[order.side],
        "isMaker": int(execution.is_maker),
        "executedTimestamp": f"{ms(execution.ts) // 1000}.{ms(execution.ts) % 1000:03d}",
        "realizedPnl": plain(execution.realised),
        "isMatchRpi": False,
    }


def position_row(holding: Holding, view: PublicView) -> Row:
    """Return a position as REST tells it."""
    return {
        "symbol": holding.instrument.symbol,
        "holding": view.size.text(holding.lots),
        "pendingLongQty": "0",
        "pendingShortQty": "0",
        "settlePrice": plain(holding.entry),
        "averageOpenPrice": plain(holding.entry),
        "pnl24H": "0",
        "fee24H": plain(holding.fees),
        "markPrice": plain(view.mark),
        "estLiqPrice": "0",
        "timestamp": ms(holding.updated),
        "adlQuantile": 0,
        "positionSide": "BOTH",
        "marginMode": "CROSS",
        "isolatedMarginToken": "",
        "isolatedMarginAmount": "0",
        "isolatedFrozenLong": "0",
        "isolatedFrozenShort": "0",
        "leverage": int(holding.leverage),
    }


def position_event(holding: Holding, view: PublicView, version: int, now: Nanos) -> Row:
    """Return a position as the private stream of v3 tells it."""
    return {
        "s": holding.instrument.symbol,
        "h": view.size.text(holding.lots),
        "plq": "0",
        "psq": "0",
        "aop": plain(holding.entry),
        "sp": plain(holding.entry),
        "mp": plain(view.mark),
        "lv": int(holding.leverage),
        "m": "CROSS",
        "ps": "BOTH",
        "aq": 0,
        "ver": version,
        "ts": ms(now),
    }


def balance_event(account: Account, version: int, now: Nanos) -> Row:
    """Return the money as the private stream of v3 tells it."""
    return {
        "t": "USDT",
        "h": plain(account.wallet),
        "f": plain(account.order_margin),
        "ver": version,
        "mp": "1",
        "ts": ms(now),
    }


def payment_row(payment: Payment, view: PublicView) -> Row:
    """Return a payment of funding."""
    return {
        "id": payment.payment_id,
        "symbol": payment.instrument.symbol,
        "fundingRate": float(Decimal(payment.rate_e12).scaleb(-12)),
        "markPrice": plain(view.mark),
        "fundingFee": plain(abs(payment.amount)),
        "fundingIntervalHours": 8,
        "paymentType": "Receive" if payment.amount > 0 else "Pay",
        "status": "COMPLETED",
        "createdTime": ms(payment.ts),
        "updatedTime": ms(payment.ts),
    }


def _fee(fee_e12: int) -> Decimal:
    return Decimal(fee_e12).scaleb(-12)
