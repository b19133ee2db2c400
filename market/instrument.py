"""What is traded, its grid of prices and sizes, and the one money function."""

import math
from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Final, Protocol

import attrs
import numpy as np
import numpy.typing as npt

from market.units import InstrumentId, Lots, Nanos, Side, Ticks

_TOO_LARGE: Final = 1 << 62  # ticks that no price reaches


class PriceRule(Protocol):
    """Which prices are valid near a price."""

    def step(self, price: Ticks) -> Ticks:
        """Return the distance in ticks between valid prices in the decade that holds `price` (>= 1)."""
        ...


@attrs.frozen
class ConstantStep:
    """Every multiple of `ticks` is a valid price."""

    ticks: int = attrs.field(default=1, validator=attrs.validators.ge(1))

    def step(self, price: Ticks) -> Ticks:
        return self.ticks


@attrs.frozen
class SignificantFigures:
    """At most `figures` significant figures, and whole units are always valid (Hyperliquid's rule).

    Attributes:
        figures: significant figures that a price may have.
        unit: ticks in one whole unit of price (1 / tick size).
    """

    figures: int = attrs.field(validator=attrs.validators.ge(1))
    unit: int = attrs.field(validator=attrs.validators.ge(1))

    def step(self, price: Ticks) -> Ticks:
        decade = int(10 ** max(0, len(str(abs(price))) - self.figures))
        return max(1, min(decade, self.unit))


def _positive(instance: object, attribute: "attrs.Attribute[Decimal]", value: Decimal) -> None:
    if not (value.is_finite() and value > 0):
        raise ValueError(f"{attribute.name} must be a positive number, got {value}")


