"""A process that places orders and then only lives: it is to be killed or stopped.

`python -m tests.scripts.doomed_trader STATE_DIR CONFIG PRICE_TICKS`: five orders on each venue, "placed", a beat every
fifth of a second.  It knows of the watchdog as little as the trader does.
"""

import os
import sys
import time
from pathlib import Path

from actors.runtime.state_folder import Beat, StateFolder
from market.messages import PlaceOrder
from scripts.watchdog import Broom
from scripts.watched_accounts import accounts_of
from venues.binance import signing
from venues.binance.order_index import OrderIndex
from venues.binance.requests import OrderRequests as BinanceRequests
from venues.bybit.order_ids import OrderIds
from venues.bybit.requests import OrderRequests as BybitRequests
from venues.bybit.signing import Signer
from venues.registry import venue_kind

N_ORDERS = 5


def place(broom: Broom, venue: str, key: str, secret: str, price: int) -> None:
    """Let orders rest far below the touch."""
    (instrument,) = broom.hold(venue_kind(venue).instruments(("SOLUSDT",), 0, 0))
    for n in range(N_ORDERS):
        order = PlaceOrder(1 + n, 0, 1, price - 10 * n, 20, 0)
        now = time.time_ns()
        if venue == "bybit":
            request = BybitRequests((instrument,), OrderIds(), Signer(key, secret)).http([order], now)
        else:
            credentials = signing.Credentials(key, secret)
            request = BinanceRequests((instrument,), credentials, OrderIndex()).request(order, now)
        answer = broom.ask(request)
        assert answer.status == 200, answer.body
        assert venue != "bybit" or b'"retCode":0' in answer.body, answer.body


def main(state: str, config: str, price: str) -> None:
    folder = StateFolder(Path(state))
    for account in accounts_of(Path(config), Path("no-such-file"))[0]:
        broom = Broom(account)
        place(broom, account.venue, account.credentials.key, account.credentials.secret, int(price))
        broom.close()
    n = 0
    while True:
        n += 1
        folder.write_beat(Beat(n, time.time_ns(), os.getpid(), 0, "ACTIVE", N_ORDERS))
        if n == 1:
            print("placed", flush=True)
        time.sleep(0.2)


if __name__ == "__main__":
    main(*sys.argv[1:])
