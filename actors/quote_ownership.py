"""No quote without an owner: whose orders are pulled, why, and when they may come back."""

from collections.abc import Sequence
from typing import Final

from actors.order_config import QuoterSpec
from actors.order_ledger import OrderLedger
from actors.runtime.actor import Actor
from market.messages import QuotesBack, QuotesPulled, Reason
from market.units import SECOND, InstrumentId, Nanos, VenueId

SILENCE: Final = 1_000_000  # timer token of quoter 0; the next are the next quoters'

Cause = tuple[str, int]  # what is wrong, and the place of whose it is


class QuoteOwnership:
    """Causes by quoter.  One pulls all its orders, on every venue that can be reached; the last to go lets it speak.

    A quoter is silenced by: a book it quotes or reads that is stale, the keeper or connection of a venue it uses, an
    account it trades on that is not known, its own fall, its silence, a halt, the drain.
    """

    def __init__(
        self, actor: Actor, ledger: OrderLedger, quoters: Sequence[QuoterSpec], max_quote_age_s: float
    ) -> None:
        self._actor = actor
        self._ledger = ledger
        self._max_age = round(max_quote_age_s * SECOND)
        venue_of = ledger.venue_of
        self._used = {q.index: {*q.instruments, *q.references} for q in quoters}
        self._venues = {q: {venue_of[i] for i in used} for q, used in self._used.items()}
        self._trades_on = {q.index: {venue_of[i] for i in q.instruments} for q in quoters}
        self._causes: dict[int, dict[Cause, int]] = {q.index: {} for q in quoters}
        self._is_pulled = {q.index: False for q in quoters}
        self.spoke: dict[int, Nanos] = {q.index: 0 for q in quoters}
        self.stale: set[InstrumentId] = set()
        # without a limit of age nobody is watched, and nobody need be
        self.is_watched = {q.index: self._max_age == 0 for q in quoters}

    # --- what is wrong, and what is right again ----------------------------------------------------------------------

    def book_is_stale(self, instrument: InstrumentId) -> None:
        self.stale.add(instrument)
        for quoter, used in self._used.items():
            if instrument in used:
                self._add(quoter, ("book", instrument), Reason.STALE_BOOK)

    def book_is_fresh(self, instrument: InstrumentId) -> None:
        self.stale.discard(instrument)
        self._remove(("book", instrument))

    def keeper_is_down(self, venue: VenueId) -> None:
        """All its books are stale, and stay so until each is fresh."""
        for instrument, its_venue in enumerate(self._ledger.venue_of):
            if its_venue == venue:
                self.book_is_stale(instrument)

    def connection_is_lost(self, venue: VenueId) -> None:
        for quoter, venues in self._venues.items():
            if venue in venues:
                self._add(quoter, ("connection", venue), Reason.NOT_CONNECTED)

    def connection_is_up(self, venue: VenueId) -> None:
        self._remove(("connection", venue))

    def account_is_unknown(self, venue: VenueId) -> None:
        """Quoters that trade there may not, from here on; nothing is pulled for that alone."""
        for quoter, venues in self._trades_on.items():
            if venue in venues:
                self._causes[quoter]["account", venue] = int(Reason.NOT_CONNECTED)
                self._forbid(quoter, Reason.NOT_CONNECTED)

    def account_is_known(self, venue: VenueId) -> None:
        self._remove(("account", venue))

    def quoter_is_down(self, quoter: int) -> None:
        if quoter in self._causes:
            self._add(quoter, ("quoter", quoter), Reason.QUOTER_DOWN)
            self._ledger.forget_tags(quoter)

    def quoter_is_up(self, quoter: int) -> None:
        self._remove(("quoter", quoter))

    def all_were_down(self) -> None:
        """The order manager was restarted, and with it every quoter: what they left standing is nobody's."""
        for quoter in self._causes:
            self._pull(quoter, Reason.QUOTER_DOWN)

    def halt(self) -> None:
        """No more orders of anybody until `resume`."""
        for quoter in self._causes:
            self._add(quoter, ("halt", 0), Reason.TRADING_HALTED)

    def resume(self) -> None:
        """The halt is over."""
        self._remove(("halt", 0))

    def drain(self) -> None:
        """No more orders of anybody."""
        for quoter, causes in self._causes.items():
            causes["drain", 0] = int(Reason.DRAINING)
            self._forbid(quoter, Reason.DRAINING)
            self._ledger.cancel_quoter(quoter)

    # --- speaking ----------------------------------------------------------------------------------------------------

    def hear(self, quoter: int) -> None:
        """A quoter says something."""
        self.spoke[quoter] = self._actor.now
        if not self.is_watched[quoter]:
            self.watch(quoter)

    def watch(self, quoter: int) -> None:
        """Begin to look at how long a quoter is silent."""
        self.is_watched[quoter] = True
        self._actor.set_timer(self._actor.now + self._max_age, SILENCE + quoter)

    def check_silence(self, quoter: int) -> None:
        """The timer: pull the orders of a quoter that has said nothing for too long."""
        silent_since = self.spoke[quoter]
        if self._actor.now < silent_since + self._max_age:
            self._actor.set_timer(silent_since + self._max_age, SILENCE + quoter)
            return
        self.is_watched[quoter] = False
        if any(order.quoter == quoter for order in self._ledger.live.values()):
            self._add(quoter, ("silent", quoter), Reason.QUOTER_SILENT)

    def may_quote(self, quoter: int) -> bool:
        """A quoter that was refused speaks again: tell whether it is heard now."""
        causes = self._causes[quoter]
        causes.pop(("silent", quoter), None)
        if causes:
            self._forbid(quoter, next(iter(causes.values())))
            return False
        for lane in self._ledger.lanes[quoter]:
            lane.refusal = lane.told = 0
        if self._is_pulled[quoter]:
            self._is_pulled[quoter] = False
            self._actor.out.append(("control", QuotesBack(quoter, self._actor.now)))
        return True

    def refusal_of_hedge(self, quoter: int, instrument: InstrumentId) -> int:
        """Return why a hedge on one instrument may not be sent, 0 if it may.

        What is wrong with other books, connections and accounts of its quoter pulls quotes; it must not keep open what
        they have left.
        """
        venue = self._ledger.venue_of[instrument]
        elsewhere = {"book": instrument, "connection": venue, "account": venue}
        for (what, place), reason in self._causes[quoter].items():
            if elsewhere.get(what, place) == place:
                return reason
        return 0

    # --- inside ------------------------------------------------------------------------------------------------------

    def _add(self, quoter: int, cause: Cause, reason: int) -> None:
        self._causes[quoter][cause] = int(reason)
        if not self._is_pulled[quoter]:
            self._pull(quoter, reason)

    def _remove(self, cause: Cause) -> None:
        for causes in self._causes.values():
            causes.pop(cause, None)

    def _pull(self, quoter: int, reason: int) -> None:
        self._is_pulled[quoter] = True
        self._forbid(quoter, reason)
        self._ledger.cancel_quoter(quoter)
        self._actor.out.append(("control", QuotesPulled(quoter, self._actor.now, int(reason))))

    def _forbid(self, quoter: int, reason: int) -> None:
        for lane in self._ledger.lanes[quoter]:
            lane.refusal = int(reason)
