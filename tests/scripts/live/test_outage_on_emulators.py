"""A maker on an emulated venue that loses one of its sockets for a while: nothing rests there, and nothing is sent."""

from pathlib import Path
from typing import Any

import pytest
import trio

from actors.order_manager import OrderManager
from scripts import replay_journal
from sim.config import read_toml
from sim.emulator import Fault
from sim.emulator.emulator import Emulator
from tests.scripts.live.test_hedged_on_emulators import (
    CONFIGS,
    HEDGE,
    MAKER,
    SYMBOL,
    Traded,
    keys,
    trade,
    with_addresses,
)

pytestmark = [pytest.mark.realtime, pytest.mark.usefixtures("keys")]
__all__ = ["keys"]

FAR: dict[str, Any] = {"spread_bps": 40.0, "skew_bps": 0.0, "notional": 200}  # or they end by being filled
DOWN_S = 4.5  # longer than it takes until all is cancelled again


def config(emulator: Emulator) -> dict[str, Any]:
    raw = read_toml(CONFIGS / "hedged-demo.toml")
    names = {"instruments": [f"{MAKER}:{SYMBOL}"], "references": [f"{HEDGE}:{SYMBOL}"]}
    raw["quoter"] = [{"name": "vamp", "strategy": "vamp", "params": FAR, **names}]
    return with_addresses(raw, emulator)


async def outages(traded: Traded) -> None:
    """Take away the socket that tells what becomes of orders, then the one that takes them."""
    manager = traded.run.nursery.cells["manager"].actor
    assert isinstance(manager, OrderManager)
    venue = traded.run.instruments.venues.index(MAKER)

    def n_open() -> int:
        return len(traded.emulator.truth(MAKER).open_orders)

    def is_up() -> bool:
        return manager.ledger.is_up[venue]

    for where in ("private", "trade"):
        await traded.until(lambda: n_open() > 0)
        traded.emulator.inject(Fault("stall", venue=MAKER, where=where, seconds=DOWN_S))
        traded.emulator.inject(Fault("sever", venue=MAKER, where=where))
        await traded.until(lambda: not is_up())
        await traded.until(lambda: n_open() == 0)
        assert not is_up(), "by REST, long before the socket is back"
        while not is_up():
            assert n_open() == 0
            await trio.sleep(0.01)
    await traded.until(lambda: n_open() > 0)


def test_quotes_are_gone_while_a_socket_is_down_and_come_back(tmp_path: Path) -> None:
    traded, result = trio.run(trade, tmp_path, config, outages)
    assert result["complete"]
    (held,) = result["balances"][MAKER].values()
    assert held["last"] == pytest.approx(float(traded.emulator.truth(MAKER).wallet))
    assert traded.emulator.faults.met["sever"] == 2
    assert replay_journal.main([str(tmp_path / "run")]) == replay_journal.EXIT_SAME
