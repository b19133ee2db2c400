"""The table of figures of a run: per venue, per instrument, per quoter.  `docs/figures.md` defines each.

Keys end in their unit where it is not a count or report currency.  A figure that needs a fill, or two, or a horizon
inside the data, is None without; a whole entry is None where nothing was ordered and nothing traded.
"""

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

import attrs
import numpy as np

from market.instrument import Instrument
from market.order_log import LogKind
from market.units import SECOND
from research import money
from research.equity import EquityPath, instrument_path, quoter_path, total
from research.inventory import flips
from research.markout_curve import markout_mean
from research.markouts import fill_markouts, horizon_name, horizon_ns
from research.order_life import OrderLives, count, order_lives, quoted_share
from research.performance import max_drawdown, max_ratio, sharpe
from research.prices import FloatArray, prices
from research.run_data import Columns, Run

Figure: TypeAlias = float | int | list[float] | dict[str, float | None] | None
Figures: TypeAlias = dict[str, Figure]
Statistics: TypeAlias = dict[str, dict[str, Figures | None]]

FIXED_HORIZON_S = 10.0


def statistics(run: Run) -> Statistics:
    """Return every figure of a run from its directory alone.

    Returns:
        {"venue": {venue: figures}, "instrument": {"venue:symbol": figures}, "quoter": {name: figures}}; plain numbers,
        fit for JSON: never NaN or infinite.
    """
    fills, orders, refusals = (run.table(name) for name in ("fills", "orders", "refusals"))
    lives = order_lives(orders, fills)
    traded = run.traded
    found: Statistics = {"venue": {}, "instrument": {}, "quoter": {}}
    paths = {i.id: instrument_path(run, i) for i in run.instruments if i.id in traded}
    for venue in run.venues:
        mine = [i for i in run.instruments if i.venue == venue and i.id in traded]
        found["venue"][venue] = _of_instruments(run, mine, lives, paths)
    for instrument in run.instruments:
        mine = [instrument] if instrument.id in traded else []
        found["instrument"][instrument.name] = _of_instruments(run, mine, lives, paths)
    for quoter in run.quoters:
        in_fills, in_orders = fills["quoter"] == quoter.place, lives.quoter == quoter.place
        used = set(fills["instrument"][in_fills].tolist()) | set(lives.instrument[in_orders].tolist())
        mine = [i for i in run.instruments if i.id in used]
        share = _Share(
            run,
            mine,
            {name: values[in_fills] for name, values in fills.items()},
            {name: values[np.isin(orders["client_id"], lives.client_id[in_orders])] for name, values in orders.items()},
            {name: values[refusals["quoter"] == quoter.place] for name, values in refusals.items()},
            lives.only(in_orders),
            quoter_path(run, quoter.place, mine),
        )
        found["quoter"][quoter.name] = share.figures() if mine else None
    return found


def _of_instruments(
    run: Run, instruments: Sequence[Instrument], lives: OrderLives, paths: dict[int, EquityPath]
) -> Figures | None:
    if not instruments:
        return None
    ids = [i.id for i in instruments]

    def mine(table: Columns) -> Columns:
        keep = np.isin(table["instrument"], ids)
        return {name: values[keep] for name, values in table.items()}

    return _Share(
        run,
        instruments,
        mine(run.table("fills")),
        mine(run.table("orders")),
        mine(run.table("refusals")),
        lives.only(np.isin(lives.instrument, ids)),
        total([paths[i] for i in ids]),
    ).figures()


