"""A comparison of fair prices on the screen, as files, and as a report."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from research.fair_prices import FairPrices
from research.loss_comparison import CHOSEN
from research.plots.fair_prices import plot_fair_price_errors, plot_relative_losses
from research.plots.style import save_figure
from research.report_html import write_page
from research.report_pdf import write_pdf
from research.report_record import drawn_by
from research.sections import Section, compose
from research.text_table import natural_key

if TYPE_CHECKING:
    from rich.console import Console

# of a result: what has pages of its own
SHOWN_APART: Final = ("horizons", "table", "comparison", "data")
HOW_TO_READ: Final = """\
Errors are the mid a while later less the estimate, in percent of the mid at the declaration. A star marks the least \
error in this sample, which among several estimators is partly luck. So the best is chosen on the first part of the \
period and tested on the second: "worse" means that an estimator's errors there were larger by more than chance \
explains, the overlap of horizons and the number of estimators allowed for; "better" that the choice was beaten; "not \
told apart" just that.

MSE/mid is the mean square error over that of the present mid, with a 95 % interval from a block bootstrap: below 1, \
the estimator knows something of the later mid that the present mid does not.

Estimators are compared where all of them are known: a VAMP is not, where the book shown is too thin for its notional.
"""


def print_fair_prices(found: FairPrices, console: "Console") -> None:
    """Print the table with what its stars are worth, and one line a horizon on how sure that is."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title="Fair prices", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    frames = {horizon: pd.concat(_errors_and_tests(found, horizon), axis=1) for horizon in _horizon_names(found)}
    frames = {horizon: frame.loc[:, ~frame.columns.duplicated()] for horizon, frame in frames.items()}
    frames = {horizon: frame.drop(columns=["first", "second"]) for horizon, frame in frames.items()}  # for the width
    names = list(next(iter(frames.values())).columns)
    for name in ["T+", *names]:
        is_text = name in ("T+", "Estimator", "verdict") or name.endswith("*")
        table.add_column(name, justify="left" if is_text else "right", no_wrap=True)
    for horizon, frame in frames.items():
        for place, row in enumerate(frame.to_numpy(dtype=object).tolist()):
            is_chosen = row[-1] == CHOSEN
            cells = [Text(cell) for cell in (horizon if place == 0 else "", *row)]
            table.add_row(*cells, end_section=place == len(frame) - 1, style="bold" if is_chosen else None)
    console.print(table)
    for said in found.horizons.reset_index().to_dict("records"):
        words = [f"{said['n']:,} rows", f"chosen on the first part: {said['chosen'] or 'none'}"]
        if not pd.isna(said["rank in second"]):
            words.append(f"rank {said['rank in second']:.0f} by {_measure(found)} in the second")
        if said["caution"]:
            words.append(f"caution: {said['caution']}")
        console.print(Text(f"{said['T+']:>5}  {'; '.join(words)}"), soft_wrap=True)


def write_tables(found: FairPrices, folder: Path) -> None:
    """Write the frames of a comparison as CSV files: `table`, `comparison`, `horizons`, `counts`."""
    for name in ("table", "comparison", "horizons", "counts"):
        getattr(found, name).to_csv(folder / f"{name}.csv", float_format="%.10g")


def report_study(
    folder: Path,
    found: FairPrices,
    config: Mapping[str, Any],
    result: Mapping[str, Any],
    provenance: Mapping[str, Any],
) -> Path:
    """Draw `plots/*.png`, and write `report.pdf` and `report.html`.

    Args:
        config: the effective one.  result: plain figures, and `data` as the study describes it.

    Returns:
        the path of the PDF.
    """
    plots = folder / "plots"
    plots.mkdir(exist_ok=True)
    overall = plots / "relative_losses.png"
    save_figure(plot_relative_losses(found), overall)
    overview = {name: value for name, value in result.items() if name not in SHOWN_APART}
    sections: list[Section] = [("Study", overview, "dict"), ("How to read it", HOW_TO_READ, "text")]
    sections += [("All horizons", overall, "image"), ("How sure that is", _horizons(found), "frame")]
    for horizon in _horizon_names(found):
        title = f"{horizon[1:]} s ahead"
        drawn = plots / f"errors_{horizon}.png"
        save_figure(plot_fair_price_errors(found, horizon), drawn)
        sections.append((title, drawn, "image"))
        sections += [(title, frame, "frame") for frame in _errors_and_tests(found, horizon)]
    sections += [("Declarations", found.counts, "frame"), ("Configuration", config, "dict")]
    sections.append(("Data", result.get("data", {}), "dict"))
    record = {
        "kind": "study",
        "config": config,
        "result": {**result, **provenance},
        "drawn_by": drawn_by(),
    }
    period = str(result.get("period", ""))
    report = compose(sections, provenance=provenance, record=record, title="Fair prices", subtitle=period)
    write_page(folder / "report.html", report)
    return write_pdf(folder / "report.pdf", report)


def _errors_and_tests(found: FairPrices, horizon: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return, as text, the rows of the tutorial's table at one horizon, and what the tests say of them."""
    order = sorted(found.counts.index, key=natural_key)
    table, tests = found.table.loc[horizon].loc[order], found.comparison.loc[horizon].loc[order]
    measure = _measure(found)
    errors = {"Estimator": order}
    for name in found.table.columns:
        form = "{:.4g}" if name.startswith("M") and name[1:3] in ("SE", "AD") else "{:.6f}"
        errors[name] = list(table[name]) if name.endswith("*") else [_shown(value, form) for value in table[name]]
    intervals = zip(tests["/mid low"], tests["/mid high"], strict=True)
    shown = {
        "Estimator": order,
        f"{measure}/mid": [_shown(value, "{:.4f}") for value in tests[f"{measure}/mid"]],
        "95 %": [f"{low:.4f} to {high:.4f}" if low == low else "–" for low, high in intervals],
        "first": [_shown(value, "{:.4g}") for value in tests[f"{measure} first"]],
        "second": [_shown(value, "{:.4g}") for value in tests[f"{measure} second"]],
        "p Holm": [_shown(value, "{:.3f}") for value in tests["p Holm"]],
        "verdict": list(tests["verdict"]),
    }
    return pd.DataFrame(errors), pd.DataFrame(shown)


def _shown(value: float, form: str) -> str:
    return "–" if value != value else form.format(value).replace("-0.000000", "0.000000")


def _horizon_names(found: FairPrices) -> list[str]:
    return [str(name) for name in found.horizons.index]


def _horizons(found: FairPrices) -> pd.DataFrame:
    columns = ["n", "chosen", "rank in second", "span s", "df", "block s", "caution"]
    shown = found.horizons[columns].reset_index()
    for name in ("span s", "df", "block s"):
        shown[name] = [_shown(value, "{:.1f}") for value in shown[name]]
    return shown


def _measure(found: FairPrices) -> str:
    return "MSE" if found.loss == "squared" else "MAD"
