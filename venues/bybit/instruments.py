"""What can be traded, by the venue's own list, and our fees."""

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

import attrs
import msgspec

from market import Instrument
from market.units import InstrumentId, Nanos
from venues.bybit.structs import NAME, FeeRow, InstrumentRow, read_rows
from venues.wire import HttpRequest, RemoteProtocolError, decimal_of

PERPETUAL: Final = "LinearPerpetual"
TRADING: Final = "Trading"
_INSTRUMENTS: Final = msgspec.json.Decoder(list[InstrumentRow])
_FEES: Final = msgspec.json.Decoder(list[FeeRow])


@attrs.frozen
class Fees:
    """Fractions of the notional; negative is a rebate."""

    maker: Decimal
    taker: Decimal


NO_FEES: Final = Fees(Decimal(0), Decimal(0))


def instruments_request(cursor: str = "") -> HttpRequest:
    """Return the public question for a page of the list; there are more instruments than one page holds."""
    query = "category=linear&limit=1000"
    return HttpRequest("GET", "/v5/market/instruments-info", f"{query}&cursor={cursor}" if cursor else query)


def read_instruments(body: bytes) -> tuple[dict[str, InstrumentRow], str]:
    """Return the rows of a page by symbol, and the cursor of the next ("" for none).

    Raises:
        RemoteProtocolError: it failed or is malformed.
    """
    rows, cursor, _ = read_rows(body, _INSTRUMENTS, "instruments")
    return {row.symbol: row for row in rows}, cursor


def read_fees(body: bytes) -> dict[str, Fees]:
    """Return the answer of `GET /v5/account/fee-rate` by symbol.

    Raises:
        RemoteProtocolError: it failed or is malformed.
    """
    rows, _, _ = read_rows(body, _FEES, "fees")
    return {
        row.symbol: Fees(
            _decimal(row.maker_fee_rate, "maker fee", row.symbol), _decimal(row.taker_fee_rate, "taker fee", row.symbol)
        )
        for row in rows
    }


def instrument_of(row: InstrumentRow, instrument: InstrumentId, valid_from: Nanos, fees: Fees = NO_FEES) -> Instrument:
    """Return a row as an instrument; sizes are in units of base, and every multiple of the tick is a price.

    Raises:
        RemoteProtocolError: a number of it makes no sense.
        ValueError: it is no perpetual.
    """
    symbol = row.symbol
    if row.contract_type != PERPETUAL:
        raise ValueError(f"bybit:{symbol} is a {row.contract_type}; only perpetuals can be traded here")
    sizes = row.lot_size_filter
    tick = _decimal(row.price_filter.tick_size, "tick size", symbol)
    lot = _decimal(sizes.qty_step, "lot size", symbol)
    if tick <= 0 or lot <= 0:
        raise RemoteProtocolError(f"tick size {tick} and lot size {lot} of bybit:{symbol} must be above 0")
    least = (_decimal(sizes.min_order_qty, "minimum size", symbol) / lot).to_integral_value(ROUND_CEILING)
    most = (_decimal(sizes.max_order_qty, "maximum size", symbol) / lot).to_integral_value(ROUND_FLOOR)
    return Instrument(
        instrument,
        "bybit",
        symbol,
        row.base_coin,
        row.quote_coin,
        row.settle_coin,
        tick,
        lot,
        maker_fee=fees.maker,
        taker_fee=fees.taker,
        min_size=max(1, int(least)),
        min_notional=_decimal(sizes.min_notional_value or "0", "minimum notional", symbol),
        max_size=int(most),
        valid_from=valid_from,
    )


def tradable(rows: Mapping[str, InstrumentRow]) -> list[str]:
    """Return the symbols of perpetuals that trade now."""
    return [row.symbol for row in rows.values() if row.contract_type == PERPETUAL and row.status == TRADING]


def _decimal(text: str, field: str, symbol: str) -> Decimal:
    return decimal_of(text, field, f"{NAME}:{symbol}")
