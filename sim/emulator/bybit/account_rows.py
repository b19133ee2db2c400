"""Positions and wallets as Bybit writes them."""

from decimal import Decimal
from typing import Any, Final

from sim.emulator.account import Account
from sim.emulator.amounts import plain
from sim.emulator.bybit.order_rows import SIDES
from sim.emulator.orders import Holding
from sim.emulator.public_view import PublicView
from sim.emulator.times import ms

MAINTENANCE: Final = Decimal("0.005")

Row = dict[str, Any]


def position_row(holding: Holding, view: PublicView, *, is_stream: bool) -> Row:
    """Return a position; the entry price is `entryPrice` in a stream and `avgPrice` in a query."""
    mark = view.mark
    value, margin = holding.value(mark), plain(holding.margin(mark))
    keeping = plain(value * MAINTENANCE)
    side = "" if holding.lots == 0 else SIDES[1 if holding.lots > 0 else -1]
    row: Row = {
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


def wallet_row(account: Account) -> Row:
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
