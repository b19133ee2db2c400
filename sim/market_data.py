"""Where a simulated run's market data comes from: generated, an archive, or columns at hand."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import attrs

from market.columns import BookColumns, Columns, FundingColumns, TradeColumns
from market.instrument import Instrument
from market.stream import Stream
from market.units import MS, InstrumentId, Nanos
from sim.config import ConfigError, DataSection, RunConfig


class MarketData(Protocol):
    """Recorded or generated feeds and what a result must say of them."""

    @property
    def instruments(self) -> Sequence[Instrument]:
        """Every instrument with a feed; ids are places."""
        ...

    @property
    def clock_shifts(self) -> Mapping[str, Nanos]:
        """By venue, ns to add to its stamps."""
        ...

    def streams(self) -> list[Stream]:
        """Return the feeds from their beginning."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return what the result states; called when the streams have been read."""
        ...


class GeneratedData:
    """The built-in market."""

    def __init__(self, section: DataSection) -> None:
        from sim import generator

        presets = {
            "default": generator.default_market,
            "calm": generator.calm_market,
            "deltas": generator.deltas_market,
            "pair": generator.pair_market,
            "crash": generator.crash_market,
            "venues": generator.venues_market,
        }
        self.instruments, self._config = presets[section.preset](section.seed, section.seconds)
        self.clock_shifts: Mapping[str, Nanos] = {}
        self._hashes: list[StreamHash] = []

    def streams(self) -> list[Stream]:
        from sim import generator

        streams = generator.generate(self._config)
        self._hashes = [StreamHash(stream) for stream in streams]
        return [stream.hashed() for stream in self._hashes]

    def describe(self) -> dict[str, Any]:
        from sim import generator

        return {
            "source": "generated",
            **generator.describe(self._config),
            "content_hash": combined_hash(self._hashes),
            "clock_shifts_ns": {},
        }


@attrs.frozen(eq=False)
class ColumnData:
    """Columns in memory, cut into chunks of `chunk_rows`."""

    instruments: Sequence[Instrument]
    feeds: Sequence[tuple[InstrumentId, str, Columns]]
    clock_shifts: Mapping[str, Nanos] = attrs.field(factory=dict)
    chunk_rows: int = 16_384
    name: str = "columns"
    _hashes: "list[StreamHash]" = attrs.field(factory=list, init=False)

    def streams(self) -> list[Stream]:
        self._hashes[:] = [
            StreamHash(Stream(instrument, kind, self._chunks(columns))) for instrument, kind, columns in self.feeds
        ]
        return [stream.hashed() for stream in self._hashes]

    def describe(self) -> dict[str, Any]:
        return {
            "source": self.name,
            "content_hash": combined_hash(self._hashes),
            "clock_shifts_ns": dict(self.clock_shifts),
        }

    def _chunks(self, columns: Columns) -> Iterator[Columns]:
        for begin in range(0, len(columns), self.chunk_rows):
            yield columns.rows(begin, begin + self.chunk_rows)


class StreamHash:
    """A stream, and a hash over its columns that does not depend on its chunks."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._columns: list[Any] = []

    def hashed(self) -> Stream:
        """Return the stream; what is read from it is hashed."""
        return attrs.evolve(self._stream, chunks=self._read())

    def _read(self) -> Iterator[Columns]:
        for chunk in self._stream.chunks:
            arrays = _content(chunk)
            if not self._columns:
                self._columns = [hashlib.sha256() for _ in arrays]
            for column, array in zip(self._columns, arrays, strict=True):
                column.update(array)
            yield chunk

    def digest(self) -> bytes:
        """Return the hash of what was read."""
        whole = hashlib.sha256(f"{self._stream.instrument}:{self._stream.kind}".encode())
        for column in self._columns:
            whole.update(column.digest())
        return whole.digest()


def combined_hash(hashes: Sequence[StreamHash]) -> str:
    """Return one hash over those of all streams, hex."""
    return hashlib.sha256(b"".join(h.digest() for h in hashes)).hexdigest()


def _content(chunk: Columns) -> tuple[Any, ...]:
    match chunk:
        case BookColumns():
            # `start` says where a message's levels lie in this chunk: it is no content
            head = (chunk.ts_venue, chunk.ts_recv, chunk.seq, chunk.prev_seq, chunk.is_snapshot)
            return (*head, chunk.n_bids, chunk.n_asks, chunk.levels)
        case TradeColumns():
            return (chunk.ts_venue, chunk.ts_recv, chunk.ticks, chunk.lots, chunk.taker, chunk.trade_id)
        case FundingColumns():
            return (chunk.ts_venue, chunk.ts_recv, chunk.rate_e12, chunk.mark)
        case _:
            raise ValueError(f"{type(chunk).__name__} are no feed of a replay")


class ArchiveSource:
    """A window of an archive, for the instruments that a config names or its quoters use."""

    def __init__(self, config: RunConfig, folder: Path) -> None:
        from market.archive.data import ArchiveData
        from market.archive.instruments import read_instrument
        from market.archive.window import parse_window

        section = config.data
        root = folder / section.root
        used = (name for q in config.quoter for name in (*q.instruments, *q.references))
        names = dict.fromkeys(section.instruments or used)
        try:
            window = parse_window(section.start, section.end)
            self.instruments: tuple[Instrument, ...] = tuple(
                read_instrument(root, *name.split(":"), instrument=place, at=window.start)
                for place, name in enumerate(names)
            )
            shifts = {venue: round(ms * MS) for venue, ms in section.clock_shift_ms.items()}
            self._data = ArchiveData(root, window, self.instruments, clock_shifts=shifts)
        except (FileNotFoundError, ValueError) as error:
            raise ConfigError(f"data: {error}") from None
        self.clock_shifts: Mapping[str, Nanos] = self._data.clock_shifts

    @property
    def holes(self) -> list[str]:
        """Name what the window lacks."""
        return [str(hole) for hole in self._data.holes()]

    def book_holes(self, instrument: Instrument) -> list[tuple[Nanos, Nanos]]:
        """Return when the book of an instrument was not listened to: (after, before), ns."""
        mine = (h for h in self._data.holes() if (h.venue, h.symbol) == (instrument.venue, instrument.symbol))
        return [(hole.ts_from, hole.ts_to) for hole in mine if hole.kind in ("book", "delta")]

    def streams(self) -> list[Stream]:
        return self._data.streams()

    def describe(self) -> dict[str, Any]:
        return self._data.describe()


def open_market(config: RunConfig, folder: Path) -> MarketData:
    """Open the market data that a config names.

    Args:
        folder: that relative paths are relative to.

    Raises:
        ConfigError: it is not there, or not what the config says.
    """
    market = GeneratedData(config.data) if config.data.source == "generated" else ArchiveSource(config, folder)
    venues = dict.fromkeys(instrument.venue for instrument in market.instruments)
    for model in config.venue:
        if model.name not in venues:
            raise ConfigError(f"[[venue]] {model.name!r} has no instrument in this run; allowed: {', '.join(venues)}")
    return market
