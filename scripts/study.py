"""Which VAMP is the fair price, how far ahead: `python -m scripts.study [--config FILE.toml] [--out DIR]`.

Without a config, the tutorial's study on the built-in generated market.  Exit codes: 0 done; 1 failed; 2 wrong use.
"""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from research.fair_prices import FairPrices
    from research.study import Study
    from scripts.study_config import StudyConfig

EXIT_DONE, EXIT_FAILED, EXIT_USAGE = 0, 1, 2
_WIDTH = 160  # of tables that go into a file


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    options = _parser().parse_args(words)
    # after the arguments: a wrong one, and --help, answer at once
    from rich.console import Console

    from scripts.study_config import ConfigError, load_study

    console = Console(stderr=True)
    try:
        config = _override(load_study(options.config), options)
        study = open_study(config)
        out = _directory(options.out)
    except (ConfigError, ValueError, FileExistsError) as error:
        _complain(console, str(error))
        return EXIT_USAGE
    for hole in study.holes:
        console.print(f"hole in the data: {hole}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    try:
        found, result = compare(study, config, console)
    except ValueError as error:
        _complain(console, str(error))
        return EXIT_FAILED
    _write(out, found, config, result, shlex.join(["python", "-m", "scripts.study", *words]), console)
    return EXIT_DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="study", description="Compare estimators of the fair price.")
    parser.add_argument("--config", type=Path, help="TOML file; without one, the tutorial's study")
    parser.add_argument("--out", type=Path, help="directory of the results (default: runs/study-TIME)")
    parser.add_argument("--seed", type=int, help="seed of the generated market")
    parser.add_argument("--seconds", type=float, help="length of the generated market")
    return parser


def _override(config: "StudyConfig", options: argparse.Namespace) -> "StudyConfig":
    import attrs

    said = {name: getattr(options, name) for name in ("seed", "seconds") if getattr(options, name) is not None}
    return attrs.evolve(config, data=attrs.evolve(config.data, **said))


def _directory(wanted: Path | None) -> Path:
    out = wanted or Path("runs") / datetime.now(UTC).strftime("study-%Y%m%d-%H%M%S")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"directory {out} is there and not empty: choose another by --out, or remove it")
    out.mkdir(parents=True, exist_ok=True)
    return out


def open_study(config: "StudyConfig") -> "Study":
    """Return the study of a config, its estimators registered.

    Raises:
        ConfigError, ValueError: its market or an argument is wrong.
    """
    from research.study import Study
    from research.vamp_study import declare_vamps

    study = Study(config.market())
    declare_vamps(study, study.instrument(*config.study.instrument.split(":")), config.study.notionals)
    return study


def compare(study: "Study", config: "StudyConfig", console: "Console") -> tuple["FairPrices", dict[str, Any]]:
    """Return what a study finds, and its result as plain data, without what it was made by.

    Raises:
        ValueError: there is nothing to compare, or an estimator looks ahead.
    """
    from market.archive.window import clock_text
    from research.fair_prices import fair_prices

    section = config.study
    with console.status("estimators"):
        declared = study.declarations()
    if declared.empty:
        raise ValueError(f"no book of {section.instrument} in this period: nothing was declared")
    with console.status("look-ahead check"):
        report = study.check_look_ahead()
    with console.status("prices a while later"):
        frame = study.forward_prices(declared, section.horizons_s, incomplete="keep", max_age_s=section.max_age_s)
    with console.status("comparison"):
        found = fair_prices(
            frame,
            loss=section.loss,
            split=section.split,
            level=section.level,
            n_resamples=section.n_resamples,
            seed=section.seed,
        )
    first, last = int(declared["ts"].iloc[0]), int(declared["ts"].iloc[-1])
    return found, {
        "instrument": section.instrument,
        "period": f"{clock_text(first)} to {clock_text(last)} UTC",
        "seconds": round((last - first) / 1e9, 3),
        "declarations": len(declared),
        "forward_prices": frame.attrs["forward_prices"],
        "look_ahead": str(report),
        **{name: _records(getattr(found, name)) for name in ("horizons", "table", "comparison")},
        "data": study.describe(),
    }


def _records(frame: "pd.DataFrame") -> Any:
    return json.loads(frame.reset_index().to_json(orient="records", double_precision=12))


def _write(
    out: Path, found: "FairPrices", config: "StudyConfig", result: dict[str, Any], command: str, console: "Console"
) -> None:
    import tomli_w
    from rich.console import Console

    from research.provenance import provenance
    from research.study_report import print_fair_prices, report_study, write_tables
    from scripts.study_config import study_dict

    origin = {"command": command, **provenance()}
    plain = study_dict(config)
    (out / "study.toml").write_text(tomli_w.dumps(plain), encoding="utf-8")
    (out / "result.json").write_text(json.dumps({**result, **origin}, indent=2) + "\n", encoding="utf-8")
    write_tables(found, out)
    found.declarations.to_parquet(out / "forward_prices.parquet", index=False)
    with console.status("plots and report"):
        report = report_study(out, found, plain, result, origin)
    screen = Console()
    if not screen.is_terminal:
        screen = Console(width=_WIDTH)  # a file or a pipe: wide tables are not broken
    print_fair_prices(found, screen)
    counts = result["forward_prices"]
    unknown = ", ".join(f"{name} {n:,}" for name, n in counts["n_unknown"].items())
    screen.print(f"look-ahead  {result['look_ahead']}", highlight=False)
    screen.print(f"unknown     of {counts['n_rows']:,} declarations: {unknown}", highlight=False)
    screen.print(f"report      {report}", highlight=False)


def _complain(console: "Console", text: str) -> None:
    console.print(text, style="red", markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
