"""The frames of a run: what the plots draw and a notebook reads.

Every index named `ts` is UTC.  Money is report currency, prices quote currency, sizes base currency or contracts.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from market.instrument import Instrument
from research import money
from research.counterparty import counterparty_pnl_bps
from research.declarations import declaration_frame
from research.equity import instrument_path, quoter_path, total, venue_path
from research.markout_curve import curve
from research.markouts import fill_markouts, horizon_name, horizon_ns
from research.prices import prices
from research.run_data import Columns, Run

INTERVALS_S = tuple(range(1, 152, 5))


def times(ts: npt.NDArray[np.int64], name: str = "ts") -> pd.DatetimeIndex:
    """Return ns since the epoch as a UTC index."""
    return pd.DatetimeIndex(np.asarray(ts).view("datetime64[ns]"), name=name, tz="UTC")


def df_exchange(run: Run, venue: str) -> pd.DataFrame:
    """Return PnL and inventory of a venue at each stamp.

    Returns:
        index `ts`; columns `equity` (with the starting capital), `inventory` (net), `pnl`, and one per symbol traded
        there: its inventory.  All report currency.
    """
    run.select(venue)
    path = venue_path(run, venue)
    columns = {"equity": run.capital + path.pnl, "inventory": path.inventory, "pnl": path.pnl}
    for instrument in run.instruments:
        if instrument.venue == venue:
            own = instrument_path(run, instrument)
            if own.ts.size:
                columns[instrument.symbol] = own.at(path.ts).inventory
    return pd.DataFrame(columns, index=times(path.ts))


def df_quoter(run: Run, quoter: str) -> pd.DataFrame:
    """Return PnL and inventory of one quoter at each stamp, rebuilt from its own fills.

    Returns:
        index `ts`; columns `inventory` (net), `pnl` (funding only where it alone traded an instrument), one per
        `venue:symbol` it traded: its inventory.
    """
    place = run.quoter(quoter).place
    fills = run.rows("fills", quoter=quoter)
    traded = [run.instruments[int(i)] for i in np.unique(fills["instrument"])]
    path = quoter_path(run, place, traded)
    columns = {"inventory": path.inventory, "pnl": path.pnl}
    for instrument in traded:
        columns[instrument.name] = quoter_path(run, place, [instrument]).at(path.ts).inventory
    return pd.DataFrame(columns, index=times(path.ts))


def df_portfolio(run: Run) -> pd.DataFrame:
    """Return PnL by venue: index `ts`, one column per venue that was traded, and `sum`."""
    traded = dict.fromkeys(i.venue for i in run.instruments if i.id in run.traded)
    paths = {venue: venue_path(run, venue) for venue in traded}
    whole = total(list(paths.values()))
    columns = {venue: path.at(whole.ts).pnl for venue, path in paths.items()}
    return pd.DataFrame({**columns, "sum": whole.pnl}, index=times(whole.ts))


def df_markouts(
    run: Run,
    symbol: str | None = None,
    venue: str | None = None,
    quoter: str | None = None,
    intervals: Sequence[float] = INTERVALS_S,
) -> pd.DataFrame:
    """Return the markouts of fills, one row each.

    A markout is side * (mid(t + h) - price) / price: a fraction of the price, positive = good for us.  t is when the
    fill reached us and mid the last that had reached us (`ts_recv`), so both stand on one clock.

    Args:
        intervals: horizons in seconds.

    Returns:
        index `ts`; columns `Tick` (the next book update after the fill) and one per horizon, `1s`, `6s`, ...; NaN
        where the data ends before the horizon.
    """
    fills = run.rows("fills", venue=venue, symbol=symbol, quoter=quoter)
    found = fill_markouts(run, fills, [horizon_ns(s) for s in intervals])
    names = [horizon_name(h) for h in found.horizons_ns]
    values = np.column_stack((found.tick, found.at))
    return pd.DataFrame(values, index=times(found.ts), columns=["Tick", *names])


def markout_curve(
    run: Run,
    symbol: str | None = None,
    venue: str | None = None,
    quoter: str | None = None,
    intervals: Sequence[float] = INTERVALS_S,
) -> pd.DataFrame:
    """Return the mean markout by horizon with its error.

    Returns:
        index `interval` (`Tick`, `1s`, ...); columns `horizon_s` (0 for the tick), `n` (fills known at the horizon),
        `mean` and `error` (fraction of price; Newey-West over calendar time, see `research.markout_curve`), `t`.
    """
    fills = run.rows("fills", venue=venue, symbol=symbol, quoter=quoter)
    rows = curve(fill_markouts(run, fills, [horizon_ns(s) for s in intervals]))
    table = {
        "horizon_s": [horizon for _, horizon, _ in rows],
        "n": [m.n for _, _, m in rows],
        "mean": np.array([m.mean for _, _, m in rows], dtype=np.float64),
        "error": np.array([m.error for _, _, m in rows], dtype=np.float64),
        "t": np.array([m.t for _, _, m in rows], dtype=np.float64),
    }
    return pd.DataFrame(table, index=pd.Index([name for name, _, _ in rows], name="interval"))


def df_prices(
    run: Run, symbol: str, venue: str, key: str | None = None, group: str | None = None, quoter: str | None = None
) -> pd.DataFrame:
    """Return the touch at each book update, as it reached us.

    Args:
        key, group, quoter: with any of these, a declared series of this instrument comes along.

    Returns:
        index `ts` (`ts_recv`); columns `bid`, `ask` (NaN for an empty side), then one per declared key: its last value
        at or before the update.
    """
    instrument = run.instruments.find(venue, symbol)
    touch = run.rows("touch", venue=venue, symbol=symbol)
    index = times(touch["ts_recv"])
    columns = {side: _known(prices(instrument, touch[side]), touch[side]) for side in ("bid", "ask")}
    if key is not None or group is not None:
        declared = df_declarations(run, key=key, group=group, symbol=symbol, venue=venue, quoter=quoter)
        for name, part in declared.groupby("key", sort=True, observed=True):
            place = np.searchsorted(part["ts"].to_numpy(), touch["ts_recv"], side="right") - 1
            values = part["value"].to_numpy()
            columns[str(name)] = np.where(place >= 0, values[np.maximum(place, 0)], np.nan)
    return pd.DataFrame(columns, index=index)


def df_actions(
    run: Run, venue: str | None = None, symbol: str | None = None, quoter: str | None = None
) -> pd.DataFrame:
    """Return every fill: `ts`, `price`, `size`, `dir`, `is_maker`, `notional`, `fee` (settle asset), names, ids."""
    fills = run.rows("fills", venue=venue, symbol=symbol, quoter=quoter)
    n = fills["ts"].size
    price, size, notional = np.zeros(n), np.zeros(n), np.zeros(n)
    for instrument, mine in _by_instrument(run, fills):
        price[mine] = prices(instrument, fills["price"][mine])
        size[mine] = money.sizes(instrument, fills["size"][mine])
        notional[mine] = money.notional(instrument, price[mine], fills["size"][mine])
    quoters = np.array([q.name for q in run.quoters] + [""], dtype=object)
    return pd.DataFrame(
        {
            "ts": times(fills["ts"]),
            "ts_venue": times(fills["ts_venue"]),
            "venue": _names(run, fills, "venue"),
            "symbol": _names(run, fills, "symbol"),
            "quoter": quoters[fills["quoter"]],
            "price": price,
            "size": size,
            "dir": fills["side"],
            "is_maker": fills["is_maker"],
            "notional": notional,
            "fee": fills["fee"],
            "client_id": fills["client_id"],
            "fill_id": fills["fill_id"],
        }
    )


def df_fills(run: Run, symbol: str, venue: str, quoter: str | None = None) -> pd.DataFrame:
    """Return the fills of one instrument, index `ts`, with the `position` (size, signed) after each."""
    instrument = run.instruments.find(venue, symbol)
    fills = run.rows("fills", venue=venue, symbol=symbol, quoter=quoter)
    frame = df_actions(run, venue, symbol, quoter).set_index("ts")
    frame["position"] = money.sizes(instrument, np.cumsum(fills["side"] * fills["size"]))
    return frame[["price", "size", "dir", "is_maker", "notional", "fee", "position", "quoter"]]


def df_counterparty_pnl(run: Run, markets: Mapping[str, Sequence[str]] | None = None) -> pd.DataFrame:
    """Return what the maker of every public trade made without fees, bps of the whole window's notional.

    Args:
        markets: {venue: symbols}; every instrument of the run by default.

    Returns:
        index `ts` (receipt of each trade, of any of the markets), one column per `venue:symbol`, carried forward.
    """
    chosen = list(run.instruments)
    if markets is not None:
        chosen = [run.instruments.find(venue, symbol) for venue, symbols in markets.items() for symbol in symbols]
    series = {}
    for instrument in chosen:
        trades = run.rows("trades", venue=instrument.venue, symbol=instrument.symbol)
        if trades["ts_recv"].size:
            series[instrument.name] = (
                trades["ts_recv"],
                counterparty_pnl_bps(instrument, trades, run.mids(instrument.id)),
            )
    ts = np.unique(np.concatenate([ts for ts, _ in series.values()])) if series else np.zeros(0, dtype=np.int64)
    columns = {}
    for name, (own, values) in series.items():
        place = np.searchsorted(own, ts, side="right") - 1
        columns[name] = np.where(place >= 0, values[np.maximum(place, 0)], np.nan)
    return pd.DataFrame(columns, index=times(ts))


def df_declarations(
    run: Run,
    key: str | None = None,
    venue: str | None = None,
    symbol: str | None = None,
    group: str | None = None,
    quoter: str | None = None,
) -> pd.DataFrame:
    """Return what quoters declared, all filters optional: `research.declarations` with the `quoter` as last column."""
    table = run.rows("declarations", venue=venue, symbol=symbol, quoter=quoter)
    keep = np.ones(table["ts"].size, dtype=bool)
    for column, wanted in (("key", key), ("group", group)):
        if wanted is not None:
            keep &= table[column] == wanted
    table = {name: values[keep] for name, values in table.items()}
    quoters = np.array([q.name for q in run.quoters] + [""], dtype=object)
    labels = {name: _names(run, table, name) for name in ("venue", "symbol")} | {n: table[n] for n in ("key", "group")}
    frame = declaration_frame(table["ts"], table["value"], labels)
    return frame.assign(quoter=pd.Categorical(quoters[table["quoter"]]))


def _known(values: npt.NDArray[np.float64], ticks: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return np.where(ticks > 0, values, np.nan)


def _names(run: Run, table: Columns, attribute: str) -> npt.NDArray[Any]:
    names = np.array([getattr(i, attribute) for i in run.instruments] + [""], dtype=object)
    chosen: npt.NDArray[Any] = names[table["instrument"]]
    return chosen


def _by_instrument(run: Run, table: Columns) -> list[tuple[Instrument, npt.NDArray[np.bool_]]]:
    return [(run.instruments[int(i)], table["instrument"] == i) for i in np.unique(table["instrument"])]
