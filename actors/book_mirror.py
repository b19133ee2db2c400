"""Books as an actor that does not keep them sees them."""

from typing import Any, Protocol

from market.book import Book
from market.messages import BookUpdate
from market.units import InstrumentId, Nanos


class BookReader(Protocol):
    """An actor with mirrors of books; the simulation may put attached ones in their place."""

    books: dict[InstrumentId, Book]
    now: Nanos
    out: list[tuple[str, Any]]

    def set_timer(self, at: Nanos, token: int) -> None: ...


def follow(books: dict[InstrumentId, Book], update: BookUpdate) -> None:
    """Bring a mirror up to an update; one that is attached shows it already."""
    book = books.get(update.instrument)
    if book is not None and update.bids is not None and update.asks is not None:
        book.load_when_read(update)
