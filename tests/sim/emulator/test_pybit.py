"""pybit, which knows nothing of us, trades on the emulated Bybit: over https and wss, at its own host names."""

from decimal import Decimal
from pathlib import Path

import pytest

from sim.emulator import EmulatorConfig, Fault, VenueSection, open_emulator
from tests.sim.emulator.clients import run_client


@pytest.mark.realtime
@pytest.mark.slow
async def test_pybit_trades(tmp_path: Path) -> None:
    config = EmulatorConfig(venue=(VenueSection("bybit"),), tls=True)
    async with open_emulator(config, tls_folder=tmp_path) as emulator:
        # pybit notes what it asked for after it has sent it, and falls over an answer that is quicker: as no venue's is
        emulator.inject(Fault("latency", seconds=0.03))
        address, account = emulator.addresses["bybit"], config.account[0]
        task = {
            "ca": str(emulator.ca_file),
            "hosts": {"api.bybit.com": address.ports["rest"], "stream.bybit.com": address.ports["public"]},
            "key": account.key,
            "secret": account.secret,
        }
        found = await run_client("pybit_client", task)
        truth = emulator.truth("bybit")

    assert abs(found["server_ahead_ms"]) < 5000
    assert found["instrument"]["priceFilter"]["tickSize"] == "0.01"
    assert found["key"]["Wallet"] == []
    assert found["stranger"] == 10004
    assert found["leverage"] == [{}, 110043]
    assert found["mode"] == 110025
    assert (found["repeated"], found["tiny"], found["off_grid"]) == (110072, 10001, 10001)
    assert [(o["orderLinkId"], o["qty"], o["orderStatus"]) for o in found["open"]] == [("p-1", "2.0", "New")]
    assert found["cancelled_twice"] == 110001
    post_only = found["post_only"]
    assert (post_only["orderStatus"], post_only["rejectReason"]) == ("Cancelled", "EC_PostOnlyWillTakeLiquidity")
    assert post_only["cumExecQty"] == "0.0"
    assert (found["position"]["side"], found["position"]["size"]) == ("Buy", "1.0")
    assert (found["closed"]["size"], found["closed"]["entryPrice"]) == ("0.0", "0")
    assert found["no_position"] == 110017
    assert [item["code"] for item in found["batch"]] == [0, 0, 110072]
    assert [o["orderLinkId"] for o in found["all"]["list"]] == ["b-1", "b-2"]
    assert found["left"] == []
    assert (found["acks"], found["nacks"]) == (2, 0)

    # both sides agree on what was traded, and on the money
    theirs = [(e["orderLinkId"], Decimal(e["execPrice"]), Decimal(e["execQty"])) for e in found["executions"]]
    ours = [(f.client_id, Decimal(f.price) / 100, Decimal(f.size) / 10) for f in reversed(truth.fills)]
    assert theirs == ours
    assert {name for name, _, _ in ours} == {"p-5", "p-6"}
    assert truth.positions == {"SOLUSDT": 0}
    assert truth.open_orders == ()
    assert Decimal(found["wallet"]["walletBalance"]) == truth.wallet < 100_000
    bids, asks = found["books"]["data"]["b"], found["books"]["data"]["a"]
    assert max(float(p) for p, _ in bids) < min(float(p) for p, _ in asks)
