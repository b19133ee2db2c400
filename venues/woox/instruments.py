"""What can be traded, by the venue's own list: grids, minimums, caps, and what the venue takes at present."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

import attrs

from market.instrument import Instrument
from market.messages import OrderFlag, PlaceOrder, Reason, TradingState
from market.units import InstrumentId, Nanos, Ticks
from venues.wire import HttpRequest, RemoteProtocolError, decimal_of
from venues.woox.structs import InstrumentRow, InstrumentRows, TradingFee, decoder, read_data

LIST: Final = HttpRequest("GET", "/v3/public/instruments")
_ROWS: Final = decoder(InstrumentRows)
_FEE: Final = decoder(TradingFee)
_PERPETUAL: Final = "PERP_"
_BPS: Final = Decimal("0.0001")
_TAKES: Final = OrderFlag.IOC | OrderFlag.FOK | OrderFlag.MARKET


def read_instruments(body: bytes) -> dict[str, InstrumentRow]:
    """Return the rows of `GET /v3/public/instruments` by symbol, spot pairs among them.

    Raises:
        RemoteProtocolError: it failed or is malformed.
    """
    rows, _ = read_data(body, _ROWS, "instruments")
    return {row.symbol: row for row in rows.rows}


def is_trading(row: InstrumentRow) -> bool:
    """Tell whether it is a perpetual that trades at present."""
    return row.symbol.startswith(_PERPETUAL) and row.status == "TRADING"


def instrument_of(row: InstrumentRow, instrument: InstrumentId, valid_from: Nanos, venue: str = "woox") -> Instrument:
    """Return a row as an instrument, without fees, which `with_fees` adds.

    Raises:
        RemoteProtocolError: a number of it makes no sense.
        ValueError: it is no perpetual, or its prices or sizes lie on a shifted grid, which is not spoken here.
    """
    name = f"{venue}:{row.symbol}"
    if not row.symbol.startswith(_PERPETUAL):
        raise ValueError(f"{name} is no perpetual; only PERP_... can be traded here")
    tick, lot = decimal_of(row.quote_tick, "quoteTick", name), decimal_of(row.base_tick, "baseTick", name)
    least_price, least = decimal_of(row.quote_min, "quoteMin", name), decimal_of(row.base_min, "baseMin", name)
    for unit, least_of, what in ((tick, least_price, "price"), (lot, least, "size")):
        if unit <= 0 or least_of < 0:
            raise RemoteProtocolError(f"{what}s of {name} begin at {least_of} in steps of {unit}")
        # the venue counts its steps from the least one
        if least_of % unit:
            raise ValueError(f"{what}s of {name} are {least_of} and multiples of {unit} above; trade another symbol")
    most = decimal_of(row.base_max, "baseMax", name)
    return Instrument(
        instrument,
        venue,
        row.symbol,
        row.base_asset,
        row.quote_asset,
        row.quote_asset,
        tick.normalize(),
        lot.normalize(),
        multiplier=decimal_of(row.base_asset_multiplier, "baseAssetMultiplier", name),
        min_size=max(1, int(least / lot)),
        min_notional=decimal_of(row.min_notional, "minNotional", name),
        max_size=int(most // lot),
        valid_from=valid_from,
    )


def with_fees(instrument: Instrument, body: bytes) -> Instrument:
    """Return an instrument with the fees of `GET /v3/trade/tradingFee`, which are told in basis points.

    Raises:
        RemoteProtocolError: it failed, is malformed, or is about another symbol.
    """
    fee, _ = read_data(body, _FEE, f"trading fee of {instrument.name}")
    if fee.symbol != instrument.symbol:
        raise RemoteProtocolError(f"the trading fee of {instrument.name} is that of {fee.symbol!r}")
    maker, taker = (decimal_of(each, "fee", instrument.name) * _BPS for each in (fee.maker_fee, fee.taker_fee))
    if not (abs(maker) < 1 and abs(taker) < 1):
        raise RemoteProtocolError(f"fees {fee.maker_fee} and {fee.taker_fee} of {instrument.name} are none")
    return attrs.evolve(instrument, maker_fee=maker, taker_fee=taker)


@attrs.frozen
class Terms:
    """What the venue takes of an instrument at present.

    Attributes:
        mode: NORMAL, POST_ONLY, REDUCE_ONLY or CANCEL_ONLY.
        least_price, most_price: ticks.
        bid_cap, ask_floor: of the mark price: no buy is above, no sale below; 0: no bound.
    """

    is_trading: bool = True
    mode: str = "NORMAL"
    least_price: Ticks = 0
    most_price: Ticks = 1 << 62
    bid_cap: float = 0.0
    ask_floor: float = 0.0

    def obstacle(self, order: PlaceOrder, mark: Ticks) -> Reason:
        """Return why an order would surely be refused; NONE: it may be taken.  `mark` in ticks, 0: not known."""
        flags, price = order.flags, order.price
        if not self.is_trading or self.mode == "CANCEL_ONLY":
            return Reason.VENUE_OTHER
        if self.mode == "REDUCE_ONLY" and not flags & OrderFlag.REDUCE_ONLY:
            return Reason.ONLY_REDUCING
        if self.mode == "POST_ONLY" and flags & _TAKES:
            return Reason.INVALID_TERMS
        if not price:
            return Reason.NONE
        is_far = mark and (
            (order.side > 0 and self.bid_cap and price > mark * self.bid_cap)
            or (order.side < 0 and self.ask_floor and price < mark * self.ask_floor)
        )
        is_out = not self.least_price <= price <= self.most_price
        return Reason.INVALID_PRICE if is_out or is_far else Reason.NONE

    @property
    def wanted_state(self) -> TradingState:
        """What may be traded of it at the most."""
        if not self.is_trading or self.mode == "CANCEL_ONLY":
            return TradingState.HALTED
        return TradingState.REDUCING if self.mode == "REDUCE_ONLY" else TradingState.ACTIVE


def terms_of(row: InstrumentRow, tick: Decimal) -> Terms:
    """Return what a row allows.

    Raises:
        RemoteProtocolError: a number of it makes no sense.
    """
    name = f"woox:{row.symbol}"
    most = decimal_of(row.quote_max, "quoteMax", name)
    return Terms(
        is_trading(row),
        row.order_mode,
        int(decimal_of(row.quote_min, "quoteMin", name) / tick),
        int(most // tick) if most else 1 << 62,
        float(decimal_of(row.bid_cap_ratio, "bidCapRatio", name)) if row.bid_cap_ratio else 0.0,
        float(decimal_of(row.ask_floor_ratio, "askFloorRatio", name)) if row.ask_floor_ratio else 0.0,
    )


def changed(known: Iterable[Instrument], rows: Mapping[str, InstrumentRow]) -> list[str]:
    """Return what is no longer so of instruments that we trade: one text for each, empty if all is as it was."""
    found = []
    for each in known:
        row = rows.get(each.symbol)
        if row is None:
            found.append(f"{each.name} is not listed any more")
            continue
        now = instrument_of(row, each.id, each.valid_from, each.venue)
        for name in ("tick", "lot", "min_size", "max_size", "min_notional", "multiplier"):
            old, new = getattr(each, name), getattr(now, name)
            if old != new:
                found.append(f"{name} of {each.name} is {new}, was {old}")
    return found
