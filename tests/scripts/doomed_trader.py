"""A process that places orders and then only lives: it is to be killed or stopped.

`python -m tests.scripts.doomed_trader STATE_DIR CONFIG PRICE_TICKS`: five orders on each venue, "placed", a beat every
fifth of a second.  It knows of the watchdog as little as the trader does.
"""

import os
import sys
import time
from pathlib import Path

import trio

from actors.runtime.live_clock import LiveClock
from actors.runtime.state_folder import Beat, StateFolder
from market.messages import PlaceOrder
from scripts.watched_accounts import Account, accounts_of
from venues.binance import signing
from venues.binance.order_index import OrderIndex
from venues.binance.requests import OrderRequests as BinanceRequests
from venues.bybit.order_ids import OrderIds
from venues.bybit.requests import OrderRequests as BybitRequests
from venues.bybit.signing import Signer
from venues.registry import venue_kind
from venues.shell import converse
from venues.venue import Conversation

N_ORDERS = 5


def placing(account: Account, price: int) -> Conversation[None]:
    """Let orders rest far below the touch."""
    venue, credentials = account.venue, account.credentials
    (instrument,) = yield from venue_kind(venue).instruments(("SOLUSDT",), 0, 0)
    for n in range(N_ORDERS):
        order = PlaceOrder(1 + n, 0, 1, price - 10 * n, 20, 0)
        now = time.time_ns()
        if venue == "bybit":
            signer = Signer(credentials.key, credentials.secret)
            request = BybitRequests((instrument,), OrderIds(), signer).http([order], now)
        else:
            signed = signing.Credentials(credentials.key, credentials.secret)
            request = BinanceRequests((instrument,), signed, OrderIndex()).request(order, now)
        answer = yield request
        assert answer.status == 200, answer.body
        assert venue != "bybit" or b'"retCode":0' in answer.body, answer.body


async def place(account: Account, price: int) -> None:
    """Do so."""
    await converse(placing(account, price), account.venue, account.connection, LiveClock())


def main(state: str, config: str, price: str) -> None:
    folder = StateFolder(Path(state))
    for account in accounts_of(Path(config), Path("no-such-file"))[0]:
        trio.run(place, account, int(price))
    n = 0
    while True:
        n += 1
        folder.write_beat(Beat(n, time.time_ns(), os.getpid(), 0, "ACTIVE", N_ORDERS))
        if n == 1:
            print("placed", flush=True)
        time.sleep(0.2)


if __name__ == "__main__":
    main(*sys.argv[1:])
