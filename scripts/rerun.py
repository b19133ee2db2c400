"""A simulated run once more, from the record in its report."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import tomli_w

from research.redaction import PLACE_HOLDER
from research.run_report import add_statistics, strategy_hashes
from scripts.run import keep_code, outcome_of
from sim.config import ConfigError, RunConfig, make_config
from sim.market_data import MarketData, open_market
from sim.simulation import Simulation


class NotRepeatableError(Exception):
    """A run that cannot be made again; the text says what is missing."""


@attrs.frozen
class Rerun:
    """A run made again: its directory, its result with statistics, and the strategies whose source is another now."""

    path: Path
    result: Mapping[str, Any]
    other_strategies: tuple[str, ...]

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Let the run's config be the one of the report: paths may lie elsewhere here."""
        (self.path / "run.toml").write_text(tomli_w.dumps(config), encoding="utf-8")


def rerun(record: Mapping[str, Any], out: Path, *, archive: Path | None = None, code: Path | None = None) -> Rerun:
    """Run again what a report is of, in the new directory `out`.

    Args:
        archive, code: where the archive and the strategies' files lie here, if not where they lay then.

    Raises:
        NotRepeatableError: it is no simulated run, it was interrupted, or its data is not at hand or not the same.
    """
    result = _runnable(record)
    try:
        config = _moved(make_config(record["config"], "the report's config"), archive, code)
        market = _opened(config)
        _check_files(result["data"], market, config)
        out.mkdir(parents=True)
        simulation = Simulation(config, market, out)
    except (ConfigError, ValueError, OSError) as error:
        raise NotRepeatableError(str(error)) from None
    keep_code(simulation, out)
    again = simulation.finish(outcome_of(simulation), 0.0)
    if (there := result["data"]["content_hash"]) != (here := again["data"]["content_hash"]):
        raise NotRepeatableError(f"the data is not the same: content hash {there} in the report, {here} here")
    if "bounds" in result:
        from scripts.fill_bounds import add_bounds

        add_bounds(config, Path(), simulation)
    add_statistics(out)
    made = strategy_hashes(out)
    others = tuple(name for name, found in record.get("strategies", {}).items() if made.get(name) != found)
    return Rerun(out, json.loads((out / "result.json").read_text(encoding="utf-8")), others)


def _runnable(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the result in a record of a simulated run that came to its own end."""
    if record.get("kind") != "run" or not isinstance(record.get("config"), dict):
        raise NotRepeatableError(
            f"this is the report of a {record.get('kind', 'thing unnamed')}: only runs can be made again"
        )
    result = record.get("result")
    if not isinstance(result, dict) or "content_hash" not in result.get("data", {}):
        raise NotRepeatableError(
            "the report's record has no result with a content hash of its data: it is no simulated run's"
        )
    kind = result.get("outcome", {}).get("kind")
    if kind == "interrupted":
        raise NotRepeatableError("the run was interrupted by hand, and a hand does not do the same again")
    if what := result.get("unfinished"):
        raise NotRepeatableError(f"the run was left before {what} was finished")
    if hidden := [name for name in record["config"] if PLACE_HOLDER in json.dumps(record["config"][name])]:
        raise NotRepeatableError(f"the config hides a secret in [{'], ['.join(hidden)}], and the run may hang on it")
    return result


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
