"""One recorded or generated feed of one instrument, in chunks."""

from collections.abc import Iterator

import attrs

from market.columns import Columns
from market.units import InstrumentId


@attrs.frozen
class Stream:
    """A feed as the replay reads it.

    Attributes:
        instrument: whose feed it is.
        kind: "book", "trades" or "funding".
        chunks: columns of that kind, in the order of arrival; a chunk never cuts the rows of one message.
    """

    instrument: InstrumentId
    kind: str
    chunks: Iterator[Columns]
