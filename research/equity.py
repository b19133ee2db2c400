"""PnL and inventory over time, in report currency, of an instrument, a venue or a quoter."""

from collections.abc import Sequence

import attrs
import numpy as np

from market.instrument import Instrument
from research import money
from research.prices import FloatArray, IntArray, prices
from research.run_data import Columns, Run


@attrs.frozen(eq=False)
class EquityPath:
    """PnL and inventory at T stamps; all money in report currency, without the starting capital.

    Attributes:
        ts: (T,) ns.
        pnl: (T,) since the start, after fees and funding, open positions at the mid.
        inventory: (T,) signed notional of the position at the mid.
        gross: (T,) sum of the absolute notionals of the instruments in it; |inventory| for one.
        fees: (T,) paid so far; negative is a rebate.  funding: (T,) received so far.
    """

    ts: IntArray
    pnl: FloatArray
    inventory: FloatArray
    gross: FloatArray
    fees: FloatArray
    funding: FloatArray

    def at(self, ts: IntArray) -> "EquityPath":
        """Return the path on other stamps: the last state at or before each, zero before the first."""
        place = np.searchsorted(self.ts, ts, side="right") - 1

        def pick(values: FloatArray) -> FloatArray:
            return np.where(place >= 0, values[np.maximum(place, 0)], 0.0) if values.size else np.zeros(ts.size)

        return EquityPath(
            ts, pick(self.pnl), pick(self.inventory), pick(self.gross), pick(self.fees), pick(self.funding)
        )


def instrument_path(run: Run, instrument: Instrument) -> EquityPath:
    """Return the path of one instrument from the run's own stamps (table `equity`)."""
    table = run.table("equity")
    mine = table["instrument"] == instrument.id
    ts, mid, lots = table["ts"][mine], _carried(table["mid"][mine]), table["position"][mine]

    def converted(column: str) -> FloatArray:
        return np.nan_to_num(money.in_report_currency(instrument, table[column][mine], mid))

    inventory = np.nan_to_num(money.exposure(instrument, mid, lots))
    return EquityPath(ts, converted("pnl"), inventory, np.abs(inventory), converted("fees"), converted("funding"))


def quoter_path(run: Run, place: int, instruments: Sequence[Instrument]) -> EquityPath:
    """Return the path of one quoter, rebuilt from its own fills on the run's stamps.

    Funding is paid on an instrument's whole position.  It is counted here only for instruments that no other quoter
    traded; how to share one position's funding among several quoters is not observable.
    """
    fills = run.table("fills")
    paths = []
    for instrument in instruments:
        whole = instrument_path(run, instrument)
        of_instrument = fills["instrument"] == instrument.id
        mine = of_instrument & (fills["quoter"] == place)
        funding = whole.funding if mine.sum() == of_instrument.sum() else np.zeros(whole.ts.size)
        paths.append(_path_of_fills(run, instrument, {k: v[mine] for k, v in fills.items()}, whole.ts, funding))
    return total(paths)


def _path_of_fills(run: Run, instrument: Instrument, fills: Columns, ts: IntArray, funding: FloatArray) -> EquityPath:
    table = run.table("equity")
    mid = _carried(table["mid"][table["instrument"] == instrument.id])
    lots = np.concatenate(([0], np.cumsum(fills["side"] * fills["size"])))
    paid = money.value(instrument, prices(instrument, fills["price"]), fills["side"] * fills["size"])
    cash = np.concatenate(([0.0], np.cumsum(-paid - fills["fee"])))
    fees = np.concatenate(([0.0], np.cumsum(fills["fee"])))
    seen = np.searchsorted(fills["ts"], ts, side="right")
    pnl = cash[seen] + money.value(instrument, mid, lots[seen])
    inventory = np.nan_to_num(money.exposure(instrument, mid, lots[seen]))
    return EquityPath(
        ts,
        np.nan_to_num(money.in_report_currency(instrument, pnl, mid)) + funding,
        inventory,
        np.abs(inventory),
        np.nan_to_num(money.in_report_currency(instrument, fees[seen], mid)),
        funding,
    )


def total(paths: Sequence[EquityPath]) -> EquityPath:
    """Add paths up on the union of their stamps."""
    none = np.zeros(0)
    if not paths:
        return EquityPath(np.zeros(0, dtype=np.int64), none, none, none, none, none)
    ts = paths[0].ts if len(paths) == 1 else np.unique(np.concatenate([path.ts for path in paths]))
    on_grid = [path if path.ts is ts else path.at(ts) for path in paths]

    def added(name: str) -> FloatArray:
        whole: FloatArray = np.sum([getattr(path, name) for path in on_grid], axis=0, dtype=np.float64)
        return whole

    return EquityPath(ts, added("pnl"), added("inventory"), added("gross"), added("fees"), added("funding"))


def venue_path(run: Run, venue: str) -> EquityPath:
    """Return the path of a venue: all of its instruments that were traded."""
    return total([instrument_path(run, i) for i in run.instruments if i.venue == venue])


def _carried(mid: FloatArray) -> FloatArray:
    """Carry the last known mark over stamps that have none."""
    known = ~np.isnan(mid)
    if known.all():
        return mid
    place = np.maximum.accumulate(np.where(known, np.arange(mid.size), -1))
    return np.where(place >= 0, mid[np.maximum(place, 0)], np.nan)
