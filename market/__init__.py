"""The vocabulary of Lockstep: `from market import Book`.

Names are loaded when they are asked for: `Book` and `Tape` bring numba with them, which units and messages do without.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from market.book import Book
    from market.book_view import BookView
    from market.instrument import ConstantStep, Instrument, InstrumentTable, SignificantFigures
    from market.mid_samples import MidSamples
    from market.tape import Tape
    from market.units import Side

__all__ = [
    "Book",
    "BookView",
    "ConstantStep",
    "Instrument",
    "InstrumentTable",
    "MidSamples",
    "Side",
    "SignificantFigures",
    "Tape",
]

_HOMES = {
    "Book": "market.book",
    "BookView": "market.book_view",
    "ConstantStep": "market.instrument",
    "Instrument": "market.instrument",
    "InstrumentTable": "market.instrument",
    "MidSamples": "market.mid_samples",
    "Side": "market.units",
    "SignificantFigures": "market.instrument",
    "Tape": "market.tape",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
