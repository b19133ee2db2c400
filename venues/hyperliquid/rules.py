"""The venue's list of assets, read at the start and now and then: orders name an asset by its place in it."""

from collections.abc import Iterable
from typing import Final

from market.instrument import Instrument
from market.messages import TradingState
from market.units import MINUTE, SECOND, Nanos
from venues.hyperliquid.gate import HyperliquidGate, info
from venues.hyperliquid.instruments import instrument_of, read_meta
from venues.hyperliquid.structs import NAME
from venues.ports import ask_for_person
from venues.venue import HttpAnswer, Output
from venues.wire import RemoteProtocolError

_EVERY: Final = 5 * MINUTE
_RETRY: Final = 5 * SECOND


class Rules:
    """Numbers and grids of what we trade.

    Attributes:
        assets: the number of each symbol that is listed; empty until it is read.
        due: when to read the list (again).
    """

    def __init__(self, instruments: Iterable[Instrument], gate: HyperliquidGate) -> None:
        self._instruments = tuple(instruments)
        self._gate = gate
        self.assets: dict[str, int] = {}
        self._told = ""
        self.due: Nanos = 0

    @property
    def is_known(self) -> bool:
        """Every instrument of ours has its number."""
        return all(each.symbol in self.assets for each in self._instruments)

    def doubt(self, now: Nanos) -> None:
        """Something was refused that they allow."""
        self.due = min(self.due, now)

    def ask(self, now: Nanos) -> list[Output]:
        """Read them if that is due."""
        if now < self.due:
            return []
        request = info("meta")
        free_at = self._gate.free_at(request, now)
        if free_at > now:
            self.due = free_at
            return []
        self.due = now + _RETRY  # unless it is answered
        return [self._gate.send(request, self._take, now)]

    def _take(self, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if answer is None:
            return []
        if answer.status != 200:
            raise RemoteProtocolError(f"hyperliquid answers meta with status {answer.status}")
        rows = read_meta(answer.body)
        self.due = now + _EVERY
        faults = []
        for each in self._instruments:
            number, row = rows.get(each.symbol, (-1, None))
            if row is None or row.is_delisted:
                faults.append(f"{each.name} is not listed any more")
                continue
            if self.assets.get(each.symbol, number) != number:
                faults.append(f"{each.name} has number {number}, had {self.assets[each.symbol]}")
            listed = instrument_of(row, each.id, each.valid_from)
            if (listed.tick, listed.lot) != (each.tick, each.lot):
                faults.append(f"tick and lot of {each.name} are {listed.tick}, {listed.lot}: {each.tick}, {each.lot}")
            self.assets[each.symbol] = number
        text = "; ".join(faults)
        if text == self._told:
            return []
        self._told = text
        # what was computed with other ticks and lots is of no use; a new run reads the new ones
        return ask_for_person(NAME, TradingState.HALTED, text, now) if text else []
