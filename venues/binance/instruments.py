"""The venue's list of what it trades, as instruments; and the fees of the account, where it tells."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

import attrs
import msgspec

from market.instrument import Instrument
from market.units import InstrumentId, Nanos
from venues.binance.structs import (
    VENUE,
    CommissionRate,
    ExchangeInfo,
    FilterName,
    LotSize,
    MinNotional,
    PriceFilter,
    RateLimit,
    SymbolRules,
)
from venues.wire import RemoteProtocolError, decimal_of, decode

_INFO: Final = msgspec.json.Decoder(ExchangeInfo)
_COMMISSION: Final = msgspec.json.Decoder(CommissionRate)
_FILTER_NAME: Final = msgspec.json.Decoder(FilterName)
_PRICE_FILTER: Final = msgspec.json.Decoder(PriceFilter)
_LOT_SIZE: Final = msgspec.json.Decoder(LotSize)
_MIN_NOTIONAL: Final = msgspec.json.Decoder(MinNotional)
_WHERE: Final = "the exchange info of Binance"


@attrs.frozen
class VenueRules:
    """What an answer to `GET /fapi/v1/exchangeInfo` says.

    Attributes:
        symbols: by symbol, its rules as sent.
        rate_limits: the limits of requests and orders.
    """

    symbols: Mapping[str, SymbolRules]
    rate_limits: tuple[RateLimit, ...]

    @classmethod
    def of(cls, body: bytes) -> "VenueRules":
        """Decode an answer.

        Raises:
            RemoteProtocolError: it is not one.
        """
        info = decode(_INFO, body, _WHERE)
        return cls({each.symbol: each for each in info.symbols}, tuple(info.rate_limits))

    @property
    def perpetuals(self) -> list[str]:
        """The perpetuals that trade at present, in the venue's order."""
        return [symbol for symbol in self.symbols if self.is_trading(symbol)]

    def is_trading(self, symbol: str) -> bool:
        """Tell whether a symbol is a perpetual that trades at present."""
        rules = self.symbols.get(symbol)
        return rules is not None and (rules.status, rules.contract) == ("TRADING", "PERPETUAL")

    def instrument(self, symbol: str, instrument: InstrumentId, valid_from: Nanos) -> Instrument:
        """Return the instrument of a symbol, without fees, which `with_fees` adds.

        Raises:
            KeyError: there is no such symbol.
            RemoteProtocolError: what is said of it makes no instrument.
        """
        rules = self.symbols.get(symbol)
        if rules is None:
            raise KeyError(f"{VENUE} has no symbol {symbol!r}; it has {len(self.symbols)} others")
        where = f"{VENUE}:{symbol}"
        price, lot, notional = _filters(rules, where)
        tick, step = _number(price.tick, "tickSize", where), _number(lot.step, "stepSize", where)
        # the rule is (price - minPrice) % tickSize == 0: that every price is a multiple of the tick is checked here
        if _number(price.least, "minPrice", where) % tick:
            raise RemoteProtocolError(f"minPrice {price.least} of {where} is not a multiple of tickSize {price.tick}")
        return Instrument(
            id=instrument,
            venue=VENUE,
            symbol=symbol,
            base=rules.base,
            quote=rules.quote,
            settle=rules.settle,
            tick=tick.normalize(),
            lot=step.normalize(),
            min_size=max(1, _multiple(lot.least, step, "minQty", where)),
            max_size=_multiple(lot.most, step, "maxQty", where),
            min_notional=_number(notional.notional, "notional", where) if notional is not None else Decimal(0),
            valid_from=valid_from,
        )


def with_fees(instrument: Instrument, body: bytes) -> Instrument:
    """Return an instrument with the fees in an answer to `GET /fapi/v1/commissionRate`.

    Raises:
        RemoteProtocolError: it is not one, or is about another symbol.
    """
    where = f"the commission rate of {instrument.name}"
    rate = decode(_COMMISSION, body, where)
    if rate.symbol != instrument.symbol:
        raise RemoteProtocolError(f"{where} is that of {rate.symbol!r}")
    maker, taker = _number(rate.maker, "maker fee", where), _number(rate.taker, "taker fee", where)
    if not (abs(maker) < 1 and abs(taker) < 1):
        raise RemoteProtocolError(f"{where}: fees {rate.maker} and {rate.taker} are not between -1 and 1")
    return attrs.evolve(instrument, maker_fee=maker, taker_fee=taker)


def changed(known: Iterable[Instrument], rules: VenueRules) -> list[str]:
    """Return what is no longer so of instruments that we trade: one text for each, empty if all is as it was."""
    found = []
    for each in known:
        if not rules.is_trading(each.symbol):
            found.append(f"{each.name} does not trade")
            continue
        now = rules.instrument(each.symbol, each.id, each.valid_from)
        for name in ("tick", "lot", "min_size", "max_size", "min_notional"):
            old, new = getattr(each, name), getattr(now, name)
            if old != new:
                found.append(f"{name} of {each.name} is {new}, was {old}")
    return found


def _filters(rules: SymbolRules, where: str) -> tuple[PriceFilter, LotSize, MinNotional | None]:
    named = {decode(_FILTER_NAME, bytes(raw), f"a filter of {where}").name: bytes(raw) for raw in rules.filters}
    for name in ("PRICE_FILTER", "LOT_SIZE"):
        if name not in named:
            raise RemoteProtocolError(f"{where} has no {name}; it has {', '.join(named)}")
    notional = named.get("MIN_NOTIONAL")
    return (
        decode(_PRICE_FILTER, named["PRICE_FILTER"], f"PRICE_FILTER of {where}"),
        decode(_LOT_SIZE, named["LOT_SIZE"], f"LOT_SIZE of {where}"),
        None if notional is None else decode(_MIN_NOTIONAL, notional, f"MIN_NOTIONAL of {where}"),
    )


def _number(text: str, field: str, where: str) -> Decimal:
    value = decimal_of(text, field, where)
    if value <= 0 and field in {"tickSize", "stepSize"}:
        raise RemoteProtocolError(f"{field} {text} of {where} must be above 0")
    return value


def _multiple(text: str, step: Decimal, field: str, where: str) -> int:
    count, rest = divmod(_number(text, field, where), step)
    if rest:
        raise RemoteProtocolError(f"{field} {text} of {where} is not a multiple of stepSize {step}")
    return int(count)
