"""Rows of equity made many at a time, where the market runs ahead from one to the next.

The position tracker asks for a timer each second, and in a market that nobody trades that is most of what happens.  As
long as a row goes to the recorder alone, and nothing but the market comes before it, the timer, its delivery and the
row's bring about what is done here at once; they are counted as if they had been delivered.
"""

from collections.abc import Sequence
from typing import Final

from actors.position_tracker import STAMP, PositionTracker
from actors.runtime.agenda import FAR
from actors.runtime.cell import Cell
from actors.runtime.wiring import RECORDER, TRACKER
from market.messages import EquityStamp
from market.units import Nanos, Ticks
from sim.virtual import VirtualNursery

_NEVER: Final = (FAR, 1)


class PlainStamps:
    """Stands in for the tracker's timer.

    Attributes:
        until: until when nothing but the market and these timers happens; set by `look`.
    """

    def __init__(self, nursery: VirtualNursery) -> None:
        self.until: Nanos = 0
        self._nursery = nursery
        self._tracker, self._recorder = nursery.cell(TRACKER), nursery.cell(RECORDER)
        self._seen = -1
        self._is_plain = False

    def look(self, until: Nanos) -> tuple[Nanos, Nanos]:
        """Return when the next row is due and the time between two; FAR: they are to be delivered.

        Args:
            until: what `until` is then: the first timer of all.
        """
        self.until = until
        at, rank, second = self._nursery.agenda.first_two()
        if at != until or rank != (self._tracker.place, STAMP) or not self._goes_straight():
            return _NEVER
        self.until = second
        tracker = self._tracker.actor
        assert isinstance(tracker, PositionTracker)
        return at, tracker.stamp_ns

    def make(self, times: Sequence[Nanos], marks: Sequence[Sequence[Ticks]]) -> None:
        """Let the timers of these times have happened.

        Args:
            marks: as `PositionTracker.stamps` takes them.
        """
        nursery, tracker, recorder = self._nursery, self._tracker.actor, self._recorder.actor
        assert isinstance(tracker, PositionTracker)
        take = self._recorder.on[EquityStamp]
        (way,) = self._tracker.outlets["equity"]
        n = len(times)
        for stamp in tracker.stamps(times, marks):
            if not self._recorder.is_up:
                nursery.post(way, stamp)  # it is counted when it is taken
                continue
            recorder.now = stamp.ts
            n += 1
            try:
                take(stamp)
            except Exception as error:
                nursery.fell(way, error)
        nursery.agenda.pop()
        nursery.told(n, times[-1])
        nursery.give(self._tracker)

    def _goes_straight(self) -> bool:
        """Tell whether the timer reaches the tracker, and the row the recorder and nobody else, by plain mailboxes."""
        if self._seen != self._nursery.n_changes:
            self._seen = self._nursery.n_changes
            ways = self._tracker.outlets.get("equity", ())
            self._is_plain = (
                _is_plain(self._tracker)
                and _is_plain(self._recorder)
                and len(ways) == 1
                and ways[0].cell is self._recorder
                and ways[0].tap is None
            )
        return self._is_plain


def _is_plain(cell: Cell) -> bool:
    return cell.is_up and not cell.is_slow
