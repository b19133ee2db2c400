"""How much of a hedge an instrument has room for: by position limits, order limits, and margin."""

from actors.risk import Limits
from market.instrument import Instrument
from market.units import Lots, Side


def position_room(instrument: Instrument, limits: Limits, held: Lots, side: Side, price: float) -> float:
    """Return the notional that the position limits still leave on a side."""
    size = min(
        limits.max_position, limits.max_position_notional / instrument.exposure(price, 1) * float(instrument.lot)
    )
    lots = instrument.lots(max(0.0, size - side * instrument.size(held)))
    return instrument.exposure(price, lots)


def largest_order(instrument: Instrument, limits: Limits, price: float) -> Lots:
    """Return the most that one order may have."""
    by_notional = int(limits.max_order_notional / instrument.exposure(price, 1))
    by_size = int(limits.max_order_size / float(instrument.lot))
    return min(by_notional, by_size, instrument.max_size or by_size)


def affordable(instrument: Instrument, held: Lots, side: Side, price: float, notional: float) -> Lots:
    """Return the lots that close what is held, and those that open `notional` (>= 0) beyond."""
    return max(0, -side * held) + int(notional / instrument.exposure(price, 1))


def opening(instrument: Instrument, held: Lots, side: Side, price: float, lots: Lots) -> float:
    """Return the notional of an order that opens, beyond what closes the position that is held."""
    return instrument.exposure(price, max(0, lots - max(0, -side * held)))
