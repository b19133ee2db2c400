"""The venue's side of the live benchmark: a public socket that sends prebuilt frames, and taps before an emulator's
trade socket and REST that note when the bytes of an order come.

`python -m tests.bench.live_feed TASK`, TASK a JSON object: {"trade": port, "rest": port} of the emulator.  Writes its
own ports as a line of JSON, and then, for each line {"to", "rate", "seconds", "every"} that it reads, sends so many
book messages a second to the subscriber who was the `to`-th to come (rate 0: as fast as they are taken), and writes
what it measured.

Plain threads on blocking sockets: the sender must not wait for a loop, and is nobody's dependency.  A trigger is a
message that moves the best bid; whoever is measured answers by an order.  Its latency is from just before the trigger
is written, some 10 us before it can be read, to when the bytes that place an order have come by the kernel's stamp:
from socket readable to order written.  When this process is woken by them is not in it.
"""

import base64
import contextlib
import hashlib
import json
import random
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

TOPIC: Final = "orderbook.50.SOLUSDT"
BEST: Final = 19_000  # ticks of 0.01
DEPTH: Final = 50
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
Send: TypeAlias = Callable[[bytes], None]
_SO_TIMESTAMPNS: Final = 35  # of Linux; what is received is stamped by the kernel, as (seconds, ns) of the wall's clock
_ROOM_FOR_STAMP: Final = socket.CMSG_SPACE(16)
_BURST: Final = 64  # frames written at once where no rate is asked for


def main() -> int:
    task = json.loads(sys.argv[1])
    feed = Feed()
    trade = Tap(task["trade"], feed.saw_order, places_order)
    rest = Tap(task["rest"], feed.saw_order, lambda data: b"/v5/order/create" in data)
    print(json.dumps({"public": feed.port, "trade": trade.port, "rest": rest.port}), flush=True)
    for line in sys.stdin:
        print(json.dumps(feed.run(**json.loads(line))), flush=True)
    return 0


class Subscriber:
    """Who has a book, and what he was sent of it last."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self._is_sending = threading.Lock()
        self.sequence = 1000
        self.is_up = False  # the best bid is one tick higher

    def send(self, data: bytes) -> None:
        """Send whole frames: books and answers come from two threads."""
        with self._is_sending:
            self._client.sendall(data)

    def snapshot(self) -> bytes:
        """Return the book's beginning, framed."""
        bids = [[BEST - place, 100 + place] for place in range(DEPTH)]
        asks = [[BEST + 5 + place, 100 + place] for place in range(DEPTH)]
        return self._frame("snapshot", bids, asks, time.time() * 1e3)

    def frames(self, count: int, every: int, rate: float, seed: int) -> Iterator[tuple[bytes, bool]]:
        """Yield frames: changes of a few levels below the best, and every so often one that moves the best bid."""
        rng = random.Random(seed)
        begin_ms = time.time() * 1e3 + 50.0
        for place in range(count):
            is_trigger = place % every == every - 1 or place == count - 1
            bids = [[BEST - rng.randrange(2, DEPTH), rng.randrange(1, 5000)] for _ in range(3)]
            asks = [[BEST + rng.randrange(6, DEPTH), rng.randrange(1, 5000)] for _ in range(3)]
            if is_trigger:
                self.is_up = not self.is_up
                bids.insert(0, [BEST + 1, 37 if self.is_up else 0])
            yield self._frame("delta", bids, asks, begin_ms + place / rate * 1e3), is_trigger

    def _frame(self, kind: str, bids: list[list[int]], asks: list[list[int]], ts_ms: float) -> bytes:
        def side(levels: list[list[int]]) -> list[list[str]]:
            return [[f"{ticks // 100}.{ticks % 100:02}", f"{lots // 10}.{lots % 10}"] for ticks, lots in levels]

        self.sequence += 1
        ts = round(ts_ms)
        data = {"s": "SOLUSDT", "b": side(bids), "a": side(asks), "u": self.sequence, "seq": self.sequence * 7}
        return framed({"topic": TOPIC, "type": kind, "ts": ts, "data": data, "cts": ts})


