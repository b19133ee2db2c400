"""Positions and money as Binance writes them."""

from decimal import Decimal
from typing import Any, Final

from market.units import Nanos
from sim.emulator.account import Account
from sim.emulator.amounts import money, plain
from sim.emulator.orders import Execution, Holding, Payment
from sim.emulator.times import ms

MAINTENANCE: Final = Decimal("0.005")

Row = dict[str, Any]


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
