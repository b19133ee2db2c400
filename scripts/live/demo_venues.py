"""The emulated venues of demo and soak, as a process of its own: `python -m scripts.live.demo_venues FOLDER VENUE ...`.

Writes a line of JSON when clients can connect (addresses, CA, keys), and one more for every line that it reads: what is
true of the account.  A line may ask for something first, as JSON: `{"plan": {...}}` for the faults of a `FaultPlan`
from now on, `{"whole": true}` for every fill and the books.  It ends with its input, so that nothing is left of it when
whoever started it dies.
"""

import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import trio

from sim.emulator import Emulator, EmulatorConfig, VenueSection, open_emulator
from sim.emulator.fault_plan import FaultPlan

_TAKER_FEES: Final = {"binance-futures": 0.0005}
_SHOWN: Final = 20  # levels a side


async def serve(folder: Path, venues: Sequence[str]) -> None:
    """Serve until the input ends."""
    sections = tuple(VenueSection(name, taker_fee=_TAKER_FEES.get(name, 0.00055)) for name in venues)
    async with open_emulator(EmulatorConfig(venue=sections, tls=True), tls_folder=folder) as emulator:
        addresses = {name: attrs.asdict(address) for name, address in emulator.addresses.items()}
        keys = {name: emulator.keys(name) for name in emulator.addresses}
        _write({"addresses": addresses, "ca_file": str(emulator.ca_file), "keys": keys})
        while line := await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
            asked = json.loads(line) if line.strip() else {}
            if "plan" in asked:
                plan = asked["plan"]
                emulator.follow(FaultPlan(**plan | {name: tuple(plan[name]) for name in ("kinds", "venues")}))
            _write({name: _truth(emulator, name, is_whole="whole" in asked) for name in emulator.addresses})


def _truth(emulator: Emulator, venue: str, *, is_whole: bool) -> dict[str, Any]:
    truth = emulator.truth(venue)
    told: dict[str, Any] = {
        "n_orders": truth.n_orders,
        "n_open": len(truth.open_orders),
        "n_fills": len(truth.fills),
        "positions": truth.positions,
    }
    if is_whole:
        views = [view for view in emulator.engine.views.values() if view.instrument.venue == venue]
        told["fills"] = [(f.client_id, f.symbol, f.side, f.price, f.size, f.is_maker, f.fee_e12) for f in truth.fills]
        told["books"] = {v.instrument.symbol: (v.bids[:_SHOWN], v.asks[:_SHOWN]) for v in views}
        told["open"] = [each.client_id for each in truth.open_orders]
        told["faults"] = dict(emulator.faults.met)
    return told


def _write(what: Any) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    trio.run(serve, Path(sys.argv[1]), sys.argv[2:])
