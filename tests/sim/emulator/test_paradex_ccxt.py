"""ccxt, which knows nothing of us, trades on the emulated Paradex with signatures of its own."""

from decimal import Decimal

import pytest

from sim.emulator import EmulatorConfig, VenueSection, open_emulator
from tests.sim.emulator.clients import run_client


@pytest.mark.realtime
@pytest.mark.slow
async def test_ccxt_trades_on_paradex() -> None:
    config = EmulatorConfig(venue=(VenueSection("paradex"),))
    async with open_emulator(config) as emulator:
        found = await run_client("paradex_client", {"rest": emulator.addresses["paradex"].rest})
        truth = emulator.truth("paradex")

    assert (found["precision"]["price"], found["precision"]["amount"]) == (0.01, 0.01)
    bid, ask = found["touch"]
    assert 0 < bid < ask < bid * 1.01
    assert found["stranger"]  # a key that is not registered gets no token
    assert found["balance"] == 100_000
    assert found["status"] == "NEW"
    assert found["open"] == [[True, "mine-1", True]]
    assert found["again"]
    assert found["changed"] == [[True, 2.0]]
    assert (found["left"], found["cancelled"]) == (0, "USER_CANCELED")
    assert (found["position"], found["flat"]) == ([["long", 1.0]], [0.0])

    # both sides agree on what was traded
    sides = {"buy": 1, "sell": -1}
    theirs = [[sides[side], Decimal(str(p)), Decimal(str(n))] for side, p, n, _, _ in found["fills"]]
    assert theirs == [[f.side, Decimal(f.price) / 100, Decimal(f.size) / 100] for f in truth.fills]
    assert [round(fee * 10**12) for *_, fee in found["fills"]] == [f.fee_e12 for f in truth.fills]
    assert {kind for *_, kind, _ in found["fills"]} == {"taker"}
    assert truth.positions == {"SOL-USD-PERP": 0}
    assert truth.open_orders == ()
