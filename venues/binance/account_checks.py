"""What is read of the account: its modes, its money, and orders of a kind that is not ours."""

from decimal import Decimal
from typing import Final

import attrs
import msgspec

from market.messages import Margin
from venues.binance.account_structs import AccountConfig, AccountTotals, BalanceAnswer, ConditionalOrder
from venues.margin import margin_of
from venues.wire import RemoteProtocolError, decode

_CONFIG: Final = msgspec.json.Decoder(AccountConfig)
_BALANCES: Final = msgspec.json.Decoder(list[BalanceAnswer])
_TOTALS: Final = msgspec.json.Decoder(AccountTotals)
_CONDITIONAL: Final = msgspec.json.Decoder(list[ConditionalOrder])


@attrs.frozen
class Balance:
    """Money of one asset: all of it, and what may still be used as margin."""

    total: Decimal
    available: Decimal


def unfit(body: bytes) -> list[str]:
    """Return why the account of an answer to `GET /fapi/v1/accountConfig` is not for us; empty if it is.

    Raises:
        RemoteProtocolError: it is no such answer.
    """
    config = decode(_CONFIG, body, "the account config of Binance")
    found = []
    if config.is_hedged:
        found.append("the account is in hedge mode; set it to one-way: positions are kept net here")
    if not config.can_trade:
        found.append("the account cannot trade; ask Binance why")
    return found


def balances(body: bytes) -> dict[str, Balance]:
    """Return the balances in an answer to `GET /fapi/v3/balance`, by asset.

    Raises:
        RemoteProtocolError: it is no such answer.
    """
    return {
        each.asset: Balance(_money(each.balance, each.asset), _money(each.available, each.asset))
        for each in decode(_BALANCES, body, "the balances of Binance")
    }


def margin(body: bytes) -> Margin | None:
    """Return the totals in an answer to `GET /fapi/v3/account` (or v2), open profit included in equity.

    Raises:
        RemoteProtocolError: it is no such answer.
    """
    totals = decode(_TOTALS, body, "the account of Binance")
    return margin_of(totals.equity, totals.available, totals.used, "binance-futures")


def conditional_orders(body: bytes) -> list[ConditionalOrder]:
    """Return the orders in an answer to `GET /fapi/v1/openAlgoOrders`: somebody else's, by what we know.

    Raises:
        RemoteProtocolError: it is no such answer.
    """
    return decode(_CONDITIONAL, body, "the conditional orders of Binance")


def _money(text: str, where: str) -> Decimal:
    try:
        amount = Decimal(text)
    except ArithmeticError:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise RemoteProtocolError(f"balance {text!r} of {where} is not a number")
    return amount
