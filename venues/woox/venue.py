"""WOO X's perpetuals as a venue: a public socket, a private one, and REST, by which orders go.

`woox` trades on the book that everybody can take.  `woox-rpi` is market data alone: the same book with the orders that
only the venue's own customers can take, most of what is near the price; a reference, and not what an order will meet.
"""

from collections.abc import Mapping
from functools import partial
from typing import ClassVar, Final

import attrs

from venues.one_account_venue import OneAccountVenue
from venues.venue import VenueKind, VenueSetup, settings_of
from venues.woox.dead_mans_switch import SwitchConfig
from venues.woox.gate import WooxGate
from venues.woox.limits import RateLimits
from venues.woox.preparation import instruments_of, preparation
from venues.woox.public_feed import PublicFeed
from venues.woox.structs import NAME
from venues.woox.sweep import sweep
from venues.woox.trading_account import TradingAccount


@attrs.frozen
class WooxConfig:
    """How WOO X is used.

    Attributes:
        limits: requests in the window of a kind of request (`venues.woox.limits.RULES`) that has another by agreement.
    """

    limits: Mapping[str, int] = attrs.field(factory=dict)
    switch: SwitchConfig = attrs.field(factory=SwitchConfig)

    def __attrs_post_init__(self) -> None:
        RateLimits(self.limits)  # a kind that there is not is refused here


class WooxVenue(OneAccountVenue):
    """One account, or the market data alone."""

    name: ClassVar[str] = NAME
    feed: PublicFeed
    account: TradingAccount | None

    is_rpi: ClassVar[bool] = False  # books have the orders, too, that only the venue's own customers can take

    def __init__(self, setup: VenueSetup, config: WooxConfig | None = None) -> None:
        config = config or settings_of(setup, WooxConfig)
        gate = WooxGate(setup.venue, RateLimits(config.limits))
        feed = PublicFeed(setup.instruments, gate, is_rpi=self.is_rpi)
        account = None
        if setup.credentials is not None:
            account = TradingAccount(setup, gate, feed.data.marks, config.switch)
        super().__init__(setup.venue, gate, feed, account)


class WooxRpiFeed(WooxVenue):
    """The book with the orders that only the venue's own customers can take; it takes no order."""

    name: ClassVar[str] = "woox-rpi"
    is_rpi: ClassVar[bool] = True

    def __init__(self, setup: VenueSetup) -> None:
        """Raises ValueError if there is a key: orders go to `woox`."""
        if setup.credentials is not None:
            raise ValueError("woox-rpi is market data alone, to be read and not quoted; quote woox")
        super().__init__(setup)


KIND: Final = VenueKind(
    WooxVenue, partial(instruments_of, "woox"), preparation, sweep, orders_per_s=5.0, settings=WooxConfig
)
RPI_KIND: Final = VenueKind(WooxRpiFeed, partial(instruments_of, "woox-rpi"), preparation, sweep, orders_per_s=5.0)
