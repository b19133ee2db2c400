"""Clients of the bare protocols, for what other people's clients cannot show: they sign by themselves."""

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

import httpx
import trio
import trio_websocket

from sim.emulator import AccountSection, VenueAddress

Message = dict[str, Any]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def digest(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


class Socket:
    """A WebSocket that speaks JSON."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def send(self, message: Message) -> None:
        await self._connection.send_message(json.dumps(message))

    async def receive(self) -> Any:
        with trio.fail_after(10):
            return json.loads(await self._connection.get_message())

    async def until(self, is_it: Callable[[Any], Any]) -> Any:
        """Return the next message that is it; others are dropped."""
        while True:
            message = await self.receive()
            if is_it(message):
                return message

    async def ask(self, message: Message) -> Any:
        """Return the next message after a request."""
        await self.send(message)
        return await self.receive()


@asynccontextmanager
async def open_socket(url: str) -> AsyncIterator[Socket]:
    """Open a WebSocket; it is closed without waiting for an answer, whatever became of the other side.

    The stream is ours: trio-websocket leaves one open that the other side has reset.
    """
    parts = urlsplit(url)
    host, port = str(parts.hostname), int(parts.port or 80)
    resource = f"{parts.path}?{parts.query}" if parts.query else parts.path
    async with await trio.open_tcp_stream(host, port) as stream, trio.open_nursery() as tasks:
        yield Socket(await trio_websocket.wrap_client_stream(tasks, stream, f"{host}:{port}", resource))
        tasks.cancel_scope.cancel()


class Rest:
    """A client of REST: signs as a venue wants it."""

    def __init__(self, base: str, account: AccountSection) -> None:
        self.client = httpx.AsyncClient(base_url=base, timeout=10)
        self.account = account

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.client.aclose()


class BybitRest(Rest):
    async def raw(
        self, method: str, path: str, fields: Message | None = None, secret: str = "", ahead_ms: int = 0
    ) -> httpx.Response:
        """Send a request; `secret`, if given, is not the account's, `ahead_ms` the client's clock."""
        query = urlencode(fields or {}) if method == "GET" else ""
        body = json.dumps(fields or {}) if method == "POST" else ""
        stamp = str(now_ms() + ahead_ms)
        signature = digest(secret or self.account.secret, f"{stamp}{self.account.key}5000{query or body}")
        headers = {
            "X-BAPI-API-KEY": self.account.key,
            "X-BAPI-TIMESTAMP": stamp,
            "X-BAPI-RECV-WINDOW": "5000",
            "X-BAPI-SIGN": signature,
            "Content-Type": "application/json",
        }
        return await self.client.request(method, f"{path}?{query}" if query else path, content=body, headers=headers)

    async def get(self, path: str, **fields: Any) -> Any:
        return (await self.raw("GET", path, fields)).json()

    async def post(self, path: str, **fields: Any) -> Any:
        return (await self.raw("POST", path, fields)).json()


class BinanceRest(Rest):
    def signed(self, params: Message, secret: str = "", ahead_ms: int = 0) -> str:
        query = urlencode({**params, "timestamp": now_ms() + ahead_ms})
        return f"{query}&signature={digest(secret or self.account.secret, query)}"

    async def raw(
        self, method: str, path: str, params: Message | None = None, secret: str = "", ahead_ms: int = 0
    ) -> httpx.Response:
        """Send a signed request; see `BybitRest.raw`."""
        query = self.signed(params or {}, secret, ahead_ms)
        return await self.client.request(method, f"{path}?{query}", headers={"X-MBX-APIKEY": self.account.key})

    async def call(self, method: str, path: str, **params: Any) -> Any:
        return (await self.raw(method, path, params)).json()

    async def listen_key(self, method: str = "POST") -> Any:
        headers = {"X-MBX-APIKEY": self.account.key}
        return (await self.client.request(method, "/fapi/v1/listenKey", headers=headers)).json()

    def frame(self, request_id: str, method: str, **params: Any) -> Message:
        """Return a signed request of the WebSocket API."""
        params |= {"apiKey": self.account.key, "timestamp": now_ms()}
        text = "&".join(f"{name}={value}" for name, value in sorted(params.items()))
        return {
            "id": request_id,
            "method": method,
            "params": {**params, "signature": digest(self.account.secret, text)},
        }


class WooxRest(Rest):
    async def raw(self, method: str, path: str, fields: Message | None = None) -> httpx.Response:
        """Send a signed request: its fields in the body of POST and PUT, else in the query."""
        is_body = method in ("POST", "PUT")
        body = json.dumps(fields or {}) if is_body else ""
        target = f"{path}?{urlencode(fields)}" if fields and not is_body else path
        stamp = str(now_ms())
        headers = {
            "x-api-key": self.account.key,
            "x-api-timestamp": stamp,
            "x-api-signature": digest(self.account.secret, f"{stamp}{method}{target}{body}"),
        }
        return await self.client.request(method, target, content=body, headers=headers)

    async def call(self, method: str, path: str, **fields: Any) -> Any:
        """Return what a success says."""
        reply = (await self.raw(method, path, fields)).json()
        assert reply["success"], reply
        return reply["data"]


@asynccontextmanager
async def open_bybit(address: VenueAddress, account: AccountSection, what: str) -> AsyncIterator[Socket]:
    """Open a signed-on private or trade socket of Bybit."""
    async with open_socket(f"{getattr(address, what)}/v5/{what}") as socket:
        expires = now_ms() + 5000
        args = [account.key, expires, digest(account.secret, f"GET/realtime{expires}")]
        reply = await socket.ask({"op": "auth", "args": args})
        assert reply.get("success", reply.get("retCode") == 0), reply
        yield socket


def bybit_order(request_id: str, op: str, **fields: Any) -> Message:
    """Return a request of Bybit's trade socket."""
    header = {"X-BAPI-TIMESTAMP": str(now_ms()), "X-BAPI-RECV-WINDOW": "5000"}
    return {"reqId": request_id, "header": header, "op": op, "args": [{"category": "linear", **fields}]}
