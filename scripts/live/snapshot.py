"""What the screen shows of a live run, as plain data: the screen is another process, so that neither drawing nor a
terminal that hangs ever holds up who trades.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from actors.runtime.mailbox import EdgeStatistics
from market.instrument import Instrument
from market.order_log import LogKind
from market.units import MS, SECOND, InstrumentId, Nanos, VenueId
from scripts.live.overview import Overview, amounts


class QuoteShown(msgspec.Struct, frozen=True):
    """One live order of ours; `left` is what is not filled of it, `state` one of `scripts.live.own_orders`."""

    price: float
    left: float
    age_s: float
    state: str


class InstrumentShown(msgspec.Struct, frozen=True):
    """An instrument; None where nothing is known, or it is not traded.  Its prices have so many `decimals`."""

    name: str
    decimals: int
    bid: float | None
    ask: float | None
    age_s: float | None
    n_books: int
    stale: str
    bids: list[QuoteShown]
    asks: list[QuoteShown]
    position: float | None
    entry: float | None
    pnl: float | None
    fees: float | None


class VenueShown(msgspec.Struct, frozen=True):
    """A venue.

    Attributes:
        lag_ms: how old the newest book was when it came: the venue's stamp against our clock, its offset and all.
        place_ms, cancel_ms: median and 99 % of the newest round trips.
        clock_ms: how far the venue's clock is ahead, give or take.
        limits: (name, used, allowed) of the two limits that are used most, of those that are used at all.
        wallet: what the account holds of each asset, by the venue's word.
        margin: of `equity`, `available`, `used` what it tells, and how old that is.
    """

    name: str
    is_up: bool | None
    reason: str
    n_lost: int
    lag_ms: float | None
    place_ms: tuple[float, float] | None
    cancel_ms: tuple[float, float] | None
    clock_ms: tuple[float, float] | None
    limits: list[tuple[str, int, int]]
    wallet: dict[str, float]
    margin: dict[str, float]
    margin_age_s: float | None


class BaseShown(msgspec.Struct, frozen=True):
    """Net exposure to an asset, units of it; `most` and `least` with what our live orders may still fill."""

    base: str
    net: float | None
    most: float | None
    least: float | None
    value: float | None


class Snapshot(msgspec.Struct, frozen=True):
    """How a run stands.

    Attributes:
        waiting: messages in mailboxes that are not empty.  fullest: the most that ever waited, of the fullest three.
        notes: lines of those who work beside the run.
    """

    now: Nanos
    start: Nanos
    state: str
    why: str
    pnl: float
    fees: float
    n_fills: int
    n_orders: int
    n_cancels: int
    n_rejected: int
    n_held_back: int
    restarts: dict[str, int]
    instruments: list[InstrumentShown]
    venues: list[VenueShown]
    bases: list[BaseShown]
    waiting: dict[str, int]
    fullest: list[tuple[str, int]]
    n_dropped: int
    notes: list[str]


def snapshot(
    overview: Overview,
    statistics: Mapping[str, Sequence[EdgeStatistics]],
    start: Nanos,
    now: Nanos,
    notes: Iterable[str] = (),
) -> Snapshot:
    """Return how a run stands now."""
    counts = overview.orders.counts
    peaks = {actor: max((edge.peak for edge in edges), default=0) for actor, edges in statistics.items()}
    waiting = {actor: sum(edge.used for edge in edges) for actor, edges in statistics.items()}
    return Snapshot(
        now=now,
        start=start,
        state=overview.state,
        why=overview.trading.text if overview.trading is not None else "",
        pnl=overview.pnl,
        fees=sum(stamp.fees for stamp in overview.stamps.values()),
        n_fills=counts[LogKind.FILL_MAKER] + counts[LogKind.FILL_TAKER],
        n_orders=counts[LogKind.PLACE],
        n_cancels=counts[LogKind.CANCEL],
        n_rejected=counts[LogKind.REJECTED],
        n_held_back=sum(overview.n_refused.values()),
        restarts=dict(overview.n_restarts),
        instruments=[_instrument(overview, each, now) for each in overview.instruments],
        venues=[_venue(overview, venue, now) for venue in overview.connections],
        bases=[
            BaseShown(each.base, _known(each.net), _known(each.most), _known(each.least), _known(each.value))
            for each in overview.positions_by_base()
        ],
        waiting={actor: n for actor, n in waiting.items() if n},
        fullest=sorted(peaks.items(), key=lambda pair: -pair[1])[:3],
        n_dropped=sum(edge.dropped for edges in statistics.values() for edge in edges),
        notes=list(notes),
    )


def quantile(ordered: Sequence[float], q: float) -> float:
    """Return the value below which a share `q` of the ordered samples lies, one of them; there is at least one."""
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def _instrument(overview: Overview, instrument: Instrument, now: Nanos) -> InstrumentShown:
    feed = overview.feeds[instrument.id]
    stamp = overview.stamps.get(instrument.id)
    position = overview.positions.get(instrument.id)
    lots = overview.lots(instrument.id)
    entry = position.average_entry if position is not None else math.nan
    book = feed.book
    return InstrumentShown(
        name=instrument.name,
        decimals=max(0, -int(instrument.tick.normalize().as_tuple().exponent)),
        bid=_best(instrument, book.bids) if book is not None else None,
        ask=_best(instrument, book.asks) if book is not None else None,
        age_s=(now - book.ts_recv) / SECOND if book is not None else None,
        n_books=feed.n_books,
        stale=feed.stale,
        bids=_quotes(overview, instrument.id, 1, now),
        asks=_quotes(overview, instrument.id, -1, now),
        position=instrument.size(lots) if lots is not None else None,
        entry=_known(entry),
        pnl=_known(stamp.pnl) if stamp is not None else None,
        fees=stamp.fees if stamp is not None else None,
    )


def _best(instrument: Instrument, levels: object) -> float | None:
    return instrument.price(int(levels[0, 0])) if levels is not None and len(levels) else None  # type: ignore[arg-type, index]


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _quotes(overview: Overview, number: InstrumentId, side: int, now: Nanos) -> list[QuoteShown]:
    instrument = overview.instruments[number]
    return [
        QuoteShown(
            instrument.price(each.price),
            instrument.size(each.size - each.filled),
            (now - each.sent) / SECOND,
            each.state,
        )
        for each in overview.orders.live(number, side)
    ]


def _venue(overview: Overview, venue: VenueId, now: Nanos) -> VenueShown:
    name, connection = overview.instruments.venues[venue], overview.connections[venue]
    latencies = overview.orders.latencies.get(venue)
    books = [overview.feeds[i.id].book for i in overview.instruments if i.venue == name]
    lags = [(book.ts_recv - book.ts_venue) / MS for book in books if book is not None]
    clock = connection.clock
    return VenueShown(
        name=name,
        is_up=connection.is_up,
        reason=connection.reason,
        n_lost=connection.n_lost,
        lag_ms=max(lags, default=None),
        place_ms=_quantiles(latencies.place if latencies else ()),
        cancel_ms=_quantiles(latencies.cancel if latencies else ()),
        clock_ms=(clock.offset_ns / MS, clock.uncertainty_ns / MS) if clock is not None else None,
        limits=_fullest(connection.limits),
        wallet={asset: last for asset, (_, last) in connection.balances.items()},
        margin={} if connection.margin is None else amounts(connection.margin[0]),
        margin_age_s=None if connection.margin is None else (now - connection.margin[1]) / SECOND,
    )


def _fullest(limits: Mapping[str, tuple[int, int]]) -> list[tuple[str, int, int]]:
    used = [(name, n, most) for name, (n, most) in limits.items() if n]
    return sorted(used, key=lambda each: (-each[1] / each[2], each[0]))[:2]


def _quantiles(samples: Iterable[Nanos]) -> tuple[float, float] | None:
    ordered = sorted(samples)
    return (quantile(ordered, 0.5) / MS, quantile(ordered, 0.99) / MS) if ordered else None
