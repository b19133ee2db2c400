"""What a refusal asks for besides telling who asked: a pause, the time anew, the rules anew, or a person."""

from typing import Final

from market.messages import Reason, TradingState
from market.units import MS, Nanos
from venues.binance.errors import Refusal, Remedy
from venues.binance.limits import RateLimits
from venues.binance.structs import VENUE
from venues.binance.venue_clock import BinanceClock
from venues.ports import ask_for_person
from venues.venue import Output

_TOO_MANY_ORDERS: Final = -1015
_OVERLOADED: Final = frozenset({-1008, -1001, 0})
_PAUSE: Final = 200 * MS  # it doubles
_MAX_DOUBLINGS: Final = 5
_STATES: Final = {Remedy.HALT: TradingState.HALTED, Remedy.REDUCE_ONLY: TradingState.REDUCING}


class Remedies:
    """Sees to refusals of one venue, by whatever way they came.

    Attributes:
        is_rules_doubted: what we know of prices and sizes is to be read anew.
        is_account_doubted: what we believe of a position is wrong.
        pause_until: the venue is overloaded: no new order before.
    """

    def __init__(self, clock: BinanceClock, limits: RateLimits) -> None:
        self._clock, self._limits = clock, limits
        self.is_rules_doubted = False
        self.is_account_doubted = False
        self.pause_until: Nanos = 0
        self._n_overloads = 0

    def take(self, refusal: Refusal, retry_after_s: str | None, now: Nanos) -> list[Output]:
        """Do what a refusal asks for."""
        remedy = refusal.remedy
        if remedy is Remedy.SYNC_CLOCK:
            self._clock.doubt(now)
        elif remedy is Remedy.RELOAD_INSTRUMENTS:
            self.is_rules_doubted = True
        elif remedy is Remedy.RECONCILE and refusal.reason is Reason.REDUCE_ONLY:
            self.is_account_doubted = True  # of orders that are not there the order manager takes care
        elif refusal.code == _TOO_MANY_ORDERS:
            self._limits.on_order_limit(self._clock.at(now))
        elif remedy is Remedy.BACK_OFF and refusal.code in _OVERLOADED:
            self.pause_until = now + (_PAUSE << min(self._n_overloads, _MAX_DOUBLINGS))
            self._n_overloads += 1
        elif refusal.is_of_limits:
            self._limits.on_limited(self._clock.at(now), retry_after_s)
        state = _STATES.get(remedy)
        return [] if state is None else ask_for_person(VENUE, state, f"{refusal.code} {refusal.message}", now)

    def granted(self) -> None:
        """An order was granted: the venue is not overloaded."""
        self._n_overloads = 0
