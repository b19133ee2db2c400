"""Books and trades of one instrument as arrays: what an estimator that works by columns is given.

The properties and methods are named as those of `market.Book`, and give for every row the same number, to the bit, as
the book does at that row: both use the kernels of `market.kernels`.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import attrs
import numpy as np
import numpy.typing as npt

from market import kernels
from market.instrument import Instrument

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


def _int64(values: npt.ArrayLike) -> IntArray:
    return np.ascontiguousarray(values, dtype=np.int64)


def _has_shape(*shape: int | None) -> Any:
    """Return a validator: as many rows as `ts_recv`, then `shape` (None: any)."""

    def check(rows: Any, attribute: "attrs.Attribute[IntArray]", value: IntArray) -> None:
        wanted = (len(rows.ts_recv), *shape)
        if value.ndim != len(wanted) or any(n not in (None, m) for n, m in zip(wanted, value.shape, strict=True)):
            said = ", ".join("depth" if n is None else str(n) for n in wanted)
            raise ValueError(f"{attribute.name} of {rows.instrument.name} must have shape ({said}), has {value.shape}")

    return check


@attrs.frozen(eq=False)
class BookArrays:
    """R books of one instrument, one after each message that changed it, in the order in which they reached us.

    Attributes:
        ts_venue, ts_recv: (R,) ns since the epoch; `ts_recv` never decreases.
        bids, asks: (R, depth, 2) of (ticks, lots), best first; a level with 0 lots ends the side.
    """

    instrument: Instrument
    ts_venue: IntArray = attrs.field(converter=_int64, validator=_has_shape())
    ts_recv: IntArray = attrs.field(converter=_int64)
    bids: IntArray = attrs.field(converter=_int64, validator=_has_shape(None, 2))
    asks: IntArray = attrs.field(converter=_int64, validator=_has_shape(None, 2))

    def __len__(self) -> int:
        return len(self.ts_recv)

    def rows(self, begin: int, end: int) -> "BookArrays":
        """Return books [begin, end)."""
        return BookArrays(
            self.instrument,
            self.ts_venue[begin:end],
            self.ts_recv[begin:end],
            self.bids[begin:end],
            self.asks[begin:end],
        )

    @property
    def depth(self) -> int:
        """How many levels a side are here."""
        return int(self.bids.shape[1])

    @property
    def mid(self) -> FloatArray:
        """(R,) the means of the best prices; NaN where a side is empty, as in all that follows."""
        return kernels.mids(self.bids, self.asks, self.instrument.scale())

    @property
    def spread(self) -> FloatArray:
        """(R,) best ask - best bid, quote currency."""
        bid, ask = self.bids[:, 0, 0], self.asks[:, 0, 0]
        instrument = self.instrument
        return np.where((bid == 0) | (ask == 0), np.nan, (ask - bid) * instrument.tick_num / instrument.tick_den)

    @property
    def microprice(self) -> FloatArray:
        """(R,) the means of the best prices, each weighted by the size of the other side."""
        return kernels.microprices(self.bids, self.asks, self.instrument.scale())

    def imbalance(self, levels: int = 1) -> FloatArray:
        """Return (R,) (bid size - ask size) / (bid size + ask size) of the first `levels` levels."""
        return kernels.imbalances(self.bids, self.asks, int(levels))

    def weighted_mid(self, levels: int = 1) -> FloatArray:
        """Return (R,) the microprices of two sides each taken as one level: mean price, total size of its levels."""
        return kernels.weighted_mids(self.bids, self.asks, self.instrument.scale(), int(levels))

    def vamp(self, notional: float) -> FloatArray:
        """Return (R,) the means of the prices at which `notional` (quote currency) could be sold and bought."""
        return self.vamps([notional])[:, 0]

    def vamps(self, notionals: Sequence[float]) -> FloatArray:
        """Return (R, K) the VAMPs of K ascending notionals; one walk of each side serves all.

        Raises:
            ValueError: the notionals do not ascend.
        """
        return kernels.vamps(self.bids, self.asks, self.instrument.scale(), np.array(notionals, dtype=np.float64))


@attrs.frozen(eq=False)
class TradeArrays:
    """R trades of one instrument, in the order in which they reached us.

    Attributes:
        ts_venue, ts_recv: (R,) ns since the epoch; `ts_recv` never decreases.
        ticks: (R,) price.  lots: (R,) size, > 0.
        taker: (R,) +1 the aggressor bought, -1 it sold.
    """

    instrument: Instrument
    ts_venue: IntArray = attrs.field(converter=_int64, validator=_has_shape())
    ts_recv: IntArray = attrs.field(converter=_int64)
    ticks: IntArray = attrs.field(converter=_int64, validator=_has_shape())
    lots: IntArray = attrs.field(converter=_int64, validator=_has_shape())
    taker: IntArray = attrs.field(converter=_int64, validator=_has_shape())

    def __len__(self) -> int:
        return len(self.ts_recv)

    def rows(self, begin: int, end: int) -> "TradeArrays":
        """Return trades [begin, end)."""
        return TradeArrays(
            self.instrument,
            self.ts_venue[begin:end],
            self.ts_recv[begin:end],
            self.ticks[begin:end],
            self.lots[begin:end],
            self.taker[begin:end],
        )

    @property
    def price(self) -> FloatArray:
        """(R,) in quote currency."""
        return np.asarray(self.ticks * self.instrument.tick_num / self.instrument.tick_den, dtype=np.float64)

    @property
    def size(self) -> FloatArray:
        """(R,) in units of the instrument: base currency, or contracts."""
        return np.asarray(self.lots * self.instrument.lot_num / self.instrument.lot_den, dtype=np.float64)


A = TypeVar("A", BookArrays, TradeArrays)


def joined(parts: Sequence[A]) -> A:
    """Return the parts of one feed, in order and at least one, as one."""
    first = parts[0]
    names = [field.name for field in attrs.fields(type(first)) if field.name != "instrument"]
    if len(parts) == 1:
        return first
    columns: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return attrs.evolve(first, **columns)
