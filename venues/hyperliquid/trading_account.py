"""What has to do with the account: the private socket, actions, questions by REST, the dead man's switch."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from market.messages import PlaceOrder, QueryOrder, RequestAccount, TradingState
from market.units import MINUTE, Nanos
from venues.hyperliquid.account_asking import HyperliquidAsking
from venues.hyperliquid.accounts import Account
from venues.hyperliquid.dead_mans_switch import ScheduledCancel, SwitchConfig
from venues.hyperliquid.exchange import PRIVATE, Exchange
from venues.hyperliquid.gate import HyperliquidGate, info
from venues.hyperliquid.limits import ActionBudget
from venues.hyperliquid.order_path import OrderPath
from venues.hyperliquid.order_status import HyperliquidQueries
from venues.hyperliquid.orders import Orders
from venues.hyperliquid.private import PrivateData
from venues.hyperliquid.public_feed import PATH
from venues.hyperliquid.requests import MAX_BATCH, OrderActions, kind_of
from venues.hyperliquid.rules import Rules
from venues.hyperliquid.session import Session
from venues.hyperliquid.structs import NAME, Budget, read_frame
from venues.order_frames import in_frames
from venues.ports import ask_for_person, told
from venues.rate_window import RateWindow
from venues.venue import NEVER, Connect, HttpAnswer, Output, Reconnect, SendFrame, VenueSetup
from venues.wire import InstrumentGrid, decode

_BUDGET_EVERY: Final = MINUTE
_BUDGET: Final = msgspec.json.Decoder(Budget)


class TradingAccount:
    """Orders may be sent while the private socket is subscribed, and the assets' numbers are known.

    Attributes:
        budget: what the account may still do.
    """

    def __init__(
        self, setup: VenueSetup, account: Account, gate: HyperliquidGate, messages: RateWindow, switch: SwitchConfig
    ) -> None:
        listed, address = setup.instruments, account.address
        self._gate, self._address = gate, address
        self.budget = ActionBudget()
        self._orders = Orders()
        self.exchange = Exchange(account.signer, gate, messages, self.budget)
        self.data = PrivateData(address, {each.symbol: InstrumentGrid(each) for each in listed}, self._orders)
        self.rules = Rules(listed, gate)
        self.switch = ScheduledCancel(self.exchange, gate, switch)
        self._queries = HyperliquidQueries(address, listed, self._orders, gate)
        actions = OrderActions(listed, self.rules.assets)
        self.path = OrderPath(address, actions, self._orders, self.data, self._queries, self.exchange, gate)
        self._asking = HyperliquidAsking(address, listed, self._orders, self.data, gate)
        self._session = Session(self.data.subscriptions(), messages)
        self._is_begun = False
        self._budget_at: Nanos = 0

    @property
    def seen(self) -> Counter[str]:
        """What was skipped or came unlooked for, by what it was."""
        return self.data.skipped + self.path.seen + self.switch.seen + self.exchange.seen

    @property
    def is_ready(self) -> bool:
        """Orders can be sent, and what becomes of them is heard."""
        return self._session.is_ready and self.rules.is_known

    def begin(self, now: Nanos) -> None:
        """A life begins."""
        self._queries.begin(now)
        self.exchange.begin(now)

    def clock_is_known(self, now: Nanos) -> list[Output]:
        """Open the private socket, once."""
        if self._is_begun:
            return []
        self._is_begun = True
        self.exchange.clock_is_known(now)
        self.rules.due = self._budget_at = now
        return [Connect(PRIVATE, PATH), *self.rules.ask(now), *self._ask_budget(now)]

    def opened(self, socket: str, now: Nanos) -> list[Output]:
        return [SendFrame(PRIVATE, frame) for frame in self._session.opened(now)]

    def closed(self, socket: str, now: Nanos) -> list[Output]:
        self._session.closed()
        self.exchange.is_up = False
        return self.exchange.closed(now)

    def receive(self, socket: str, frame: str | bytes, now: Nanos) -> list[Output]:
        """Take a frame.

        Raises:
            RemoteProtocolError: it breaks the protocol.
        """
        read = read_frame(frame)
        if read is None or self._session.receive(read):
            return []
        if read.channel == "post":
            outputs = self.exchange.receive(read, now)
        else:
            outputs = told(self.data.receive(read, now))
        if self.data.alarm:
            outputs += ask_for_person(NAME, TradingState.HALTED, self.data.alarm, now)
            self.data.alarm = ""
        self._look(now)
        return outputs

    def _look(self, now: Nanos) -> None:
        """See to what was noticed on the way."""
        if self.data.is_doubted:
            self.data.is_doubted = False
            self._asking.doubt(now)
        if self.path.wants_instruments:
            self.path.wants_instruments = False
            self.rules.doubt(now)

    def command(self, message: Any, now: Nanos) -> list[Output]:
        """Take a command about orders or the account."""
        if isinstance(message, RequestAccount):
            return self._asking.request(message, now)
        if isinstance(message, QueryOrder):
            return self._queries.ask(message, now)
        first = self.switch.placing(now) if isinstance(message, PlaceOrder) and self.path.is_up else []
        return [*first, *self.path.on[type(message)](message, now)]

    def commands(self, messages: Sequence[Any], now: Nanos) -> list[Output]:
        """Take several of one instant: those of one kind share an action."""
        outputs: list[Output] = []
        for frame in in_frames(messages, kind_of, MAX_BATCH):
            if len(frame) == 1:
                outputs += self.command(frame[0], now)
                continue
            if isinstance(frame[0], PlaceOrder) and self.path.is_up:
                outputs += self.switch.placing(now)
            outputs += self.path.together(frame, now)
        return outputs

    def watch(self, outputs: Sequence[Output], now: Nanos) -> list[Output]:
        self._look(now)
        return self.switch.watch(outputs, now)

    def set_up(self, now: Nanos, *, is_up: bool) -> None:
        """The trading path has come, or gone."""
        self.path.is_up = self.exchange.is_up = is_up
        self.switch.healthy(now, is_well=is_up)

    # --- the budget --------------------------------------------------------------------------------------------------

    @property
    def used(self) -> Mapping[str, tuple[int, int]]:
        """Return what is used of the account's actions, and what it may use."""
        return {"actions": (self.budget.used, self.budget.cap)}

    def _ask_budget(self, now: Nanos) -> list[Output]:
        if now < self._budget_at:
            return []
        request = info("userRateLimit", user=self._address)
        free_at = self._gate.free_at(request, now)
        self._budget_at = now + _BUDGET_EVERY if free_at <= now else free_at
        if free_at <= now:
            self.budget.asked()
        return [self._gate.send(request, self._take_budget, now)] if free_at <= now else []

    def _take_budget(self, answer: HttpAnswer | None, now: Nanos) -> list[Output]:
        if answer is not None and answer.status == 200:
            told = decode(_BUDGET, answer.body, "hyperliquid rate limit")
            self.budget.told(told.used, told.cap + told.surplus)
        return []

    # --- the clock ---------------------------------------------------------------------------------------------------

    def next_deadline(self) -> Nanos:
        if not self._is_begun:
            return NEVER
        return min(
            self._session.next_deadline(),
            self._queries.next_deadline(),
            self.path.next_deadline(),
            self.exchange.next_deadline(),
            self._asking.due,
            self.switch.next_deadline(),
            self.rules.due,
            self._budget_at,
        )

    def on_deadline(self, now: Nanos) -> list[Output]:
        if not self._is_begun:
            return []
        outputs: list[Output] = [SendFrame(PRIVATE, frame) for frame in self._session.on_deadline(now)]
        if self._session.failure:
            outputs.append(Reconnect(PRIVATE, self._session.failure))
            self._session.closed()
        outputs += self.exchange.on_deadline(now)
        outputs += self.path.on_deadline(now)
        outputs += self._asking.on_deadline(now)
        outputs += self._queries.on_deadline(now)
        outputs += self.switch.on_deadline(now)
        outputs += self.rules.ask(now)
        outputs += self._ask_budget(now)
        self._look(now)
        return outputs
