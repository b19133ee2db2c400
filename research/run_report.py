"""From a run directory to its statistics, plots and report; nothing else is read."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from market.units import SECOND
from research.run_data import Run
from research.run_statistics import Statistics, statistics
from research.text_table import text_of

LONGEST_LINE = 400
LONG_WORD = re.compile(r"\S{40}")  # a hash or a path stands in a line of its own
MAX_OVERLAYS = 3  # declared series drawn per instrument; the frames have them all
_BESIDES = ("statistics", "bounds", "complete", "until_ns")  # said elsewhere
_ORIGIN = ("command", "code", "lock", "seed", "digest", "data", "machine", "packages", "versions")


def add_statistics(run_dir: Path | str) -> Statistics:
    """Compute the statistics of a run and put them into its `result.json`, whole or not at all."""
    run = Run.load(run_dir)
    found = statistics(run)
    file = run.path / "result.json"
    half = file.with_name("result.json.part")
    half.write_text(json.dumps({**run.result, "statistics": found}, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    half.replace(file)
    return found


def report_run(
    run_dir: Path | str,
    *,
    code_files: Sequence[Path | str] | None = None,
    include_comments: bool = True,
    provenance: Mapping[str, Any] | None = None,
) -> Path:
    """Make `plots/*.png`, `report.pdf` and `report.html` of a run, and add the statistics to its `result.json`.

    Args:
        code_files: the strategies' source; by default all `*.py` in the run directory's `code/`.
        include_comments: False strips comments and empty lines from the code.
        provenance: more to state beside what `result.json` says (hashes, versions, seed, digest).

    Returns:
        the path of the PDF; `report.html` beside it says the same.
    """
    from research.net_exposure import net_exposure
    from research.report import PROVENANCE_TITLE, Section
    from research.report_html import write_page
    from research.report_pdf import write_pdf
    from research.report_record import drawn_by
    from research.sections import compose
    from research.statistics_table import bounds_frame, parts

    found = add_statistics(run_dir)
    run = Run.load(run_dir)
    sections: list[Section] = [("Run", _overview(run), "dict")]
    sections += [(title, frame, "frame") for title, frame in parts(found)]
    if bounds := run.result.get("bounds"):
        sections.append(("Fill rules side by side", bounds_frame(bounds), "frame"))
    if not (exposure := net_exposure(run)).empty:
        sections.append(("Net exposure by asset", exposure.round(6), "frame"))
    sections += _figures(run)
    sections.append(("Configuration", run.config, "dict"))
    if isinstance(data := run.result.get("data"), Mapping) and data:
        nested = {key: _short(value) for key, value in data.items() if isinstance(value, (Mapping, list))}
        sections.append(("Data", {**{k: v for k, v in data.items() if k not in nested}, **nested}, "dict"))
    files = _kept_code(run.path) if code_files is None else [Path(f) for f in code_files]
    sections += [(f"Strategy code: {f.name}", f.read_text(encoding="utf-8"), "code") for f in files]
    sections.append((PROVENANCE_TITLE, {**_stated(run.result), **(provenance or {})}, "dict"))
    begin, end = run.window
    report = compose(
        sections,
        include_comments=include_comments,
        record={
            "kind": "run",
            "config": run.config,
            "result": run.result,
            "strategies": strategy_hashes(run.path, files),
            "drawn_by": drawn_by(),
            "options": {"include_comments": include_comments, "provenance": provenance or {}},
        },
        title=_title(run),
        subtitle=f"{_utc(begin)} to {_utc(end)} UTC" + ("" if run.is_complete else "  ·  partial run"),
    )
    write_page(run.path / "report.html", report)
    return write_pdf(run.path / "report.pdf", report)


def strategy_hashes(run_dir: Path, files: Sequence[Path] | None = None) -> dict[str, str]:
    """Return the sha256 of the strategies' source by file name; by default of what the run directory keeps."""
    found = _kept_code(run_dir) if files is None else files
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in found}


def _kept_code(run_dir: Path) -> list[Path]:
    return sorted((run_dir / "code").glob("*.py"))


def _title(run: Run) -> str:
    return "Live report" if run.result.get("mode") == "live" else "Simulation report"


def _overview(run: Run) -> dict[str, Any]:
    begin, end = run.window
    fills = run.table("fills")
    return {
        "window": f"{_utc(begin)} to {_utc(end)} UTC ({(end - begin) / SECOND:,.0f} s)",
        "complete": run.is_complete or f"no: it ends at {_utc(end)} UTC, and every figure covers only what ran",
        **_filled_by(run),
        "instruments": [i.name for i in run.instruments],
        "quoters": [
            f"{q.name} ({q.strategy}) on {', '.join(run.instruments[i].name for i in q.instruments)}"
            for q in run.quoters
        ],
        "capital": f"{run.capital:,.2f} a venue, report currency",
        "events": run.result.get("n_events"),
        "messages": run.result.get("n_messages"),
        "book updates": int(run.table("touch")["ts_recv"].size),
        "public trades": int(run.table("trades")["ts_recv"].size),
        "fills": int(fills["ts"].size),
        "digest": run.result.get("digest"),
    }


