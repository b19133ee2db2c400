"""The emulated venues of the demo, as a process of its own: `python -m scripts.live.demo_venues FOLDER`.

Writes a line of JSON when clients can connect (addresses, CA, key), and one more for every line that it reads: what is
true of the account.  It ends with its input, so that nothing is left of it when the demo dies.
"""

import json
import signal
import sys
from pathlib import Path
from typing import Any

import attrs
import trio

from sim.emulator import Emulator, EmulatorConfig, open_emulator


async def serve(folder: Path) -> None:
    """Serve until the input ends."""
    config = EmulatorConfig(tls=True)
    async with open_emulator(config, tls_folder=folder) as emulator:
        account = config.account[0]
        addresses = {name: attrs.asdict(address) for name, address in emulator.addresses.items()}
        key = {"key": account.key, "secret": account.secret}
        _write({"addresses": addresses, "ca_file": str(emulator.ca_file), "account": key})
        while await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True):
            _write({name: _truth(emulator, name) for name in emulator.addresses})


def _truth(emulator: Emulator, venue: str) -> dict[str, Any]:
    truth = emulator.truth(venue)
    return {
        "n_orders": truth.n_orders,
        "n_open": len(truth.open_orders),
        "n_fills": len(truth.fills),
        "positions": truth.positions,
    }


def _write(what: Any) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    trio.run(serve, Path(sys.argv[1]))
