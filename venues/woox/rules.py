"""The venue's rules of what we trade, read now and then: a change of grids needs a person, a mode is obeyed."""

from collections.abc import Iterable, Mapping
from typing import Final

from market.instrument import Instrument
from market.messages import PlaceOrder, Reason, TradingState
from market.units import MINUTE, SECOND, InstrumentId, Nanos, Ticks
from venues.ports import ask_for_person
from venues.venue import HttpAnswer, Output
from venues.woox.gate import WooxGate
from venues.woox.instruments import LIST, Terms, changed, read_instruments, terms_of
from venues.woox.limits import PUBLIC
from venues.woox.structs import NAME

_EVERY: Final = 5 * MINUTE
_RETRY: Final = 15 * SECOND
_BUCKET: Final = (PUBLIC, "instruments")


class Rules:
    """What the venue takes at present.

    Args:
        marks: by instrument, the mark price as last heard, for the caps.

    Attributes:
        due: when to read them (again).
    """

    def __init__(self, instruments: Iterable[Instrument], marks: Mapping[InstrumentId, Ticks], gate: WooxGate) -> None:
        self._instruments = tuple(instruments)
        self._marks, self._gate = marks, gate
        self._terms = {each.id: Terms() for each in self._instruments}
        self._told = ""
        self.due: Nanos = 0

    def obstacle(self, order: PlaceOrder) -> Reason:
        """Return why an order would surely be refused; NONE: it may be taken."""
        return self._terms[order.instrument].obstacle(order, self._marks.get(order.instrument, 0))

    def doubt(self, now: Nanos) -> None:
        """Something was refused that they allow."""
        self.due = min(self.due, now)

    def ask(self, now: Nanos) -> list[Output]:
        """Read them if that is due."""
        if now < self.due:
            return []
        free_at = self._gate.free_at(_BUCKET, now)
        if free_at > now:
            self.due = free_at
            return []
        self.due = now + _RETRY  # unless it is answered
        return [self._gate.send(LIST, self._take, _BUCKET, now)]

    def _take(self, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if answer is None:
            return []
        rows = read_instruments(answer.body)
        self.due = now + _EVERY
        faults = changed(self._instruments, rows)
        # what was computed with other ticks and lots is of no use; a new run reads the new ones
        state = TradingState.HALTED if faults else TradingState.ACTIVE
        for each in self._instruments:
            row = rows.get(each.symbol)
            if row is None:
                continue
            terms = self._terms[each.id] = terms_of(row, each.tick)
            if terms.wanted_state:
                faults.append(f"{each.name} is {row.status}, {row.order_mode}")
                state = max(state, terms.wanted_state)
        text = "; ".join(faults)
        if text == self._told:
            return []
        self._told = text
        return ask_for_person(NAME, state, text, now) if text else []
