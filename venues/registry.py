"""The venues that orders can be sent to, by the name that their instruments carry."""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

from venues.venue import VenueKind

# each module has a `KIND`; only the one that is used is imported
_MODULES: Final[Mapping[str, str]] = {"binance-futures": "venues.binance.venue", "bybit": "venues.bybit.venue"}


def venue_kind(name: str) -> VenueKind:
    """Return what is known of a venue.

    Raises:
        ValueError: there is none of this name.
    """
    if name not in _MODULES:
        raise ValueError(f"no venue {name!r}; there are {', '.join(_MODULES)}")
    kind = import_module(_MODULES[name]).KIND
    assert isinstance(kind, VenueKind)
    return kind
