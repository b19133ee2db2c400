"""What is true of an account, for who compares it with what a client believes."""

from decimal import Decimal

import attrs

from market.units import InstrumentId, Lots, Nanos, Ticks
from sim.emulator.account import Account
from sim.emulator.orders import TrueOrder


@attrs.frozen
class TrueFill:
    """One execution: `ts` on the venue's clock, `fee_e12` in 1e-12 of the settle asset."""

    trade_id: int
    number: int
    client_id: str
    instrument: InstrumentId
    symbol: str
    side: int
    price: Ticks
    size: Lots
    is_maker: bool
    fee_e12: int
    ts: Nanos


@attrs.frozen
class AccountTruth:
    """An account at one instant.

    Attributes:
        open_orders, fills: oldest first.
        positions: signed lots by symbol, flat ones too.
        wallet, equity, available: USDT; the last is what new orders may use.
        n_orders: ever taken.
    """

    name: str
    open_orders: tuple[TrueOrder, ...]
    fills: tuple[TrueFill, ...]
    positions: dict[str, Lots]
    wallet: Decimal
    equity: Decimal
    available: Decimal
    n_orders: int


def truth_of(account: Account) -> AccountTruth:
    """Return what is true of an account now."""
    fills = tuple(
        TrueFill(
            e.trade_id,
            e.order.number,
            e.order.client_id,
            e.order.instrument.id,
            e.order.instrument.symbol,
            e.order.side,
            e.price,
            e.size,
            e.is_maker,
            e.fee_e12,
            e.ts,
        )
        for e in account.executions
    )
    return AccountTruth(
        account.section.name,
        tuple(account.true_orders()),
        fills,
        {h.instrument.symbol: h.lots for h in account.holdings.values()},
        account.wallet,
        account.wallet + account.unrealised,
        account.available,
        len(account.orders) + len(account.ended),
    )
