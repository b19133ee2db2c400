"""How a book is put together from the stream of changes and a snapshot by REST, and when it is not to be trusted.

The venue's rules: changes are kept from the first on; then a snapshot is asked for; the first change applied is the one
that reaches over the snapshot's update or follows it; each later one follows the one before.  Update numbers are not
consecutive, only `pu` shows that none is missing.  Levels are absolute, so that a change that begins before the
snapshot does no harm.

A snapshot is passed on at once, before any change has come that reaches over it: it is the book as it was, and a later
change that does not follow it is a gap like any other.
"""

from collections import Counter, deque
from typing import Final

import attrs
from msgspec.structs import replace

from market.messages import BookDelta, BookGap, BookSnapshot
from market.units import SECOND, InstrumentId, Nanos
from venues.binance.market_data import DepthDiff, Touch

NEVER: Final[Nanos] = 1 << 62

BookMessage = BookSnapshot | BookDelta | BookGap


@attrs.frozen
class BookSyncConfig:
    """When to ask, and when to distrust.

    Attributes:
        first_wait_s: a stream that says nothing for so long after the connection is up is asked for its book anyway.
        answer_s: a snapshot that has not come after so long is asked for again.
        backoff_s, max_backoff_s: pause before the second snapshot in a row; it doubles up to the largest.
        steady_s: a book that was whole for so long begins anew without a pause.
        silent_s: a book without any change for so long is stale; 0: never, for markets that are that quiet.
        behind_s: the touch has been beyond the book for so long: changes have stopped.
        max_waiting: changes kept for after the snapshot; beyond, the oldest go.
    """

    first_wait_s: float = attrs.field(default=3.0, validator=attrs.validators.gt(0))
    answer_s: float = attrs.field(default=5.0, validator=attrs.validators.gt(0))
    backoff_s: float = attrs.field(default=1.0, validator=attrs.validators.gt(0))
    max_backoff_s: float = attrs.field(default=30.0, validator=attrs.validators.gt(0))
    steady_s: float = attrs.field(default=30.0, validator=attrs.validators.ge(0))
    silent_s: float = attrs.field(default=60.0, validator=attrs.validators.ge(0))
    behind_s: float = attrs.field(default=2.0, validator=attrs.validators.gt(0))
    max_waiting: int = attrs.field(default=4096, validator=attrs.validators.ge(1))


