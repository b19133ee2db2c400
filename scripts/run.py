"""Run a market maker: `python -m scripts.run --mode sim|live [--config FILE.toml] [--out DIR]`.

Without a config, the tutorial's market maker quotes the built-in generated market; a live run needs one.  Exit codes:
0 done, also a live run that was stopped and whose cancels are proven; 1 failed, or cancels that are not proven; 2 wrong
use; 130 a simulation interrupted (what ran is written).
"""

import argparse
import contextlib
import json
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from actors.runtime.nursery import Outcome
    from sim.config import RunConfig
    from sim.simulation import Simulation

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130
NO_ORDER = (
    "no order was placed: the strategy wanted none, or all were refused before they were sent "
    "(an instrument's least size and notional, the limits of [orders.limits])"
)


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(argv)
    try:
        return _run(options, argv if argv is not None else sys.argv[1:])
    except KeyboardInterrupt:  # before there was anything to keep, or a second one
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def _run(options: argparse.Namespace, words: Sequence[str]) -> int:
    # after the arguments: a wrong one, and --help, answer at once
    if options.mode == "live":
        from scripts.live.command import run_live

        return run_live(options, words, _run_directory)
    from rich.console import Console

    from sim.config import ConfigError, RunConfig, load_config
    from sim.market_data import open_market

    console = Console(stderr=True)
    try:
        config = load_config(options.config) if options.config else RunConfig()
        config = _anchored(_override(config, options), options.config.parent if options.config else Path())
        market = open_market(config, Path())
        out = _run_directory(options.out)
    except (ConfigError, FileExistsError) as error:
        console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return EXIT_USAGE
    for hole in getattr(market, "holes", ()):
        console.print(f"hole in the data: {hole}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    command = shlex.join(["python", "-m", "scripts.run", *words])
    from research.provenance import provenance
    from sim.simulation import Simulation

    try:
        line = ProgressLine(console, market_seconds(config))
        simulation = Simulation(config, market, out, on_progress=line.show)
    except ValueError as error:
        console.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        return EXIT_USAGE
    keep_code(simulation, out)
    with line.of(simulation), _interruptible(simulation):
        began = time.perf_counter()
        outcome = outcome_of(simulation)
        wall_s = time.perf_counter() - began
    result = simulation.finish(outcome, wall_s, {"command": command, **provenance()})
    unfinished = ""
    try:
        if options.bounds and outcome.kind == "done":
            unfinished = "the same run under the other fill rules"
            from scripts.fill_bounds import add_bounds

            with console.status("the same run under the pessimistic and the optimistic fill rule"):
                add_bounds(config, Path(), simulation)
        unfinished = "the report"
        _report(out, result, console, options)
        _say_ending(outcome, simulation, console)
        if outcome.kind == "interrupted":
            return EXIT_INTERRUPTED
        unfinished = "the check of the fills"
        if options.check and not _is_sound(config, simulation, out, console):
            return EXIT_FAILED
    except KeyboardInterrupt:
        _mark_unfinished(out, result, unfinished)
        text = f"interrupted: the run is kept in {out}, {unfinished} is not finished"
        console.print(text, style="red", markup=False, highlight=False, soft_wrap=True)
        return EXIT_INTERRUPTED
    is_whole = outcome.kind == "done" and outcome.unproven == 0 and not simulation.nursery.left_down
    return EXIT_DONE if is_whole else EXIT_FAILED


def _say_ending(outcome: "Outcome", simulation: "Simulation", console: "Console") -> None:
    if outcome.kind == "gave up":
        text = f"the run gave up: {outcome.reason}"
        console.print(text, style="red", markup=False, highlight=False, soft_wrap=True)
    if outcome.unproven:
        count = "the order manager did not answer" if outcome.unproven < 0 else f"{outcome.unproven} orders"
        text = f"at the end not every order was proven to be cancelled: {count}"
        console.print(text, style="red", markup=False, highlight=False, soft_wrap=True)
    if simulation.nursery.left_down:
        names = ", ".join(simulation.nursery.left_down)
        text = f"crashed too often and was left down: {names}; its tables end there, orders and fills are whole"
        console.print(text, style="red", markup=False, highlight=False, soft_wrap=True)
    if outcome.kind == "done" and not len(simulation.log):
        console.print(NO_ORDER, style="yellow", markup=False, highlight=False, soft_wrap=True)


def _mark_unfinished(out: Path, result: dict[str, Any], what: str) -> None:
    """Say in `result.json`, which may be half written, that what was to follow the run did not come to its end."""
    file = out / "result.json"
    with contextlib.suppress(json.JSONDecodeError):
        result = json.loads(file.read_text(encoding="utf-8"))
    result = {**result, "complete": False, "unfinished": what}
    file.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="run", description="Run a market maker and report on it.")
    parser.add_argument(
        "--mode", choices=["sim", "live"], default="sim", help="sim: recorded or generated data; live: the venues"
    )
    parser.add_argument("--config", type=Path, help="TOML file; without one, the tutorial's market maker")
    parser.add_argument("--out", type=Path, help="run directory (default: runs/TIME)")
    parser.add_argument("--seconds", type=float, help="length of the generated market; live: stop after so long")
    parser.add_argument(
        "--no-report", action="store_true", help="tables and result only: no figures, plots, PDF and HTML"
    )
    sim = parser.add_argument_group("simulated runs")
    sim.add_argument("--seed", type=int, help="seed of the run and of the generated market")
    sim.add_argument("--deliver", choices=["mirrors", "all"], help="all: every book and trade goes as a message")
    sim.add_argument("--bounds", action="store_true", help="run the strictest and the kindest fill rule as well")
    sim.add_argument("--check", action="store_true", help="check every fill against the raw market data")
    live = parser.add_argument_group("live runs")
    live.add_argument("--state", type=Path, metavar="DIR", help="the account's state folder (default: as in [live])")
    live.add_argument("--yes-real-money", action="store_true", help="orders on mainnet are meant")
    return parser


