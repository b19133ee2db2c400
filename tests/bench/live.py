"""How fast a live run answers a book: `python -m tests.bench.live`, two minutes and one JSON line.

Four processes: the trader (a whole live run), a feed of prebuilt frames of Bybit's public socket that also notes when
an order comes (tests.bench.live_feed), an emulator behind it that takes the orders, and ccxt.pro in the trader's place.
Latencies are from just before the bytes of a book's change are written to the trader's socket to when the kernel at the
other end has the bytes that place its order: both ways over loopback included.  A quote of ours replaces the one
before, whose cancel goes first; beside the peer it only places, as the peer does.

- `ws`: at 2,000 book messages a second, 50 moves of the best bid a second, orders by the trade socket, with recording
  and journal.  `rest`: the same where the venue has no trade socket; `plain`: as `ws`, without recording and journal.
- `sustained_per_s`: messages that are read, kept, recorded and quoted on when they come as fast as they are taken.
- `cpu_us_per_message`: of the trader's processor time, its threads that write files included; on a busy machine it says
  more than the clock.
- `codec_us_per_message`: of a frame of this feed to its message.  `recorder`: tests.bench.recorder, shorter.
- `peer`: our run without recording and journal and a loop on ccxt.pro, both connected at once and measured in turns by
  the same frames, at the rates given, and flat out; both decode, keep the book, decide, sign and send.  `ratio` is
  theirs over ours.
- `sent_late_ms`: the worst that the feed itself was late: what the machine, not the trader, is to blame for in a p99.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from market import Instrument
from tests.bench import live_feed, recorder
from venues.bybit.market_data import MarketData
from venues.bybit.structs import read_frame

ROOT: Final = Path(__file__).resolve().parents[2]
RATE: Final = 2000
EVERY: Final = 40  # messages between two moves of the best bid
PEER_RATES: Final = (200, 2000)
PEER_EVERY: Final = {200: 8, 2000: 40}
PEER_TURNS: Final = 3
PEER_FLAT_OUT: Final = 20_000  # messages: the peer takes a while
N_RECORDED: Final = 50_000
N_DECODED: Final = 20_000


class Process:
    """A process that speaks JSON, a line each way."""

    def __init__(self, module: str, task: Mapping[str, Any] | None = None) -> None:
        words = [] if task is None else [json.dumps(task)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *words],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} has ended with {self._process.wait()}")
        told: dict[str, Any] = json.loads(line)
        return told

    def ask(self, **what: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return self.read()

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description="Time a live run.")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement at a rate (default 8)")
    parser.add_argument("--messages", type=int, default=100_000, help="of the measurement flat out (default 100000)")
    parser.add_argument("--no-peer", action="store_true", help="leave ccxt.pro out")
    options = parser.parse_args()
    with processes() as start, tempfile.TemporaryDirectory(prefix="live-bench-") as scratch:
        bench = Bench(start, Path(scratch), options)
        found = {"bench": "live", "load_before": round(os.getloadavg()[0], 2), "cores": os.cpu_count()}
        found |= {"rate_per_s": RATE, **bench.ours()}
        if not options.no_peer:
            found["peer"] = bench.peer()
    with tempfile.TemporaryDirectory(prefix="live-bench-") as scratch:
        found["codec_us_per_message"] = decoding_us()
        found["recorder"] = recorder.measure(Path(scratch), recorder.messages(N_RECORDED, 6))
    print(json.dumps(found))
    return 0


@contextmanager
def processes() -> Iterator[Any]:
    """Yield what starts a process that does not outlive the block."""
    started: list[Process] = []

    def start(module: str, task: Mapping[str, Any] | None = None) -> Process:
        started.append(Process(module, task))
        return started[-1]

    try:
        yield start
    finally:
        for process in reversed(started):
            process.kill()


class Bench:
    """The venue's side, and one trader after another."""

    def __init__(self, start: Any, scratch: Path, options: argparse.Namespace) -> None:
        self._start = start
        self._scratch = scratch
        self._options = options
        self._n_traders = self._n_subscribers = 0
        self._venue = start("tests.bench.live_venue")
        told = self._venue.read()
        self._keys = told["account"]
        self._private = told["private"]
        self._feed = start("tests.bench.live_feed", {"trade": told["trade"], "rest": told["rest"]})
        self._ports = self._feed.read()

    def ours(self) -> dict[str, Any]:
        """Return what a whole run does, and what it does with less."""
        found: dict[str, Any] = {}
        seconds = self._options.seconds
        trader = self._trader()
        found["ws"] = trader.at(RATE, seconds, EVERY)
        found |= trader.flat_out(self._options.messages)
        found["recorded"] = trader.end()["recorded"]
        trader = self._trader(record=False, journal=False)
        found["plain"] = trader.at(RATE, seconds / 2, EVERY)
        trader.end()
        trader = self._trader(by_socket=False)
        found["rest"] = trader.at(RATE, seconds / 2, EVERY)
        trader.end()
        return found

    def peer(self) -> dict[str, Any]:
        """Return what a plain run and ccxt.pro do in turns, by the trade socket and by REST."""
        return {"ws": self._in_turns(by_socket=True), "rest": self._in_turns(by_socket=False)}

    def _in_turns(self, *, by_socket: bool) -> dict[str, Any]:
        ours = self._trader(record=False, journal=False, by_socket=by_socket, strategy="Placing")
        theirs = self._ccxt(by_socket=by_socket)
        seconds = self._options.seconds / 2
        both_of = (("ours", ours), ("ccxt", theirs))
        found: dict[str, Any] = {}
        for rate in PEER_RATES:
            told: dict[str, list[dict[str, Any]]] = {"ours": [], "ccxt": []}
            for _ in range(PEER_TURNS):
                for name, each in both_of:
                    told[name].append(each.ask(rate=rate, seconds=seconds, every=PEER_EVERY[rate]))
            both = {name: latencies(*turns) for name, turns in told.items()}
            found[f"at {rate}/s"] = both | {"ratio": round(both["ccxt"]["p50_us"] / both["ours"]["p50_us"], 2)}
        if by_socket:
            turns = [{name: each.flat_out(PEER_FLAT_OUT) for name, each in both_of} for _ in range(PEER_TURNS)]
            most = {name: max((turn[name] for turn in turns), key=_rate) for name, _ in both_of}
            ratio = most["ccxt"]["sustained_per_s"] / most["ours"]["sustained_per_s"]
            found["flat out"] = most | {"ratio": round(ratio, 3)}
        ours.end()
        theirs.process.kill()
        return found

    def _trader(
        self, *, record: bool = True, journal: bool = True, by_socket: bool = True, strategy: str = "Answering"
    ) -> "Contestant":
        self._n_traders += 1
        out = self._scratch / f"trader-{self._n_traders}"
        out.mkdir()
        more = {"out": str(out), "record": record, "journal": journal, "status": False, "session": self._n_traders}
        more |= {"strategy": strategy}
        return self._contestant("tests.bench.live_trader", self._task(by_socket=by_socket) | more)

    def _ccxt(self, *, by_socket: bool) -> "Contestant":
        return self._contestant("tests.bench.live_ccxt", self._task(by_socket=True) | {"by_socket": by_socket})

    def _contestant(self, module: str, task: dict[str, Any]) -> "Contestant":
        process: Process = self._start(module, task)
        process.read()
        contestant = Contestant(process, self._feed, self._n_subscribers)
        self._n_subscribers += 1
        contestant.ask(rate=RATE, seconds=1.0, every=EVERY)  # what is loaded and compiled at first
        return contestant

    def _task(self, *, by_socket: bool) -> dict[str, Any]:
        ports = {"public": self._ports["public"], "private": self._private}
        ports |= {"trade": self._ports["trade"]} if by_socket else {}
        sockets = {name: f"ws://127.0.0.1:{port}" for name, port in ports.items()}
        return {"rest": f"http://127.0.0.1:{self._ports['rest']}", "sockets": sockets, **self._keys}


