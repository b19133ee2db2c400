"""The emulator of the live benchmark: it takes orders as fast as they come, and serves no books of its own."""

import json
import sys

import trio

from sim.emulator import EmulatorConfig, VenueSection, open_emulator


async def main() -> None:
    config = EmulatorConfig(venue=(VenueSection("bybit", order_rate=100_000, request_rate=100_000),), proxied=False)
    async with open_emulator(config) as emulator:
        ports, account = emulator.addresses["bybit"].ports, config.account[0]
        told = {place: ports[place] for place in ("rest", "private", "trade")}
        print(json.dumps({**told, "account": {"key": account.key, "secret": account.secret}}), flush=True)
        await trio.to_thread.run_sync(sys.stdin.read, abandon_on_cancel=True)


if __name__ == "__main__":
    trio.run(main)
