"""Payments of funding, from what a venue states of a perpetual while it trades.

No venue tells everybody what was paid; the rules are those of `market.archive.tardis_ticker`.  Rate and mark price are
the last ones stated before it is due, by the venue's clock; it is paid when a statement has come from that time or
later.  A payment that was due within `EDGE` of our first statement belongs to the recording before.
"""

from market.archive.hour import EDGE
from market.columns import NOT_STATED, FundingColumns
from market.messages import Mark
from market.units import Nanos

_TICK = 1_000_000  # in the units of Mark.mark_e6


class PaidFunding:
    """The payments of one perpetual."""

    def __init__(self) -> None:
        self._earliest: Nanos | None = None
        self._latest: Nanos = 0
        self._mark = NOT_STATED
        self._rate = NOT_STATED
        self._due = NOT_STATED
        self._open: FundingColumns | None = None

    def add(self, mark: Mark) -> FundingColumns | None:
        """Take a statement, in order of arrival; return the payment that it shows to have been made."""
        if self._earliest is None:
            self._earliest = mark.ts_venue + EDGE
        self._latest = max(self._latest, mark.ts_venue)
        paid = self._take(self._latest)
        if mark.mark_e6 != NOT_STATED:
            self._mark = mark.mark_e6
        if mark.rate_e12 != NOT_STATED:
            self._rate = mark.rate_e12
        if mark.ts_funding != NOT_STATED:
            self._due = mark.ts_funding
        is_whole = NOT_STATED not in (self._mark, self._rate, self._due)
        if is_whole and self._earliest <= self._due and self._latest < self._due:
            price = (self._mark + _TICK // 2) // _TICK
            self._open = FundingColumns([self._due], [mark.ts_recv], [self._rate], [price])
        return paid

    def rest(self) -> FundingColumns | None:
        """Return the payment that is due so soon after the last statement that the next recording leaves it to us."""
        return self._take(self._latest + EDGE)

    def _take(self, until: Nanos) -> FundingColumns | None:
        if self._open is None or int(self._open.ts_venue[0]) > until:
            return None
        paid, self._open = self._open, None
        return paid
