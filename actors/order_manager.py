"""Owns every order of ours: from what quoters want to commands for the venues, and from facts to what quoters are told.

The parts: the ledger holds the orders and what they put at stake, the diff turns wanted quotes into orders, facts and
the log's replay change them, reconciliation asks the venues, ownership pulls what nobody answers for, withdrawal has
all cancelled where a connection is down.
"""

from collections.abc import Sequence
from typing import Final

from actors.book_mirror import follow
from actors.counted_positions import CountedPositions
from actors.flattening import Flattening
from actors.order_config import OrderManagerConfig, QuoterSpec
from actors.order_facts import OrderFacts
from actors.order_ledger import OrderLedger
from actors.order_replay import OrderReplay
from actors.quote_diff import QuoteDiff
from actors.quote_ownership import SILENCE, QuoteOwnership
from actors.reconciliation import ACCOUNT, PERIOD, Reconciliation
from actors.request_deadlines import TIMEOUTS
from actors.runtime.actor import TIMERS, Actor
from actors.single_orders import SingleOrders
from actors.trading_gate import LOOK, TradingGate
from actors.withdrawal import WITHDRAW, Withdrawal
from market.book import Book
from market.instrument import InstrumentTable
from market.messages import (
    AccountSnapshot,
    ActorDown,
    ActorUp,
    AmendWish,
    BookUpdate,
    CancelAllWish,
    CancelWish,
    ConnectionLost,
    ConnectionUp,
    CountsWish,
    Drain,
    Drained,
    Fresh,
    Heartbeat,
    HeartbeatAsked,
    LogReplayed,
    OrderStatus,
    PositionInDoubt,
    PositionsCompared,
    Stale,
    Started,
    Stop,
    SubmitOrder,
    TimerFired,
    TradingStateChanged,
    WantedQuotes,
)
from market.units import InstrumentId, Nanos, VenueId

_DRAIN: Final = 2  # timer token
_CONTROL: Final = "control"


