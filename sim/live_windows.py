"""Rows that come one by one, as windows that the kernels run through: what is not known yet never is the last."""

from collections.abc import Iterator
from typing import Self

import numpy as np

from market.columns import IntArray
from market.messages import LevelArray
from market.units import Nanos
from sim.state_kernels import NEVER
from sim.window_kernels import E_CLASS, E_ROW, E_STREAM, E_TS, EVENT_SIZE, H_N_ASKS, H_N_BIDS, H_START, HEADER_SIZE
from sim.windows import Window


class LiveWindows(Iterator[Window]):
    """Gives a window of the row that was put, and then one of nothing.

    Each ends with an event that never comes: to the kernels there is always more, but not yet.
    """

    def __init__(self) -> None:
        self._idle = _window(0)
        self._next: Window | None = None

    def put(
        self,
        at: Nanos,
        what: int,
        stream: int,
        header: tuple[int, ...],
        bids: LevelArray | None = None,
        asks: LevelArray | None = None,
    ) -> None:
        """Take a row, after the one before was played.

        Args:
            at: when the venue sees it.  what: class of the event (`sim.window_kernels.CLASS_*`).
            header: (ts_venue, ts_recv) and what follows of a row of headers; where the levels lie is filled in.
        """
        assert self._next is None, "the row before was not played"
        n_bids, n_asks = (0 if side is None else len(side) for side in (bids, asks))
        window = _window(1, n_bids + n_asks)
        event, row = window.events[0], window.headers[0]
        event[E_TS], event[E_CLASS], event[E_STREAM], event[E_ROW] = at, what, stream, 0
        row[: len(header)] = header
        if bids is not None and asks is not None:
            row[H_START], row[H_N_BIDS], row[H_N_ASKS] = 0, n_bids, n_asks
            window.levels[:n_bids] = bids
            window.levels[n_bids:] = asks
        self._next = window

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Window:
        window, self._next = self._next or self._idle, None
        return window


def _window(n_rows: int, n_levels: int = 0) -> Window:
    at_headers = (n_rows + 1) * EVENT_SIZE
    at_levels = at_headers + n_rows * HEADER_SIZE
    flat: IntArray = np.zeros(at_levels + 2 * n_levels, np.int64)
    events = flat[:at_headers].reshape(-1, EVENT_SIZE)
    events[-1, E_TS] = NEVER - 1
    headers = flat[at_headers:at_levels].reshape(-1, HEADER_SIZE)
    return Window(flat, events, headers, flat[at_levels:].reshape(-1, 2), is_last=False)
