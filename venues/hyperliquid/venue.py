"""Hyperliquid's perpetuals as a venue: a public socket, a private one by which actions go as well, and REST."""

from collections.abc import Mapping
from typing import ClassVar, Final

import attrs

from market.units import Nanos
from venues.hyperliquid.accounts import account_of
from venues.hyperliquid.dead_mans_switch import SwitchConfig
from venues.hyperliquid.gate import NOBODY, HyperliquidGate
from venues.hyperliquid.limits import MESSAGES, RESERVED, WEIGHT
from venues.hyperliquid.preparation import instruments_of, preparation
from venues.hyperliquid.public_feed import PublicFeed
from venues.hyperliquid.structs import NAME
from venues.hyperliquid.sweep import sweep
from venues.hyperliquid.trading_account import TradingAccount
from venues.one_account_venue import OneAccountVenue
from venues.rate_window import RateWindow
from venues.venue import VenueKind, VenueSetup, settings_of


@attrs.frozen
class HyperliquidConfig:
    """How Hyperliquid is used.

    Attributes:
        weight: of REST that may be spent a minute, by address of the network.
    """

    weight: int = attrs.field(default=WEIGHT, validator=attrs.validators.ge(2 * RESERVED))
    switch: SwitchConfig = attrs.field(factory=SwitchConfig)


class HyperliquidVenue(OneAccountVenue):
    """One account, or the market data alone."""

    name: ClassVar[str] = NAME
    feed: PublicFeed
    account: TradingAccount | None

    def __init__(self, setup: VenueSetup, config: HyperliquidConfig | None = None) -> None:
        config = config or settings_of(setup, HyperliquidConfig)
        key = account_of(setup.credentials, setup.connection.network) if setup.credentials is not None else None
        gate = HyperliquidGate(setup.venue, NOBODY if key is None else key.address, config.weight)
        self._messages = messages = RateWindow(MESSAGES)
        account = TradingAccount(setup, key, gate, messages, config.switch) if key is not None else None
        super().__init__(setup.venue, gate, PublicFeed(setup.instruments, gate, messages), account)

    def limits(self, now: Nanos) -> Mapping[str, tuple[int, int]]:
        """What the limits have been used by."""
        found = {**super().limits(now), "messages": (self._messages.used(now), self._messages.limit)}
        return found | dict(self.account.used if self.account is not None else {})


KIND: Final = VenueKind(
    HyperliquidVenue, instruments_of, preparation, sweep, orders_per_s=20.0, settings=HyperliquidConfig
)
