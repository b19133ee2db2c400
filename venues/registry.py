"""The venues that orders can be sent to, by the name that their instruments carry."""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from venues.venue import VenueKind

# only the module that is used is imported
_KINDS: Final[Mapping[str, tuple[str, str]]] = {
    "binance-futures": ("venues.binance.venue", "KIND"),
    "bybit": ("venues.bybit.venue", "KIND"),
    "hyperliquid": ("venues.hyperliquid.venue", "KIND"),
    "paradex": ("venues.paradex.venue", "KIND"),
    "woox": ("venues.woox.venue", "KIND"),
    "woox-rpi": ("venues.woox.venue", "RPI_KIND"),  # market data alone
}


def venue_kind(name: str) -> VenueKind:
    """Return what is known of a venue.

    Raises:
        ValueError: there is none of this name.
    """
    if name not in _KINDS:
        raise ValueError(f"no venue {name!r}; there are {', '.join(_KINDS)}")
    module, attribute = _KINDS[name]
    kind = getattr(import_module(module), attribute)
    assert isinstance(kind, VenueKind)
    return kind
