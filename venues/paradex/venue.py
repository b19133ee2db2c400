"""Paradex's perpetuals as a venue: a public socket, a private one by which orders go as well, and REST.

While the venue is in `maintenance` or takes cancels alone its connection counts as lost: quotes are pulled, and come
back with it.  In `post_only` quotes go on, and what would take is refused.
"""

from typing import ClassVar, Final

from venues.one_account_venue import OneAccountVenue
from venues.paradex.gate import ParadexGate
from venues.paradex.preparation import instruments_of, preparation
from venues.paradex.public_feed import PublicFeed
from venues.paradex.structs import NAME
from venues.paradex.sweep import sweep
from venues.paradex.trading_account import TradingAccount
from venues.venue import VenueKind, VenueSetup


class ParadexVenue(OneAccountVenue):
    """One account, or the market data alone."""

    name: ClassVar[str] = NAME
    feed: PublicFeed
    account: TradingAccount | None

    def __init__(self, setup: VenueSetup) -> None:
        gate = ParadexGate(setup.venue)
        account = TradingAccount(setup, gate) if setup.credentials is not None else None
        super().__init__(setup.venue, gate, PublicFeed(setup.instruments), account)


KIND: Final = VenueKind(ParadexVenue, instruments_of, preparation, sweep, orders_per_s=100.0)
