"""`RequestAccount` answered by one whole `AccountSnapshot`, however often it takes; never by half of one."""

from abc import ABC, abstractmethod
from functools import partial
from typing import Final, Generic, Protocol, TypeVar

from market.messages import AccountSnapshot, RequestAccount
from market.units import SECOND, Nanos
from venues.venue import NEVER, Answered, HttpAnswer, Output, Tell
from venues.wire import RemoteProtocolError

_FIRST_PAUSE: Final = SECOND // 2  # after a failure; it doubles
_LONGEST_PAUSE: Final = 16 * SECOND
_DOUBT_PAUSE: Final = SECOND  # several doubts at a time are one


class Reader(Protocol):
    """A snapshot in the making; `snapshot` is None until it is whole."""

    @property
    def snapshot(self) -> AccountSnapshot | None: ...


R = TypeVar("R", bound=Reader)
Q = TypeVar("Q")


class AccountAsking(ABC, Generic[R, Q]):
    """One reading at a time; what is asked meanwhile is answered by the next, which covers all of it.

    A venue says with what reader it begins, when each of the reader's questions may leave and how, and how the reader
    takes an answer.

    Args:
        payments_every: funding is asked for no more often, unless it is wanted from an earlier time on.
    """

    def __init__(self, payments_every: Nanos = 0) -> None:
        self._wanted: RequestAccount | None = None
        self._served: RequestAccount | None = None
        self._reader: R | None = None
        self._held: list[Q] = []
        self._n_failed = 0
        self._payments_every = payments_every
        self._paid: tuple[Nanos, Nanos] = (-payments_every, NEVER)  # when funding was asked for, and since when
        self._due: Nanos = NEVER
        self._doubt_at: Nanos = NEVER

    @abstractmethod
    def _begin(self, command: RequestAccount, now: Nanos) -> tuple[R, list[Q]]:
        """Return a fresh reader, and its first questions."""

    @abstractmethod
    def _free_at(self, question: Q, now: Nanos) -> Nanos:
        """Return from when on a question may be sent."""

    @abstractmethod
    def _ask(self, question: Q, answered: Answered, now: Nanos) -> Output:
        """Return what sends a question; its answer goes to `answered`."""

    @abstractmethod
    def _read(self, reader: R, question: Q, answer: HttpAnswer, now: Nanos) -> list[Q] | None:
        """Give an answer to the reader, and return what is to be asked next; None: it tells nothing, begin anew.

        Raises:
            RemoteProtocolError: it is malformed: the reading is lost.
        """

    def _closed_until(self, now: Nanos) -> Nanos:
        """Return until when the limits leave no room for a new reading after one that has failed."""
        return now

    def request(self, command: RequestAccount, now: Nanos) -> list[Output]:
        """Take a request."""
        self._want(command)
        if self._reader is None:
            self._due = min(self._due, now)
        return self.on_deadline(now)

    def doubt(self, now: Nanos) -> None:
        """Something was told that no message can say: read what was asked for last once more, a little later."""
        self._doubt_at = min(self._doubt_at, now + _DOUBT_PAUSE)

    @property
    def due(self) -> Nanos:
        """When to begin, or to send what the limits held back."""
        return min(self._due, self._doubt_at)

    def on_deadline(self, now: Nanos) -> list[Output]:
        """Begin the reading that is due, or go on with it."""
        if now >= self._doubt_at:
            self._doubt_at = NEVER
            if self._served is not None:
                return self.request(self._served, now)
        if now < self._due:
            return []
        self._due = NEVER
        if self._reader is None:
            if self._wanted is None:
                return []
            self._served, self._wanted = self._wanted, None
            self._reader, self._held = self._begin(self._served, now)
        return self._send(self._reader, now)

    def _wants_payments(self, command: RequestAccount, now: Nanos) -> bool:
        """Return whether a reading that begins now is to ask for funding; where not, a later one will."""
        asked_at, since = self._paid
        if now < asked_at + self._payments_every and command.fills_since >= since:
            return False
        self._paid = now, command.fills_since
        return True

    def _send(self, reader: R, now: Nanos) -> list[Output]:
        outputs: list[Output] = []
        waiting: list[Q] = []
        for question in self._held:
            free_at = self._free_at(question, now)
            if free_at > now:
                self._due = min(self._due, free_at)
                waiting.append(question)
            else:
                outputs.append(self._ask(question, partial(self._take, reader, question), now))
        self._held = waiting
        return outputs

    def _take(self, reader: R, question: Q, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if reader is not self._reader:
            return []  # of one that was given up
        try:
            more = None if answer is None else self._read(reader, question, answer, now)
        except RemoteProtocolError:
            self._fail(now)
            raise
        if more is None:
            self._fail(now)
            return []
        self._held += more
        if reader.snapshot is None:
            return self._send(reader, now)
        self._reader, self._n_failed = None, 0
        self._due = NEVER if self._wanted is None else now
        return [Tell("fills", reader.snapshot), *self.on_deadline(now)]

    def _fail(self, now: Nanos) -> None:
        assert self._served is not None, "a reading that nobody wanted has failed"
        self._paid = -self._payments_every, NEVER
        self._want(self._served)
        self._reader, self._held = None, []
        pause = min(_FIRST_PAUSE << min(self._n_failed, 10), _LONGEST_PAUSE)
        self._n_failed += 1
        self._due = max(now + pause, self._closed_until(now))

    def _want(self, command: RequestAccount) -> None:
        wanted = self._wanted
        since = command.fills_since if wanted is None else min(command.fills_since, wanted.fills_since)
        self._wanted = RequestAccount(command.venue, since)