@attrs.frozen(eq=False)
class _Share:
    """The part of a run that one entry of the table is about."""

    run: Run
    instruments: Sequence[Instrument]
    fills: Columns
    orders: Columns
    refusals: Columns
    lives: OrderLives
    path: EquityPath

    def figures(self) -> Figures:
        found: Figures = {**self._trading(), **self._money(), **self._inventory(), **self._markouts(), **self._orders()}
        return {name: _plain(value) for name, value in found.items()}

    def _trading(self) -> Figures:
        n = int(self.fills["ts"].size)
        deals = self._notionals()
        volume = float(deals.sum())
        lasted_s = float(self.fills["ts"][-1] - self.fills["ts"][0]) / SECOND if n > 1 else 0.0
        return {
            "n_fills": n,
            "n_buys": int((self.fills["side"] > 0).sum()),
            "n_sells": int((self.fills["side"] < 0).sum()),
            "volume": volume,
            "volume_per_s": volume / lasted_s if lasted_s > 0 else None,
            "turnover": volume / self.run.capital,
            "maker_share": float(deals[self.fills["is_maker"]].sum()) / volume if volume else None,
        }

    def _money(self) -> Figures:
        path, capital = self.path, self.run.capital
        last = path.pnl.size - 1
        if not self.fills["ts"].size or last < 0:
            names = ("pnl", "terminal", "roi_pct", "max_drawdown_pct", "sharpe", "fees", "funding")
            return dict.fromkeys(names)
        equity = np.concatenate(([capital], capital + path.pnl))
        deepest = max_drawdown(equity)
        return {
            "pnl": float(path.pnl[last]),
            "terminal": float(equity[-1]),
            "roi_pct": 100.0 * float(path.pnl[last]) / capital,
            "max_drawdown_pct": None if deepest is None else 100.0 * deepest,
            "sharpe": sharpe(path.ts, path.pnl),
            "fees": float(path.fees[last]),
            "funding": float(path.funding[last]),
        }

    def _inventory(self) -> Figures:
        if not self.fills["ts"].size:
            return dict.fromkeys(("max_leverage", "max_norm_beta", "inventory_flips", "flip_win_ratio"))
        equity = self.run.capital + self.path.pnl
        n_flips = n_wins = 0
        for instrument in self.instruments:
            found = flips(instrument, self._of(instrument))
            n_flips += found.place.size
            n_wins += found.n_wins
        return {
            "max_leverage": max_ratio(self.path.gross, equity),
            "max_norm_beta": max_ratio(self.path.inventory, equity),
            "inventory_flips": n_flips,
            "flip_win_ratio": n_wins / n_flips if n_flips else None,
        }

    def _markouts(self) -> Figures:
        ts = self.fills["ts"]
        quartiles = np.quantile(np.diff(ts) / SECOND, (0.25, 0.5, 0.75)) if ts.size > 1 else np.zeros(0)
        # two quartiles of one name are one horizon
        named = {horizon_name(horizon_ns(q)): horizon_ns(round(float(q), 3)) for q in quartiles}
        fixed = horizon_ns(FIXED_HORIZON_S)
        found = fill_markouts(self.run, self.fills, (*named.values(), fixed))
        at_fixed = markout_mean(ts, found.at[:, -1], fixed)
        return {
            "interval_quartiles_s": [float(q) for q in quartiles] or None,
            "tick_markout": markout_mean(ts, found.tick, 0).mean,
            "quartile_markouts": {
                name: markout_mean(ts, found.at[:, column], horizon).mean
                for column, (name, horizon) in enumerate(named.items())
            }
            or None,
            "markout_10s": at_fixed.mean,
            "markout_10s_t": at_fixed.t,
        }

    def _orders(self) -> Figures:
        n = int(self.lives.client_id.size)
        refused = Counter(self.refusals["reason"].tolist())
        any_side, both = quoted_share(self.lives, self.run.window, [i.id for i in self.instruments])
        return {
            "n_orders": n,
            "n_amends": count(self.orders, LogKind.AMEND),
            "n_cancels": count(self.orders, LogKind.CANCEL),
            "n_rejects": count(self.orders, LogKind.REJECTED),
            "n_refusals": sum(refused.values()),
            "refusal_reasons": dict(refused.most_common()) or None,
            "fill_ratio": float((self.lives.filled > 0).sum()) / n if n else None,
            "quoted_any_side_pct": 100.0 * any_side if n else None,
            "quoted_both_sides_pct": 100.0 * both if n else None,
        }

    def _of(self, instrument: Instrument) -> Columns:
        mine = self.fills["instrument"] == instrument.id
        return {name: values[mine] for name, values in self.fills.items()}

    def _notionals(self) -> FloatArray:
        deals = np.zeros(self.fills["ts"].size)
        for instrument in self.instruments:
            mine = self.fills["instrument"] == instrument.id
            price = prices(instrument, self.fills["price"][mine])
            deals[mine] = money.notional(instrument, price, self.fills["size"][mine])
        return deals


def _plain(value: Figure) -> Figure:
    """Make what is not finite None: JSON has no word for it."""
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
