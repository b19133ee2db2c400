"""What the order manager costs: one line of JSON, microseconds.

    python tests/bench/order_manager.py

`wanted_us`: wanted quotes that place one order and cancel one.  `fact_us`: an acceptance or a cancel's confirmation.
`same_us`: wanted quotes that ask for nothing new.  Each is the best of many short batches, its output left aside.
"""

import json
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from actors.order_config import OrderManagerConfig, QuoterSpec
from actors.order_manager import OrderManager
from actors.request_deadlines import TIMEOUTS
from market.instrument import Instrument, InstrumentTable
from market.messages import OrderAccepted, OrderCancelled, PlaceOrder, Started, TimerFired, WantedQuotes
from market.units import MS, SECOND

BATCHES: Final = 300
CALLS: Final = 40


def main() -> None:
    table = InstrumentTable(
        Instrument(i, venue, "SOLUSDT", "SOL", "USDT", "USDT", Decimal("0.01"), Decimal("0.1"))
        for i, venue in enumerate(("bybit", "binance-futures"))
    )
    manager = OrderManager("manager", table, OrderManagerConfig(), [QuoterSpec(0, "q", (0,), (1,))])
    manager.books[0].load(np.array([[15_000, 1]]), np.array([[15_001, 1]]), 0, 0, 1)
    manager.now = 1_700_000_000 * SECOND
    manager.handle(Started(0))
    manager.out.clear()
    wanted, facts, same = [], [], []
    n_calls = 0
    for _ in range(BATCHES):
        wanted_s = facts_s = same_s = 0.0
        n_facts = 0
        for _ in range(CALLS):
            n_calls += 1
            manager.now += 24 * MS
            # the sides move in turns
            bid, ask = 14_990 - n_calls // 2 % 7, 15_010 + (n_calls + 1) // 2 % 7
            wanted_s += _time(manager, WantedQuotes(0, 0, ((bid, 13),), ((ask, 13),)))
            commands = [m for port, m in manager.out if port == "commands:0"]
            manager.out.clear()
            same_s += _time(manager, WantedQuotes(0, 0, ((bid, 13),), ((ask, 13),)))
            for command in commands:
                ids = command.client_id, 0, manager.now, manager.now
                fact = OrderAccepted(*ids) if isinstance(command, PlaceOrder) else OrderCancelled(*ids, 0)
                facts_s += _time(manager, fact)
                manager.out.clear()
                n_facts += 1
        manager.handle(TimerFired(TIMEOUTS))
        manager.out.clear()
        wanted.append(wanted_s / CALLS)
        facts.append(facts_s / n_facts)
        same.append(same_s / CALLS)
    figures = {"wanted_us": min(wanted), "fact_us": min(facts), "same_us": min(same)}
    print(json.dumps({name: round(s * 1e6, 2) for name, s in figures.items()}))


def _time(manager: OrderManager, message: object) -> float:
    handler = manager.on[type(message)]
    start = time.perf_counter()
    handler(message)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
