"""How a live run stands, as Prometheus reads it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from actors.runtime.mailbox import EdgeStatistics
from market.messages import TradingState
from market.units import SECOND, Nanos
from scripts.live.overview import Overview, amounts
from scripts.live.snapshot import quantile

_PREFIX: Final = "lockstep_"
_AT: Final = ("venue", "instrument")
_QUANTILES: Final = (0.5, 0.99)


class RunMetrics(Collector):
    """The metrics of a run.

    Args:
        statistics: of every mailbox, by actor.
        now: the run's clock.
    """

    def __init__(
        self, overview: Overview, statistics: Callable[[], dict[str, list[EdgeStatistics]]], now: Callable[[], Nanos]
    ) -> None:
        self._overview = overview
        self._statistics = statistics
        self._now = now
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def text(self) -> bytes:
        """Return the exposition."""
        return generate_latest(self._registry)

    def describe(self) -> list[Metric]:
        """Nothing is known before it is asked for."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every metric as it is now."""
        yield from self._of_money()
        yield from self._of_orders()
        yield from self._of_feeds()
        yield from self._of_actors()

    def _of_money(self) -> Iterator[Metric]:
        rows = [(self._names(i), stamp) for i, stamp in self._overview.stamps.items()]
        instruments = self._overview.instruments
        position = [(at, instruments[s.instrument].size(s.position)) for at, s in rows]
        yield _gauge("position", "signed, in the instrument's size unit", _AT, position)
        nets = [((each.base,), each.net) for each in self._overview.positions_by_base()]
        yield _gauge("net_base", "of all positions, signed, units of the asset", ("asset",), nets)
        yield _gauge("pnl", "cash and value at the mid, settle asset", _AT, [(at, s.pnl) for at, s in rows])
        yield _gauge("fees", "paid, settle asset; a rebate is negative", _AT, [(at, s.fees) for at, s in rows])
        yield _gauge("funding", "paid to us, settle asset", _AT, [(at, s.funding) for at, s in rows])
        yield _gauge("mid", "quote currency", _AT, [(at, s.mid) for at, s in rows])
        n_state = TradingState[self._overview.state]
        yield _gauge("trading_state", "0 active, 1 reducing, 2 halted", (), [((), float(n_state))])

    def _of_orders(self) -> Iterator[Metric]:
        orders = self._overview.orders
        live = [
            (self._names(i.id), float(sum(o.instrument == i.id for o in orders))) for i in self._overview.instruments
        ]
        yield _gauge("live_orders", "orders whose end was not told", _AT, live)
        counted = [((kind.name.lower(),), float(n)) for kind, n in orders.counts.items()]
        yield _counter("order_events", "commands and facts, by kind of row in the run's log", ("kind",), counted)
        refused = [((reason,), float(n)) for reason, n in self._overview.n_refused.items()]
        yield _counter("held_back", "orders that our own side held back", ("reason",), refused)
        latencies = []
        for venue, each in orders.latencies.items():
            for what, samples in (("place", sorted(each.place)), ("cancel", sorted(each.cancel))):
                name = self._overview.instruments.venues[venue]
                latencies += [((name, what, f"{q:g}"), quantile(samples, q) / SECOND) for q in _QUANTILES if samples]
        yield _gauge(
            "order_latency_seconds", "from command to answer, newest ones", ("venue", "what", "quantile"), latencies
        )

    def _of_feeds(self) -> Iterator[Metric]:
        feeds = [(self._names(i), feed) for i, feed in self._overview.feeds.items()]
        now = self._now()
        ages = [(at, (now - feed.book.ts_recv) / SECOND) for at, feed in feeds if feed.book is not None]
        yield _gauge("book_age_seconds", "since the newest book came", _AT, ages)
        yield _counter("books", "book updates that were published", _AT, [(at, float(f.n_books)) for at, f in feeds])
        yield _gauge("book_stale", "1: not to be trusted", _AT, [(at, float(bool(f.stale))) for at, f in feeds])
        venues = [((self._overview.instruments.venues[v],), c) for v, c in self._overview.connections.items()]
        yield _gauge("connection_up", "1: connected", ("venue",), [(at, float(bool(c.is_up))) for at, c in venues])
        money = [((*at, asset), last) for at, c in venues for asset, (_, last) in c.balances.items()]
        yield _gauge("balance", "in the wallet, by the venue's word", ("venue", "asset"), money)
        told = [(at, c.margin) for at, c in venues if c.margin is not None]
        margins = [((*at, what), money) for at, (margin, _) in told for what, money in amounts(margin).items()]
        yield _gauge("margin", "behind all positions, by the venue's word", ("venue", "what"), margins)
        asked_ages = [(at, (now - asked) / SECOND) for at, (_, asked) in told]
        yield _gauge("margin_age_seconds", "since the margin was asked for", ("venue",), asked_ages)
        yield _counter("connections_lost", "so far", ("venue",), [(at, float(c.n_lost)) for at, c in venues])
        offsets = [(at, c.clock.offset_ns / SECOND) for at, c in venues if c.clock is not None]
        yield _gauge("clock_offset_seconds", "the venue's clock is ahead by", ("venue",), offsets)
        limits = [((*at, name), used / most) for at, c in venues for name, (used, most) in c.limits.items() if most]
        yield _gauge("limit_used", "of a limit of the venue's, a share", ("venue", "limit"), limits)

    def _of_actors(self) -> Iterator[Metric]:
        edges = [((actor, f"{e.source}.{e.port}"), e) for actor, line in self._statistics().items() for e in line]
        edges = [(at, edge) for at, edge in edges if edge.put]
        names = ("actor", "edge")
        yield _gauge("mailbox_waiting", "messages", names, [(at, float(e.used)) for at, e in edges])
        yield _gauge("mailbox_peak", "most that ever waited", names, [(at, float(e.peak)) for at, e in edges])
        yield _counter("mailbox_dropped", "messages", names, [(at, float(e.dropped)) for at, e in edges])
        restarts = [((child,), float(n)) for child, n in self._overview.n_restarts.items()]
        yield _counter("restarts", "so far", ("child",), restarts)

    def _names(self, number: int) -> tuple[str, str]:
        instrument = self._overview.instruments[number]
        return instrument.venue, instrument.symbol


Rows = Sequence[tuple[tuple[str, ...], float]]


def _gauge(name: str, text: str, labels: Sequence[str], rows: Rows) -> Metric:
    family = GaugeMetricFamily(_PREFIX + name, text, labels=labels)
    for values, number in rows:
        family.add_metric(list(values), number)
    return family


def _counter(name: str, text: str, labels: Sequence[str], rows: Rows) -> Metric:
    family = CounterMetricFamily(_PREFIX + name, text, labels=labels)
    for values, number in rows:
        family.add_metric(list(values), number)
    return family
