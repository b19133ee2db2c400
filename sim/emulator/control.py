"""The emulator's control over HTTP, for scripts and people: what is true, what was sent, what shall go wrong.

GET  /                        addresses and open sockets
GET  /accounts/VENUE[/NAME]   open orders, fills, positions, money
GET  /counts                  messages and requests, faults met
POST /faults                  a fault, as JSON with the fields of `Fault`
POST /plan                    random faults, with the fields of `FaultPlan`
POST /clear                   disarm what waits
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs
import msgspec
import trio

from sim.config import ConfigError, structured
from sim.emulator.fault_plan import FaultPlan
from sim.emulator.faults import Fault
from sim.emulator.http import serve_http
from sim.emulator.requests import HttpAnswer, HttpRequest

if TYPE_CHECKING:
    from sim.emulator.emulator import Emulator


class Control:
    """Serves the control port of an emulator."""

    def __init__(self, emulator: "Emulator") -> None:
        self._emulator = emulator

    async def run(self, *, task_status: "trio.TaskStatus[int]" = trio.TASK_STATUS_IGNORED) -> None:
        """Serve for ever; starts with its port."""
        config = self._emulator.config
        listeners = await trio.open_tcp_listeners(config.control_port, host=config.host)
        task_status.started(int(listeners[0].socket.getsockname()[1]))
        await trio.serve_listeners(self._serve, listeners)

    async def _serve(self, stream: trio.SocketStream) -> None:
        try:
            await serve_http(stream, b"", "", self.answer)
        except (OSError, trio.BrokenResourceError):
            pass  # the client is gone
        finally:
            await trio.aclose_forcefully(stream)

    def answer(self, request: HttpRequest) -> HttpAnswer:
        """Answer one request."""
        try:
            reply = self._get(request.path) if request.method == "GET" else self._post(request)
        except KeyError as error:
            return _json(404, {"error": str(error.args[0])})
        except (ConfigError, ValueError, msgspec.DecodeError) as error:
            return _json(400, {"error": str(error)})
        return _json(200, reply)

    def _get(self, path: str) -> Any:
        emulator = self._emulator
        kind, *rest = path.strip("/").split("/")
        if kind == "":
            return {
                "addresses": {venue: attrs.asdict(address) for venue, address in emulator.addresses.items()},
                "ca_file": None if emulator.ca_file is None else str(emulator.ca_file),
                "sockets": {venue: emulator.n_sockets(venue) for venue in emulator.addresses},
                "lag_s": emulator.lag_s,
            }
        if kind == "accounts" and 1 <= len(rest) <= 2:
            return attrs.asdict(emulator.truth(*rest))
        if kind == "counts":
            tally = emulator.tally
            return {
                "messages": _nested(tally.messages),
                "requests": _nested(tally.requests),
                "faults": dict(emulator.faults.met),
            }
        raise KeyError(f"no {path}; there are /, /accounts/VENUE, /counts")

    def _post(self, request: HttpRequest) -> Any:
        emulator = self._emulator
        fields = msgspec.json.decode(request.body) if request.body else {}
        if not isinstance(fields, dict):
            raise ValueError("the body must be a JSON object")
        if request.path == "/faults":
            emulator.inject(structured(fields, Fault, "fault"))
        elif request.path == "/plan":
            emulator.follow(structured(fields, FaultPlan, "plan"))
        elif request.path == "/clear":
            emulator.faults.clear()
        else:
            raise KeyError(f"no {request.path}; there are /faults, /plan, /clear")
        return {"done": True}


def _nested(counts: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (venue, name), count in counts.items():
        found.setdefault(venue, {})[name] = count
    return found


def _json(status: int, reply: Any) -> HttpAnswer:
    return HttpAnswer(status, msgspec.json.encode(reply, enc_hook=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not written as JSON")
