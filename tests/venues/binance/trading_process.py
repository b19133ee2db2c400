"""A process that trades on an emulated Binance until it is killed: it has two orders open, and renews its countdown."""

import json
import sys
from typing import Any, Final

import trio

from actors.runtime.live_clock import LiveClock
from market.messages import BookSnapshot, ConnectionUp, OrderAccepted, OrderFlag, PlaceOrder
from venues.binance.dead_mans_switch import SwitchConfig
from venues.binance.trading_account import AccountConfig
from venues.binance.venue import KIND, BinanceConfig, BinanceVenue
from venues.connection import Credentials, VenueConnection
from venues.shell import VenueShell, converse
from venues.venue import VenueSetup

N_ORDERS: Final = 2


class Process:
    """Places its orders when it can, and says so when they are accepted."""

    def __init__(self) -> None:
        self.shell: VenueShell
        self._is_up = False
        self._accepted: set[int] = set()
        self._has_placed = False
        self._bid = 0

    def hear(self, port: str, message: Any) -> None:
        if isinstance(message, ConnectionUp):
            self._is_up = True
        elif isinstance(message, BookSnapshot):
            self._bid = int(message.bids[0, 0])
        elif isinstance(message, OrderAccepted):
            self._accepted.add(message.client_id)
            if len(self._accepted) == N_ORDERS:
                print("trading", flush=True)
        if self._is_up and self._bid and not self._has_placed:
            self._has_placed = True
            for n in range(N_ORDERS):
                order = PlaceOrder(n + 1, 0, 1, self._bid // 2 + n, 10, int(OrderFlag.POST_ONLY))
                self.shell.command(order)


async def trade(task: dict[str, Any]) -> None:
    clock = LiveClock()
    connection = VenueConnection("custom", rest=task["rest"], sockets=task["sockets"])
    name = BinanceVenue.name
    listed = await converse(KIND.instruments([task["symbol"]], 0, clock.now_ns()), name, connection, clock)
    setup = VenueSetup(0, listed, connection, Credentials(task["key"], task["secret"]))
    switch = SwitchConfig(task["countdown_s"], task["renew_every_s"])
    process = Process()
    venue = BinanceVenue(setup, BinanceConfig(account=AccountConfig(switch=switch)))
    process.shell = VenueShell(venue, connection, clock, process.hear)
    await process.shell.run()


if __name__ == "__main__":
    trio.run(trade, json.loads(sys.argv[1]))
