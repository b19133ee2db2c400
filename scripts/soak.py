"""Trade for a while on emulated venues that fail at random: `python -m scripts.soak [--seconds 1200] [--seed N]`.

A live run quotes on Bybit and Binance at once, recording and with a journal, while their emulator drops, cuts, stalls
and holds up connections, loses, repeats, swaps and delays messages, refuses, swallows and answers late, and goes down
and comes back.  At the end both sides must agree in orders, fills, positions and books; no task, socket or file may be
left over, nothing may grow, no actor may have crashed, and the journal must replay to the same decisions.

One line of JSON at the end; exit codes: 0 all is well, 1 something is not (said, with the seed to do it again), 2 wrong
use.
"""

import argparse
import json
import os
import secrets
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from scripts.live_demo import open_emulator_process
from sim.emulator.fault_plan import KINDS

# a refusal that says "no margin" lets nobody open anything more until a person has looked
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
    parser.add_argument("--out", type=Path, help="run directory (default: runs/soak-TIME)")
    options = parser.parse_args(argv)
    out = options.out or Path("runs") / datetime.now(UTC).strftime("soak-%Y%m%d-%H%M%S")
    out.mkdir(parents=True)
    seed = secrets.randbelow(1 << 31) if options.seed is None else options.seed
    print(f"faults   seed {seed}, {options.per_minute:g} a minute", flush=True)
    with tempfile.TemporaryDirectory(prefix="soak-") as scratch, open_emulator_process(Path(scratch)) as emulator:
        from scripts.live.soaking import SOAK, Soak

        os.environ.update(emulator.keys())
        config = emulator.write_config(SOAK, Path(scratch))
        plan = {"seconds": options.seconds, "seed": seed, "per_minute": options.per_minute, "kinds": options.kinds}
        found = Soak(config, emulator, out, **plan).run()
    problems: list[str] = found["problems"]
    print(json.dumps(_in_words(found)))
    for problem in problems:
        print(f"WRONG    {problem}", file=sys.stderr)
    if problems:
        words = f"--seconds {options.seconds:g} --per-minute {options.per_minute:g} --seed {seed}"
        print(f"again    python -m scripts.soak {words}", file=sys.stderr)
    return EXIT_FAILED if problems else EXIT_DONE


def _in_words(found: dict[str, Any]) -> dict[str, Any]:
    return {"soak": "failed" if found["problems"] else "passed", **found}


if __name__ == "__main__":
    sys.exit(main())
