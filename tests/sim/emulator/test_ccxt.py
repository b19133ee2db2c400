"""ccxt, which knows nothing of us, trades on the emulated venues, over REST and by its own sockets."""

from decimal import Decimal
from typing import Any

import pytest
import trio

from sim.emulator import AccountTruth, EmulatorConfig, VenueSection, open_emulator
from tests.sim.emulator.clients import run_client

pytestmark = [pytest.mark.realtime, pytest.mark.slow]
EXCHANGES = {"bybit": "bybit", "binance-futures": "binanceusdm", "woox": "woo"}


@pytest.fixture(scope="module")
def traded() -> dict[str, tuple[dict[str, Any], AccountTruth]]:
    """What each client has found, and what is true of its account: all side by side, as they wait most of the time."""
    ended: dict[str, tuple[dict[str, Any], AccountTruth]] = {}

    async def one(venue: str, exchange: str) -> None:
        config = EmulatorConfig(venue=(VenueSection(venue),))
        async with open_emulator(config) as emulator:
            address, account = emulator.addresses[venue], config.account[0]
            keys = {"key": account.key, "secret": account.secret}
            task = {"exchange": exchange, "rest": address.rest, "ws": address.public, **keys}
            found = await run_client("ccxt_client", task)
            ended[venue] = found, emulator.truth(venue)

    async def all_of_them() -> None:
        async with trio.open_nursery() as tasks:
            for venue, exchange in EXCHANGES.items():
                tasks.start_soon(one, venue, exchange)

    trio.run(all_of_them)
    return ended


@pytest.mark.parametrize(
    ("venue", "symbol", "flat", "far"),
    [
        ("bybit", "SOLUSDT", [0.0], "InvalidOrder"),
        ("binance-futures", "SOLUSDT", [], "ExchangeError"),
        ("woox", "PERP_SOL_USDT", [0.0], "InvalidOrder"),
    ],
)
def test_ccxt_trades(
    traded: dict[str, tuple[dict[str, Any], AccountTruth]], venue: str, symbol: str, flat: list[float], far: str
) -> None:
    found, truth = traded[venue]
    assert (found["precision"]["price"], found["precision"]["amount"]) == (0.01, 0.1)
    assert found["balance"] == 100_000
    assert found["leverage"]
    book = found["book"]
    assert book["bids"][0][0] < book["asks"][0][0] == pytest.approx(found["ask"], rel=0.01)
    assert 0 < found["ticker"] == pytest.approx(found["ask"], rel=0.01)
    assert 0 < abs(found["funding"]) < 0.01
    assert found["trades"] >= 1
    assert found["open"] == [True]
    assert found["changed"] == [True, "open"]
    assert (found["cancelled"], found["gone"]) == (0.0, "OrderNotFound")
    assert found["position"] == [["long", 1.0]]
    assert found["flat"] == flat
    assert found["bought"] == "closed"
    assert found.get("over_socket", venue == "woox")  # orders go by REST alone there
    assert found["left"] == 0
    assert found["far"] == far

    # both sides agree on what was traded, and on the money
    ours = [[Decimal(f.side), Decimal(f.price) / 100, Decimal(f.size) / 10, f.fee_e12] for f in truth.fills]
    sides = {"buy": 1, "sell": -1}
    theirs = [
        [sides[side], Decimal(str(p)), Decimal(str(n)), round(fee * 10**12)] for side, p, n, fee in found["fills"]
    ]
    assert theirs == ours
    assert truth.positions == {symbol: 0}
    assert truth.open_orders == ()
    assert found["final_balance"] == pytest.approx(float(truth.wallet), abs=1e-7)
