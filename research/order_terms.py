"""What the run's log says of the orders that were filled: when they stood at the venue, and on which terms."""

from collections.abc import Iterator, Mapping
from typing import Final

import attrs
import numpy as np

from market.order_log import LogKind
from market.tables import TABLES
from market.units import ClientOrderId, InstrumentId, Lots, Nanos, Ticks
from research.run_data import Columns, Run

NEVER: Final = 2**62


@attrs.frozen
class Terms:
    """Price and total size of an order from a time on."""

    since: Nanos
    price: Ticks
    size: Lots


@attrs.define
class FilledOrder:
    """One order as its commands and facts tell it, by venue time.

    A lost connection may have swallowed a fact; what could have happened then is allowed: an order that was not heard
    to arrive may have done so as soon as it was sent, and an amend without an answer may have been made.

    Attributes:
        flags: market.messages.OrderFlag.
        ts_sent: when it was placed, our clock.
        terms: as placed, then as amended.
        maybe: amends without an answer, from when they were sent.
        arrived: when it came to the venue; None if nothing says so.
        changed: its arrival and its amends: the only instants at which it can take.
        ended: its cancel or expiry; NEVER if nothing says so.
        is_rejected: the venue refused it.
    """

    client_id: ClientOrderId
    instrument: InstrumentId
    side: int
    flags: int
    ts_sent: Nanos
    terms: list[Terms]
    maybe: list[Terms] = attrs.field(factory=list)
    arrived: Nanos | None = None
    changed: list[Nanos] = attrs.field(factory=list)
    ended: Nanos = NEVER
    is_rejected: bool = False
    n_answers: int = 0

    def at(self, ts: Nanos, is_maker: bool) -> list[Terms]:
        """Return the terms on which a fill at `ts` may have been made, the likeliest first.

        Requests come last in their instant: a resting order is filled on the terms before them.  One that takes does so
        on those that any request of the instant made.
        """
        before = [terms for terms in self.terms[1:] if terms.since < ts]
        found = [before[-1] if before else self.terms[0]]
        if not is_maker:
            found += [terms for terms in self.terms[1:] if terms.since == ts]
        return found + [terms for terms in self.maybe if terms.since <= ts]


def filled_orders(run: Run) -> Mapping[ClientOrderId, FilledOrder]:
    """Return the orders that have a fill.  Memory grows with the fills, not with the orders."""
    wanted = np.unique(run.table("fills")["client_id"])
    found: dict[ClientOrderId, FilledOrder] = {}
    for batch in order_batches(run):
        mine = np.isin(batch["client_id"], wanted)
        columns = [batch[name][mine].tolist() for name in TABLES["orders"]]
        for kind, ts, ts_venue, instrument, _, client_id, side, price, size, detail in zip(*columns, strict=True):
            if kind == LogKind.PLACE.name:
                terms = [Terms(ts, price, size)]
                found.setdefault(client_id, FilledOrder(client_id, instrument, side, detail, ts, terms))
            elif client_id in found:
                _learn(found[client_id], kind, Terms(ts if ts_venue == 0 else ts_venue, price, size))
    for order in found.values():
        if order.n_answers == len(order.maybe):
            order.maybe.clear()
    return found


def order_batches(run: Run) -> Iterator[Columns]:
    """Yield the `orders` table, some rows at a time."""
    file = run.path / "orders.parquet"
    if not file.exists():
        return
    import pyarrow.parquet as pq  # heavy, and only for runs that have orders

    with pq.ParquetFile(file) as source:
        for batch in source.iter_batches(columns=list(TABLES["orders"])):
            yield {name: np.asarray(batch.column(name).to_numpy(zero_copy_only=False)) for name in TABLES["orders"]}


def _learn(order: FilledOrder, kind: str, news: Terms) -> None:
    if kind == LogKind.AMEND.name:
        order.maybe.append(news)
    elif kind == LogKind.ACCEPTED.name:
        if order.arrived is None:
            order.arrived = news.since
            order.changed.append(news.since)
    elif kind == LogKind.AMENDED.name:
        order.n_answers += 1
        order.terms.append(news)
        order.changed.append(news.since)
    elif kind == LogKind.AMEND_REJECTED.name:
        order.n_answers += 1
    elif kind in (LogKind.CANCELLED.name, LogKind.EXPIRED.name):
        order.ended = min(order.ended, news.since)
    elif kind == LogKind.REJECTED.name:
        order.is_rejected = True