class OrderManager(Actor):
    """In: wishes of quoters, order facts, books, news of other actors.  Out: commands, updates, news for the log.

    Out ports are `commands:{venue}` (place in `instruments.venues`), `updates:{quoter}`, `refusals` and `control`.

    Attributes:
        books: mirrors of the books of what is traded, for the price collar.
    """

    def __init__(
        self,
        name: str,
        instruments: InstrumentTable,
        config: OrderManagerConfig,
        quoters: Sequence[QuoterSpec],
        depth: int = 20,
    ) -> None:
        super().__init__(name)
        traded = sorted({i for quoter in quoters for i in quoter.instruments})
        self.books: dict[InstrumentId, Book] = {i: Book(instruments[i], depth) for i in traded}
        self.ledger = OrderLedger(self, instruments, config, quoters)
        self.ledger.wake = self._wake
        self._facts = OrderFacts(self, self.ledger)
        self._replay = OrderReplay(self, self.ledger, self._facts)
        self._diff = QuoteDiff(self.ledger)
        self._ownership = QuoteOwnership(self, self.ledger, quoters, config.max_quote_age_s)
        self._reconciliation = Reconciliation(self, self.ledger, self._facts)
        self._flattening: Flattening | None = None
        if config.guard is not None and config.guard.flatten:
            self._flattening = Flattening(
                self,
                self.ledger,
                instruments,
                config.guard,
                lambda instrument: instrument not in self._ownership.stale,
                self._reconciliation.is_certain,
            )
        self._gate = TradingGate(self, self.ledger, self._ownership, self._reconciliation, self._flattening)
        self._withdrawal = Withdrawal(self, self.ledger, quoters)
        singles = SingleOrders(self.ledger, self._ownership)
        self._counts = CountedPositions(self, self.ledger, self._ownership, self._reconciliation)
        self._facts.on_counted = self._counts.changed
        self._lanes = self.ledger.lanes
        self._spoke, self._is_watched = self._ownership.spoke, self._ownership.is_watched
        self._is_draining = False
        self._is_drained = False
        self._generation = 0
        self.ports = (  # type: ignore[misc]  # they differ from wiring to wiring
            *(f"commands:{venue}" for venue in range(len(instruments.venues))),
            *(f"updates:{quoter.index}" for quoter in quoters),
            _CONTROL,
            "refusals",
            "refused",
            "beat",
            TIMERS,
        )
        self.on = {
            WantedQuotes: self._on_wanted,
            **self._facts.on,
            **self._replay.on,
            SubmitOrder: singles.on_submit,
            AmendWish: singles.on_amend,
            CancelWish: singles.on_cancel,
            CancelAllWish: singles.on_cancel_all,
            CountsWish: self._counts.on_ask,
            AccountSnapshot: self._on_account,
            OrderStatus: self._on_status,
            PositionInDoubt: self._on_doubt,
            PositionsCompared: self._on_compared,
            BookUpdate: lambda m: follow(self.books, m),
            Stale: lambda m: self._ownership.book_is_stale(m.instrument),
            Fresh: lambda m: self._ownership.book_is_fresh(m.instrument),
            ConnectionUp: self._on_connection_up,
            ConnectionLost: self._on_connection_lost,
            ActorDown: self._on_actor_down,
            ActorUp: self._on_actor_up,
            TradingStateChanged: self._on_trading_state,
            HeartbeatAsked: self._on_heartbeat,
            TimerFired: self._on_timer,
            Started: self._on_started,
            LogReplayed: self._on_log_replayed,
            Drain: self._on_drain,
            Stop: lambda m: None,
        }

    @property
    def is_at_ease(self) -> bool:
        """Nothing but quoting goes on: all may be traded, no drain, no replay, no question open, and every quoter is
        heard and watched."""
        ledger = self.ledger
        return (
            not (ledger.trading_state or self._is_draining or self._facts.is_replaying or ledger.has_news)
            and all(ledger.is_up)
            and all(self._is_watched.values())
        )

    @property
    def spoke(self) -> dict[int, Nanos]:
        """When each quoter was last heard, by its index."""
        return self._spoke

    # --- what quoters want -------------------------------------------------------------------------------------------

    def _on_wanted(self, message: WantedQuotes) -> None:
        quoter = message.quoter
        self._spoke[quoter] = self.now
        if not self._is_watched[quoter]:
            self._ownership.watch(quoter)
        lane = self._lanes[quoter][message.instrument]
        bids, asks = lane.sides
        if lane.refusal and not self._ownership.may_quote(quoter):
            if lane.told != lane.refusal:
                lane.told = lane.refusal
                for side, levels in ((1, message.bids), (-1, message.asks)):
                    for price, size in levels:
                        self.ledger.refuse(lane, 0, side, price, size, lane.refusal)
            return
        if lane.is_settled and bids.wanted == message.bids and asks.wanted == message.asks:
            return
        bids.wanted = message.bids
        asks.wanted = message.asks
        self._diff.act(lane)

    # --- what the venues and their books do --------------------------------------------------------------------------

    def _on_account(self, snapshot: AccountSnapshot) -> None:
        if self._reconciliation.take(snapshot):
            self._check_drained()
        self._counts.account_told(snapshot)
        self._look_at_account(snapshot.venue)
        self._gate.on_account(snapshot)
        if self.ledger.has_news:
            self._wake()

    def _on_doubt(self, doubt: PositionInDoubt) -> None:
        self._counts.doubt(doubt)
        self._reconciliation.doubt(doubt)
        self._look_at_account(self.ledger.venue_of[doubt.instrument])

    def _on_compared(self, compared: PositionsCompared) -> None:
        self._reconciliation.compared(compared)
        self._look_at_account(compared.venue)

    def _look_at_account(self, venue: VenueId) -> None:
        if self._reconciliation.is_settled(venue):
            self._ownership.account_is_known(venue)
            self._counts.settled(venue)

    def _on_status(self, status: OrderStatus) -> None:
        self._reconciliation.on_status(status)
        if self.ledger.has_news:
            self._wake()

    def _on_connection_up(self, message: ConnectionUp) -> None:
        venue = message.venue
        account = self._reconciliation.accounts[venue]
        if message.epoch == 0 and self.ledger.is_up[venue] and account.is_known:
            return  # the first connection of a run: nothing was asked before
        self._lose(venue)
        self._withdrawal.end(venue)
        self.ledger.is_up[venue] = True
        self._ownership.connection_is_up(venue)
        self._recover(venue)
        # nobody has looked after these for a while
        for order in [each for each in self.ledger.live.values() if self.ledger.venue_of[each.instrument] == venue]:
            self.ledger.cancel(order)
        if self.ledger.has_news:
            self._wake()

    def _on_connection_lost(self, message: ConnectionLost) -> None:
        self._lose(message.venue)
        self._withdrawal.begin(message.venue)

    def _lose(self, venue: VenueId) -> None:
        self.ledger.is_up[venue] = False
        self._ownership.connection_is_lost(venue)
        self._ownership.account_is_unknown(venue)
        self._reconciliation.lose(venue)
        if self.ledger.has_news:
            self._wake()

    def _recover(self, venue: VenueId) -> None:
        self._ownership.account_is_unknown(venue)
        self._reconciliation.recover(venue)

    # --- what the guard decides --------------------------------------------------------------------------------------

    def _on_trading_state(self, news: TradingStateChanged) -> None:
        self._gate.on_changed(news)
        if self.ledger.has_news:
            self._wake()

    def _on_heartbeat(self, asked: HeartbeatAsked) -> None:
        ledger = self.ledger
        beat = Heartbeat(asked.number, self._generation, ledger.trading_state, len(ledger.live))
        self.out.append(("beat", beat))

    # --- what becomes of other actors --------------------------------------------------------------------------------

    def _on_actor_down(self, message: ActorDown) -> None:
        if message.kind == "quoter":
            self._ownership.quoter_is_down(message.index)
        elif message.kind == "keeper":
            self._ownership.keeper_is_down(message.index)
        elif message.kind == "connector":
            self._lose(message.index)
            self._withdrawal.end(message.index)

    def _on_actor_up(self, message: ActorUp) -> None:
        # a keeper is back when its books are fresh, a connector when it is connected
        if message.kind != "quoter":
            return
        self._ownership.quoter_is_up(message.index)
        for order in self.ledger.live.values():
            if order.quoter == message.index:
                lane = self._lanes[order.quoter][order.instrument]
                if lane.is_told:
                    self.ledger.tell(lane, order, order.reason)

    # --- life --------------------------------------------------------------------------------------------------------

    def _on_started(self, message: Started) -> None:
        self._generation = message.generation
        self.ledger.start(message.generation)
        self._reconciliation.start()
        if message.generation > 0:
            self._replay.begin()
        elif self.ledger.config.reconcile_at_start:
            for venue in range(len(self.ledger.is_up)):
                self._recover(venue)

    def _on_log_replayed(self, message: LogReplayed) -> None:
        self._replay.end()
        # whatever was ordered may have been filled since, and nobody told
        self._reconciliation.reach_back(message.first_ts or self.now)
        for venue in range(len(self.ledger.is_up)):
            self._recover(venue)
        self._ownership.all_were_down()
        for order in list(self.ledger.live.values()):
            self.ledger.cancel(order)

    def _on_timer(self, message: TimerFired) -> None:
        token = message.token
        if token == TIMEOUTS:
            self.ledger.time_out()
        elif token == _DRAIN:
            self._end_drain()
        elif token == LOOK:
            self._gate.look()
        elif token >= WITHDRAW:
            self._withdrawal.go_on(token - WITHDRAW)
        elif token >= PERIOD:
            self._reconciliation.ask_periodically(token - PERIOD)
        elif token >= ACCOUNT:
            self._reconciliation.check(token - ACCOUNT)
        elif token >= SILENCE:
            self._ownership.check_silence(token - SILENCE)
        if self.ledger.has_news:
            self._wake()

    def _on_drain(self, message: Drain) -> None:
        self._is_draining = True
        self._ownership.drain()
        if self._flattening is not None:
            self._flattening.stop()
        for order in list(self.ledger.live.values()):
            self.ledger.cancel(order)
        self.set_timer(message.deadline, _DRAIN)
        self._check_drained()

    def _wake(self) -> None:
        """See to what the handling of a message has brought about."""
        ledger = self.ledger
        ledger.has_news = False
        if self._facts.is_replaying:
            return
        if ledger.trading_state:
            self._gate.enforce()
        for lane in ledger.woken:
            if not lane.refusal:
                self._diff.act(lane)
        ledger.woken.clear()
        for venue in ledger.doubtful:
            self._reconciliation.ask(venue)
        ledger.doubtful.clear()
        self._check_drained()

    def _check_drained(self) -> None:
        is_known = all(account.is_known for account in self._reconciliation.accounts)
        if self._is_draining and not self.ledger.live and is_known:
            self._end_drain()

    def _end_drain(self) -> None:
        if not self._is_drained:
            self._is_drained = True
            n_unknown = sum(not account.is_known for account in self._reconciliation.accounts)
            self.out.append((_CONTROL, Drained(len(self.ledger.live) or n_unknown)))