class Contestant:
    """A process that trades, and the feed that it is subscribed to."""

    def __init__(self, process: Process, feed: Process, place: int) -> None:
        self.process = process
        self._feed = feed
        self._place = place

    def ask(self, **what: Any) -> dict[str, Any]:
        """Let it be fed; return what the feed has measured, and the processor time it took a message."""
        before = self._cpu_s()
        told = self._feed.ask(to=self._place, **what)
        assert told["latencies_us"], f"no order has come: {what}"
        return told | {"cpu_us_per_message": (self._cpu_s() - before) / told["n"] * 1e6}

    def at(self, rate: float, seconds: float, every: int) -> dict[str, Any]:
        return latencies(self.ask(rate=rate, seconds=seconds, every=every))

    def flat_out(self, n: int) -> dict[str, Any]:
        told = self.ask(rate=0, seconds=0, n=n, every=1 << 40)
        cpu_us = told["cpu_us_per_message"]
        return {"sustained_per_s": round(told["messages_per_s"]), "sustained_cpu_us_per_message": round(cpu_us, 1)}

    def end(self) -> dict[str, Any]:
        self.process.end()
        result: dict[str, Any] = self.process.read()["result"]
        assert result["complete"], result
        return result

    def _cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # of all its threads


def _rate(told: Mapping[str, Any]) -> float:
    rate: float = told["sustained_per_s"]
    return rate


def latencies(*turns: Mapping[str, Any]) -> dict[str, Any]:
    """Return quantiles of what the feed measured."""
    ordered = sorted(each for told in turns for each in told["latencies_us"])
    n = len(ordered)
    return {
        "n": n,
        "n_moves": sum(told["n_triggers"] for told in turns),
        "p50_us": round(ordered[n // 2], 1),
        "p99_us": round(ordered[min(n - 1, int(n * 0.99))], 1),
        "sent_late_ms": round(max(told["sent_late_ms"] for told in turns), 2),
        "cpu_us_per_message": round(sum(told["cpu_us_per_message"] for told in turns) / len(turns), 1),
    }


def decoding_us() -> float:
    """Return the processor time from a frame's text to its message."""
    texts = [frame[4:] for frame, _ in live_feed.Subscriber(socket.socket()).frames(N_DECODED, EVERY, RATE, 7)]
    instrument = Instrument(0, "bybit", "SOLUSDT", "SOL", "USDT", "USDT", Decimal("0.01"), Decimal("0.1"))
    data = MarketData([instrument], 50)
    begin = time.process_time()
    for text in texts:
        data.receive(read_frame(text), 1)
    return round((time.process_time() - begin) / N_DECODED * 1e6, 2)


if __name__ == "__main__":
    sys.exit(main())
