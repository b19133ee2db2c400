"""What the venue says that we hold: positions and balances."""

from decimal import Decimal
from typing import Final

import msgspec

from market.messages import Margin
from market.units import MS, InstrumentId, Lots, Nanos
from venues.bybit.structs import PositionRow, WalletRow, read_rows
from venues.margin import margin_of
from venues.wire import InstrumentGrid, RemoteProtocolError

_WALLETS: Final = msgspec.json.Decoder(list[WalletRow])
_SIGNS: Final = {"Buy": 1, "Sell": -1, "": 0}


class PositionReport(msgspec.Struct, frozen=True, gc=False):
    """A position after a change: `lots` signed; `seq` is the engine's number, comparable with that of executions.

    `leg` is 0 with one position a symbol, 1 and 2 for long and short in hedge mode, which count together.
    """

    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    lots: Lots
    seq: int
    leg: int


class BalanceReport(msgspec.Struct, frozen=True, gc=False):
    """An asset of the account: what is in the wallet, and with unrealised profit."""

    asset: str
    ts_venue: Nanos
    ts_recv: Nanos
    wallet: Decimal
    equity: Decimal


def signed_lots(row: PositionRow, grid: InstrumentGrid) -> Lots:
    """Return the size of a position with its sign.

    Raises:
        RemoteProtocolError: its side is none, or its size does not fit.
    """
    sign = _SIGNS.get(row.side)
    lots = grid.lots[row.size]
    if sign is None or (sign == 0 and lots):
        raise RemoteProtocolError(f"position {row.size} of {grid.instrument.name}: side {row.side!r} is no side")
    return sign * lots


def wallet_balances(body: bytes, ts_recv: Nanos) -> tuple[list[BalanceReport], Margin | None]:
    """Return the answer of `GET /v5/account/wallet-balance?accountType=UNIFIED`: its assets, and its margin.

    Raises:
        RemoteProtocolError: it failed or is malformed.
    """
    rows, _, time = read_rows(body, _WALLETS, "wallet")
    told = balances(rows, time * MS, ts_recv)
    if len(rows) != 1:
        return told, None
    total = rows[0]
    return told, margin_of(total.total_equity, total.total_available_balance, total.total_initial_margin, "bybit")


def balances(rows: list[WalletRow], ts_venue: Nanos, ts_recv: Nanos) -> list[BalanceReport]:
    """Return all assets of a wallet.

    Raises:
        RemoteProtocolError: an amount is no number.
    """
    return [
        BalanceReport(
            coin.coin,
            ts_venue,
            ts_recv,
            _amount(coin.wallet_balance, "wallet balance", coin.coin),
            _amount(coin.equity, "equity", coin.coin),
        )
        for row in rows
        for coin in row.coin
    ]


def _amount(text: str, field: str, asset: str) -> Decimal:
    try:
        amount = Decimal(text or "0")
    except ArithmeticError:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise RemoteProtocolError(f"{field} {text!r} of {asset} is not a number")
    return amount
