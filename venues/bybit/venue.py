"""Bybit's linear perpetuals as a venue: a public socket, a private one, one for orders, and REST."""

from typing import ClassVar

from venues.bybit.gate import BybitGate
from venues.bybit.preparation import instruments_of, preparation
from venues.bybit.public_feed import PublicFeed
from venues.bybit.structs import NAME
from venues.bybit.sweep import sweep
from venues.bybit.trading_account import TradingAccount
from venues.one_account_venue import OneAccountVenue
from venues.venue import VenueKind, VenueSetup


class BybitVenue(OneAccountVenue):
    """One account, or the market data alone."""

    name: ClassVar[str] = NAME
    feed: PublicFeed
    account: TradingAccount | None

    def __init__(self, setup: VenueSetup) -> None:
        gate = BybitGate(setup.venue)
        account = TradingAccount(setup, gate) if setup.credentials is not None else None
        super().__init__(setup.venue, gate, PublicFeed(setup.instruments, gate), account)


KIND = VenueKind(BybitVenue, instruments_of, preparation, sweep, orders_per_s=10.0, tells_missed_trades=True)
