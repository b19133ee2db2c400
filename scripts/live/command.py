"""`scripts.run --mode live`: asks the venues, says on the screen what is going to be traded, trades, and reports."""

import argparse
import os
import shlex
import shutil
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import trio
from rich.console import Console

from actors.runtime.live_clock import LiveClock
from actors.runtime.nursery import Outcome
from actors.runtime.signals import heed_signals
from actors.runtime.state_folder import StateError, StateFolder
from scripts.live.config import LiveConfig, check_venues, load_live_config
from scripts.live.preflight import preflight, reasons_against, warnings
from scripts.live.real_venues import PreparedVenue, RealVenues, prepare_venues
from scripts.live.run import LiveRun
from sim.config import ConfigError
from venues.connection import read_env_file
from venues.wire import RemoteProtocolError

EXIT_DONE, EXIT_FAILED, EXIT_USAGE = 0, 1, 2
ENV_FILE: Final = Path(".env")
_OURS: Final = "LOCKSTEP_"

RunDirectory = Callable[[Path | None], Path]


class NotReadyError(Exception):
    """Nothing was traded, because a person must act first; the text says how."""


def run_live(options: argparse.Namespace, words: Sequence[str], run_directory: RunDirectory) -> int:
    """Run the command; return its exit code.

    Args:
        run_directory: makes the directory that is wanted, or one of its own.
    """
    console = Console(stderr=True)
    try:
        config, folder = _config(options)
        _take_keys(ENV_FILE)
        state = StateFolder(folder / config.live.state)
        with state.lock():
            run, outcome = trio.run(_trade, config, folder, state, options, run_directory, console)
            if outcome.unproven == 0:
                state.end()
    except (ConfigError, NotReadyError, StateError, FileExistsError, BlockingIOError) as error:
        _say(console, str(error), "red")
        return EXIT_USAGE
    except (RemoteProtocolError, OSError) as error:
        _say(console, str(error), "red")
        return EXIT_FAILED
    command = shlex.join(["python", "-m", "scripts.run", *words])
    return _end(run, outcome, command, console, with_report=not options.no_report)


def _config(options: argparse.Namespace) -> tuple[LiveConfig, Path]:
    if options.config is None:
        raise ConfigError("a live run needs --config FILE.toml: begin with a copy of configs/bybit-demo.toml")
    config = load_live_config(options.config)
    check_venues(config)
    folder = options.config.parent.resolve()
    state = options.state.resolve() if options.state is not None else folder / config.live.state
    return _anchored(config, folder, state), folder


def _anchored(config: LiveConfig, folder: Path, state: Path) -> LiveConfig:
    """Return the config with the paths of state and strategies whole: its `run.toml` is read from elsewhere."""

    def whole(strategy: str) -> str:
        file, colon, name = strategy.rpartition(":")
        return f"{(folder / file).resolve()}{colon}{name}" if file.endswith(".py") else strategy

    quoters = tuple(attrs.evolve(quoter, strategy=whole(quoter.strategy)) for quoter in config.quoter)
    return attrs.evolve(config, quoter=quoters, live=attrs.evolve(config.live, state=str(state)))


def _take_keys(file: Path) -> None:
    """Put our keys of a `.env` file into the environment, where they are not: who hides secrets looks there."""
    if file.exists():
        try:
            found = read_env_file(file)
        except ValueError as error:
            raise NotReadyError(str(error)) from None
        for name, value in found.items():
            if name.startswith(_OURS):
                os.environ.setdefault(name, value)


