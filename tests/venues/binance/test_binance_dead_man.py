"""The dead man's switch: the trader is killed, and the venue cancels what it had open."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import trio

from sim.emulator import EmulatorConfig, VenueSection, open_emulator
from sim.emulator.emulator import Emulator
from tests.venues.binance.emulated import SYMBOL, VENUE, connection_of

ROOT: Final = Path(__file__).resolve().parents[3]
COUNTDOWN_S: Final = 5.0
RENEWED: Final = VENUE, "POST /fapi/v1/countdownCancelAll"


async def until(is_so: Callable[[], object]) -> None:
    with trio.fail_after(60):
        while not is_so():  # noqa: ASYNC110  # the emulator tells nobody
            await trio.sleep(0.01)


def task(emulator: Emulator) -> dict[str, Any]:
    account, connection = emulator.config.account[0], connection_of(emulator)
    keys = {"key": account.key, "secret": account.secret}
    times = {"countdown_s": COUNTDOWN_S, "renew_every_s": 1.0}
    return {"symbol": SYMBOL, "rest": connection.rest, "sockets": dict(connection.sockets), **keys, **times}


@pytest.mark.realtime
@pytest.mark.slow
async def test_a_killed_traders_orders_are_cancelled_by_the_venue(capsys: pytest.CaptureFixture[str]) -> None:
    async with open_emulator(EmulatorConfig(venue=(VenueSection(VENUE),))) as emulator:
        program = str(Path(__file__).with_name("trading_process.py"))
        command = [sys.executable, program, json.dumps(task(emulator))]
        env = {"PYTHONPATH": str(ROOT)}
        trader = await trio.lowlevel.open_process(command, stdout=-1, cwd=ROOT, env=env)
        try:
            assert trader.stdout is not None
            async with trader.stdout:
                with trio.fail_after(60):
                    assert (await trader.stdout.receive_some()).startswith(b"trading\n")  # once an order
                # renewed for longer than it lasts
                await until(lambda: emulator.tally.requests[RENEWED] > COUNTDOWN_S + 1)
                assert len(emulator.truth(VENUE).open_orders) == 2
        finally:
            trader.kill()
            killed_at = trio.current_time()
            with trio.CancelScope(shield=True):
                await trader.wait()
        await until(lambda: not emulator.truth(VENUE).open_orders)
        took_s = trio.current_time() - killed_at
    with capsys.disabled():
        print(f"\nfrom kill -9 to an empty book: {took_s:.2f} s (countdown {COUNTDOWN_S:g} s)")
    assert took_s < COUNTDOWN_S + 5.0
