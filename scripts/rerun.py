"""What a report is of once more, from the record in it: a simulated run, or a study."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import tomli_w

from research.redaction import PLACE_HOLDER
from research.report_check import CIRCUMSTANCES, as_reported
from research.run_report import add_statistics, report_run, strategy_hashes
from research.study_report import report_study
from scripts.run import keep_code, outcome_of
from scripts.study import compare, open_study
from scripts.study_config import load_study
from sim.config import ConfigError, RunConfig, make_config
from sim.market_data import MarketData, open_market
from sim.simulation import Simulation


class NotRepeatableError(Exception):
    """A run that cannot be made again; the text says what is missing."""


@attrs.frozen
class Rerun:
    """What a report is of, made again.

    Attributes:
        path: its directory.
        result: with statistics.
        other_strategies: those whose source is another now.
        redraw: makes the report of a record and returns the PDF.
    """

    path: Path
    result: Mapping[str, Any]
    redraw: Callable[[Mapping[str, Any]], Path]
    other_strategies: tuple[str, ...] = ()


def make_again(record: Mapping[str, Any], out: Path, *, archive: Path | None = None, code: Path | None = None) -> Rerun:
    """Make again what a report is of, in the new directory `out`.

    Args:
        archive, code: where the archive and the strategies' files lie here, if not where they lay then.

    Raises:
        NotRepeatableError: what is missing.
    """
    kind = record.get("kind")
    if not isinstance(record.get("config"), dict) or kind not in ("run", "study"):
        raise NotRepeatableError(f"this is the report of a {kind or 'thing unnamed'}: runs and studies are made again")
    result = record.get("result")
    if isinstance(result, dict) and result.get("mode") == "live":
        raise NotRepeatableError("a live run happens once; its journal can be followed: scripts.replay_journal RUN_DIR")
    if not isinstance(result, dict) or "content_hash" not in result.get("data", {}):
        raise NotRepeatableError(
            "the report's record has no result with a content hash of its data: neither a simulated run's nor a study's"
        )
    config = record["config"]
    if hidden := [name for name in config if PLACE_HOLDER in json.dumps(config[name])]:
        raise NotRepeatableError(f"the config hides a secret in [{'], ['.join(hidden)}], and the result may hang on it")
    made = rerun(record, out, archive=archive, code=code) if kind == "run" else restudy(record, out, archive=archive)
    if (there := result["data"]["content_hash"]) != (here := made.result["data"]["content_hash"]):
        raise NotRepeatableError(f"the data is not the same: content hash {there} in the report, {here} here")
    return made


def restudy(record: Mapping[str, Any], out: Path, *, archive: Path | None = None) -> Rerun:
    """Study again what a report is of, as `scripts.study` does; the arguments are those of `make_again`."""
    from rich.console import Console

    config = json.loads(json.dumps(record["config"]))
    if archive is not None and config.get("data", {}).get("root"):
        config["data"]["root"] = str(archive.resolve())
    file = out.with_suffix(".toml")
    file.write_text(tomli_w.dumps(config), encoding="utf-8")
    try:
        again = load_study(file)
        found, result = compare(open_study(again), again, Console(quiet=True))
    except ValueError as error:  # of a config, too
        raise NotRepeatableError(str(error)) from None
    out.mkdir(parents=True)

    def redraw(record: Mapping[str, Any]) -> Path:
        merged = as_reported(record["result"], result)
        figures = {name: value for name, value in merged.items() if name not in CIRCUMSTANCES}
        return report_study(out, found, record["config"], figures, record.get("provenance", {}))

    return Rerun(out, result, redraw=redraw)


def rerun(record: Mapping[str, Any], out: Path, *, archive: Path | None = None, code: Path | None = None) -> Rerun:
    """Run again, as `scripts.run` does; the arguments are those of `make_again`."""
    result = record["result"]
    if result.get("outcome", {}).get("kind") == "interrupted":
        raise NotRepeatableError("the run was interrupted by hand, and a hand does not do the same again")
    if what := result.get("unfinished"):
        raise NotRepeatableError(f"the run was left before {what} was finished")
    try:
        config = _moved(make_config(record["config"], "the report's config"), archive, code)
        market = _opened(config)
        _check_files(result["data"], market, config)
        out.mkdir(parents=True)
        simulation = Simulation(config, market, out)
    except (ConfigError, ValueError, OSError) as error:
        raise NotRepeatableError(str(error)) from None
    keep_code(simulation, out)
    simulation.finish(outcome_of(simulation), 0.0)
    if "bounds" in result:
        from scripts.fill_bounds import add_bounds

        add_bounds(config, Path(), simulation)
    add_statistics(out)
    made = strategy_hashes(out)
    others = tuple(name for name, found in record.get("strategies", {}).items() if made.get(name) != found)
    found = json.loads((out / "result.json").read_text(encoding="utf-8"))

    def redraw(record: Mapping[str, Any]) -> Path:
        merged = as_reported(record["result"], found)
        (out / "result.json").write_text(json.dumps(merged), encoding="utf-8")
        # the config of the report: paths may lie elsewhere here
        (out / "run.toml").write_text(tomli_w.dumps(record["config"]), encoding="utf-8")
        return report_run(out, **record.get("options", {}))

    return Rerun(out, found, redraw, others)


def _opened(config: RunConfig) -> MarketData:
    try:
        return open_market(config, Path())
    except ConfigError as error:
        remedy = "; say by --archive where the archive lies here" if config.data.root else ""
        raise NotRepeatableError(f"{error}{remedy}") from None


def _moved(config: RunConfig, archive: Path | None, code: Path | None) -> RunConfig:
    if archive is not None and config.data.root:
        config = attrs.evolve(config, data=attrs.evolve(config.data, root=str(archive.resolve())))
    quoters = []
    for quoter in config.quoter:
        file, colon, name = quoter.strategy.rpartition(":")
        if file.endswith(".py"):
            file = str((code / Path(file).name).resolve()) if code is not None else file
            if not Path(file).is_file():
                raise NotRepeatableError(
                    f"the strategy of quoter {quoter.name}, {file}, is not here: say where by --code"
                )
            quoter = attrs.evolve(quoter, strategy=f"{file}{colon}{name}")
        quoters.append(quoter)
    return attrs.evolve(config, quoter=tuple(quoters))


def _check_files(data: Mapping[str, Any], market: MarketData, config: RunConfig) -> None:
    """Name the files of an archive that are others, before a long run over them."""
    there, here = data.get("files"), market.describe().get("files") if config.data.root else None
    if not there or not here or there == here:
        return
    gone = [name for name in there if name not in here]
    new = [name for name in here if name not in there]
    other = [name for name in there if name in here and there[name] != here[name]]
    words = [f"{what}: {', '.join(names)}" for what, names in (("gone", gone), ("new", new), ("other", other)) if names]
    raise NotRepeatableError(f"the archive {config.data.root} is not the same; {'; '.join(words)}")
