"""Order-flow imbalance: what came to the bids, less what left them, less the same of the asks.

With b, q the price and size of a level and n the book update, a bid level adds to the flow
    e_n = q_n                if b_n > b_{n-1}     (a better price: the whole queue is new)
    e_n = q_n - q_{n-1}      if b_n = b_{n-1}
    e_n = -q_{n-1}           if b_n < b_{n-1}     (the old queue is gone),
an ask level subtracts the like, better being lower.  The imbalance is the sum of e_n over a sample of updates.

Source: Cont, Kukanov and Stoikov, "The price impact of order book events", Journal of Financial Econometrics 12 (2014),
for the touch; Xu, Gould and Howison, "Multi-level order-flow imbalance in a limit order book", Market Microstructure
and Liquidity 4 (2018), for the m-th level of each side by itself.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from market.book import Book
from market.units import Nanos
from research.estimators.order_flow_kernels import flow_between, flows
from research.estimators.sample import first_rows
from research.market_arrays import BookArrays

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


def order_flow_imbalances(
    books: BookArrays, levels: int = 1, n: int | None = None, window: int | None = None
) -> FloatArray:
    """Return (R, levels) at each book the order-flow imbalance of each level, in units of size.

    Positive when buyers came.  The first book adds nothing: there is none before it.

    Args:
        n: over the last n updates, this one included.
        window: over updates received in the last so many ns.

    Raises:
        ValueError: neither n nor window is given or one is below 1; `levels` is not within 1 and the books' depth.
    """
    if not 1 <= levels <= books.depth:
        raise ValueError(f"levels must be within 1 and the books' depth of {books.depth}, got {levels}")
    flow = np.zeros((len(books), levels), dtype=np.int64)
    if len(books):
        flows(books.bids, books.asks, flow)
    end = np.arange(1, len(books) + 1)
    begin = first_rows(books.ts_recv, books.ts_recv, end, n, window)
    # whole lots: sums of ints, so that a running total gives the same as adding up each sample
    total = np.concatenate([np.zeros((1, levels), dtype=np.int64), np.cumsum(flow, axis=0)])
    return _sizes(total[end] - total[begin], books.instrument.lot_num, books.instrument.lot_den)


def order_flow_imbalance(books: BookArrays, n: int | None = None, window: int | None = None) -> FloatArray:
    """Return (R,) at each book the order-flow imbalance of the touch, see `order_flow_imbalances`."""
    return order_flow_imbalances(books, 1, n, window)[:, 0]


def _sizes(lots: IntArray, num: float, den: float) -> FloatArray:
    return np.asarray(lots * num / den, dtype=np.float64)


class OrderFlow:
    """The order flow of one book, told of every change: the same numbers while the replay runs.

    A sample is the last `n` updates, or those later than `since` (ns), or all that are kept.
    """

    __slots__ = ("_asks", "_before", "_bids", "_next_asks", "_next_bids", "_times", "_total", "levels", "n_total")

    def __init__(self, levels: int = 1, capacity: int = 1024) -> None:
        if levels < 1 or capacity < 1:
            raise ValueError(f"levels and capacity must be at least 1, got {levels} and {capacity}")
        self.levels: Final = levels
        self._bids = np.zeros((levels, 2), dtype=np.int64)
        self._asks = np.zeros((levels, 2), dtype=np.int64)
        self._next_bids = np.zeros((levels, 2), dtype=np.int64)
        self._next_asks = np.zeros((levels, 2), dtype=np.int64)
        self._total = np.zeros(levels, dtype=np.int64)
        # each update is written twice, a capacity apart, so that any sample is one slice
        self._times = np.zeros(2 * capacity, dtype=np.int64)
        self._before = np.zeros((2 * capacity, levels), dtype=np.int64)
        self.n_total = 0

    def update(self, book: Book) -> None:
        """Take in the book's latest change, at its `ts_recv`."""
        for side, levels in ((self._next_bids, book.bid_levels), (self._next_asks, book.ask_levels)):
            n = min(len(levels), self.levels)
            side[:n] = levels[:n]
            side[n:] = 0
        capacity = len(self._times) // 2
        place = self.n_total % capacity
        self._times[place] = self._times[place + capacity] = book.ts_recv
        self._before[place] = self._before[place + capacity] = self._total
        if self.n_total:
            flow = np.empty(self.levels, dtype=np.int64)
            flow_between(self._bids, self._asks, self._next_bids, self._next_asks, flow)
            self._total += flow
        self._bids, self._next_bids = self._next_bids, self._bids
        self._asks, self._next_asks = self._next_asks, self._asks
        self.n_total += 1

    def __len__(self) -> int:
        return min(self.n_total, len(self._times) // 2)

    def imbalances(self, book: Book, n: int | None = None, since: Nanos | None = None) -> FloatArray:
        """Return (levels,) the order-flow imbalance of each level over a sample, in units of size of `book`."""
        n_kept = len(self)
        end = self.n_total % (len(self._times) // 2) + n_kept if self.n_total > n_kept else n_kept
        begin = end - (n_kept if n is None else max(0, min(n, n_kept)))
        if since is not None:
            begin += int(np.searchsorted(self._times[begin:end], since, side="right"))
        lots = self._total - self._before[begin] if begin < end else np.zeros(self.levels, dtype=np.int64)
        return _sizes(lots, book.instrument.lot_num, book.instrument.lot_den)

    def imbalance(self, book: Book, n: int | None = None, since: Nanos | None = None) -> float:
        """Return the order-flow imbalance of the touch over a sample."""
        return float(self.imbalances(book, n, since)[0])
