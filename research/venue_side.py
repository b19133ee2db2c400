"""What the recorded market did at the venue at chosen instants, read from the raw streams a chunk at a time.

Venue times are the recorded ones plus the clock's shift; one that goes back is moved up to its stream's newest, and a
row later than `MAX_LATENESS` against that never happened on this side.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from market.columns import BookColumns, FundingColumns, TradeColumns
from market.stream import Stream
from market.units import SECOND, InstrumentId, Lots, Nanos, Side, Ticks
from research.prices import IntArray

MAX_LATENESS: Final[Nanos] = 5 * SECOND


@attrs.frozen
class Take:
    """A level that we took from: of the book in force at `ts`, on the side opposite to ours."""

    ts: Nanos
    side: int
    price: Ticks


@attrs.define
class Display:
    """What a level showed when we took from it.

    Attributes:
        epoch: number of the venue's book in force; -1 before the first.  since: its venue time.
        lots: displayed by that book.
        printed: lots that the market's own takers took from the level since.
    """

    epoch: int
    since: Nanos
    lots: Lots
    printed: Lots = 0


@attrs.frozen
class FundingDue:
    """A funding payment as recorded; see `market.columns.FundingColumns`."""

    ts: Nanos
    rate_e12: int
    mark: Ticks


class MarketAt:
    """One instrument's market at the instants that are asked about.

    Args:
        instants: times of fills, sorted, each once.
        takes: by time.

    Attributes:
        prints: instant -> (price, lots, taker) of the public trades at it, in their order.
        touches: instant -> (best bid, best ask) after each book message at it; 0 for an empty side.
        displays: what was asked about in `takes`.
        funding: all payments.
    """

    def __init__(self, instants: IntArray, takes: Iterable[Take]) -> None:
        self.instants = instants
        self.prints: dict[Nanos, list[tuple[Ticks, Lots, int]]] = {}
        self.touches: dict[Nanos, list[tuple[Ticks, Ticks]]] = {}
        self.displays: dict[Take, Display] = {take: Display(-1, 0, 0) for take in takes}
        self.funding: list[FundingDue] = []

    def read_books(self, chunks: Iterable[BookColumns], shift: Nanos) -> None:
        """Answer what depends on the book; before `read_trades`."""
        times, book = _VenueTimes(shift), _Book()
        takes = list(self.displays)
        take_ts = np.array([take.ts for take in takes], dtype=np.int64)
        next_take = 0
        for chunk in chunks:
            at, kept = times.of(chunk.ts_venue)
            good = book.sound(chunk, kept)
            at = at[good]
            # a take sees all messages up to its instant: it can be answered once a later message is there
            n_before = np.searchsorted(at, take_ts[next_take:], side="right")
            n_ready = int(np.searchsorted(n_before, len(at), side="left")) if len(at) else 0
            stops: list[tuple[int, Take | None]] = []
            stops += [(int(n), take) for n, take in zip(n_before[:n_ready], takes[next_take:], strict=False)]
            next_take += n_ready
            stops += [(int(n) + 1, None) for n in np.flatnonzero(np.isin(at, self.instants))]
            stops.sort(key=lambda stop: stop[0])
            done = 0
            for n, take in stops:
                book.put(chunk, good[done:n], at[done:n])
                done = n
                if take is None:
                    self.touches.setdefault(int(at[n - 1]), []).append(book.touch)
                else:
                    self.displays[take] = book.display(take)
            book.put(chunk, good[done:], at[done:])
            book.forget_empty()
        for take in takes[next_take:]:
            self.displays[take] = book.display(take)

    def read_trades(self, chunks: Iterable[TradeColumns], shift: Nanos) -> None:
        """Answer what depends on the public trades."""
        times = _VenueTimes(shift)
        takes = list(self.displays)
        take_ts = np.array([take.ts for take in takes], dtype=np.int64)
        since = np.array([self.displays[take].since for take in takes], dtype=np.int64)
        for chunk in chunks:
            at, kept = times.of(chunk.ts_venue)
            at, price, lots, taker = (a[kept] for a in (at, chunk.ticks, chunk.lots, chunk.taker))
            if not len(at):
                continue
            first = np.searchsorted(at, self.instants, side="left")
            last = np.searchsorted(at, self.instants, side="right")
            for n in np.flatnonzero(last > first):
                rows = slice(first[n], last[n])
                found = zip(price[rows].tolist(), lots[rows].tolist(), taker[rows].tolist(), strict=True)
                self.prints.setdefault(int(self.instants[n]), []).extend(found)
            begin, end = np.searchsorted(take_ts, at[0], side="left"), np.searchsorted(since, at[-1], side="left")
            for take in takes[begin:end]:
                # a print of the very instant of a book came before that book, and before our request
                display = self.displays[take]
                rows = slice(*np.searchsorted(at, (display.since, take.ts), side="right"))
                hit = (price[rows] == take.price) & (taker[rows] == take.side)
                display.printed += int(lots[rows][hit].sum())

    def read_funding(self, chunks: Iterable[FundingColumns], shift: Nanos) -> None:
        """Keep the funding payments."""
        times = _VenueTimes(shift)
        for chunk in chunks:
            at, kept = times.of(chunk.ts_venue)
            rows = zip(at[kept].tolist(), chunk.rate_e12[kept].tolist(), chunk.mark[kept].tolist(), strict=True)
            self.funding += [FundingDue(*row) for row in rows]


def read_markets(
    markets: Mapping[InstrumentId, MarketAt], streams: Iterable[Stream], shifts: Mapping[InstrumentId, Nanos]
) -> None:
    """Read the streams of the instruments that are asked about; a stream of any other is not touched.

    Raises:
        ValueError: a stream's kind is not known.
    """
    kinds = ("book", "trades", "funding")
    listed = list(streams)
    for stream in listed:
        if stream.kind not in kinds:
            raise ValueError(f"stream kind {stream.kind!r} of instrument {stream.instrument} is none of {kinds}")
    for stream in sorted(listed, key=lambda s: kinds.index(s.kind)):
        market, shift = markets.get(stream.instrument), shifts.get(stream.instrument, 0)
        if market is None:
            continue
        if stream.kind == "book":
            market.read_books((chunk for chunk in stream.chunks if isinstance(chunk, BookColumns)), shift)
        elif stream.kind == "trades":
            market.read_trades((chunk for chunk in stream.chunks if isinstance(chunk, TradeColumns)), shift)
        else:
            market.read_funding((chunk for chunk in stream.chunks if isinstance(chunk, FundingColumns)), shift)


class _VenueTimes:
    """The venue times of one stream's rows."""

    def __init__(self, shift: Nanos) -> None:
        self._shift = shift
        self._newest = 0

    def of(self, ts_venue: IntArray) -> tuple[IntArray, npt.NDArray[np.bool_]]:
        """Return (R,) times, never decreasing, and which rows the venue's side has."""
        shifted = ts_venue + self._shift
        newest = np.maximum.accumulate(np.maximum(shifted, self._newest))
        if len(newest):
            self._newest = int(newest[-1])
        return newest, newest - shifted <= MAX_LATENESS


