"""Trade for a while on emulated venues that fail at random: `python -m scripts.soak [--seconds 1200] [--seed N]`.

A live run quotes on Binance and Bybit at once (`--venues woox`: on others; `all`: on all five), recording and with a
journal, while their emulator drops, cuts, stalls and holds up connections, loses, repeats, swaps and delays messages,
refuses, swallows and answers late, and goes down and comes back.  At the end both sides must agree in orders, fills,
positions and books; no task, socket or file may be left over, nothing may grow, no actor may have crashed, and the
journal must replay to the same decisions.

One line of JSON at the end; exit codes: 0 all is well, 1 something is not (said, with the seed to do it again), 2 wrong
use.
"""

import argparse
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from scripts.live_demo import ROOT, open_emulator_process
from sim.config import read_toml
from sim.emulator.config import VENUES
from sim.emulator.fault_plan import KINDS

CONFIG: Final = ROOT / "configs" / "soak.toml"
# a refusal that says "no margin" lets nobody open anything more until a person has looked
EVERY: Final = "all"
USUAL_KINDS: Final = tuple(kind for kind in KINDS if kind != "reject")
EXIT_DONE, EXIT_FAILED = 0, 1


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="soak", description="Trade for a while on emulated venues that fail.")
    parser.add_argument("--seconds", type=float, default=1200.0, help="how long (default 1200)")
    parser.add_argument("--seed", type=int, help="of the faults (default: a random one, which is said)")
    parser.add_argument("--per-minute", type=float, default=12.0, help="faults, on average (default 12)")
    parser.add_argument(
        "--kinds", nargs="+", default=list(USUAL_KINDS), choices=KINDS, metavar="KIND", help="of faults"
    )
    parser.add_argument(
        "--venues",
        nargs="+",
        default=["binance-futures", "bybit"],
        choices=(*VENUES, EVERY),
        metavar="VENUE",
        help=f"that are quoted, and fail (default binance-futures bybit): {', '.join(VENUES)}, or {EVERY}",
    )
    parser.add_argument("--out", type=Path, help="run directory (default: runs/soak-TIME)")
    options = parser.parse_args(argv)
    out = options.out or Path("runs") / datetime.now(UTC).strftime("soak-%Y%m%d-%H%M%S")
    out.mkdir(parents=True)
    seed = secrets.randbelow(1 << 31) if options.seed is None else options.seed
    quoted = VENUES if EVERY in options.venues else tuple(dict.fromkeys(options.venues))
    raw = quoted_alone(read_toml(CONFIG), quoted)
    print(f"faults   seed {seed}, {options.per_minute:g} a minute on {', '.join(quoted)}", flush=True)
    used = [section["name"] for section in raw["venue"]]
    with tempfile.TemporaryDirectory(prefix="soak-") as scratch, open_emulator_process(Path(scratch), used) as emulator:
        from scripts.live.soaking import Soak

        os.environ.update(emulator.keys())
        config = emulator.write_plain(raw, Path(scratch) / CONFIG.name)
        plan = {"seconds": options.seconds, "seed": seed, "per_minute": options.per_minute, "kinds": options.kinds}
        found = Soak(config, emulator, out, venues=quoted, **plan).run()
    problems: list[str] = found["problems"]
    print(json.dumps(_in_words(found)))
    for problem in problems:
        print(f"WRONG    {problem}", file=sys.stderr)
    if problems:
        words = f"--seconds {options.seconds:g} --per-minute {options.per_minute:g} --seed {seed}"
        words += f" --venues {' '.join(quoted)}"
        if set(options.kinds) != set(USUAL_KINDS):
            words += f" --kinds {' '.join(options.kinds)}"
        print(f"again    python -m scripts.soak {words}", file=sys.stderr)
    return EXIT_FAILED if problems else EXIT_DONE


def quoted_alone(raw: dict[str, Any], venues: Sequence[str]) -> dict[str, Any]:
    """Return a live config with those quoters alone that quote on some venues, and with the venues that they use."""
    quoters = [each for each in raw["quoter"] if {_venue(name) for name in each["instruments"]} <= set(venues)]
    used = {_venue(name) for each in quoters for name in (*each["instruments"], *each["references"])}
    return {**raw, "quoter": quoters, "venue": [each for each in raw["venue"] if each["name"] in used]}


def _venue(instrument: str) -> str:
    return instrument.partition(":")[0]


def _in_words(found: dict[str, Any]) -> dict[str, Any]:
    return {"soak": "failed" if found["problems"] else "passed", **found}


if __name__ == "__main__":
    sys.exit(main())