class Feed:
    """Sends books to one subscriber at a time."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._subscribers: list[Subscriber] = []
        self._news = threading.Condition()
        self._triggered_ns = 0
        self._latencies_ns: list[int] = []
        self._answered = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def saw_order(self, at_ns: int) -> None:
        """Take the first order after a trigger as its answer."""
        if self._triggered_ns:
            self._latencies_ns.append(at_ns - self._triggered_ns)
            self._triggered_ns = 0
            self._answered.set()

    def run(self, to: int, rate: float, seconds: float, every: int, n: int = 0, seed: int = 7) -> dict[str, Any]:
        """Send for so long, a trigger with every so many messages; return what was measured."""
        with self._news:
            assert self._news.wait_for(lambda: len(self._subscribers) > to, 60), f"subscriber {to} has not come"
        subscriber = self._subscribers[to]
        count = n or round(rate * seconds)
        frames = list(subscriber.frames(count, every, rate or 20_000.0, seed))
        send = subscriber.send
        self._latencies_ns.clear()
        self._triggered_ns = 0
        began = time.perf_counter_ns()
        behind_s = self._send_at(send, frames, rate) if rate else self._send_flat_out(send, frames)
        is_answered = self._answered.wait(60)
        ended = time.perf_counter_ns()
        took_s = (ended - began) / 1e9
        return {
            "n": count,
            "bytes_per_message": round(sum(len(frame) for frame, _ in frames) / count),
            "n_triggers": sum(is_trigger for _, is_trigger in frames),
            "latencies_us": [each / 1e3 for each in self._latencies_ns],
            "sent_late_ms": behind_s * 1e3,
            "messages_per_s": count / took_s if is_answered else 0.0,
        }

    def _send_at(self, send: Send, frames: list[tuple[bytes, bool]], rate: float) -> float:
        clock = time.perf_counter
        begin, worst = clock() + 0.01, 0.0
        for place, (frame, is_trigger) in enumerate(frames):
            due = begin + place / rate
            while (left := due - clock()) > 0:
                if left > 0.0002:
                    time.sleep(left - 0.0001)
            worst = max(worst, -left)
            if is_trigger:
                self._answered.clear()
                self._triggered_ns = time.time_ns()
            send(frame)
        return worst

    def _send_flat_out(self, send: Send, frames: list[tuple[bytes, bool]]) -> float:
        """Send all as fast as it is taken; only the last is a trigger, so that its answer says that all was read."""
        for begin in range(0, len(frames) - 1, _BURST):
            send(b"".join(frame for frame, _ in frames[begin : min(begin + _BURST, len(frames) - 1)]))
        self._answered.clear()
        self._triggered_ns = time.time_ns()
        send(frames[-1][0])
        return 0.0

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.sendall(upgrade(read_head(client)))
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        subscriber = Subscriber(client)
        for text in read_frames(client, subscriber.send):
            message = json.loads(text)
            answer = {"success": True, "req_id": message.get("req_id", "")}
            if message.get("op") == "ping":
                subscriber.send(framed({**answer, "ret_msg": "pong", "op": "ping"}))
            elif message.get("op") == "subscribe":
                subscriber.send(framed({**answer, "ret_msg": "", "op": "subscribe", "conn_id": "bench"}))
                if any(topic.startswith("orderbook.") for topic in message["args"]):
                    subscriber.send(subscriber.snapshot())
                    with self._news:
                        self._subscribers.append(subscriber)
                        self._news.notify_all()


class Tap:
    """Passes bytes to and from a port of the emulator, and tells when a client's are those of an order."""

    def __init__(self, port: int, saw: Callable[[int], None], is_order: Callable[[bytes], bool]) -> None:
        self._to = port
        self._saw, self._is_order = saw, is_order
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            server = socket.create_connection(("127.0.0.1", self._to))
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, is_watched: bool) -> None:
        if is_watched:
            source.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        try:
            while (news := source.recvmsg(65_536, _ROOM_FOR_STAMP))[0]:
                data, stamps, _, _ = news
                if is_watched and self._is_order(data):
                    self._saw(arrived_ns(stamps))
                target.sendall(data)
        except OSError:
            pass
        finally:
            target.close()


def places_order(data: bytes) -> bool:
    """Tell whether one of a client's frames places an order; a cancel is none."""
    at = 0
    while at + 6 <= len(data):
        size, body = data[at + 1] & 127, at + 6
        if size == 126:
            size, body = int.from_bytes(data[at + 2 : at + 4], "big"), at + 8
        if b'"order.create' in unmasked(data[body - 4 : body], data[body : body + size]):
            return True
        at = body + size
    return False


def arrived_ns(stamps: list[tuple[int, int, bytes]]) -> int:
    """Return when the last of what was received came, ns since the Unix epoch."""
    for level, kind, data in stamps:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, ns = struct.unpack("qq", data)
            return int(seconds * 1_000_000_000 + ns)
    return time.time_ns()


# --- WebSocket, as far as it is needed -------------------------------------------------------------------------------


def read_head(client: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        head += client.recv(4096)
    return head


def upgrade(head: bytes) -> bytes:
    key = next(
        line.split(b":")[1].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:")
    )
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def framed(message: dict[str, Any]) -> bytes:
    data = json.dumps(message, separators=(",", ":")).encode()
    n = len(data)
    size = bytes([n]) if n < 126 else b"\x7e" + n.to_bytes(2, "big") if n < 65_536 else b"\x7f" + n.to_bytes(8, "big")
    return b"\x81" + size + data


def unmasked(mask: bytes, data: bytes) -> bytes:
    return bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))


def read_frames(client: socket.socket, send: Send) -> Iterator[bytes]:
    """Yield a client's text frames until it is gone; pings of the protocol are answered."""
    stream = client.makefile("rb")
    with contextlib.suppress(ConnectionError):
        while len(head := stream.read(2)) == 2:
            size = head[1] & 127
            if size == 126:
                size = int.from_bytes(stream.read(2), "big")
            elif size == 127:
                size = int.from_bytes(stream.read(8), "big")
            mask = stream.read(4)
            data = unmasked(mask, stream.read(size))
            if head[0] & 15 == 9:
                send(b"\x8a" + bytes([len(data)]) + data)
            elif head[0] & 15 == 1:
                yield data


if __name__ == "__main__":
    sys.exit(main())