class _Book:
    """A book kept the plain way: a dict of lots by price for each side; 0 lots: no level."""

    def __init__(self) -> None:
        self._sides: tuple[dict[Ticks, Lots], dict[Ticks, Lots]] = ({}, {})
        self._is_sound = False
        self._seq = 0
        self._epoch = -1
        self._since = 0

    def sound(self, chunk: BookColumns, kept: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
        """Return which messages go into the book: after a gap none does until the next snapshot."""
        if chunk.is_snapshot.all():
            good = np.flatnonzero(kept)
            if len(good):
                self._is_sound, self._seq = True, int(chunk.seq[good[-1]])
            return good
        found = []
        rows = zip(kept.tolist(), chunk.is_snapshot.tolist(), chunk.prev_seq.tolist(), chunk.seq.tolist(), strict=True)
        for row, (is_kept, is_snapshot, prev_seq, seq) in enumerate(rows):
            if not is_kept:
                continue
            self._is_sound = bool(is_snapshot) or (self._is_sound and prev_seq in (-1, self._seq))
            if self._is_sound:
                self._seq = seq
                found.append(row)
        return np.array(found, dtype=np.intp)

    def put(self, chunk: BookColumns, rows: npt.NDArray[np.intp], at: IntArray) -> None:
        """Put messages of a chunk into the book."""
        if not len(rows):
            return
        self._epoch += len(rows)
        self._since = int(at[-1])
        snapshots = np.flatnonzero(chunk.is_snapshot[rows])
        if len(snapshots):
            # what came before the last full book is gone
            rows = rows[snapshots[-1] :]
            for side in self._sides:
                side.clear()
        for row in rows.tolist():
            begin = int(chunk.start[row])
            middle = begin + int(chunk.n_bids[row])
            for side, levels in zip(
                self._sides,
                (chunk.levels[begin:middle], chunk.levels[middle : middle + int(chunk.n_asks[row])]),
                strict=True,
            ):
                side.update(zip(levels[:, 0].tolist(), levels[:, 1].tolist(), strict=True))

    @property
    def touch(self) -> tuple[Ticks, Ticks]:
        bids, asks = self._sides
        best_bid = max((price for price, lots in bids.items() if lots), default=0)
        return best_bid, min((price for price, lots in asks.items() if lots), default=0)

    def display(self, take: Take) -> Display:
        """Return what a level shows now."""
        side = self._sides[1 if take.side == Side.BUY else 0]
        return Display(self._epoch, self._since, side.get(take.price, 0))

    def forget_empty(self) -> None:
        """Forget the levels that are gone, or a long stream of deltas would fill the memory."""
        for side in self._sides:
            for price in [price for price, lots in side.items() if not lots]:
                del side[price]
