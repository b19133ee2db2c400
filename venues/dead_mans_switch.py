"""A venue's countdown that cancels all orders of the account unless it is told in time that we are well.

Not every account has it.  It is tried before the first order; where it is refused for good, that is noted once, and
trading goes on with the watchdog alone.  It is put off while all is well, ended when the account shows that no order is
left and none can arrive any more, and left to run out while the trading path is down: nobody looks after the orders
then.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import ClassVar, Final

import attrs

from market.messages import AccountSnapshot
from market.units import SECOND, Nanos
from venues.venue import NEVER, Output, Tell

_ON_ITS_WAY: Final = 15 * SECOND  # for so long after an order left the account may not show it yet
LANE: Final = "countdown"  # of requests: of one lane, so that what ends one countdown cannot end the next


@attrs.frozen
class SwitchConfig:
    """How long orders may outlive us, and how often that is put off; a venue says what it allows."""

    LEAST_S: ClassVar[float] = 1
    MOST_S: ClassVar[float] = 3600

    countdown_s: float = 60.0
    renew_every_s: float = 20.0

    def __attrs_post_init__(self) -> None:
        if not self.LEAST_S <= self.countdown_s <= self.MOST_S:
            raise ValueError(
                f"countdown_s {self.countdown_s:g} must be between {self.LEAST_S:g} and {self.MOST_S:g}, as the venue "
                "has it"
            )
        if not 0 < self.renew_every_s <= self.countdown_s / 2:
            raise ValueError(
                f"renew_every_s {self.renew_every_s:g} must be above 0 and at most half of countdown_s "
                f"{self.countdown_s:g}"
            )


@attrs.frozen
class Heard:
    """What the venue answers to a word to its countdown; neither granted nor refused: it may be had, try again.

    Attributes:
        refusal: why it is not to be had, in the venue's words.
    """

    is_granted: bool = False
    refusal: str = ""


GRANTED: Final = Heard(is_granted=True)
UNSURE: Final = Heard()
Hear = Callable[[Heard, Nanos], list[Output]]


class DeadMansSwitch(ABC):
    """The countdown of one account.  A venue says when a word to it may leave, and how.

    Attributes:
        is_had: the account has it: True, False, or None: it is not known yet.
        is_armed: it runs.
        seen: what came of trying, by what it was.
    """

    def __init__(self, config: SwitchConfig, retry: Nanos) -> None:
        self._lasts, self._every = round(config.countdown_s * SECOND), round(config.renew_every_s * SECOND)
        self._retry = retry
        self.is_had: bool | None = None
        self.is_armed = False
        self.seen: Counter[str] = Counter()
        self._renew_at: Nanos = NEVER
        self._placed_at: Nanos = 0
        self._is_well = True

    @abstractmethod
    def _free_at(self, now: Nanos) -> Nanos:
        """Return from when on a word to it may be sent."""

    @abstractmethod
    def _send(self, lasts: Nanos, hear: Hear, now: Nanos) -> list[Output]:
        """Let it run for so long from now, or end it (0); `hear` is called with what the venue answers."""

    def placing(self, now: Nanos) -> list[Output]:
        """An order is about to leave: what is returned goes first."""
        self._placed_at = now
        if self.is_had is False:
            return []
        if self.is_armed:
            return self.on_deadline(now)  # it may have run out during an outage
        self.is_armed = True
        return self._set(now, is_on=True)

    def watch(self, outputs: Iterable[Output], now: Nanos) -> list[Output]:
        """Return what follows from what is about to be told: an account that shows no order needs no switch."""
        return [
            more
            for each in outputs
            if isinstance(each, Tell) and type(each.message) is AccountSnapshot
            for more in self.seen_account(each.message, now)
        ]

    def seen_account(self, snapshot: AccountSnapshot, now: Nanos) -> list[Output]:
        """End it where the account shows no order, and all that were sent must be in what it shows."""
        is_late = self._placed_at + _ON_ITS_WAY < snapshot.ts_request
        if not self.is_armed or snapshot.open_orders or not is_late:
            return []
        if self._free_at(now) > now:
            return []  # the next snapshot does it
        self.is_armed, self._renew_at = False, NEVER
        return self._set(now, is_on=False)

    def healthy(self, now: Nanos, *, is_well: bool) -> None:
        """The trading path is up, or it is down."""
        if is_well and not self._is_well and self.is_armed:
            self._renew_at = now
        self._is_well = is_well

    def next_deadline(self) -> Nanos:
        return self._renew_at if self._is_well and self.is_armed else NEVER

    def on_deadline(self, now: Nanos) -> list[Output]:
        """Put it off if that is due."""
        return self._set(now, is_on=True) if now >= self.next_deadline() else []

    def _set(self, now: Nanos, *, is_on: bool) -> list[Output]:
        free_at = self._free_at(now)
        if is_on:
            self._renew_at = now + self._every if free_at <= now else free_at
        if free_at > now:
            return []
        return self._send(self._lasts if is_on else 0, partial(self._heard, is_on), now)

    def _heard(self, is_on: bool, answer: Heard, now: Nanos) -> list[Output]:
        if not is_on or not self.is_armed:
            return []  # one that runs out on an empty book does no harm
        if answer.is_granted:
            self.is_had = True
            self._renew_at = now + self._every
            return []
        self._renew_at = min(self._renew_at, now + self._retry)
        if answer.refusal:
            self.seen[f"no dead man's switch: {answer.refusal}"] += 1
            if self.is_had is None:
                self.is_had, self.is_armed, self._renew_at = False, False, NEVER
        return []
