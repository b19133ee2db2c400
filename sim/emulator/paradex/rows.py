"""Orders, executions, positions and money as Paradex writes them."""

from decimal import Decimal
from typing import Any, Final

from market.messages import OrderFlag, Reason
from market.units import Nanos
from sim.emulator.account import Account
from sim.emulator.amounts import money, plain
from sim.emulator.orders import Execution, Holding, Order, Payment, Status
from sim.emulator.paradex.codes import CLOSED_FOR
from sim.emulator.public_view import Print, PublicView
from sim.emulator.times import ms

_MAINTENANCE: Final = Decimal("0.01")
SIDES: Final = {1: "BUY", -1: "SELL"}

Row = dict[str, Any]


def number_text(number: int) -> str:
    """Return a venue's number of an order or a fill as it writes them: long."""
    return f"17{number:026d}"


def reason_of(order: Order) -> str:
    if order.status in (Status.OPEN, Status.FILLED):
        return ""
    told = str(order.terms.get("closed for", ""))
    return told or CLOSED_FOR.get(Reason(order.reason), "USER_CANCELED")


def order_row(order: Order, view: PublicView, now: Nanos, status: str = "") -> Row:
    """Return an order; `status` where it is told as something else than it is."""
    is_limit = not order.is_market
    return {
        "id": number_text(order.number),
        "account": "0x1",
        "market": order.instrument.symbol,
        "side": SIDES[order.side],
        "type": "LIMIT" if is_limit else "MARKET",
        "size": view.size.text(order.size),
        "remaining_size": view.size.text(order.size - order.filled),
        "price": view.price.text(order.price) if is_limit else "0",
        "avg_fill_price": plain(order.average_price) if order.filled else "",
        "status": status or ("OPEN" if order.is_open else "CLOSED"),
        "cancel_reason": "" if status == "NEW" else reason_of(order),
        "client_id": order.client_id,
        "instruction": str(order.terms.get("instruction", "GTC")),
        "flags": ["REDUCE_ONLY"] if order.flags & OrderFlag.REDUCE_ONLY else [],
        "stp": "EXPIRE_TAKER",
        "trigger_price": "0",
        "seq_no": order.seq or 1,
        "created_at": ms(order.created),
        "received_at": ms(order.created),
        "last_updated_at": ms(order.updated),
        "published_at": ms(now),
        "timestamp": ms(order.created),
        "request_info": order.terms.get("request_info", {}),
    }


def fill_row(execution: Execution, view: PublicView) -> Row:
    order = execution.order
    return {
        "id": number_text(execution.trade_id),
        "account": "0x1",
        "market": order.instrument.symbol,
        "side": SIDES[order.side],
        "liquidity": "MAKER" if execution.is_maker else "TAKER",
        "order_id": number_text(order.number),
        "client_id": order.client_id,
        "price": view.price.text(execution.price),
        "size": view.size.text(execution.size),
        "fee": plain(execution.fee, 12),
        "fee_currency": "USDC",
        "created_at": ms(execution.ts),
        "remaining_size": view.size.text(execution.left),
        "fill_type": "FILL",
        "realized_pnl": plain(execution.realised),
        "realized_funding": "0",
        "underlying_price": plain(view.mark),
        "flags": [],
    }


def position_row(holding: Holding, view: PublicView) -> Row:
    return {
        "id": f"0x1-{holding.instrument.symbol}",
        "account": "0x1",
        "market": holding.instrument.symbol,
        "status": "OPEN" if holding.lots else "CLOSED",
        "side": "LONG" if holding.lots >= 0 else "SHORT",
        "size": view.size.text(holding.lots),
        "average_entry_price": plain(holding.entry),
        "average_entry_price_usd": plain(holding.entry),
        "unrealized_pnl": plain(holding.profit(view.mark)),
        "unrealized_funding_pnl": "0",
        "cost": plain(holding.value(holding.entry)),
        "cost_usd": plain(holding.value(holding.entry)),
        "cached_funding_index": "0",
        "last_updated_at": ms(holding.updated),
        "last_fill_id": "",
        "seq_no": holding.seq,
        "liquidation_price": "",
        "leverage": plain(holding.leverage),
    }


