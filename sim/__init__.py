"""Simulation, and the replay of a market for who only watches: `from sim import Market, replay`.

What stands here is all that research may use.  Names are loaded when they are asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.config import ConfigError, RunConfig, load_config, make_config
    from sim.delivered_columns import Delivered
    from sim.market import Market, replay
    from sim.observation import MarketView, Replayed

__all__ = [
    "ConfigError",
    "Delivered",
    "Market",
    "MarketView",
    "Replayed",
    "RunConfig",
    "load_config",
    "make_config",
    "replay",
]

_HOMES = {
    "ConfigError": "sim.config",
    "Delivered": "sim.delivered_columns",
    "Market": "sim.market",
    "MarketView": "sim.observation",
    "Replayed": "sim.observation",
    "RunConfig": "sim.config",
    "load_config": "sim.config",
    "make_config": "sim.config",
    "replay": "sim.market",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
