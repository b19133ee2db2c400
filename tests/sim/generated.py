"""Whole generated feeds, for the generator's tests."""

import hashlib
from collections.abc import Mapping
from typing import TypeVar, cast

import attrs
import numpy as np
import numpy.typing as npt

from market.columns import BookColumns, Columns, FundingColumns, TradeColumns
from sim.generator import GeneratorConfig, generate

C = TypeVar("C", BookColumns, TradeColumns, FundingColumns)
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@attrs.frozen
class Feeds:
    """All columns of a config, by instrument."""

    books: Mapping[int, BookColumns]
    trades: Mapping[int, TradeColumns]
    funding: Mapping[int, FundingColumns]


def read(config: GeneratorConfig) -> Feeds:
    """Generate everything, one stream after the other."""
    feeds = Feeds({}, {}, {})
    target: dict[str, dict[int, Columns]] = {
        "book": cast("dict[int, Columns]", feeds.books),
        "trades": cast("dict[int, Columns]", feeds.trades),
        "funding": cast("dict[int, Columns]", feeds.funding),
    }
    for stream in generate(config):
        chunks = list(stream.chunks)
        assert all(len(chunk) for chunk in chunks)
        if chunks:
            target[stream.kind][stream.instrument] = joined(chunks)
    return feeds


def joined(chunks: list[Columns]) -> Columns:
    """Return the chunks of one stream as one."""
    kind = type(chunks[0])
    names = [field.name for field in attrs.fields(kind)]
    whole = {name: np.concatenate([getattr(chunk, name) for chunk in chunks]) for name in names}
    if kind is BookColumns:
        n_levels = [len(cast(BookColumns, chunk).levels) for chunk in chunks]
        shift = np.concatenate([[0], np.cumsum(n_levels)[:-1]])
        whole["start"] = whole["start"] + np.repeat(shift, [len(chunk) for chunk in chunks])
    return kind(**whole)


def digest(config: GeneratorConfig) -> str:
    """Return the sha256 over all columns of all streams."""
    feeds = read(config)
    found = hashlib.sha256()
    for kind in (feeds.books, feeds.trades, feeds.funding):
        for instrument in sorted(kind):
            columns = kind[instrument]
            for field in attrs.fields(type(columns)):
                found.update(getattr(columns, field.name).tobytes())
    return found.hexdigest()


def mids(book: BookColumns) -> FloatArray:
    """Return the mid after each snapshot, ticks."""
    assert book.is_snapshot.all()
    mid: FloatArray = (book.levels[book.start, 0] + book.levels[book.start + book.n_bids, 0]) / 2
    return mid


def as_of(times: IntArray, values: FloatArray, when: IntArray) -> FloatArray:
    """Return the last value at or before each time."""
    place = np.searchsorted(times, when, side="right") - 1
    assert (place >= 0).all()
    return values[place]