def _override(config: "RunConfig", options: argparse.Namespace) -> "RunConfig":
    import attrs

    from sim.config import ConfigError

    run, data = config.run, config.data
    try:
        if options.seed is not None:
            run, data = attrs.evolve(run, seed=options.seed), attrs.evolve(data, seed=options.seed)
        if options.seconds is not None:
            data = attrs.evolve(data, seconds=options.seconds)
        if options.deliver is not None:
            run = attrs.evolve(run, deliver=options.deliver)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return attrs.evolve(config, run=run, data=data)


def _anchored(config: "RunConfig", folder: Path) -> "RunConfig":
    """Return the config with its paths, which are relative to `folder`, whole: `run.toml` can be run from anywhere."""
    import attrs

    def whole(strategy: str) -> str:
        file, colon, name = strategy.rpartition(":")
        return f"{(folder / file).resolve()}{colon}{name}" if file.endswith(".py") else strategy

    data = config.data
    if data.root:
        data = attrs.evolve(data, root=str((folder / data.root).resolve()))
    quoters = tuple(attrs.evolve(quoter, strategy=whole(quoter.strategy)) for quoter in config.quoter)
    return attrs.evolve(config, data=data, quoter=quoters)


def _run_directory(wanted: Path | None) -> Path:
    out = wanted or Path("runs") / datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"run directory {out} is there and not empty: choose another by --out, or remove it")
    out.mkdir(parents=True, exist_ok=True)
    return out


def market_seconds(config: "RunConfig") -> float | None:
    """Return how long the market of a config is, if that is known before it is read."""
    return config.data.seconds if config.data.source == "generated" else None