class BookSync:
    """The book of one instrument on one connection after another.  Begins without a connection.

    Attributes:
        seq: update number of what was last passed on; -1 if the book has to begin anew.
        ask_at: when to ask for a snapshot; NEVER if none is wanted, or one is on its way.
        skipped: changes passed over, by reason.
    """

    def __init__(self, instrument: InstrumentId, config: BookSyncConfig | None = None) -> None:
        self.instrument = instrument
        self.config = config or BookSyncConfig()
        self._silent_after = round(self.config.silent_s * SECOND)
        self._behind_after = round(self.config.behind_s * SECOND)
        self.seq = -1
        self.ask_at: Nanos = NEVER
        self.skipped: Counter[str] = Counter()
        self._waiting: deque[DepthDiff] = deque()
        self._is_first = False  # the next change may reach back before the snapshot
        self._asked_at: Nanos = NEVER
        self._n_asked = 0  # since the book was last steady
        self._not_before: Nanos = 0
        self._whole_since: Nanos = NEVER
        self._heard_at: Nanos = NEVER
        self._behind_since: Nanos = NEVER
        self._touch_seq = -1

    @property
    def is_live(self) -> bool:
        """The book has begun, and nothing is missing since."""
        return self.seq >= 0

    # --- the connection ----------------------------------------------------------------------------------------------

    def connected(self, now: Nanos) -> None:
        """The stream is subscribed; its chain has nothing to do with that of an earlier one."""
        self._begin_anew(now + round(self.config.first_wait_s * SECOND))

    def disconnected(self, now: Nanos) -> list[BookMessage]:
        was_live = self.is_live
        self._begin_anew(NEVER)
        self._n_asked = 0
        return [BookGap(self.instrument, now, "the connection was lost")] if was_live else []

    def restart(self, now: Nanos) -> None:
        """Whoever keeps the book asks for it from the beginning."""
        if self.is_live:
            self._begin_anew(now + self._pause(now))

    # --- changes -----------------------------------------------------------------------------------------------------

    def on_diff(self, diff: DepthDiff) -> list[BookMessage]:
        """Return what follows from a change: itself; a gap; or nothing, because it waits or is known."""
        delta = diff.delta
        now = delta.ts_recv
        self._heard_at = now
        if not self.is_live:
            self._wait(diff, now)
            return []
        if delta.seq <= self.seq:
            self.skipped["older than the book"] += 1
            return []
        if not self._follows(diff, self.seq):
            gap = BookGap(self.instrument, now, f"a change that follows {delta.prev_seq} came after {self.seq}")
            self._begin_anew(now + self._pause(now))
            self._wait(diff, now)
            return [gap]
        self._note_progress(delta.seq, now)
        return [self._pass(delta)]

    def on_touch(self, touch: Touch) -> None:
        """Take the touch as a witness: the book must soon reach its update."""
        if self.is_live and touch.seq > self.seq:
            self._touch_seq = max(self._touch_seq, touch.seq)
            if self._behind_since == NEVER:
                self._behind_since = touch.ts_recv

    # --- snapshots ---------------------------------------------------------------------------------------------------

    def asked(self, now: Nanos) -> None:
        """A snapshot has been requested."""
        self.ask_at, self._asked_at = NEVER, now
        self._n_asked += 1

    def put_off(self, at: Nanos) -> None:
        """What was to be asked for is not, as the limits have no room for it before `at`."""
        self.ask_at = self._not_before = at
        self._asked_at = NEVER
        self._n_asked -= 1

    def refused(self, now: Nanos) -> None:
        """The request for the snapshot has failed."""
        if self._asked_at != NEVER:
            self._ask_again(now)

    def on_snapshot(self, snapshot: BookSnapshot) -> list[BookMessage]:
        """Return the snapshot and what has waited for it; nothing if it is older than all that waits."""
        if self._asked_at == NEVER:
            self.skipped["snapshot that is not waited for"] += 1
            return []
        waiting = self._waiting
        while waiting and waiting[0].delta.seq <= snapshot.seq:
            waiting.popleft()
        if waiting and not _reaches(waiting[0], snapshot.seq):
            self.skipped["snapshot that is too old"] += 1
            self._ask_again(snapshot.ts_recv)
            return []
        self._asked_at = NEVER
        self._whole_since = self._heard_at = snapshot.ts_recv
        self.seq, self._is_first = snapshot.seq, True
        found: list[BookMessage] = [snapshot]
        found += [self._pass(diff.delta) for diff in waiting]
        waiting.clear()
        return found

    # --- time --------------------------------------------------------------------------------------------------------

    def next_deadline(self) -> Nanos:
        """Return when `on_deadline` may have something to say; `ask_at` is apart."""
        config = self.config
        if not self.is_live:
            return self._asked_at + round(config.answer_s * SECOND) if self._asked_at != NEVER else NEVER
        silent = self._heard_at + self._silent_after if self._silent_after else NEVER
        behind = self._behind_since + self._behind_after if self._behind_since != NEVER else NEVER
        return min(silent, behind)

    def on_deadline(self, now: Nanos) -> list[BookMessage]:
        """Return a gap if the book is stale: the stream is then to be opened anew.  Give up a snapshot that is late."""
        if now < self.next_deadline():
            return []
        if not self.is_live:
            self._ask_again(now)
            return []
        if self._behind_since != NEVER and now >= self._behind_since + round(self.config.behind_s * SECOND):
            reason = f"the touch is at update {self._touch_seq}, the book stays at {self.seq}"
        else:
            reason = f"nothing was heard of it for {self.config.silent_s:g} s"
        self._begin_anew(now + self._pause(now))
        return [BookGap(self.instrument, now, reason)]

    # --- inside ------------------------------------------------------------------------------------------------------

    def _begin_anew(self, ask_at: Nanos) -> None:
        self.seq, self.ask_at = -1, ask_at
        self._asked_at = self._behind_since = self._heard_at = NEVER
        self._touch_seq = -1
        self._waiting.clear()

    def _wait(self, diff: DepthDiff, now: Nanos) -> None:
        waiting = self._waiting
        if waiting and diff.delta.seq <= waiting[-1].delta.seq:
            self.skipped["repeated while waiting"] += 1
            return
        if waiting and diff.delta.prev_seq != waiting[-1].delta.seq:
            waiting.clear()  # a snapshot that reaches over the hole is needed
        elif len(waiting) >= self.config.max_waiting:
            waiting.popleft()
        waiting.append(diff)
        if self._asked_at == NEVER:
            self.ask_at = min(self.ask_at, max(now + self._pause(now), self._not_before))

    def _ask_again(self, now: Nanos) -> None:
        self._asked_at = NEVER
        self.ask_at = now + self._pause(now)

    def _pause(self, now: Nanos) -> Nanos:
        """Return how long to wait before the next snapshot."""
        config = self.config
        if self.is_live and now - self._whole_since >= round(config.steady_s * SECOND):
            self._n_asked = 0
        if self._n_asked == 0:
            return 0
        pause = config.backoff_s * (1 << min(self._n_asked - 1, 16))
        return round(min(pause, config.max_backoff_s) * SECOND)

    def _follows(self, diff: DepthDiff, seq: int) -> bool:
        return _reaches(diff, seq) if self._is_first else diff.delta.prev_seq == seq

    def _pass(self, delta: BookDelta) -> BookDelta:
        # one that reaches back before the snapshot is said to follow it, which is what it does
        passed = delta if delta.prev_seq == self.seq else replace(delta, prev_seq=self.seq)
        self.seq, self._is_first = delta.seq, False
        return passed

    def _note_progress(self, seq: int, now: Nanos) -> None:
        if seq >= self._touch_seq:
            self._behind_since = NEVER
        elif self._behind_since != NEVER:
            self._behind_since = now  # it moves


def _reaches(diff: DepthDiff, seq: int) -> bool:
    """Tell whether a change that goes beyond update `seq` leaves nothing out after it."""
    return diff.first <= seq or diff.delta.prev_seq == seq