def payment_row(payment: Payment) -> Row:
    return {
        "id": number_text(payment.payment_id),
        "account": "0x1",
        "market": payment.instrument.symbol,
        "payment": plain(payment.amount, 12),
        "index": "0",
        "fill_id": "",
        "created_at": ms(payment.ts),
    }


def account_row(account: Account, now: Nanos) -> Row:
    value, keeping = account.wallet + account.unrealised, account.maintenance(_MAINTENANCE)
    return {
        "account": "0x1",
        "account_value": plain(value),
        "total_collateral": plain(value),
        "free_collateral": plain(account.available),
        "initial_margin_requirement": plain(account.position_margin + account.order_margin),
        "maintenance_margin_requirement": plain(keeping),
        "margin_cushion": plain(value - keeping),
        "settlement_asset": "USDC",
        "status": "ACTIVE",
        "seq_no": ms(now),
        "updated_at": ms(now),
    }


def market_row(view: PublicView) -> Row:
    instrument = view.instrument
    fees = {"maker_fee": {"fee": plain(instrument.maker_fee)}, "taker_fee": {"fee": plain(instrument.taker_fee)}}
    return {
        "symbol": instrument.symbol,
        "base_currency": instrument.base,
        "quote_currency": "USD",
        "settlement_currency": "USDC",
        "order_size_increment": view.size.text(1),
        "price_tick_size": view.price.text(1),
        "min_notional": plain(instrument.min_notional),
        "open_at": 1698756879745,
        "expiry_at": 0,
        "asset_kind": "PERP",
        "market_kind": "cross",
        "position_limit": "100000",
        "price_bands_width": "0.05",
        "max_open_orders": 100,
        "max_order_size": "100000",
        "funding_period_hours": 8,
        "trading_mode": "STANDARD",
        "fee_config": {"api_fee": fees},
        "delta1_cross_margin_params": {"imf_base": "0.02", "imf_shift": "0", "imf_factor": "0", "mmf_factor": "0.5"},
    }


def summary_row(view: PublicView, now: Nanos) -> Row:
    mark = money(view.mark, view.price.places + 2)
    bid, ask = (side[0] if side else [0, 0] for side in (view.bids, view.asks))
    return {
        "symbol": view.instrument.symbol,
        "mark_price": mark,
        "oracle_price": mark,
        "underlying_price": mark,
        "last_traded_price": view.price.text(view.last_price),
        "bid": view.price.text(bid[0]),
        "ask": view.price.text(ask[0]),
        "volume_24h": plain(view.instrument.value(1, view.turnover)),
        "total_volume": plain(view.instrument.value(1, view.turnover)),
        "open_interest": view.size.text(10**6),
        "funding_rate": plain(view.funding(now)[1], 12),
        "price_change_rate_24h": "0",
        "created_at": ms(now),
    }


def trade_row(view: PublicView, printed: Print) -> Row:
    return {
        "id": number_text(printed.number),
        "market": view.instrument.symbol,
        "side": SIDES[printed.taker],
        "size": view.size.text(printed.size),
        "price": view.price.text(printed.price),
        "created_at": ms(printed.ts),
        "trade_type": "FILL",
    }


def level_row(view: PublicView, side: int, price: int, size: int) -> Row:
    return {"side": SIDES[side], "price": view.price.text(price), "size": view.size.text(size)}


def best_rows(view: PublicView) -> Row:
    """Return the best levels as a book names them; nothing here is for retail only."""
    bid, ask = (
        level_row(view, side, *(levels[0] if levels else (0, 0))) for side, levels in ((1, view.bids), (-1, view.asks))
    )
    return {"best_bid_api": bid, "best_ask_api": ask, "best_bid_interactive": bid, "best_ask_interactive": ask}
