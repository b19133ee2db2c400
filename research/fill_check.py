"""An independent check of a simulated run: its fills against the raw market data, its money against its fills.

Nothing here is shared with the simulation.  The raw streams are read once, a chunk at a time; memory grows with the
fills and the stamps of the run, not with its market data or its orders.  At one instant the venue first sees public
trades, then books, then requests: so a resting order can be filled up to and including the instant of its end, but not
in the instant of its arrival, and an order takes only in the instant in which it arrives or is amended.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np

from market.instrument import Instrument
from market.messages import OrderFlag
from market.stream import Stream
from market.units import ClientOrderId, Nanos
from research.equity_check import check_equity
from research.liquidity_check import check_prints, check_takes, has_crossed, has_printed
from research.order_terms import FilledOrder, Terms, filled_orders
from research.run_data import Run
from research.run_fill import RunFill, run_fills
from research.venue_side import MarketAt, Take, read_markets
from research.violation import Violation

RULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "twice": "no fill stands in the table twice (by venue, instrument and fill id)",
        "order": "every fill is of an order that was placed on that side of that instrument, and not refused",
        "time": "nothing is heard before it happened, and no order arrives before it was sent",
        "arrival": "no order is filled before it arrived at the venue, or takes at any other time than then",
        "end": "no order is filled after its cancel or expiry took effect at the venue",
        "size": "no order is filled beyond its size, as amended",
        "price": "prices are valid; a maker is filled at its own price, a taker at its limit or better",
        "maker": "a resting order is filled only when a print is at or through its price, or the book crosses it, as "
        "the run's fill model says",
        "print": "a print fills at most its size over all our orders (unless partial fills are off)",
        "post_only": "a post-only order never takes",
        "taker": "what we take is within what the venue's book in force displays and nobody took since",
        "fee": "a fill pays the instrument's fee",
        "position": "position = sum of the fills (and recorded adjustments)",
        "cash": "cash = - value of the fills - fees + funding",
        "fees": "fees = sum of the fills' fees",
        "funding": "funding = - rate * position * mark at each payment of the data",
        "pnl": "pnl = cash + value of the position at the mark",
    }
)


def check_run(
    run: Run | Path | str,
    streams: Iterable[Stream],
    clock_shifts: Mapping[str, Nanos] | None = None,
    *,
    instruments: Sequence[Instrument] | None = None,
) -> list[Violation]:
    """Return every broken rule of `RULES`; an empty list for a run that is sound.

    Args:
        run: the run, or its directory.
        streams: the raw market data of the run, from its beginning.
        clock_shifts: venue -> ns that the run added to its stamps.
        instruments: with their rules of valid prices, which the run directory does not have; by default, as the run
            directory describes them.

    Raises:
        FileNotFoundError: `run` is no run directory.
    """
    if not isinstance(run, Run):
        run = Run.load(run)
    known = tuple(instruments if instruments is not None else run.instruments)
    shifts = clock_shifts or {}
    fills = run_fills(run)
    equity = run.table("equity")
    involved = sorted({fill.instrument for fill in fills} | set(equity["instrument"].tolist()))
    of_instrument = {i: [fill for fill in fills if fill.instrument == i] for i in involved}
    markets = {i: _market(of_instrument[i]) for i in involved}
    read_markets(markets, streams, {i: shifts.get(known[i].venue, 0) for i in involved})
    orders = filled_orders(run)
    found: list[Violation] = []
    for i in involved:
        venue = _venue(run, known[i].venue)
        mine = of_instrument[i]
        found += _check_ids(mine)
        model = str(venue.get("fill_model", ""))
        found += _check_fills(mine, orders, known[i], markets[i], model)
        if venue.get("partial_fills", True):
            found += check_prints(mine, markets[i], model)
        found += check_takes(mine, markets[i], is_consumed=bool(venue.get("consume", True)))
        found += check_equity(run, known[i], mine, markets[i].funding)
    return found


def _venue(run: Run, name: str) -> Mapping[str, object]:
    for entry in run.config.get("venue", ()):
        if entry.get("name") == name:
            section: Mapping[str, object] = entry
            return section
    return {}


def _market(fills: Sequence[RunFill]) -> MarketAt:
    takes = {Take(fill.ts_venue, fill.side, fill.price): None for fill in fills if not fill.is_maker}
    return MarketAt(np.unique(np.array([fill.ts_venue for fill in fills], dtype=np.int64)), takes)


def _check_ids(fills: Sequence[RunFill]) -> Iterator[Violation]:
    seen: dict[int, RunFill] = {}
    for fill in fills:
        first = seen.setdefault(fill.fill_id, fill)
        if first is not fill:
            yield fill.violation("twice", "the fill stands in the table twice", first_ts=first.ts_venue)


def _check_fills(
    fills: Sequence[RunFill],
    orders: Mapping[ClientOrderId, FilledOrder],
    instrument: Instrument,
    market: MarketAt,
    model: str,
) -> Iterator[Violation]:
    filled: dict[ClientOrderId, int] = {}
    for fill in fills:
        if fill.ts < fill.ts_venue:
            yield fill.violation("time", "we heard of the fill before it happened", heard=fill.ts)
        fee = float(instrument.fee(fill.price, fill.size, fill.is_maker))
        if abs(fill.fee - fee) > 1e-9 + 1e-9 * abs(fee):
            yield fill.violation("fee", "the fee is not the instrument's", paid=fill.fee, due=fee)
        if not instrument.is_valid_price(fill.price):
            yield fill.violation("price", "the price is not valid", price=fill.price)
        if fill.is_maker and not (has_printed(fill, market, model) or has_crossed(fill, market, model)):
            yield fill.violation("maker", "nothing printed at or through the price, and no book crossed it")
        order = orders.get(fill.client_id)
        if order is None:
            yield fill.violation("order", "no such order was placed")
            continue
        filled[fill.client_id] = filled.get(fill.client_id, 0) + fill.size
        yield from _check_order(fill, order, filled[fill.client_id])


def _check_order(fill: RunFill, order: FilledOrder, filled: int) -> Iterator[Violation]:
    if order.is_rejected:
        yield fill.violation("order", "the venue refused the order")
    if (order.side, order.instrument) != (fill.side, fill.instrument):
        yield fill.violation("order", "the order is of another side or instrument", side=order.side, ours=fill.side)
    if order.arrived is not None and order.arrived < order.ts_sent:
        yield fill.violation("time", "the order arrived before it was sent", sent=order.ts_sent, at=order.arrived)
    arrived = order.ts_sent if order.arrived is None else order.arrived
    if fill.is_maker:
        # with no word of its arrival it may have come the instant it was sent
        if fill.ts_venue < arrived or (fill.ts_venue == arrived and order.arrived is not None):
            yield fill.violation("arrival", "filled as maker before it had arrived", arrived=arrived)
    elif fill.ts_venue not in order.changed and not order.maybe and order.arrived is not None:
        yield fill.violation("arrival", "took when it neither arrived nor was amended", arrived=arrived)
    elif fill.ts_venue < arrived:
        yield fill.violation("arrival", "took before it had arrived", arrived=arrived)
    if fill.ts_venue > order.ended:
        yield fill.violation("end", "filled after its end", ended=order.ended)
    if not fill.is_maker and order.flags & OrderFlag.POST_ONLY:
        yield fill.violation("post_only", "a post-only order took")
    terms = order.at(fill.ts_venue, fill.is_maker)
    most = max(each.size for each in terms)
    if filled > most:
        yield fill.violation("size", "filled beyond its size", filled=filled, size=most)
    if not any(_is_on(fill, each, order) for each in terms):
        yield fill.violation("price", "not at the order's price", price=fill.price, order=terms[0].price)


def _is_on(fill: RunFill, terms: Terms, order: FilledOrder) -> bool:
    if fill.is_maker:
        return fill.price == terms.price
    is_at_any_price = bool(order.flags & OrderFlag.MARKET) and terms.price == 0
    return is_at_any_price or (terms.price - fill.price) * fill.side >= 0
