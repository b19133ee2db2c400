"""What the run's log says of the orders that were filled: when they stood at the venue, and on which terms."""

from collections.abc import Iterator, Mapping
from typing import Final

import attrs
import numpy as np

from market.order_log import LogKind
from market.tables import TABLES
from market.units import ClientOrderId, InstrumentId, Lots, Nanos, Ticks
from research.prices import IntArray
from research.run_data import Columns, Run

NEVER: Final = 2**62
_BATCH_ROWS: Final = 65_536


@attrs.frozen
class Terms:
    """Price and total size of an order from a venue time on."""

    since: Nanos
    price: Ticks
    size: Lots


@attrs.define
class FilledOrder:
    """One order as its commands and facts tell it.

    A fact that a lost connection swallowed is missing here; what could have happened then is allowed: `arrived` is when
    it was sent at the earliest, `ended` is NEVER, and `maybe` holds the amends whose fate is unknown.

    Attributes:
        terms: placed, then as amended, by venue time.
        changed: venue times of arrival and of the amends: when it could take.
    """

    client_id: ClientOrderId
    instrument: InstrumentId
    side: int
    flags: int
    ts_sent: Nanos
    terms: list[Terms]
    arrived: Nanos = NEVER
    ended: Nanos = NEVER
    is_rejected: bool = False
    is_known_to_arrive: bool = False
    changed: list[Nanos] = attrs.field(factory=list)
    maybe: list[Terms] = attrs.field(factory=list)

    def at(self, ts: Nanos, is_maker: bool) -> list[Terms]:
        """Return the terms that a fill at `ts` may have been made on, the certain ones first.

        Requests come last in their instant: a resting order is filled on the terms before, a taking one on those after.
        """
        known = [terms for terms in self.terms if terms.since < ts or (not is_maker and terms.since == ts)]
        return [known[-1] if known else self.terms[0], *(terms for terms in self.maybe if terms.since <= ts)]


def filled_orders(run: Run) -> Mapping[ClientOrderId, FilledOrder]:
    """Return the orders that have a fill.  Memory grows with the fills, not with the orders."""
    wanted = np.unique(run.table("fills")["client_id"])
    found: dict[ClientOrderId, FilledOrder] = {}
    asked: dict[ClientOrderId, list[Terms]] = {}
    for batch in _batches(run):
        mine = np.isin(batch["client_id"], wanted)
        columns = (batch[name][mine].tolist() for name in TABLES["orders"])
        for kind, ts, ts_venue, instrument, _, client_id, side, price, size, detail in zip(*columns, strict=True):
            if kind == LogKind.PLACE.name:
                terms = [Terms(ts, price, size)]
                found.setdefault(client_id, FilledOrder(client_id, instrument, side, detail, ts, terms, arrived=ts))
                continue
            order = found.get(client_id)
            if order is None:
                continue
            if kind == LogKind.AMEND.name:
                asked.setdefault(client_id, []).append(Terms(ts, price, size))
            elif kind == LogKind.ACCEPTED.name and not order.is_known_to_arrive:
                order.is_known_to_arrive = True
                order.arrived = ts_venue
                order.changed.append(ts_venue)
            elif kind == LogKind.AMENDED.name:
                order.terms.append(Terms(ts_venue, price, size))
                order.changed.append(ts_venue)
            elif kind in (LogKind.CANCELLED.name, LogKind.EXPIRED.name):
                order.ended = min(order.ended, ts_venue)
            elif kind == LogKind.REJECTED.name:
                order.is_rejected = True
    _keep_unanswered(run, found, asked)
    return found


def payments(run: Run) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Return the funding payments that reached us: delivery, venue time, instrument, payment id."""
    parts = []
    for batch in _batches(run):
        mine = batch["kind"] == LogKind.FUNDING.name
        parts.append(np.stack([batch[name][mine] for name in ("ts", "ts_venue", "instrument", "detail")]))
    rows = np.concatenate(parts, axis=1) if parts else np.zeros((4, 0), dtype=np.int64)
    return rows[0], rows[1], rows[2], rows[3]
