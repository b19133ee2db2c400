"""What became of the orders: counts, the fill ratio, and how long quotes stood."""

from collections.abc import Collection

import attrs
import numpy as np
import numpy.typing as npt

from market.order_log import LogKind
from market.units import Side
from research.prices import IntArray
from research.run_data import Columns

_ENDS = (LogKind.CANCELLED.name, LogKind.EXPIRED.name, LogKind.REJECTED.name)
_NEVER = np.iinfo(np.int64).max


@attrs.frozen(eq=False)
class OrderLives:
    """One row per order that was placed.

    Attributes:
        client_id, instrument, quoter, side, size: (O,) as placed; the size after its last amend.
        accepted: (O,) venue time from which it stood in the book; the largest int64 if it never did.
        ended: (O,) venue time of its end; the largest int64 while it stands.
        filled: (O,) lots.
    """

    client_id: IntArray
    instrument: IntArray
    quoter: IntArray
    side: IntArray
    size: IntArray
    accepted: IntArray
    ended: IntArray
    filled: IntArray

    def only(self, keep: npt.NDArray[np.bool_]) -> "OrderLives":
        """Return the orders where `keep` is true."""
        return OrderLives(*(getattr(self, field.name)[keep] for field in attrs.fields(OrderLives)))


def order_lives(orders: Columns, fills: Columns) -> OrderLives:
    """Follow every placed order through the run's log.

    An order ends with the fact that says so, or with the fill that completes it, whichever the venue timed first.
    Facts carry no side, size or quoter: these are the command's.
    """
    kind = orders["kind"]
    placed = np.flatnonzero(kind == LogKind.PLACE.name)
    ids, first = np.unique(orders["client_id"][placed], return_index=True)
    placed = placed[first]
    size = orders["size"][placed].astype(np.int64)
    accepted, ended = np.full(ids.size, _NEVER), np.full(ids.size, _NEVER)

    def rows_of(*kinds: str) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        rows = np.flatnonzero(np.isin(kind, kinds))
        return _known(ids, orders["client_id"], rows)

    amended, order = rows_of(LogKind.AMENDED.name)
    size[order] = orders["size"][amended]
    rows, order = rows_of(LogKind.ACCEPTED.name)
    np.minimum.at(accepted, order, orders["ts_venue"][rows])
    rows, order = rows_of(*_ENDS)
    np.minimum.at(ended, order, orders["ts_venue"][rows])
    filled = np.zeros(ids.size, dtype=np.int64)
    last_fill = np.zeros(ids.size, dtype=np.int64)
    rows, order = _known(ids, fills["client_id"], np.arange(fills["client_id"].size))
    np.add.at(filled, order, fills["size"][rows])
    np.maximum.at(last_fill, order, fills["ts_venue"][rows])
    done = (filled > 0) & (filled >= size)
    ended[done] = np.minimum(ended[done], last_fill[done])
    instrument, quoter, side = (orders[column][placed] for column in ("instrument", "quoter", "side"))
    return OrderLives(ids, instrument, quoter, side, size, accepted, ended, filled)


def _known(
    ids: IntArray, client_id: IntArray, rows: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the rows whose order was placed in this run, and the place of that order."""
    if not ids.size:
        return rows[:0], rows[:0]
    place = np.minimum(np.searchsorted(ids, client_id[rows]), ids.size - 1)
    mine = ids[place] == client_id[rows]
    return rows[mine], place[mine]


def quoted_share(lives: OrderLives, window: tuple[int, int], instruments: Collection[int]) -> tuple[float, float]:
    """Return the shares of the window with a quote on at least one side, and with quotes on both.

    Args:
        window: first and last instant, ns.
        instruments: averaged over these; one without an order counts as not quoted.
    """
    begin, end = window
    if end <= begin or not instruments:
        return 0.0, 0.0
    any_side = both = 0
    for instrument in instruments:
        mine = lives.only((lives.instrument == instrument) & (lives.accepted < end))
        starts = np.clip(mine.accepted, begin, end)
        stops = np.maximum(np.clip(mine.ended, begin, end), starts)
        ts = np.concatenate((starts, stops, [begin, end]))
        ones = np.ones(starts.size, dtype=np.int64)
        order = np.argsort(ts, kind="stable")
        span = np.diff(ts[order])
        standing = []
        for side in (Side.BUY, Side.SELL):
            on_side = np.where(mine.side == side, ones, 0)
            standing.append(np.cumsum(np.concatenate((on_side, -on_side, [0, 0]))[order])[:-1] > 0)
        any_side += int(span[standing[0] | standing[1]].sum())
        both += int(span[standing[0] & standing[1]].sum())
    whole = (end - begin) * len(instruments)
    return any_side / whole, both / whole


def count(orders: Columns, kind: LogKind) -> int:
    """Return how many rows of that kind there are."""
    return int((orders["kind"] == kind.name).sum())
