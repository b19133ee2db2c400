"""The venue's markets, read now and then: a change of what we trade needs a person."""

from collections.abc import Iterable
from typing import Final

from market.instrument import Instrument
from market.messages import TradingState
from market.units import MINUTE, SECOND, Nanos
from venues.paradex.gate import PUBLIC, ParadexGate
from venues.paradex.instruments import LIST, changed, read_markets
from venues.paradex.structs import NAME
from venues.ports import ask_for_person
from venues.venue import HttpAnswer, Output
from venues.wire import RemoteProtocolError

_EVERY: Final = 5 * MINUTE
_RETRY: Final = 15 * SECOND


class Rules:
    """Watches the markets; `due`: when to read them (again)."""

    def __init__(self, instruments: Iterable[Instrument], gate: ParadexGate) -> None:
        self._instruments, self._gate = tuple(instruments), gate
        self._told = ""
        self.due: Nanos = 0

    def doubt(self, now: Nanos) -> None:
        """Something was refused that they allow."""
        self.due = min(self.due, now)

    def ask(self, now: Nanos) -> list[Output]:
        """Read them if that is due."""
        if now < self.due:
            return []
        free_at = self._gate.free_at(PUBLIC, now)
        self.due = max(now + _RETRY, free_at)  # unless it is answered
        return [self._gate.send(LIST, self._take, PUBLIC, now)] if free_at <= now else []

    def _take(self, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if answer is None:
            return []
        if answer.status != 200:
            raise RemoteProtocolError(f"paradex answers its markets with status {answer.status}")
        text = "; ".join(changed(self._instruments, read_markets(answer.body)))
        self.due = now + _EVERY
        if text == self._told:
            return []
        self._told = text
        # what was computed with other ticks and lots is of no use; a new run reads the new ones
        return ask_for_person(NAME, TradingState.HALTED, text, now) if text else []
