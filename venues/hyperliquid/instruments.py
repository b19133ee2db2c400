"""What can be traded, by the venue's `meta`: the place in its list is the number by which orders name an asset."""

from decimal import Decimal
from typing import Final

import attrs
import msgspec

from market.instrument import Instrument, SignificantFigures
from market.units import InstrumentId, Nanos
from venues.hyperliquid.structs import NAME, Meta, UniverseRow, UserFees
from venues.wire import RemoteProtocolError, decode

_META: Final = msgspec.json.Decoder(Meta)
_FEES: Final = msgspec.json.Decoder(UserFees)
_FIGURES: Final = 5
_PLACES: Final = 6  # of a price and a size together
_MIN_NOTIONAL: Final = Decimal(10)
_MAX_SIZE_DECIMALS: Final = 6


def read_meta(body: bytes) -> dict[str, tuple[int, UniverseRow]]:
    """Return the number and the row of each asset, by its name; those that are delisted keep their place.

    Raises:
        RemoteProtocolError: it is malformed.
    """
    universe = decode(_META, body, "hyperliquid meta").universe
    found = {row.name: (at, row) for at, row in enumerate(universe)}
    if len(found) != len(universe):
        raise RemoteProtocolError("hyperliquid meta names an asset twice: no order can be told whose it is")
    return found


def instrument_of(row: UniverseRow, instrument: InstrumentId, valid_from: Nanos) -> Instrument:
    """Return a row as an instrument, without fees, which `with_fees` adds.

    A price has five significant figures at the most and no more decimals than 6 less those of a size; whole prices are
    always allowed.

    Raises:
        RemoteProtocolError: the decimals of its size are none.
    """
    if not 0 <= row.sz_decimals <= _MAX_SIZE_DECIMALS:
        raise RemoteProtocolError(f"{NAME}:{row.name} has sizes of {row.sz_decimals} decimals")
    places = _PLACES - row.sz_decimals
    return Instrument(
        instrument,
        NAME,
        row.name,
        row.name,
        "USDC",
        "USDC",
        Decimal(1).scaleb(-places),
        Decimal(1).scaleb(-row.sz_decimals),
        min_notional=_MIN_NOTIONAL,
        price_rule=SignificantFigures(_FIGURES, 10**places),
        valid_from=valid_from,
    )


def with_fees(instrument: Instrument, body: bytes) -> Instrument:
    """Return an instrument with the account's fees, by the answer to `userFees`.

    Raises:
        RemoteProtocolError: it is malformed, or no fee.
    """
    fees = decode(_FEES, body, "hyperliquid fees")
    maker, taker = (_fee(each) for each in (fees.add_rate, fees.cross_rate))
    return attrs.evolve(instrument, maker_fee=maker, taker_fee=taker)


def _fee(text: str) -> Decimal:
    try:
        fee = Decimal(text)
    except ArithmeticError:
        fee = Decimal("NaN")
    if not (fee.is_finite() and abs(fee) < 1):
        raise RemoteProtocolError(f"hyperliquid tells of a fee of {text!r:.40}, which is none")
    return fee