@attrs.frozen
class Instrument:
    """One tradable market of one venue.

    Attributes:
        id: small int from the wiring's table; the key of everything.
        venue: Tardis' name of the venue, such as `binance-futures`.
        symbol: the venue's own symbol.
        tick: finest unit of price, in quote currency per base (or per contract's underlying).
        lot: finest unit of size, in base currency or contracts.
        multiplier: what one unit of size stands for: units of base for linear, units of quote for inverse (COIN-M
            BTCUSD_PERP: 100 USD a contract).
        inverse: settled in base; profit is linear in 1/price.
        settle: the asset that cash, profit and fees are counted in.
        maker_fee, taker_fee: fraction of the notional; negative is a rebate.
        min_size: least size of an order, lots.
        min_notional: least notional of an order, quote currency.
        max_size: largest size of an order, lots; None for no limit.
        valid_from: from when these rules hold.
    """

    id: InstrumentId
    venue: str
    symbol: str
    base: str
    quote: str
    settle: str
    tick: Decimal = attrs.field(validator=_positive)
    lot: Decimal = attrs.field(validator=_positive)
    multiplier: Decimal = attrs.field(default=Decimal(1), validator=_positive)
    inverse: bool = False
    maker_fee: Decimal = Decimal(0)
    taker_fee: Decimal = Decimal(0)
    min_size: Lots = 1
    min_notional: Decimal = Decimal(0)
    max_size: Lots | None = None
    price_rule: PriceRule = ConstantStep()
    valid_from: Nanos = 0
    tick_num: float = attrs.field(init=False, repr=False, eq=False)
    tick_den: float = attrs.field(init=False, repr=False, eq=False)
    lot_num: float = attrs.field(init=False, repr=False, eq=False)
    lot_den: float = attrs.field(init=False, repr=False, eq=False)
    _unit_value: Decimal = attrs.field(init=False, repr=False, eq=False)
    _contract: float = attrs.field(init=False, repr=False, eq=False)
    _is_plain: bool = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        # ticks * num / den is the float nearest the decimal price, as ticks * 0.01 is not: 0.01 is itself rounded
        for name, unit in (("tick", self.tick), ("lot", self.lot)):
            exact = Fraction(unit)
            object.__setattr__(self, f"{name}_num", float(exact.numerator))
            object.__setattr__(self, f"{name}_den", float(exact.denominator))
        unit_value = self.lot * self.multiplier / self.tick if self.inverse else self.tick * self.lot * self.multiplier
        object.__setattr__(self, "_unit_value", unit_value)
        object.__setattr__(self, "_contract", float(self.multiplier))
        object.__setattr__(self, "_is_plain", self.price_rule == ConstantStep(1))

    @property
    def name(self) -> str:
        """`venue:symbol`, for people."""
        return f"{self.venue}:{self.symbol}"

    # --- prices and sizes ----------------------------------------------------------------------------------------

    def price(self, ticks: Ticks) -> float:
        """Return a price in ticks as the nearest float in quote currency."""
        return ticks * self.tick_num / self.tick_den

    def size(self, lots: Lots) -> float:
        """Return a size in lots as the nearest float."""
        return lots * self.lot_num / self.lot_den

    def scale(self) -> npt.NDArray[np.float64]:
        """Return what the kernels need to turn ticks and lots into currency.

        (6,) float64, new: tick_num, tick_den, lot_num, lot_den, multiplier, inverse (1 or 0).
        """
        return np.array(
            [self.tick_num, self.tick_den, self.lot_num, self.lot_den, float(self.multiplier), float(self.inverse)]
        )

    def ticks(self, price: float) -> Ticks:
        """Return the valid price nearest to `price`, in ticks; a tie goes to the even multiple.

        Raises:
            ValueError: `price` is NaN, infinite or rounds to no positive price.
        """
        if self._is_plain:  # by far the most common: 0.4 us a call instead of 1
            try:
                ticks = round(price * self.tick_den / self.tick_num)
            except (ValueError, OverflowError):
                ticks = 0
            if 0 < ticks < _TOO_LARGE:
                return ticks
        units = self._units(price)
        step = self.price_rule.step(round(units))
        return self._valid(round(units / step) * step, price)

    def round_price(self, price: float, side: Side) -> Ticks:
        """Return the valid price nearest to `price` that is not more aggressive: down for a buy, up for a sell.

        Raises:
            ValueError: `price` is NaN, infinite or rounds to no positive price.
        """
        units = self._units(price)
        nearest = round(units)
        # a price that *is* on the grid stays there, whatever the last bits of its computation say
        if abs(units - nearest) <= 1e-14 * abs(units):
            units = float(nearest)
        step = self.price_rule.step(int(units))
        if side > 0:
            ticks = int(units // step) * step
        else:
            ticks = -int(-units // step) * step
        return self._valid(ticks, price)

    def is_valid_price(self, ticks: Ticks) -> bool:
        """Tell whether the venue accepts an order at this price."""
        return ticks > 0 and ticks % self.price_rule.step(ticks) == 0

    def lots(self, size: float) -> Lots:
        """Return `size` in lots, to the nearest; a tie goes to the even one.

        Raises:
            ValueError: `size` is NaN or infinite.
        """
        try:
            return round(size * self.lot_den / self.lot_num)
        except (ValueError, OverflowError):
            raise ValueError(f"size {size} of {self.name} is not a number") from None

    def exact_ticks(self, price: Decimal) -> Ticks:
        """Return a recorded price in ticks.

        Raises:
            ValueError: it is not a multiple of the tick.
        """
        return _exact(price, self.tick, "price", "tick size", self.name)

    def exact_lots(self, size: Decimal) -> Lots:
        """Return a recorded size in lots.

        Raises:
            ValueError: it is not a multiple of the lot.
        """
        return _exact(size, self.lot, "size", "lot size", self.name)

    def _units(self, price: float) -> float:
        units = price * self.tick_den / self.tick_num
        if not abs(units) < _TOO_LARGE:  # NaN too
            raise ValueError(f"price {price} of {self.name} is not a usable number")
        return units

    def _valid(self, ticks: Ticks, price: float) -> Ticks:
        if ticks <= 0:
            raise ValueError(f"price {price} of {self.name} rounds to {ticks} ticks of {self.tick}; must be above 0")
        return ticks

    # --- money ---------------------------------------------------------------------------------------------------

    def value(self, price: Ticks, lots: Lots) -> Decimal:
        """Return what `lots` (signed) at `price` are worth, in the settle asset.

        p * s * m for a linear instrument, -m * s / p for an inverse one, so that for both a fill does
        `cash -= value(fill)` and `equity = cash + value(mark)`.
        """
        if self.inverse:
            return -self._unit_value * lots / price
        return self._unit_value * (price * lots)

    def notional(self, price: Ticks, lots: Lots) -> float:
        """Return the size of a deal in report (quote) currency, always >= 0: for limits, volume, leverage."""
        contracts = abs(lots) * self.lot_num / self.lot_den * self._contract
        return contracts if self.inverse else contracts * price * self.tick_num / self.tick_den

    def exposure(self, price: float, lots: Lots) -> float:
        """Return what a position of `lots` (signed) stands for at a float price, quote currency, with its sign."""
        contracts = lots * self.lot_num / self.lot_den * self._contract
        return contracts if self.inverse else contracts * price

    def base_size(self, price: float, lots: Lots) -> float:
        """Return what a position of `lots` (signed) stands for at a float price, units of base, with its sign."""
        contracts = lots * self.lot_num / self.lot_den * self._contract
        return contracts / price if self.inverse else contracts

    def least_lots(self, price: float) -> Lots:
        """Return the smallest order that the venue takes at a float price."""
        per_lot = self.exposure(price, 1)
        by_notional = math.ceil(float(self.min_notional) / per_lot - 1e-9) if per_lot > 0 else 1
        return max(1, self.min_size, by_notional)

    def lots_of(self, notional: float, price: float) -> Lots:
        """Return the size that is worth `notional` of quote currency at `price`, to the nearest lot.

        Raises:
            ValueError: the result is not a number.
        """
        per_unit = self._contract if self.inverse else self._contract * price
        return self.lots(notional / per_unit if per_unit else math.nan)

    def fee(self, price: Ticks, lots: Lots, is_maker: bool) -> Decimal:
        """Return the fee of a fill in the settle asset; negative is a rebate."""
        return abs(self.value(price, lots)) * (self.maker_fee if is_maker else self.taker_fee)


def _exact(amount: Decimal, unit: Decimal, what: str, unit_name: str, where: str) -> int:
    count, rest = divmod(amount, unit)
    if rest:
        raise ValueError(f"{what} {amount} is not a multiple of {unit_name} {unit} ({where})")
    return int(count)


class InstrumentTable:
    """The instruments of a run, by id and by (venue, symbol).  Ids are their places, 0 first."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self._all = tuple(instruments)
        self._by_name: dict[tuple[str, str], Instrument] = {}
        for place, instrument in enumerate(self._all):
            if instrument.id != place:
                raise ValueError(f"instrument {instrument.name} has id {instrument.id}, but stands at place {place}")
            if (instrument.venue, instrument.symbol) in self._by_name:
                raise ValueError(f"instrument {instrument.name} is listed twice")
            self._by_name[instrument.venue, instrument.symbol] = instrument
        self.venues: tuple[str, ...] = tuple(dict.fromkeys(i.venue for i in self._all))

    def __getitem__(self, instrument: InstrumentId) -> Instrument:
        return self._all[instrument]

    def __iter__(self) -> Iterator[Instrument]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def find(self, venue: str, symbol: str) -> Instrument:
        """Return the instrument of that name.

        Raises:
            KeyError: there is none; the message lists those there are.
        """
        try:
            return self._by_name[venue, symbol]
        except KeyError:
            known = ", ".join(i.name for i in self._all)
            raise KeyError(f"no instrument {venue}:{symbol}; known: {known}") from None
