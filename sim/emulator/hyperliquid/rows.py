"""Orders, executions, positions and money as Hyperliquid writes them."""

from decimal import Decimal
from typing import Any, Final

from market.messages import OrderFlag, Reason
from sim.emulator.account import Account
from sim.emulator.amounts import money, plain
from sim.emulator.orders import Execution, Holding, Order, Payment, Status
from sim.emulator.public_view import Level, Print, PublicView
from sim.emulator.times import ms

SIDES: Final = {1: "B", -1: "A"}
TIFS: Final = ((OrderFlag.POST_ONLY, "Alo"), (OrderFlag.IOC, "Ioc"))
_REFUSED: Final = {
    Reason.POST_ONLY_WOULD_TAKE: "badAloPxRejected",
    Reason.NO_LIQUIDITY: "iocCancelRejected",
    Reason.REDUCE_ONLY: "reduceOnlyRejected",
    Reason.BELOW_MIN_NOTIONAL: "minTradeNtlRejected",
    Reason.INVALID_PRICE: "tickRejected",
}

Row = dict[str, Any]


def price_text(view: PublicView, ticks: int) -> str:
    """Return a price as the venue tells it: one decimal at the least."""
    text = plain(view.instrument.tick * ticks)
    return text if "." in text else f"{text}.0"


def size_text(view: PublicView, lots: int) -> str:
    """Return a size as the venue tells it: one decimal at the least."""
    text = plain(view.instrument.lot * lots)
    return text if "." in text else f"{text}.0"


def status_of(order: Order) -> str:
    if order.status is Status.OPEN:
        return "open"
    if order.status is Status.FILLED:
        return "filled"
    if order.status is Status.REJECTED:
        return _REFUSED.get(Reason(order.reason), "rejected")
    if order.reason == Reason.REDUCE_ONLY:
        return "reduceOnlyCanceled"
    if order.reason == Reason.NO_LIQUIDITY:
        return "iocCancelRejected"
    return str(order.terms.get("cancelled by", "canceled"))


def order_row(order: Order, view: PublicView, *, is_whole: bool = False) -> Row:
    """Return an order; `sz` is what remains of it, or did when it ended."""
    row: Row = {
        "coin": order.instrument.symbol,
        "side": SIDES[order.side],
        "limitPx": price_text(view, order.price),
        "sz": size_text(view, order.size - order.filled),
        "oid": order.number,
        "timestamp": ms(order.created),
        "origSz": size_text(view, order.size),
    }
    if order.client_id:
        row["cloid"] = order.client_id
    if is_whole:
        row |= {
            "triggerCondition": "N/A",
            "isTrigger": False,
            "triggerPx": "0.0",
            "children": [],
            "isPositionTpsl": False,
            "reduceOnly": order.reduces_only,
            "orderType": "Limit",
            "tif": next((name for flag, name in TIFS if order.flags & flag), "Gtc"),
        }
    return row


def news(order: Order, view: PublicView) -> Row:
    """Return what `orderUpdates` tells of an order."""
    return {"order": order_row(order, view), "status": status_of(order), "statusTimestamp": ms(order.updated)}


def fill_row(execution: Execution, view: PublicView, start: int) -> Row:
    """Return an execution; `start`: the position before it, lots."""
    order = execution.order
    way = "Long" if order.side > 0 else "Short"
    row: Row = {
        "coin": order.instrument.symbol,
        "px": price_text(view, execution.price),
        "sz": size_text(view, execution.size),
        "side": SIDES[order.side],
        "time": ms(execution.ts),
        "startPosition": size_text(view, start),
        "dir": f"Open {way}" if not execution.closed else f"Close {'Short' if order.side > 0 else 'Long'}",
        "closedPnl": money(execution.realised, 6),
        "hash": "0x" + 64 * "0",
        "oid": order.number,
        "crossed": not execution.is_maker,
        "fee": plain(execution.fee),
        "tid": execution.trade_id,
        "feeToken": "USDC",
        "twapId": None,
    }
    if order.client_id:
        row["cloid"] = order.client_id
    return row


def payment_row(payment: Payment, view: PublicView) -> Row:
    return {
        "time": ms(payment.ts),
        "hash": "0x" + 64 * "0",
        "delta": {
            "type": "funding",
            "coin": payment.instrument.symbol,
            "usdc": plain(payment.amount),
            "szi": size_text(view, payment.position),
            "fundingRate": plain(view.funding(payment.ts)[1], 10),
            "nSamples": None,
        },
    }


def position_row(holding: Holding, view: PublicView) -> Row:
    value = holding.value(view.mark)
    return {
        "type": "oneWay",
        "position": {
            "coin": holding.instrument.symbol,
            "szi": size_text(view, holding.lots),
            "entryPx": plain(holding.entry),
            "leverage": {"type": "cross", "value": int(holding.leverage)},
            "liquidationPx": None,
            "marginUsed": plain(holding.margin(view.mark)),
            "positionValue": plain(value),
            "returnOnEquity": "0.0",
            "unrealizedPnl": plain(holding.profit(view.mark)),
            "maxLeverage": 50,
            "cumFunding": {"allTime": "0.0", "sinceOpen": "0.0", "sinceChange": "0.0"},
        },
    }


def margin_row(account: Account) -> Row:
    """Return the money of an account; `totalRawUsd` is its cash when every position is worth its mark."""
    value = account.wallet + account.unrealised
    held = [h for h in account.holdings.values() if h.lots]
    worth = [h.value(account.mark(h.instrument)) * (1 if h.lots > 0 else -1) for h in held]
    return {
        "accountValue": plain(value),
        "totalNtlPos": plain(sum(map(abs, worth), Decimal(0))),
        "totalRawUsd": plain(value - sum(worth, Decimal(0))),
        "totalMarginUsed": plain(account.position_margin),
    }


def levels(view: PublicView, side: list[Level], depth: int) -> list[Row]:
    return [{"px": price_text(view, p), "sz": size_text(view, q), "n": 1} for p, q in side[:depth]]


def book(view: PublicView, depth: int, ts: int) -> Row:
    """Return a whole book."""
    return {
        "coin": view.instrument.symbol,
        "time": ts,
        "levels": [levels(view, view.bids, depth), levels(view, view.asks, depth)],
    }


def trade(view: PublicView, printed: Print) -> Row:
    return {
        "coin": view.instrument.symbol,
        "side": SIDES[printed.taker],
        "px": price_text(view, printed.price),
        "sz": size_text(view, printed.size),
        "time": ms(printed.ts),
        "hash": "0x" + 64 * "0",
        "tid": printed.number,
        "users": ["0x" + 40 * "1", "0x" + 40 * "2"],
    }


def context(view: PublicView, now: int) -> Row:
    """Return mark, index and funding."""
    mark = money(view.mark, view.price.places + 1)
    _, rate = view.funding(now)
    return {
        "funding": plain(rate, 10),
        "openInterest": size_text(view, 10**6),
        "prevDayPx": price_text(view, view.first_price or view.last_price),
        "dayNtlVlm": plain(view.instrument.value(1, view.turnover)),
        "premium": "0.0",
        "oraclePx": mark,
        "markPx": mark,
        "midPx": mark,
        "impactPxs": [mark, mark],
        "dayBaseVlm": size_text(view, view.volume),
    }
