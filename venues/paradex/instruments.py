"""What can be traded, by the venue's own list."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

import msgspec

from market.instrument import Instrument
from market.units import InstrumentId, Nanos
from venues.paradex.structs import NAME, FeeConfig, MarketRow, Markets
from venues.wire import HttpRequest, RemoteProtocolError, decimal_of, decode

LIST: Final = HttpRequest("GET", "/v1/markets")
_MARKETS: Final = msgspec.json.Decoder(Markets)
_FEES: Final[msgspec.json.Decoder[FeeConfig | None]] = msgspec.json.Decoder(FeeConfig | None)


def read_markets(body: bytes) -> dict[str, MarketRow]:
    """Return the rows of `GET /markets` by symbol, options among them.

    Raises:
        RemoteProtocolError: it is malformed.
    """
    return {row.symbol: row for row in decode(_MARKETS, body, "paradex markets").results}


def is_trading(row: MarketRow) -> bool:
    """Tell whether it is a perpetual of the usual kind."""
    return row.asset_kind == "PERP" and row.trading_mode in ("", "STANDARD")


def instrument_of(row: MarketRow, instrument: InstrumentId, valid_from: Nanos) -> Instrument:
    """Return a row as an instrument.

    Raises:
        RemoteProtocolError: a number of it makes no sense.
    """
    name = f"{NAME}:{row.symbol}"
    lot = decimal_of(row.order_size_increment, "order_size_increment", name)
    most = (
        int(decimal_of(row.max_order_size, "max_order_size", name) // lot) if row.max_order_size and lot > 0 else None
    )
    maker, taker = _fees(row, name)
    try:
        return Instrument(
            instrument,
            NAME,
            row.symbol,
            row.base_currency,
            row.quote_currency,
            row.settlement_currency,
            decimal_of(row.price_tick_size, "price_tick_size", name).normalize(),
            lot.normalize(),
            maker_fee=maker,
            taker_fee=taker,
            min_notional=decimal_of(row.min_notional, "min_notional", name),
            max_size=most,
            valid_from=valid_from,
        )
    except ValueError as error:
        raise RemoteProtocolError(f"{name}: {error}") from None


def changed(known: Iterable[Instrument], rows: Mapping[str, MarketRow]) -> list[str]:
    """Return what is no longer so of instruments that we trade: one text for each, empty if all is as it was."""
    found = []
    for each in known:
        row = rows.get(each.symbol)
        if row is None or not is_trading(row):
            found.append(f"{each.name} is not traded any more")
            continue
        now = instrument_of(row, each.id, each.valid_from)
        for name in ("tick", "lot", "min_notional", "max_size"):
            old, new = getattr(each, name), getattr(now, name)
            if old != new:
                found.append(f"{name} of {each.name} is {new}, was {old}")
    return found


def _fees(row: MarketRow, name: str) -> tuple[Decimal, Decimal]:
    """Return the fees of orders by API: maker's, taker's; 0 where they are not told."""
    config = decode(_FEES, row.fee_config, f"fees of {name}")
    fees = config.api_fee if config is not None else None
    if fees is None:
        return Decimal(0), Decimal(0)
    maker, taker = (decimal_of(each.fee, "fee", name) for each in (fees.maker_fee, fees.taker_fee))
    if not (abs(maker) < 1 and abs(taker) < 1):
        raise RemoteProtocolError(f"fees {maker} and {taker} of {name} are none")
    return maker, taker