async def _trade(
    config: LiveConfig,
    folder: Path,
    state: StateFolder,
    options: argparse.Namespace,
    run_directory: RunDirectory,
    console: Console,
) -> tuple[LiveRun, Outcome]:
    clock = LiveClock()
    prepared = await _prepare(config, folder, clock)
    for what, how in preflight(config, prepared, state.halted()):
        _say(console, f"{what:16} {how}")
    warned = warnings(config, prepared)
    for warning in warned:
        _say(console, f"{'warning':16} {warning}", "yellow")
    against = reasons_against(config, prepared, is_real_money_meant=options.yes_real_money)
    if against:
        raise NotReadyError("\n".join(against))
    session = state.next_session(clock.now_ns())
    out = run_directory(options.out)
    venues = RealVenues(prepared, config.run.seed, config.run.depth, config.run.capital)
    try:
        run = LiveRun(config, venues, out, session=session, folder=folder, state=state, clock=clock)
    except (ValueError, BlockingIOError) as error:
        shutil.rmtree(out)
        raise NotReadyError(str(error)) from None
    for warning in warned:
        run.logger.bind(text=warning).warning("before the run")
    _say(console, f"{'session':16} {session}, run directory {out}")
    _say(console, "Ctrl-C stops: all orders are cancelled, and that is proven")
    async with trio.open_nursery() as tasks:
        await tasks.start(heed_signals, run.nursery, run.hand.throw if run.hand is not None else None, run.logger)
        if options.seconds is not None:
            tasks.start_soon(_stop_after, run, options.seconds)
        outcome = await run.run()
        tasks.cancel_scope.cancel()
    return run, outcome


async def _prepare(config: LiveConfig, folder: Path, clock: LiveClock) -> list[PreparedVenue]:
    try:
        return await prepare_venues(config, folder, clock, ENV_FILE)
    except RemoteProtocolError:
        raise
    except ValueError as error:
        raise NotReadyError(str(error)) from None


async def _stop_after(run: LiveRun, seconds: float) -> None:
    await trio.sleep(seconds)
    run.nursery.request_stop()


def _end(run: LiveRun, outcome: Outcome, command: str, console: Console, *, with_report: bool) -> int:
    """Write down how it ended, and say so."""
    from research.provenance import provenance

    result = run.finish(outcome, {"command": command, **provenance()})
    _say_ending(result, console)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # it was ignored since the run ended
    try:
        _report(run.out, result, with_report=with_report)
    except KeyboardInterrupt:
        _say(console, f"interrupted: the run is kept in {run.out}; scripts.report makes its report", "red")
    return EXIT_DONE if result["complete"] else EXIT_FAILED


def _say_ending(result: dict[str, Any], console: Console) -> None:
    outcome = result["outcome"]
    if outcome["kind"] == "gave up":
        _say(console, f"the run gave up: {outcome['reason']}", "red")
    if outcome["unproven"]:
        count = "nobody answered in time" if outcome["unproven"] < 0 else f"{outcome['unproven']} orders or accounts"
        text = f"it is NOT proven that no order is left ({count}): look at the account on the venue's own site"
        _say(console, text, "bold red")
    else:
        _say(console, "all orders are cancelled, and the accounts show none", "green")
    if result["left_down"]:
        _say(console, f"crashed too often and was left down: {', '.join(result['left_down'])}", "red")
    for fault in result["faults"]:
        _say(console, fault, "red")
    if result["trading_states"] and (last := result["trading_states"][-1])["state"] != "ACTIVE":
        _say(console, f"trading is {last['state']}: {last['reason']}; scripts.ops clear ends a halt", "red")


def _report(out: Path, result: dict[str, Any], *, with_report: bool) -> None:
    screen = Console()
    if not screen.is_terminal:
        screen = Console(width=160)  # a file or a pipe: wide tables are not broken
    if with_report:
        from research.console import print_statistics
        from research.run_report import report_run

        with screen.status("figures, plots, report"):
            report = report_run(out)
            from research.run_data import Run

            found = Run.load(out).result
        print_statistics(found["statistics"], screen)
        screen.print(f"report   {report}  {report.with_suffix('.html').name}", highlight=False)
    for name, reasons in result["refusals"].items():
        if reasons:
            told = ", ".join(f"{n:,} {reason}" for reason, n in reasons.items())
            screen.print(f"refused  {name}: {told}", highlight=False, markup=False)
    screen.print(f"digest   {result['digest']}", highlight=False)
    screen.print(
        f"events   {result['n_events']:,} in {result['wall_s']:.0f} s; messages {result['n_messages']:,}",
        highlight=False,
    )
    screen.print(f"tables   {out}", highlight=False)
    if result["journal"]:
        screen.print(f"journal  python -m scripts.replay_journal {out}", highlight=False)


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


__all__ = ["run_live"]
