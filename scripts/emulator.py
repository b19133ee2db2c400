"""Serve emulated venues: a simulated market over real sockets, in the venues' own protocols.

python -m scripts.emulator [--config FILE.toml] [--venue bybit --venue binance-futures] [--port N] [--speed X]
    [--seconds N] [--tls DIR] [--control-port N] [--sent FILE] [--no-proxy] [--accounting]
"""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Final

import attrs
import trio
from rich.console import Console

from sim import ConfigError
from sim.emulator import Emulator, EmulatorConfig, VenueSection, load_emulator_config
from sim.emulator.config import VENUES
from sim.emulator.serving import serve_emulator

_PORTS_A_VENUE: Final = 10


def main(argv: list[str] | None = None) -> int:
    """Run the command; return the exit code."""
    args = _parser().parse_args(argv)
    try:
        config = _config(args)
        folder = args.config.parent if args.config else Path()
        announce = partial(_announce, config)
        trio.run(serve_emulator, config, folder, args.tls, args.seconds, announce, partial(_account, args.accounting))
    except (ConfigError, ValueError, OSError) as error:
        print(f"emulator: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="emulator", description="Serve emulated venues on loopback.")
    parser.add_argument("--config", type=Path, help="TOML; see docs/emulator.md")
    parser.add_argument("--venue", action="append", choices=VENUES, help="only these (may be repeated)")
    parser.add_argument("--port", type=int, default=0, help="first port; each venue takes ten; default: any free ones")
    parser.add_argument("--speed", type=float, help="seconds of the market in a second")
    parser.add_argument("--seconds", type=float, default=0.0, help="end after so long; default: at Ctrl-C")
    parser.add_argument("--tls", type=Path, metavar="DIR", help="serve https and wss; the CA is written here")
    parser.add_argument("--control-port", type=int, help="of the control over HTTP; default: any free one")
    parser.add_argument("--sent", type=Path, metavar="FILE", help="write every market-data message sent here")
    parser.add_argument("--no-proxy", action="store_true", help="no TCP proxies: faster, but no faults below HTTP")
    parser.add_argument("--accounting", action="store_true", help="print every account's true state at the end")
    return parser


def _config(args: argparse.Namespace) -> EmulatorConfig:
    config = load_emulator_config(args.config) if args.config else EmulatorConfig()
    if args.venue:
        known = {section.name: section for section in config.venue}
        wanted = dict.fromkeys(args.venue)
        config = attrs.evolve(config, venue=tuple(known.get(name) or VenueSection(name) for name in wanted))
    if args.port:
        ported = (attrs.evolve(v, port=args.port + place * _PORTS_A_VENUE) for place, v in enumerate(config.venue))
        config = attrs.evolve(config, venue=tuple(ported))
    changes = {
        "speed": args.speed,
        "tls": True if args.tls else None,
        "control_port": args.control_port,
        "sent_log": str(args.sent.resolve()) if args.sent else None,
        "proxied": False if args.no_proxy else None,
    }
    return attrs.evolve(config, **{name: value for name, value in changes.items() if value is not None})


def _announce(config: EmulatorConfig, emulator: Emulator) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for venue, address in emulator.addresses.items():
        symbols = [v.instrument.symbol for v in emulator.engine.views.values() if v.instrument.venue == venue]
        console.print(f"[bold]{venue}[/bold]: {', '.join(symbols)}")
        for place in ("rest", "public", "private", "trade"):
            console.print(f"  {place:8} {getattr(address, place)}")
    for account in config.account:
        for venue in emulator.addresses:
            key, secret = emulator.keys(venue, account.name)
            console.print(f"account {account.name} at {venue}: key {key}  secret {secret}")
    if emulator.ca_file is not None:
        console.print(f"certificate authority: {emulator.ca_file}")
    console.print(f"control: http://{config.host}:{emulator.control_port}/   (Ctrl-C ends)")
    sys.stdout.flush()


def _account(wanted: bool, emulator: Emulator) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{emulator.tally.n_messages} messages sent")
    if not wanted:
        return
    for venue in emulator.addresses:
        for section in emulator.config.account:
            truth = emulator.truth(venue, section.name)
            positions = ", ".join(f"{symbol} {lots}" for symbol, lots in truth.positions.items() if lots) or "flat"
            console.print(
                f"{venue} {truth.name}: {truth.n_orders} orders, {len(truth.open_orders)} open, "
                f"{len(truth.fills)} fills, {positions}, wallet {truth.wallet:.4f} equity {truth.equity:.4f} USDT",
            )


if __name__ == "__main__":
    sys.exit(main())
