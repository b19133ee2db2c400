"""What waits to be recorded: bounded, counted, without IO.

Whoever trades puts; whoever writes takes, in another thread if it likes: each counter has one writer, and the queues
are deques, whose ends are safe to use at the same time.  Nothing here waits or fails because of a disk.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

import attrs
import msgspec
import numpy as np

from market.archive.gaps import Gap
from market.archive.layout import Kind
from market.columns import BookColumns, Columns, FundingColumns, MarkColumns, OwnColumns, RawColumns, TradeColumns
from market.messages import BookDelta, BookSnapshot, Mark, Trade
from market.units import InstrumentId, Nanos

MOST_BYTES: Final = 256 << 20
# of one message without its levels: what it takes in memory as an object, and again as a row
_MESSAGE_BYTES: Final = 400
_LEVEL_BYTES: Final = 32


class RawFrame(msgspec.Struct, frozen=True, gc=False):
    """What a socket received, before anybody read it."""

    ts_recv: Nanos
    data: bytes


FeedKey = tuple[InstrumentId, Kind]
Message = BookSnapshot | BookDelta | Trade | Mark | RawFrame
Entry = Message | Columns


@attrs.frozen
class Down:
    """From here on the feed is not listened to, or its messages are lost."""

    ts: Nanos
    reason: str


@attrs.frozen
class Up:
    """From here on it is listened to again; a message says the same."""

    ts: Nanos


Item = Entry | Down | Up | Gap


@attrs.define
class FeedCounts:
    """What became of the messages of one feed before they were written.

    Attributes:
        taken: put and kept.
        lost: left out because the buffer was full.
        unanchored: changes left out because no full book had come since the feed began or broke off.
    """

    taken: int = 0
    lost: int = 0
    unanchored: int = 0


_TAKEN: Final[Mapping[Kind, tuple[type, ...]]] = MappingProxyType(
    {
        "book": (BookSnapshot, BookColumns),
        "delta": (BookSnapshot, BookDelta, BookColumns),
        "trades": (Trade, TradeColumns),
        "funding": (FundingColumns,),
        "marks": (Mark, MarkColumns),
        "orders": (OwnColumns,),
        "fills": (OwnColumns,),
        "raw": (RawFrame, RawColumns),
    }
)


class RecordBuffer:
    """Messages on their way to the disk.

    Once a feed has lost a message its next ones are put behind a mark, so that the loss becomes a gap; a feed of
    changes is taken up again with the next full book.

    Attributes:
        counts: by feed.
    """

    def __init__(self, feeds: Iterable[FeedKey], most_bytes: int = MOST_BYTES) -> None:
        """Begin with nothing.

        Args:
            most_bytes: memory that may wait, about; more is lost.
        """
        if most_bytes < 1:
            raise ValueError(f"most_bytes must be at least 1, got {most_bytes}")
        self._most_bytes = most_bytes
        self._items: dict[FeedKey, deque[Item]] = {key: deque() for key in feeds}
        self.counts = {key: FeedCounts() for key in self._items}
        self._is_losing = dict.fromkeys(self._items, False)
        self._wants_book = {key: key[1] == "delta" for key in self._items}
        self._n_put = 0
        self._n_released = 0

    @property
    def n_bytes(self) -> int:
        """What waits, about: put and not yet released."""
        return self._n_put - self._n_released

    def wanting(self) -> list[InstrumentId]:
        """Return the instruments whose changes are left out until a full book comes: ask for one."""
        return [instrument for (instrument, _), wants in self._wants_book.items() if wants]

    def put(self, key: FeedKey, entry: Entry) -> bool:
        """Take messages; False if one of them was left out, which is counted.

        Raises:
            ValueError: there is no such feed, or they are none of its kind: a fault of the wiring.
        """
        if key not in self._items or type(entry) not in _TAKEN[key[1]]:
            feeds = ", ".join(f"{instrument} {kind}" for instrument, kind in self._items)
            raise ValueError(f"{type(entry).__name__} for feed {key[0]} {key[1]}; recorded are: {feeds}")
        counts = self.counts[key]
        n = n_messages(entry)
        n_unanchored = _before_book(entry, n) if self._wants_book[key] else 0
        if n_unanchored:
            counts.unanchored += n_unanchored
            if n_unanchored == n:
                return False
            assert isinstance(entry, BookColumns)  # a message is left out or not
            entry, n = entry.rows(n_unanchored, n), n - n_unanchored
        size = entry_bytes(entry)
        if self._n_put - self._n_released + size > self._most_bytes:
            counts.lost += n
            if not self._is_losing[key]:
                self._is_losing[key] = True
                self._break(key, Down(_first_recv(entry), "buffer full"))
            return False
        self._is_losing[key] = self._wants_book[key] = False
        counts.taken += n
        self._n_put += size
        self._items[key].append(entry)
        return not n_unanchored

    def mark_down(self, key: FeedKey, ts: Nanos, reason: str) -> None:
        """Note that the connection of a feed was lost."""
        self._break(key, Down(ts, reason))

    def mark_up(self, key: FeedKey, ts: Nanos) -> None:
        """Note that a feed is listened to again; a feed of changes is with its next full book."""
        if not self._is_losing[key] and not self._wants_book[key]:
            self._items[key].append(Up(ts))

    def note(self, key: FeedKey, gap: Gap) -> None:
        """Note a gap or remark that the feed itself told of."""
        self._items[key].append(gap)

    def take(self, key: FeedKey) -> list[Item]:
        """Return what came, in order; it counts as waiting until `release` is told of it."""
        items = self._items[key]
        return [items.popleft() for _ in range(len(items))]

    def release(self, n_bytes: int) -> None:
        """Forget what is safe on disk, by the sum of `entry_bytes` over its entries."""
        self._n_released += n_bytes

    def _break(self, key: FeedKey, down: Down) -> None:
        self._wants_book[key] = key[1] == "delta"
        self._items[key].append(down)


def entry_bytes(item: Item) -> int:
    """Return about how much memory an entry takes until it is written; marks are not counted."""
    if isinstance(item, Trade | Mark):
        return _MESSAGE_BYTES
    if isinstance(item, BookSnapshot | BookDelta):
        return _MESSAGE_BYTES + _LEVEL_BYTES * (len(item.bids) + len(item.asks))
    if isinstance(item, RawFrame):
        return _MESSAGE_BYTES + len(item.data)
    if isinstance(item, BookColumns):
        return _MESSAGE_BYTES * len(item) + _LEVEL_BYTES * len(item.levels)
    if isinstance(item, RawColumns):
        return _MESSAGE_BYTES * len(item) + len(item.data)
    if isinstance(item, TradeColumns | FundingColumns | MarkColumns | OwnColumns):
        return _MESSAGE_BYTES * len(item)
    return 0


def n_messages(entry: Entry) -> int:
    """Return how many messages an entry is."""
    return 1 if isinstance(entry, Message) else len(entry)


def _first_recv(entry: Entry) -> Nanos:
    return entry.ts_recv if isinstance(entry, Message) else int(entry.ts_recv[0])


def _before_book(entry: Entry, n: int) -> int:
    """Return how many of n messages come before the first full book."""
    if isinstance(entry, BookColumns):
        return int(np.argmax(entry.is_snapshot == 1)) if (entry.is_snapshot == 1).any() else n
    return 0 if isinstance(entry, BookSnapshot) else n
