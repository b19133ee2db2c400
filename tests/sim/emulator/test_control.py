"""The control over HTTP, the bytes of HTTP and WebSockets that are wrong, and the command."""

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from scripts import emulator as command
from sim.emulator import AccountSection, EmulatorConfig, VenueSection, open_emulator
from tests.sim.emulator.raw_client import BybitRest, open_socket

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.realtime
@pytest.mark.slow
async def test_the_control_tells_what_is_true_and_makes_faults() -> None:
    accounts = (AccountSection(), AccountSection("second", "keyOfSecond", "secretOfSecond"))
    async with open_emulator(EmulatorConfig(account=accounts)) as emulator:
        base = f"http://127.0.0.1:{emulator.control_port}"
        async with (
            httpx.AsyncClient(base_url=base, timeout=10) as control,
            BybitRest(emulator.addresses["bybit"].rest, accounts[1]) as rest,
        ):

            async def told(path: str) -> Any:
                return (await control.get(path)).json()

            overview = await told("/")
            assert overview["addresses"]["bybit"]["rest"] == emulator.addresses["bybit"].rest
            assert overview["sockets"] == {"bybit": 0, "binance-futures": 0}
            assert abs(overview["lag_s"]) < 30
            terms = {"category": "linear", "symbol": "SOLUSDT", "side": "Buy", "orderType": "Market", "qty": "1.0"}
            assert (await rest.post("/v5/order/create", **terms))["retCode"] == 0
            truth = await told("/accounts/bybit/second")
            assert truth["positions"] == {"SOLUSDT": 10}
            assert len(truth["fills"]) >= 1
            assert float(truth["wallet"]) < 100_000
            assert (await told("/accounts/bybit"))["fills"] == []

            async def posted(path: str, body: Any = None) -> tuple[int, Any]:
                reply = await control.post(path, json=body) if body is not None else await control.post(path)
                return reply.status_code, reply.json()

            assert await posted("/faults", {"kind": "reject", "code": 110007, "count": 2}) == (200, {"done": True})
            assert (await rest.post("/v5/order/create", **terms))["retCode"] == 110007
            assert await posted("/clear") == (200, {"done": True})
            assert (await rest.post("/v5/order/create", **terms))["retCode"] == 0
            assert await posted("/plan", {"seed": 1, "seconds": 60, "kinds": ["lose"]}) == (200, {"done": True})
            for path, body, status, complaint in (
                ("/faults", {"kind": "nonsense"}, 400, "nonsense"),
                ("/faults", {"kind": "drop", "venue": "kraken"}, 404, "no venue 'kraken' is emulated"),
                ("/faults", [1], 400, "must be a JSON object"),
                ("/plan", {"seed": 1, "seconds": 60, "venues": ["kraken"]}, 404, "no venue 'kraken'"),
                ("/nowhere", {}, 404, "no /nowhere; there are"),
            ):
                found, reply = await posted(path, body)
                assert found == status
                assert complaint in reply["error"]
            assert (await control.get("/nowhere")).status_code == 404
            assert "known: main, second" in (await told("/accounts/bybit/third"))["error"]
            counts = await told("/counts")
            assert counts["requests"]["bybit"]["/v5/order/create"] == 3
            assert counts["faults"] == {"reject": 1}


@pytest.mark.realtime
async def test_bytes_that_are_no_request_end_a_connection() -> None:
    async with open_emulator(EmulatorConfig(venue=(VenueSection("bybit"),))) as emulator:
        port = emulator.addresses["bybit"].server_port
        upgrade = "GET {} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        for sent, status in (
            ("nonsense\r\n\r\n", b"400"),
            ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", b"400"),
            (upgrade.format("/v5/public/spot") + key, b"404"),
            (upgrade.format("/v5/private") + "\r\n", b"400"),
            (upgrade.format("/v5/private") + key, b"101"),
        ):
            async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
                with trio.fail_after(10):
                    await stream.send_all(sent.encode())
                    assert (await stream.receive_some()).split(b" ", 2)[1] == status
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream, httpx.AsyncClient() as client:
            await stream.send_all(b"GET /half")  # a client that says no more disturbs nobody
            assert (await client.get(f"http://127.0.0.1:{port}/v5/market/time")).status_code == 200
        async with open_socket(f"{emulator.addresses['bybit'].public}/v5/public/linear") as socket:
            assert (await socket.ask({"op": "ping"}))["ret_msg"] == "pong"


@pytest.mark.realtime
@pytest.mark.slow
@pytest.mark.parametrize("how", ["signal", "seconds"])
async def test_the_command_serves_until_it_is_told_to_end(how: str, tmp_path: Path) -> None:
    config = tmp_path / "emulator.toml"
    config.write_text('[data]\npreset = "calm"\n\n[[account]]\nname = "mine"\nkey = "k"\nsecret = "s"\n')
    call = ["-m", "scripts.emulator", "--config", str(config), "--venue", "binance-futures", "--accounting"]
    call += ["--speed", "2", "--no-proxy", *(("--seconds", "0.5") if how == "seconds" else ())]
    with trio.fail_after(60):
        process = await trio.lowlevel.open_process([sys.executable, *call], stdout=subprocess.PIPE, cwd=ROOT)
        assert process.stdout is not None
        text = ""
        while "control: " not in text:
            part = await process.stdout.receive_some()
            assert part, text
            text += part.decode()
        rest = re.search(r"rest +(http://\S+)", text)
        assert rest is not None, text
        assert "account mine at binance-futures: key k  secret s" in text
        if how == "signal":
            async with httpx.AsyncClient() as client:
                assert (await client.get(f"{rest[1]}/fapi/v1/time")).status_code == 200
            process.send_signal(signal.SIGINT)
        async with process.stdout:
            async for part in process.stdout:
                text += part.decode()
        assert await process.wait() == 0
    assert re.search(r"binance-futures mine: 0 orders, 0 open, 0 fills, flat, wallet 100000", text)


def test_wrong_use_of_the_command_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("speeed = 2\n")
    assert command.main(["--config", str(wrong)]) == 2
    assert "unknown key 'speeed'" in capsys.readouterr().err
    assert command.main(["--config", str(tmp_path / "none.toml")]) == 2
    assert "no config file" in capsys.readouterr().err
    assert command.main(["--speed", "-1"]) == 2
    assert "speed" in capsys.readouterr().err
