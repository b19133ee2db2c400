"""The statistics as a table to read: units, formats, one column per venue, instrument or quoter."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import pandas as pd

from research.run_statistics import Figures, Statistics

MONEY = "report currency"
PRICE_FRACTION = "bps of price"


def _fixed(decimals: int) -> Callable[[Any], str]:
    return lambda value: f"{value:,.{decimals}f}"


def _count(value: Any) -> str:
    return f"{value:,d}"


def _bps(value: Any) -> str:
    return f"{1e4 * value:+.3f}"


def _percent(value: Any) -> str:
    return f"{100 * value:.1f}"


# key -> (unit as shown, how it is written); `docs/figures.md` has the definitions
SHOWN: Final[Mapping[str, tuple[str, Callable[[Any], str]]]] = MappingProxyType(
    {
        "n_fills": ("", _count),
        "n_buys": ("", _count),
        "n_sells": ("", _count),
        "volume": (MONEY, _fixed(2)),
        "volume_per_s": (f"{MONEY} / s", _fixed(2)),
        "turnover": ("× capital", _fixed(2)),
        "maker_share": ("% of volume", _percent),
        "pnl": (MONEY, _fixed(2)),
        "terminal": (MONEY, _fixed(2)),
        "roi_pct": ("% of capital", _fixed(4)),
        "max_drawdown_pct": ("% of peak equity", _fixed(4)),
        "sharpe": ("per √year", _fixed(2)),
        "fees": (MONEY, _fixed(2)),
        "funding": (MONEY, _fixed(2)),
        "max_leverage": ("× equity", _fixed(3)),
        "max_norm_beta": ("× equity", _fixed(3)),
        "inventory_flips": ("", _count),
        "flip_win_ratio": ("% of flips", _percent),
        "interval_quartiles_s": ("s", lambda value: " / ".join(f"{q:.3g}" for q in value)),
        "tick_markout": (PRICE_FRACTION, _bps),
        "quartile_markouts": (
            f"{PRICE_FRACTION}, distinct ones",
            lambda value: " / ".join("–" if v is None else f"{1e4 * v:+.2f}" for v in value.values()),
        ),
        "markout_10s": (PRICE_FRACTION, _bps),
        "markout_10s_t": ("t-statistic", _fixed(2)),
        "n_orders": ("", _count),
        "n_amends": ("", _count),
        "n_cancels": ("", _count),
        "n_rejects": ("", _count),
        "n_refusals": ("", _count),
        "refusal_reasons": ("", lambda value: ", ".join(f"{n:,d} {reason}" for reason, n in value.items())),
        "fill_ratio": ("% of orders", _percent),
        "quoted_any_side_pct": ("% of time", _fixed(1)),
        "quoted_both_sides_pct": ("% of time", _fixed(1)),
    }
)
MAX_TOGETHER: Final = 4  # entries of all parts that still make one table
MAX_COLUMNS: Final = 3  # entries beside each other
BOUNDS_SHOWN: Final = ("n_fills", "volume", "pnl", "fees", "max_drawdown_pct", "sharpe", "markout_10s", "fill_ratio")


def written(key: str, value: Any) -> str:
    """Return one figure as text in the unit of `SHOWN`; a dash where there is none."""
    return "–" if value is None else SHOWN[key][1](value)


def statistics_frame(entries: Mapping[str, Figures | None]) -> pd.DataFrame:
    """Return one part of the statistics as text: a row per figure, a column `unit`, one per traded entry.

    A figure that no entry has is left out; entries that read the same (a venue, its only instrument and the only quoter
    there) share a column.
    """
    traded = {name: figures for name, figures in entries.items() if figures is not None}
    keys = [key for key in SHOWN if any(figures.get(key) is not None for figures in traded.values())]
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, figures in traded.items():
        alike.setdefault(tuple(written(key, figures.get(key)) for key in keys), []).append(name)
    columns = {" = ".join(names): list(texts) for texts, names in alike.items()}
    return pd.DataFrame({"unit": [SHOWN[key][0] for key in keys], **columns}, index=pd.Index(keys, name="figure"))


def bounds_frame(bounds: Mapping[str, Any]) -> pd.DataFrame:
    """Return the runs under other fill rules side by side, venue by venue.

    Args:
        bounds: {label: statistics}, or {label: {"fill_model": name, "statistics": statistics}}, such as `result.json`
            has under `bounds`; labels pessimistic, chosen, optimistic.

    Returns:
        index `venue`, `figure`; a column `unit` and one per label.
    """
    by_label = {}
    for label, entry in bounds.items():
        name = f"{label} ({entry['fill_model']})" if "fill_model" in entry else label
        by_label[name] = entry.get("statistics", entry)
    venues = dict.fromkeys(v for s in by_label.values() for v, figures in s.get("venue", {}).items() if figures)
    index = [(venue, key) for venue in venues for key in BOUNDS_SHOWN]
    columns = {
        name: [written(key, (stats["venue"].get(venue) or {}).get(key)) for venue, key in index]
        for name, stats in by_label.items()
    }
    units = [SHOWN[key][0] for _, key in index]
    return pd.DataFrame({"unit": units, **columns}, index=pd.MultiIndex.from_tuples(index, names=["venue", "figure"]))


def parts(statistics: Statistics) -> list[tuple[str, pd.DataFrame]]:
    """Return (title, frame) for the venues, the instruments and the quoters that traded.

    One frame when all of it is small; a wide part comes in several frames of one title, each of a readable width.
    """
    entries = {part: statistics.get(part, {}) for part in ("venue", "instrument", "quoter")}
    together = {
        f"quoter {name}" if part == "quoter" else name: figures
        for part, found in entries.items()
        for name, figures in found.items()
        if figures is not None
    }
    if len(together) <= MAX_TOGETHER:
        return _split("Statistics", statistics_frame(together)) if together else []
    return [
        piece for part, found in entries.items() for piece in _split(f"Statistics by {part}", statistics_frame(found))
    ]


def _split(title: str, frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    names = frame.columns.drop("unit").tolist()
    pieces = [names[at : at + MAX_COLUMNS] for at in range(0, len(names), MAX_COLUMNS)]
    return [(title, frame[["unit", *piece]]) for piece in pieces]
