"""What stands in an instrument's place where raw frames are recorded: they belong to a socket of a venue."""

from decimal import Decimal

from market.instrument import Instrument
from market.units import InstrumentId


def socket_instrument(venue: str, socket: str, instrument: InstrumentId) -> Instrument:
    """Return what the frames of a socket are recorded under: the symbol `@` and its name; nothing can trade on it."""
    none = Decimal(1)
    return Instrument(instrument, venue, f"@{socket}", base="-", quote="-", settle="-", tick=none, lot=none)
