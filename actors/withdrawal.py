"""What is done for a venue whose connection is down: nothing is sent there but cancels, again and again."""

from collections.abc import Sequence
from typing import Final

from actors.order_config import QuoterSpec
from actors.order_ledger import OrderLedger
from actors.runtime.actor import Actor
from market.units import SECOND, Nanos, VenueId

WITHDRAW: Final = 4_000_000  # timer token of venue 0

_AGAIN: Final[Nanos] = 3 * SECOND


class Withdrawal:
    """Cancels all that stands where nobody hears what becomes of it.

    One of a venue's ways may be gone and another open: the connector sends a cancel by whichever there is.  What has an
    answer changes orders as ever; what has none is repeated, and changes none: only the account, once the connection is
    back, proves what stands.
    """

    def __init__(self, actor: Actor, ledger: OrderLedger, quoters: Sequence[QuoterSpec]) -> None:
        self._actor = actor
        self._ledger = ledger
        self._traded = sorted({i for quoter in quoters for i in quoter.instruments})
        self._is_wanted = [False] * len(ledger.is_up)
        self._is_armed = [False] * len(ledger.is_up)

    def begin(self, venue: VenueId) -> None:
        """The connection is down, and its connector lives: cancel what is known to stand, at once."""
        if not self._ledger.has_account[venue]:
            return
        self._is_wanted[venue] = True
        for instrument in sorted({order.instrument for order in self._ledger.live.values()}):
            if self._ledger.venue_of[instrument] == venue:
                self._ledger.withdraw(instrument)
        self._arm(venue)

    def end(self, venue: VenueId) -> None:
        """The connection is back; or its connector is down, has cancelled all on its way out, and hears nothing."""
        self._is_wanted[venue] = False

    def go_on(self, venue: VenueId) -> None:
        """The timer: cancel also what nobody here knows of, as the account has been unknown for so long."""
        self._is_armed[venue] = False
        if self._is_wanted[venue]:
            for instrument in self._traded:
                if self._ledger.venue_of[instrument] == venue:
                    self._ledger.withdraw(instrument)
            self._arm(venue)

    def _arm(self, venue: VenueId) -> None:
        if not self._is_armed[venue]:
            self._is_armed[venue] = True
            self._actor.set_timer(self._actor.now + _AGAIN, WITHDRAW + venue)
