"""The simulated market of a run, whichever nursery trades on it: the venues, their feeds and what is told of them."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs

from actors.runtime.actor import Actor
from actors.runtime.run_log import RunLog
from actors.runtime.wiring import Trading, connector_name
from market.instrument import Instrument, InstrumentTable
from market.units import Nanos
from sim.config import RunConfig
from sim.exchange import Capacity, Exchange, StreamSpec
from sim.latency import Channel, RecordedLatency, quantiles
from sim.market_data import MarketData
from sim.source import MarketSource
from sim.source_partners import TouchSink
from sim.state_kernels import AT_CHANNEL, CHANNEL_SIZE, N_CHANNELS, SPOKEN
from sim.windows import KINDS, FeedTiming, Merger, Window


class MarketWorld:
    """The venues of a config, with the data's feeds.

    Args:
        mode_of: how the feed of an instrument (second argument: its kind's code) is delivered, by its code in
            `sim.state_kernels`; None: every message is spoken.
        sink: of the `touch` and `trades` tables.
        log: the run's own, from which the venues take the order commands; None: nobody trades.

    Attributes:
        specs: the feeds, in the order of the data.
        windows: of the merged feeds, for whoever takes them first: `source`, or one who only watches.
        source: its events; to be bound to a nursery.
        start: the time of the first event.
    """

    def __init__(
        self,
        config: RunConfig,
        data: MarketData,
        instruments: InstrumentTable,
        sink: TouchSink,
        mode_of: Callable[[Instrument, int], int] | None = None,
        log: RunLog | None = None,
    ) -> None:
        self.instruments = instruments
        streams = data.streams()
        kinds = [(instruments[stream.instrument], KINDS[stream.kind]) for stream in streams]
        self.specs = [
            StreamSpec(instrument.id, kind, SPOKEN if mode_of is None else mode_of(instrument, kind))
            for instrument, kind in kinds
        ]
        models = [config.venue_model(name) for name in instruments.venues]
        self.exchange = Exchange(instruments, models, self.specs, config.run.seed, config.run.depth, Capacity())
        if log is not None:
            self.exchange.follow(log)
        timings = [self._timing(config, data, place) for place in range(len(self.specs))]
        self.merger = Merger(streams, timings)
        windows = iter(self.merger)
        first = next(windows)
        self.start: Nanos = int(first.events[0, 0]) if len(first.events) else 0
        self.windows = _chained(first, windows)
        self.source = MarketSource(
            self.exchange,
            instruments,
            self.specs,
            self.windows,
            sink,
            is_spoken=mode_of is None,
            capital=config.run.capital,
        )

    def connectors(self) -> Sequence[Callable[[], Actor]]:
        """Return what starts each venue's connector, in the order of the venues."""
        venues = self.instruments.venues
        return [self.source.venue_factory(v, connector_name(venue)) for v, venue in enumerate(venues)]

    def _timing(self, config: RunConfig, data: MarketData, place: int) -> FeedTiming:
        venue = self.exchange.venue_of(self.specs[place].instrument)
        model = self.exchange.venues[venue]
        latency = model.latency.get(Channel.FEED_PUBLIC, RecordedLatency())
        channel = self.exchange.view(AT_CHANNEL).reshape(-1, CHANNEL_SIZE)[venue * N_CHANNELS + Channel.FEED_PUBLIC]
        shift = data.clock_shifts.get(model.name, 0)
        # streams number from 1: the venue's other channels take their numbers below 2**20
        seed = config.run.seed * 1_000_003 + (place + 1 << 20)
        return FeedTiming(shift, channel.copy(), quantiles(latency), seed)


def instruments_of(data: MarketData) -> InstrumentTable:
    """Return the table of a run: the data's instruments, not shared with another run."""
    return InstrumentTable(attrs.evolve(i) for i in InstrumentTable(data.instruments))


def trading_of(config: RunConfig, instruments: InstrumentTable, folder: Path = Path()) -> Trading:
    """Return what a config says is to be run.

    Args:
        folder: that strategies' files are relative to.
    """
    return Trading(
        instruments,
        config.quoter,
        config.orders,
        config.books,
        depth=config.run.depth,
        stamp_s=config.run.stamp_s,
        folder=folder,
        service_ns={kind: round(us * 1000) for kind, us in config.run.service_us.items()},
        guard=config.guard,
    )


def _chained(first: Window, rest: Iterator[Window]) -> Iterator[Window]:
    yield first
    yield from rest