def _filled_by(run: Run) -> dict[str, Any]:
    """Say what made the fills: venues or a model of them."""
    if run.result.get("mode") == "live":
        return {"execution": run.result.get("execution", "live")}
    return {"fill model": run.result.get("fill_model", run.settings.get("fill_model"))}


def _stated(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a result says of its origin, the weightiest first; the record and other chapters have the rest."""
    stated = {key: result[key] for key in _ORIGIN if key in result}
    if isinstance(data := stated.get("data"), Mapping):
        stated["data"] = {key: value for key, value in data.items() if isinstance(value, str) or key == "files"}
    for key in ("packages", "versions"):
        if isinstance(found := stated.get(key), Mapping):
            stated[key] = [f"{name} {version}" for name, version in found.items()]
    if "packages" in stated:  # versions are some of them
        stated.pop("versions", None)
    return {**stated, **{key: value for key, value in result.items() if key not in (*_ORIGIN, *_BESIDES)}}


def _short(data: Any) -> Any:
    """Write small mappings in one line each: the parameters of a generated market are four pages otherwise."""
    if isinstance(data, list):
        return {str(place): _short(each) for place, each in enumerate(data)} if _depth(data) else data
    if not isinstance(data, Mapping) or not data:
        return data
    line = _line(data)
    if _depth(data) <= 2 and len(line) <= LONGEST_LINE and not LONG_WORD.search(line):
        return line
    return {key: _short(value) for key, value in data.items()}


def _line(data: Mapping[str, Any]) -> str:
    said = {k: f"({_line(v)})" if isinstance(v, Mapping) else text_of(v) for k, v in data.items()}
    return ", ".join(f"{key} {value or '–'}" for key, value in said.items())


def _depth(data: Any) -> int:
    """Return how deep mappings stand in each other."""
    if isinstance(data, Mapping):
        return 1 + max(map(_depth, data.values()), default=0)
    return max(map(_depth, data), default=0) if isinstance(data, list) else 0


def _figures(run: Run) -> list[Any]:
    from research import frames, plots

    folder = run.path / "plots"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    sections: list[Any] = []

    def draw(title: str, name: str, plot: Callable[[], Any]) -> None:
        sections.append((title, plots.save_figure(plot(), folder / f"{name}.png"), "image"))

    traded = [i for i in run.instruments if i.id in run.traded]
    shown = traded or [run.instruments[i] for i in dict.fromkeys(i for q in run.quoters for i in q.instruments)]
    for venue in dict.fromkeys(i.venue for i in shown):
        title = f"PnL and inventory: {venue}"
        draw(title, f"exchange_{_file(venue)}", partial(plots.plot_exchange, run, venue))
        sections.append((title, frames.df_exchange(run, venue).round(3), "frame"))
    draw("Portfolio", "portfolio", partial(plots.plot_portfolio, run))
    if len(run.quoters) > 1:
        draw("Quoters", "quoters", partial(plots.plot_quoters, run))
    intervals = _reached(run)
    draw("Markouts", "markouts", partial(plots.plot_markouts, run, intervals=intervals))
    if run.quoters:
        draw("Markouts", "markout_curves", partial(plots.plot_markout_curves, run, intervals=intervals))
    curve = frames.markout_curve(run, intervals=intervals)
    curve = curve.assign(mean=curve["mean"] * 1e4, error=curve["error"] * 1e4).round(3)
    sections.append(("Markouts", curve.rename(columns={"mean": "mean, bps", "error": "error, bps"}), "frame"))
    for instrument in shown:
        title = f"Prices and fills: {instrument.name}"
        plot = partial(plots.plot_prices, run, instrument.symbol, instrument.venue)
        name = f"prices_{_file(instrument.name)}"
        draw(title, name, plot)
        for key, share in _declared(run, instrument.id):
            draw(title, f"{name}_{_file(key)}", partial(plot, key=key, share_index=share))
    draw("Counterparty PnL", "counterparty_pnl", partial(plots.plot_counterparty_pnl, run))
    fills = frames.df_actions(run)
    sections.append(("Fills", fills.drop(columns=["ts_venue", "client_id", "fill_id"]), "frame"))
    return sections


def _declared(run: Run, instrument: int) -> Iterator[tuple[str, bool]]:
    """Yield the first declared keys of an instrument, and whether each looks like its price (within a fifth)."""
    table = run.table("declarations")
    mine = table["instrument"] == instrument
    keys, mids = table["key"][mine], run.mids(instrument).mid
    for key in list(dict.fromkeys(keys))[:MAX_OVERLAYS]:
        values = table["value"][mine][keys == key]
        values = values[np.isfinite(values)]
        if values.size and mids.size:
            yield key, bool(abs(float(np.median(values)) / float(np.median(mids)) - 1.0) < 0.2)


def _utc(ns: int) -> str:
    return datetime.fromtimestamp(ns // SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _reached(run: Run) -> tuple[float, ...]:
    """Return the horizons that some fill has reached; of a run without any, and of a short one, the first alone."""
    from research import frames

    curve = frames.markout_curve(run)
    longest = curve["horizon_s"][curve["n"] > 0].max()
    return tuple(s for s in frames.INTERVALS_S if s <= longest) or frames.INTERVALS_S[:1]


def _file(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-." else "_" for c in name)
