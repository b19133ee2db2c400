"""The market of a config, without actors and orders: what research may ask of the simulation."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from market.instrument import Instrument, InstrumentTable
from market.units import Nanos
from sim.config import RunConfig
from sim.delivered_columns import Delivered, delivered_columns
from sim.market_data import ArchiveSource, open_market
from sim.market_world import instruments_of
from sim.observation import Replayed, observe


class Market:
    """Recorded or generated feeds, to be replayed as often as one likes: by events or by columns, the same rows.

    Of the config matter `[data]`, `run.depth` (levels a side that are shown), and the feed latencies of the venues with
    the seed; an archive's instruments are those of `data.instruments`, else those that the quoters use.

    Attributes:
        instruments: of the market; ids are places.

    Raises:
        ConfigError: the data is not there, or not what the config says.
    """

    def __init__(self, config: RunConfig, folder: Path = Path()) -> None:
        """Open the market; paths of the config are relative to `folder`."""
        self.config = config
        self._data = open_market(config, folder)
        self.instruments: InstrumentTable = instruments_of(self._data)

    @property
    def holes(self) -> list[str]:
        """Name what the window of an archive lacks."""
        return list(getattr(self._data, "holes", ()))

    def book_holes(self, instrument: Instrument) -> list[tuple[Nanos, Nanos]]:
        """Return when the book of an instrument of an archive was not listened to: (after, before), ns."""
        found: list[tuple[Nanos, Nanos]] = []
        if isinstance(self._data, ArchiveSource):
            found = self._data.book_holes(instrument)
        return found

    def replay(self, observers: Sequence[object] = (), *, until: Nanos | None = None) -> Replayed:
        """Replay by events: see `sim.observation.observe`."""
        return observe(self.config, self._data, observers, until)

    def columns(self, *, until: Nanos | None = None) -> Iterator[Delivered]:
        """Replay by columns: see `sim.delivered_columns.delivered_columns`."""
        return delivered_columns(self.config, self._data, until)

    def describe(self) -> dict[str, Any]:
        """Return what a result must state of its data; the hash of a generated market is of what was last read."""
        return self._data.describe()


def replay(
    config: RunConfig, observers: Sequence[object] = (), folder: Path = Path(), *, until: Nanos | None = None
) -> Replayed:
    """Replay the market of a config by events, for observers (`sim.observation.observe`).

    Args:
        folder: that the config's paths are relative to.
        until: ns, the last instant; None: to the end of the data.

    Raises:
        ConfigError: the data is not there, or not what the config says.
    """
    return Market(config, folder).replay(observers, until=until)
