"""Bars while trades come in: the same bars as of a whole recording."""

import math
from typing import Final

import attrs
import numpy as np

from market.instrument import Instrument
from market.units import SECOND, Lots, Nanos, Ticks
from research.estimators.bar_kernels import (
    CLOSE,
    DOLLAR,
    END,
    HIGH,
    LOTS,
    LOW,
    OPEN,
    START,
    TICK,
    TIME,
    TRADES,
    VOLUME,
    add_trade,
    close,
)


@attrs.frozen
class Bar:
    """What was traded in one stretch.

    Attributes:
        start: of a time bar its beginning, else the stamp of its first trade; ns.
        end: when it is known: the end of a time bar, which is not in it, else the stamp of its last trade; ns.
        open, high, low, close: prices.
        volume: size traded, in units of the instrument.
        n: trades.
        vwap: notional / base amount, which is the mean price weighted by size.
    """

    start: Nanos
    end: Nanos
    open: float
    high: float
    low: float
    close: float
    volume: float
    n: int
    vwap: float


@attrs.frozen
class BarKind:
    """When a bar is full: by which measure, and how much of it (ns, trades, lots, quote currency)."""

    measure: int
    limit: float

    @classmethod
    def time(cls, seconds: float) -> "BarKind":
        """Bars of so many seconds, cut at their multiples since the epoch."""
        return cls(TIME, float(_positive("seconds", round(seconds * SECOND))))

    @classmethod
    def tick(cls, n: int) -> "BarKind":
        """Bars of n trades."""
        return cls(TICK, float(_positive("n", n)))

    @classmethod
    def volume(cls, instrument: Instrument, size: float) -> "BarKind":
        """Bars that end with the trade which brings the size traded to `size` (units of the instrument) or above."""
        lots = _positive("size", size) * instrument.lot_den / instrument.lot_num
        return cls(VOLUME, float(math.ceil(lots - 1e-9)))  # 0.3 / 0.1 must not be 4 lots

    @classmethod
    def dollar(cls, notional: float) -> "BarKind":
        """Bars that end with the trade which brings the notional to `notional` (quote currency) or above."""
        return cls(DOLLAR, float(_positive("notional", notional)))


def _positive(name: str, value: float) -> float:
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name} of a bar must be above 0, got {value}")
    return value


class BarBuilder:
    """One open bar of one instrument.

    Source of volume and dollar bars: Lopez de Prado, "Advances in Financial Machine Learning" (2018), section 2.3.1.
    """

    __slots__ = ("_done", "_done_money", "_money", "_open", "_scale", "instrument", "kind")

    def __init__(self, instrument: Instrument, kind: BarKind) -> None:
        self.instrument: Final = instrument
        self.kind: Final = kind
        self._scale = instrument.scale()
        self._open, self._done = np.zeros(8, dtype=np.int64), np.zeros(8, dtype=np.int64)
        self._money, self._done_money = np.zeros(2), np.zeros(2)

    def add(self, ts: Nanos, ticks: Ticks, lots: Lots) -> Bar | None:
        """Put in a trade; return the bar that it closed.

        A trade that fills a bar is the bar's last, whole; one after the end of a time bar begins the next.

        Args:
            ts: when it reached us, never decreasing.
        """
        is_closed = add_trade(
            ts,
            ticks,
            lots,
            self.kind.measure,
            self.kind.limit,
            self._scale,
            self._open,
            self._money,
            self._done,
            self._done_money,
        )
        return self._bar() if is_closed else None

    def close_due(self, now: Nanos) -> Bar | None:
        """Return the open time bar if it has ended by `now`: for a clock, which need not wait for the next trade."""
        if self.kind.measure != TIME or self._open[TRADES] == 0 or now < self._open[END]:
            return None
        close(self._open, self._money, self._done, self._done_money)
        return self._bar()

    def _bar(self) -> Bar:
        done, instrument = self._done, self.instrument
        return Bar(
            start=done.item(START),
            end=done.item(END),
            open=instrument.price(done.item(OPEN)),
            high=instrument.price(done.item(HIGH)),
            low=instrument.price(done.item(LOW)),
            close=instrument.price(done.item(CLOSE)),
            volume=instrument.size(done.item(LOTS)),
            n=done.item(TRADES),
            vwap=self._done_money.item(0) / self._done_money.item(1),
        )
