"""Which of the changes of books that came together are followed by another of the same book."""

from collections.abc import Sequence

import msgspec

from market.messages import BookDelta, BookGap, BookSnapshot
from market.units import InstrumentId
from venues.venue import Tell


def mark_followed(told: Sequence[Tell]) -> None:
    """Mark them, before anybody has seen them.

    A change that only a snapshot or a gap comes after is not marked: what it makes of the book is the last that is
    shown of it.
    """
    followed: set[InstrumentId] = set()
    for tell in reversed(told):
        message = tell.message
        kind = type(message)
        if kind is BookDelta:
            if message.instrument in followed:
                msgspec.structs.force_setattr(message, "is_followed", True)
            else:
                followed.add(message.instrument)
        elif kind is BookSnapshot or kind is BookGap:
            followed.discard(message.instrument)
