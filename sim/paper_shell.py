"""The shell of a venue on paper: stands at a connector's place, its market data is live, its orders stay in here."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Final

import trio

from actors.runtime.actor import Actor
from actors.runtime.live import SleepClock
from actors.runtime.nursery import Emit, Shell
from actors.runtime.together import run_together
from market.messages import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    ConnectionLost,
    PlaceOrder,
    RequestSnapshot,
    Started,
    Stop,
    Trade,
)
from market.units import SECOND
from sim.paper import PaperExchange

_PUBLIC: Final = ("books", "trades", "marks", "clock", "connection", "halts", "limits")
_LONGEST_WAIT: Final = 3600 * SECOND


class PaperVenue(Shell):
    """In: what any connector takes.  Out: market data as the real venue tells it, and facts of the simulated one.

    The connection inside is made without a key and is handed nothing but `_PASSED`: no order can reach the venue.

    Args:
        name, inner: of the connector, and the connection that brings market data alone.
        paper: where orders are matched; it outlives this shell.
    """

    ports: ClassVar[tuple[str, ...]] = (*_PUBLIC, "facts", "fills", "commands")
    _PASSED: ClassVar[tuple[type, ...]] = (Started, Stop, RequestSnapshot)

    def __init__(self, name: str, inner: Shell, paper: PaperExchange, clock: SleepClock) -> None:
        super().__init__(name)
        self._inner = inner
        self._paper = paper
        self._clock = clock
        self._wake = trio.Event()
        self._is_abandoned = False
        paper.connect()
        desk: Mapping[type, Callable[[Any], None]] = paper.desk.on
        self.on = {
            **{kind: self._ask for kind in desk if kind not in self._PASSED},
            **dict.fromkeys((PlaceOrder, AmendOrder, CancelOrder, CancelAll), self._submit),
            **dict.fromkeys(self._PASSED, self._pass_on),
        }

    # --- what actors send -------------------------------------------------------------------------------------------

    def _submit(self, command: Any) -> None:
        self._paper.submit(command, self.now)
        self._wake.set()

    def _ask(self, message: Any) -> None:
        """Let the simulated account be asked."""
        self._paper.desk.now = self.now
        self._paper.desk.handle(message)
        self._wake.set()

    def _pass_on(self, message: Any) -> None:
        """Let the connection inside have a message; what it says at once is heard as all that it says."""
        if type(message) not in self._inner.on:
            return
        self._inner.now = self.now
        self._inner.handle(message)
        for port, answer in self._inner.out:
            self.out.append((self._public(port, answer), answer))
            self._take(port, answer)
        self._inner.out.clear()

    # --- the end of a run that is given up --------------------------------------------------------------------------

    @property
    def n_unproven(self) -> int:
        return self._paper.desk.n_unproven

    def abandon(self) -> None:
        self._is_abandoned = True
        self._paper.desk.now = self.now
        self._paper.desk.abandon()
        self._wake.set()

    # --- beside the mailbox -----------------------------------------------------------------------------------------

    async def run(self, emit: Emit) -> None:
        self._inner.gather = self.gather
        await run_together(partial(self._inner.run, partial(self._hear, emit)), partial(self._play, emit))

    def _hear(self, emit: Emit, port: str, message: Any) -> bool:
        """Hand on what the connection inside tells, and let the simulated venue see it."""
        is_heard = emit(self._public(port, message), message)
        self._take(port, message)
        self._say(emit)
        return is_heard

    def _take(self, port: str, message: Any) -> None:
        if type(message) is Trade and port != "trades":
            return  # of an outage, and told late: no order of now was filled by it
        now = self._clock.now_ns()
        if type(message) is ConnectionLost:
            self._paper.lose_connection()
            if self._is_abandoned:
                self.abandon()  # it may have been lost, too
        else:
            self._paper.take(message, now)
        self._wake.set()

    def _public(self, port: str, message: Any) -> str:
        if port not in _PUBLIC:
            raise RuntimeError(f"{self._inner.name} told {type(message).__name__} by port {port}: it must have no key")
        return port

    async def _play(self, emit: Emit) -> None:
        """Tell what the simulated venue has to tell, when it is due."""
        while True:
            self._wake = trio.Event()
            self._say(emit)
            now = self._clock.now_ns()
            due = min(self._paper.next_at, now + _LONGEST_WAIT)
            with trio.move_on_after(self._clock.seconds_until(due)):
                await self._wake.wait()

    def _say(self, emit: Emit) -> None:
        for port, message in self._paper.advance(self._clock.now_ns()):
            emit(port, message)


def paper_connector(
    name: str, start_inner: Callable[[], Actor], paper: PaperExchange, clock: SleepClock
) -> Callable[[], Actor]:
    """Return what starts a venue's connector on paper.

    Args:
        start_inner: what starts the connection that brings market data alone: it must have no key.
    """

    def start() -> Actor:
        inner = start_inner()
        assert isinstance(inner, Shell), f"{name}: {inner!r} is no shell"
        return PaperVenue(name, inner, paper, clock)

    return start