@contextlib.contextmanager
def _interruptible(simulation: "Simulation") -> Iterator[None]:
    """Let Ctrl-C ask the run to stop, with what ran written; a second one kills it."""

    def stop(signum: int, frame: Any) -> None:
        simulation.nursery.stop_requested = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class ProgressLine:
    """One line while a run goes on: virtual time, events a second, fills, PnL."""

    def __init__(self, console: "Console", seconds: float | None) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (TextColumn("{task.fields[at]}"), BarColumn(), TextColumn("{task.fields[facts]}"))
        self._progress = Progress(*columns, console=console)
        self._task = self._progress.add_task("run", total=seconds, at="starting", facts="")
        self._simulation: Simulation | None = None
        self._began = self._shown = 0.0

    @contextlib.contextmanager
    def of(self, simulation: "Simulation") -> Iterator[None]:
        """Show the line of a simulation."""
        self._simulation = simulation
        self._began = self._shown = time.perf_counter()
        with self._progress:
            yield
            self._shown = 0.0
            self.show()
            if not simulation.nursery.stop_requested:
                self._progress.update(self._task, total=1.0, completed=1.0)

    def show(self) -> None:
        """Bring the line up to date, at most ten times a second."""
        now = time.perf_counter()
        simulation = self._simulation
        if simulation is None or now - self._shown < 0.1:
            return
        self._shown = now
        figures, virtual = simulation.figures(), simulation.nursery.now
        speed = figures.n_events / max(now - self._began, 1e-9)
        self._progress.update(
            self._task,
            completed=(virtual - simulation.start) / 1e9,
            at=datetime.fromtimestamp(virtual / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
            facts=f"{figures.n_events:,} events  {speed:,.0f}/s  {figures.n_fills:,} fills  PnL {figures.pnl:+,.2f}",
        )


def outcome_of(simulation: "Simulation") -> "Outcome":
    """Run to the end of the data; a run that cannot go on is kept with what it has, and says why."""
    from actors.runtime.nursery import Outcome
    from sim.virtual import EndlessLoopError

    try:
        return simulation.run()
    except (EndlessLoopError, ValueError) as error:  # of the data or of the actors
        return Outcome("gave up", -1, f"{type(error).__name__}: {error}")


def keep_code(simulation: "Simulation", out: Path) -> None:
    """Copy the strategies' source into the run directory, for the report."""
    (out / "code").mkdir()
    for source in simulation.strategy_files():
        shutil.copyfile(source, out / "code" / source.name)


def _is_sound(config: "RunConfig", simulation: "Simulation", out: Path, console: "Console") -> bool:
    """Check the run against the raw streams; say what is wrong."""
    from research.fill_check import check_run
    from sim.market_data import open_market

    market = open_market(config, Path())
    with console.status("checking every fill against the raw market data"):
        violations = check_run(out, market.streams(), market.clock_shifts, instruments=tuple(simulation.instruments))
    for violation in violations[:20]:
        console.print(str(violation), style="red", markup=False, highlight=False, soft_wrap=True)
    console.print(f"check    {len(violations) or 'no'} violations", highlight=False)
    return not violations


def _report(out: Path, result: dict[str, Any], console: "Console", options: argparse.Namespace) -> None:
    from rich.console import Console

    screen = Console()
    if not screen.is_terminal:
        screen = Console(width=160)  # a file or a pipe: wide tables are not broken
    if not options.no_report:
        from research.console import print_statistics
        from research.run_report import report_run

        with console.status("figures, plots, report"):
            report = report_run(out)
        result = json.loads((out / "result.json").read_text(encoding="utf-8"))
        print_statistics(result["statistics"], screen, bounds=result.get("bounds"))
        screen.print(f"report   {report}  {report.with_suffix('.html').name}", highlight=False)
    for name, reasons in result["refusals"].items():
        if reasons:
            told = ", ".join(f"{n:,} {reason}" for reason, n in reasons.items())
            screen.print(f"refused  {name}: {told}", highlight=False, markup=False)
    screen.print(f"digest   {result['digest']}", highlight=False)
    screen.print(
        f"events   {result['n_events']:,} in {result['wall_s']:.2f} s, {result['events_per_s']:,}/s; "
        f"messages {result['n_messages']:,}",
        highlight=False,
    )
    screen.print(f"tables   {out}", highlight=False)


if __name__ == "__main__":
    sys.exit(main())
