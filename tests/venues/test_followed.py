"""Of changes of a book that came together the last is the one to show."""

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from market.messages import BookDelta, BookGap, BookSnapshot, Trade
from venues.followed import mark_followed
from venues.venue import Tell

NOTHING = np.empty((0, 2), np.int64)


def told(kind: type, instrument: int) -> Tell:
    if kind is BookDelta:
        return Tell("books", BookDelta(instrument, 1, 1, 1, 2, NOTHING, NOTHING))
    if kind is BookSnapshot:
        return Tell("books", BookSnapshot(instrument, 1, 1, 1, NOTHING, NOTHING))
    if kind is BookGap:
        return Tell("books", BookGap(instrument, 1, "sequence"))
    return Tell("trades", Trade(instrument, 1, 1, 1, 1, 1, 1))


@given(
    st.lists(st.builds(told, st.sampled_from([BookDelta, BookDelta, BookSnapshot, BookGap, Trade]), st.integers(0, 2)))
)
def test_a_change_is_marked_if_another_of_its_book_is_the_next_news_of_it(messages: list[Tell]) -> None:
    mark_followed(messages)
    for place, tell in enumerate(messages):
        if type(tell.message) is BookDelta:
            later = [each.message for each in messages[place + 1 :] if each.port == "books"]
            following = [each for each in later if each.instrument == tell.message.instrument]
            assert tell.message.is_followed == (bool(following) and type(following[0]) is BookDelta)
