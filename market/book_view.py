"""What a strategy reads of a book."""

import math
from collections.abc import Callable
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from market.book_kernels import ASK, BID
from market.book_view_kernels import (
    book_cumulative,
    book_imbalance,
    book_impact_price,
    book_prices,
    book_vamp,
    book_weighted_mid,
    book_worst_price,
)
from market.instrument import Instrument
from market.units import Lots, Nanos, Ticks

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Array = TypeVar("Array", IntArray, FloatArray)

TS_VENUE: Final = 0  # places in `stamp`
TS_RECV: Final = 1
SEQ: Final = 2
VERSION: Final = 3
BEST_BID: Final = 4  # ticks, 0 for an empty side
BEST_ASK: Final = 5
STAMP_SIZE: Final = 6
_ROW: Final = 16  # bytes of a level
_INT64: Final = np.dtype(np.int64)


class BookView:
    """The reading side of a book, on arrays that something else writes.

    Of all levels that are there `depth` a side are shown; those behind move up when shown ones go, so that a deletion
    leaves no hole.  The writer adds 1 to `stamp[VERSION]` at every change: what is computed here is kept until then.
    A writer that is behind sets `late`: whatever is read calls it first.

    A side of the book is named by who rests there (`level(Side.BUY, 0)` is the best bid), a deal by its taker
    (`impact_price(Side.BUY, ...)` walks the asks).  Prices and sizes that are read are floats in the instrument's
    units; `best_bid`, `level`, `bid_levels` and the like are ints, in ticks and lots.  What cannot be computed is NaN.
    """

    __slots__ = (
        "_ask",
        "_ask_levels",
        "_asks",
        "_asks_at",
        "_bid",
        "_bid_levels",
        "_bids",
        "_bytes",
        "_copied",
        "_ladder",
        "_mid",
        "_places",
        "_scale",
        "_seen",
        "_span",
        "_stamp",
        "_stamps",
        "_tick_den",
        "_tick_num",
        "_words",
        "depth",
        "instrument",
        "late",
    )

    _bids: FloatArray | None
    _asks: FloatArray | None
    _bid_levels: IntArray | None
    _ask_levels: IntArray | None
    _seen: int

    def __init__(self, instrument: Instrument, depth: int, ladder: IntArray, span: IntArray, stamp: IntArray) -> None:
        """Show `depth` levels of `ladder` and `span` (see market.book_kernels).

        `stamp` is int64 (6,): ts_venue, ts_recv, seq, version, best bid and best ask in ticks.
        """
        if depth < 1:
            raise ValueError(f"depth must be at least 1, got {depth}")
        self.instrument = instrument
        self.depth = depth
        self._scale = instrument.scale()
        self._tick_num, self._tick_den = instrument.tick_num, instrument.tick_den
        self.late: Callable[[], None] | None = None
        self._bind(ladder, span, stamp)

    def _bind(self, ladder: IntArray, span: IntArray, stamp: IntArray) -> None:
        self._ladder, self._span, self._stamp = ladder, span, stamp
        # an int out of a flat memoryview costs a fifth of one out of an array, and a crossing into a kernel 20 of them
        self._words, self._places, self._stamps = ladder.reshape(-1).data, span.reshape(-1).data, stamp.data
        self._bytes = self._words.cast("B")
        self._asks_at = ladder.shape[1] * 2
        self._copied = -1
        self._refresh()

    def _refresh(self) -> None:
        stamps = self._stamps
        self._bid = bid = stamps[BEST_BID]
        self._ask = ask = stamps[BEST_ASK]
        self._mid = (bid + ask) * self._tick_num / (2.0 * self._tick_den) if bid and ask else math.nan
        self._seen = stamps[VERSION]

    def _copies(self) -> None:
        """Forget the arrays that were made of an earlier version."""
        if self.late is not None:
            self.late()
        if self._stamps[VERSION] != self._copied:
            self._bids = self._asks = self._bid_levels = self._ask_levels = None
            self._copied = self._stamps[VERSION]

    # --- stamps ------------------------------------------------------------------------------------------------------

    @property
    def ts_venue(self) -> Nanos:
        """The venue's time of the last change."""
        if self.late is not None:
            self.late()
        return self._stamps[TS_VENUE]

    @property
    def ts_recv(self) -> Nanos:
        """When the last change reached us."""
        if self.late is not None:
            self.late()
        return self._stamps[TS_RECV]

    @property
    def seq(self) -> int:
        """The venue's sequence number of the last change."""
        if self.late is not None:
            self.late()
        return self._stamps[SEQ]

    @property
    def version(self) -> int:
        """A number that moves with every change."""
        if self.late is not None:
            self.late()
        return self._stamps[VERSION]

    # --- levels ------------------------------------------------------------------------------------------------------

    @property
    def n_bids(self) -> int:
        """How many bid levels are known, shown or not."""
        if self.late is not None:
            self.late()
        return self._places[1] - self._places[0]

    @property
    def n_asks(self) -> int:
        """How many ask levels are known, shown or not."""
        if self.late is not None:
            self.late()
        return self._places[3] - self._places[2]

    @property
    def is_empty(self) -> bool:
        """Neither side has a level."""
        return self.n_bids == 0 and self.n_asks == 0

    @property
    def is_two_sided(self) -> bool:
        """Both sides have a level."""
        return self.n_bids > 0 and self.n_asks > 0

    @property
    def is_crossed(self) -> bool:
        """The best bid is at or above the best ask."""
        if self.late is not None:
            self.late()
        return 0 < self._stamps[BEST_ASK] <= self._stamps[BEST_BID]

    def level(self, side: int, n: int = 0) -> tuple[Ticks, Lots]:
        """Return (ticks, lots) of the n-th shown level of a side, 0 the best; (0, 0) if there are not so many."""
        if self.late is not None:
            self.late()
        place, end = self._places[:2] if side > 0 else self._places[2:]
        place += n
        if not 0 <= n < self.depth or place >= end:
            return 0, 0
        at = 2 * place if side > 0 else self._asks_at + 2 * place
        return self._words[at], self._words[at + 1]

    def price(self, side: int, n: int = 0) -> float:
        """Return the price of the n-th shown level of a side, 0 the best; NaN if there are not so many."""
        ticks, _ = self.level(side, n)
        return ticks * self._tick_num / self._tick_den if ticks else math.nan

    def prices(self, n: int = 0) -> tuple[float, float]:
        """Return the prices of the n-th best bid and ask, 0 the touch; NaN where a side has not so many levels."""
        if self.late is not None:
            self.late()
        if not 0 <= n < self.depth:
            return math.nan, math.nan
        words, places, num, den = self._words, self._places, self._tick_num, self._tick_den
        bid, ask = places[0] + n, places[2] + n
        return (
            words[2 * bid] * num / den if bid < places[1] else math.nan,
            words[self._asks_at + 2 * ask] * num / den if ask < places[3] else math.nan,
        )

    @property
    def bid_levels(self) -> IntArray:
        """The shown bids, (n, 2) read-only int64 rows of (ticks, lots), best first: a copy, safe to hand over."""
        self._copies()
        if self._bid_levels is None:
            begin, end = self._places[:2]
            self._bid_levels = self._rows(begin, end)
        return self._bid_levels

    @property
    def ask_levels(self) -> IntArray:
        """The shown asks, like `bid_levels`."""
        self._copies()
        if self._ask_levels is None:
            begin, end = self._places[2:]
            first = self._asks_at // 2
            self._ask_levels = self._rows(first + begin, first + end)
        return self._ask_levels

    def _rows(self, begin: int, end: int) -> IntArray:
        # bytes that cannot be written are the copy: a third of what a kernel takes to hand over an array
        n = min(end - begin, self.depth)
        return np.ndarray((n, 2), _INT64, self._bytes[begin * _ROW : (begin + n) * _ROW].tobytes())

    @property
    def bids(self) -> FloatArray:
        """The shown bids, (n, 2) read-only float64 rows of (price, size), best first."""
        self._copies()
        if self._bids is None:
            self._bids = _frozen(book_prices(self._ladder, self._span, self._scale, self.depth, BID))
        return self._bids

    @property
    def asks(self) -> FloatArray:
        """The shown asks, like `bids`."""
        self._copies()
        if self._asks is None:
            self._asks = _frozen(book_prices(self._ladder, self._span, self._scale, self.depth, ASK))
        return self._asks

    # --- the touch, computed once for a version ----------------------------------------------------------------------

    @property
    def best_bid(self) -> Ticks:
        """In ticks; 0 if there are no bids."""
        if self.late is not None:
            self.late()
        if self._stamps[VERSION] != self._seen:
            self._refresh()
        return self._bid

    @property
    def best_ask(self) -> Ticks:
        """In ticks; 0 if there are no asks."""
        if self.late is not None:
            self.late()
        if self._stamps[VERSION] != self._seen:
            self._refresh()
        return self._ask

    @property
    def mid(self) -> float:
        """The mean of the best prices."""
        if self.late is not None:
            self.late()
        if self._stamps[VERSION] != self._seen:
            self._refresh()
        return self._mid

    @property
    def spread(self) -> float:
        """Best ask - best bid."""
        bid, ask = self.best_bid, self.best_ask
        return (ask - bid) * self._tick_num / self._tick_den if bid and ask else math.nan

    @property
    def microprice(self) -> float:
        """The mean of the best prices, each weighted by the size of the other side."""
        (bid, bid_lots), (ask, ask_lots) = self.level(1), self.level(-1)
        if not (bid and ask):
            return math.nan
        ticks = (float(bid) * ask_lots + float(ask) * bid_lots) / (bid_lots + ask_lots)  # as market.kernels.microprice
        return ticks * self._tick_num / self._tick_den

    # --- deeper ------------------------------------------------------------------------------------------------------

    def imbalance(self, levels: int = 1) -> float:
        """Return (bid size - ask size) / (bid size + ask size) of the first `levels` shown levels."""
        if self.late is not None:
            self.late()
        return book_imbalance(self._ladder, self._span, min(int(levels), self.depth))

    def weighted_mid(self, levels: int = 1) -> float:
        """Return the microprice of two sides each taken as one level: mean price, total size of its first `levels`."""
        if self.late is not None:
            self.late()
        return book_weighted_mid(self._ladder, self._span, self._scale, min(int(levels), self.depth))

    def vamp(self, notional: float, bid_notional: float | None = None, ask_notional: float | None = None) -> float:
        """Return the mean of the prices at which `notional` (quote currency) could be sold and bought.

        `bid_notional`, `ask_notional` set one side's apart.  NaN when a shown side is too thin.
        """
        if self.late is not None:
            self.late()
        below = float(notional if bid_notional is None else bid_notional)
        above = float(notional if ask_notional is None else ask_notional)
        return book_vamp(self._ladder, self._span, self._scale, self.depth, below, above)

    def impact_price(self, side: int, notional: float) -> float:
        """Return the average price, sum N / sum (N / p), at which a taker trades `notional` (quote currency)."""
        if self.late is not None:
            self.late()
        row = ASK if side > 0 else BID
        return book_impact_price(self._ladder, self._span, self._scale, self.depth, row, float(notional))

    def impact_spread(self, notional: float, relative: bool = False) -> float:
        """Return what a taker pays to buy and sell `notional`, per unit; `relative`: divided by the mid."""
        difference = self.impact_price(1, notional) - self.impact_price(-1, notional)
        return difference / self.mid if relative else difference

    def worst_price(self, side: int, size: float) -> float:
        """Return the price of the last level that a taker of `size` reaches."""
        if self.late is not None:
            self.late()
        row = ASK if side > 0 else BID
        return book_worst_price(self._ladder, self._span, self._scale, self.depth, row, float(size))

    def cumulative(self, side: int, price: float) -> tuple[float, float]:
        """Return (size, notional) that a taker with the limit `price` would get from the shown levels."""
        if self.late is not None:
            self.late()
        row = ASK if side > 0 else BID
        return book_cumulative(self._ladder, self._span, self._scale, self.depth, row, float(price))

    def __repr__(self) -> str:
        name, bid, ask = self.instrument.name, self.level(1), self.level(-1)
        return f"<Book {name} seq {self.seq}: {bid[1]} @ {bid[0]} | {ask[1]} @ {ask[0]}>"


def _frozen(array: Array) -> Array:
    array.flags.writeable = False
    return array
