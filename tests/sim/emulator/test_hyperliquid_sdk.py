"""The venue's own SDK, which knows nothing of us, trades on the emulated Hyperliquid."""

from decimal import Decimal

import pytest

from sim.emulator import EmulatorConfig, VenueSection, open_emulator
from tests.sim.emulator.clients import run_client


@pytest.mark.realtime
@pytest.mark.slow
async def test_the_venues_own_sdk_trades() -> None:
    config = EmulatorConfig(venue=(VenueSection("hyperliquid"),))
    async with open_emulator(config) as emulator:
        key, secret = emulator.keys("hyperliquid")
        task = {"rest": emulator.addresses["hyperliquid"].rest, "key": key, "secret": secret}
        found = await run_client("hyperliquid_client", task)
        truth = emulator.truth("hyperliquid")

    assert found["assets"] == {"SOL": 0}
    assert found["decimals"] == 2
    assert float(found["value"]) == 100_000
    bid, ask = found["touch"]
    assert 0 < bid < ask < bid * 1.01
    assert found["fees"] == "0.0002"
    assert found["hears"]
    cloid = f"0x{77:032x}"
    assert found["open"] == [[True, cloid, round(bid * 0.98, 2)]]
    assert found["changed"] == [True, ["2.0", round(bid * 0.97, 2)]]
    assert (found["cancelled"], found["status"]) == ("success", "canceled")
    assert found["gone"] == "Order was never placed, already canceled, or filled."
    assert found["would_take"].startswith("Post only order would have immediately matched, bbo was ")
    assert found["wrong_tick"] == "Price must be divisible by tick size."
    assert found["too_small"].startswith("Order must have minimum value of $10")
    assert (found["bought"], found["position"], found["sold"], found["flat"]) == ("1.0", ["1.0"], "1.0", [])
    assert found["told"]
    assert found["updates"][:4] == ["open", "canceled", "open", "canceled"]
    assert found["switch"] == "err"  # not before a million is traded
    assert (found["two"], found["left"]) == (2, 0)
    assert "does not exist" in found["stranger"]

    # both sides agree on what was traded
    theirs = [[{"B": 1, "A": -1}[side], Decimal(px), Decimal(sz)] for side, px, sz, _, _ in found["fills"]]
    assert theirs == [[f.side, Decimal(f.price) / 10_000, Decimal(f.size) / 100] for f in truth.fills]
    fees = [
        (Decimal(fee), Decimal(f.fee_e12).scaleb(-12))
        for (*_, fee, _), f in zip(found["fills"], truth.fills, strict=False)
    ]
    assert all(told == charged.quantize(Decimal("1e-8")) for told, charged in fees), "told to eight decimals"
    assert all(crossed for *_, crossed in found["fills"])
    assert truth.positions == {"SOL": 0}
    assert truth.open_orders == ()
