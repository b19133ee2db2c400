"""The whole of Hyperliquid as one venue: connections, repeats, nonces, talks before a run and after it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from market.messages import (
    AccountSnapshot,
    BookGap,
    BookSnapshot,
    CancelAll,
    ConnectionLost,
    ConnectionUp,
    OrderFlag,
    OrderRejected,
    PlaceOrder,
    Reason,
    RequestSnapshot,
    Trade,
)
from market.units import HOUR, MINUTE, MS, SECOND, Nanos
from tests.venues.hyperliquid.hyperliquid_wire import BTC
from venues.connection import Credentials, VenueConnection
from venues.hyperliquid.dead_mans_switch import ScheduledCancel
from venues.hyperliquid.exchange import Exchange
from venues.hyperliquid.gate import HyperliquidGate
from venues.hyperliquid.limits import MESSAGES, ActionBudget
from venues.hyperliquid.preparation import instruments_of, preparation
from venues.hyperliquid.signing import Signer
from venues.hyperliquid.sweep import sweep
from venues.hyperliquid.venue import HyperliquidVenue
from venues.rate_window import RateWindow
from venues.venue import Connect, Conversation, HttpAnswer, Output, Reconnect, SendFrame, SendRequest, Tell, VenueSetup
from venues.wire import HttpRequest, RemoteProtocolError

SECRET = "0x" + "0123456789" * 6 + "0123"
SIGNER = "0x14791697260e4c9a71f18484c9f997b308e59325"
ACCOUNT = "0x" + "1" * 40
NOW: Nanos = 1_760_000_000_000 * MS
NOWHERE = VenueConnection("custom", "http://127.0.0.1:1", {"default": "ws://127.0.0.1:1"})
ORDER = PlaceOrder(7, BTC.id, 1, BTC.ticks(65_000.0), 100, int(OrderFlag.POST_ONLY))
LEVELS = [[{"px": "65000", "sz": "1", "n": 2}], [{"px": "65001", "sz": "2", "n": 1}]]
TRADE = {"coin": "BTC", "side": "A", "px": "65000", "sz": "0.5", "time": NOW // MS, "hash": "0x0", "tid": 77}
RESTING = {"coin": "BTC", "side": "B", "limitPx": "60000", "sz": "0.01", "oid": 9001, "timestamp": 1, "origSz": "0.01"}
META = {"universe": [{"name": "BTC", "szDecimals": 5}, {"name": "OLD", "szDecimals": 1, "isDelisted": True}]}


class Hyperliquid:
    """Drives the venue as its shell would; questions are answered by the fields of `answers`."""

    def __init__(self, *, has_key: bool = True, now: Nanos = NOW, ahead: Nanos = 0) -> None:
        key = Credentials(ACCOUNT, SECRET) if has_key else None
        self.venue = HyperliquidVenue(VenueSetup(2, (BTC,), NOWHERE, key))
        self.now, self.ahead = now, ahead
        self.told: list[Any] = []
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.others: list[Output] = []
        self.answers: dict[str, Any] = {
            "meta": META,
            "userRateLimit": {"cumVlm": "0", "nRequestsUsed": 0, "nRequestsCap": 10_000},
            "frontendOpenOrders": [],
            "l2Book": {"coin": "BTC", "time": now // MS, "levels": LEVELS},
        }
        self.take(self.venue.begin(now, 5))

    def take(self, outputs: Any) -> None:
        for output in outputs:
            if isinstance(output, Tell):
                self.told.append(output.message)
            elif isinstance(output, SendFrame):
                self.sent.append((output.socket, json.loads(output.data)))
            elif isinstance(output, SendRequest):
                self.answer(output)
            else:
                self.others.append(output)

    def answer(self, asked: SendRequest) -> None:
        body = json.loads(asked.request.body)
        if asked.request.path == "/exchange":
            self.sent.append(("rest", body))
            reply: Any = {"status": "ok", "response": {"type": "cancel", "data": {"statuses": ["success"]}}}
        else:
            state = {"assetPositions": [], "time": (self.now + self.ahead) // MS}
            reply = {"clearinghouseState": state, **self.answers}[body["type"]]
        answer = HttpAnswer(200, {}, json.dumps(reply).encode(), self.now, self.now + 2 * MS)
        self.take(self.venue.answered(asked.token, answer, self.now))

    def open(self, socket: str) -> None:
        """Open a socket, and grant what is subscribed there."""
        n_sent = len(self.sent)
        self.take(self.venue.opened(socket, self.now))
        for _, frame in self.sent[n_sent:]:
            self.hear(socket, "subscriptionResponse", frame)

    def up(self) -> "Hyperliquid":
        self.open("public")
        self.open("private")
        return self

    def hear(self, socket: str, channel: str, data: Any) -> None:
        self.take(self.venue.receive(socket, json.dumps({"channel": channel, "data": data}), self.now))

    def wait(self, duration: Nanos) -> None:
        end = self.now + duration
        while (due := self.venue.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.take(self.venue.on_deadline(self.now))
        self.now = end

    def of(self, kind: type) -> list[Any]:
        return [each for each in self.told if type(each) is kind]

    def nonces(self) -> list[int]:
        bodies = [frame["request"]["payload"] for _, frame in self.sent if frame.get("method") == "post"]
        return [body["nonce"] for body in bodies + [body for socket, body in self.sent if socket == "rest"]]


# --- connections ------------------------------------------------------------------------------------------------------


def test_it_is_up_while_the_accounts_streams_are_granted() -> None:
    venue = Hyperliquid()
    assert [each.socket for each in venue.others if isinstance(each, Connect)] == ["public", "private"]
    venue.open("public")
    assert not venue.of(ConnectionUp)
    venue.open("private")
    assert [frame["subscription"]["type"] for socket, frame in venue.sent if socket == "private"] == [
        "orderUpdates",
        "userFills",
        "userEvents",
    ]
    venue.take(venue.venue.closed("private", "gone", venue.now))
    venue.open("private")
    assert [(up.venue, up.epoch) for up in venue.of(ConnectionUp)] == [(2, 5), (2, 6)]
    (lost,) = venue.of(ConnectionLost)
    assert (lost.epoch, lost.reason) == (5, "private: gone")


def test_a_lost_public_socket_breaks_the_books_and_trades_told_again_are_passed_over() -> None:
    venue = Hyperliquid().up()
    book = {"coin": "BTC", "time": NOW // MS, "levels": LEVELS}
    venue.hear("public", "l2Book", book)
    venue.hear("public", "l2Book", book | {"time": NOW // MS - 1})  # of an earlier block
    venue.hear("public", "trades", [TRADE])
    venue.take(venue.venue.closed("public", "gone", venue.now))
    assert not venue.of(ConnectionLost)
    assert [gap.instrument for gap in venue.of(BookGap)] == [BTC.id]
    venue.open("public")
    venue.hear("public", "trades", [TRADE, TRADE | {"tid": 78}])
    venue.hear("public", "l2Book", book)
    assert len(venue.of(BookSnapshot)) == 2
    trades = venue.of(Trade)
    assert [each.taker for each in trades] == [-1, -1]
    assert len({each.trade_id for each in trades}) == 2
    assert venue.venue.seen["trade told again"] == venue.venue.seen["older book"] == 1


def test_a_book_that_is_wanted_anew_is_asked_for() -> None:
    venue = Hyperliquid().up()
    venue.take(venue.venue.command(RequestSnapshot(BTC.id), venue.now))
    (book,) = venue.of(BookSnapshot)
    assert book.bids.tolist() == [[BTC.ticks(65_000.0), 100_000]]


def test_a_socket_without_an_answer_to_a_ping_is_given_up() -> None:
    venue = Hyperliquid().up()
    venue.wait(25 * SECOND)
    assert [socket for socket, frame in venue.sent if frame.get("method") == "ping"] == ["public", "private"]
    for socket in ("public", "private"):
        venue.hear(socket, "pong", None)
    venue.wait(16 * SECOND)
    venue.hear("public", "pong", None)
    venue.wait(10 * SECOND)
    given_up = [each for each in venue.others if isinstance(each, Reconnect)]
    assert [each.socket for each in given_up] == ["private"]
    assert "ping was not answered" in given_up[0].reason


def test_a_subscription_that_is_refused_drops_the_socket() -> None:
    venue = Hyperliquid()
    venue.take(venue.venue.opened("private", venue.now))
    with pytest.raises(RemoteProtocolError, match="Cannot track more than 10 total users"):
        venue.hear("private", "error", "Cannot track more than 10 total users.")


def test_the_market_data_alone_has_a_connection_and_takes_no_order() -> None:
    venue = Hyperliquid(has_key=False)
    venue.open("public")
    assert venue.of(ConnectionUp)
    with pytest.raises(ValueError, match="hyperliquid has no key in this run"):
        venue.venue.command(ORDER, venue.now)


# --- orders -----------------------------------------------------------------------------------------------------------


def test_orders_without_a_connection_are_refused_and_cancels_go_by_rest() -> None:
    venue = Hyperliquid()
    venue.wait(10 * MS)
    venue.answers["frontendOpenOrders"] = [RESTING, RESTING | {"coin": "ETH", "oid": 5}]
    venue.take(venue.venue.command(ORDER, venue.now))
    assert [each.reason for each in venue.of(OrderRejected)] == [Reason.NOT_CONNECTED]
    venue.take(venue.venue.command(CancelAll(BTC.id), venue.now))
    assert [body["action"] for _, body in venue.sent] == [{"type": "cancel", "cancels": [{"a": 0, "o": 9001}]}]


@pytest.mark.parametrize("set_back", [0, 10 * SECOND, 3 * HOUR])
def test_no_nonce_repeats_though_our_clock_is_set_back_over_a_restart(set_back: Nanos) -> None:
    """The venue would refuse cancels as well, until the clock had come to where it was."""

    def life(now: Nanos, ahead: Nanos) -> list[int]:
        venue = Hyperliquid(now=now, ahead=ahead).up()
        venue.wait(10 * MS)
        venue.answers["frontendOpenOrders"] = [RESTING]
        venue.take(venue.venue.command(ORDER, venue.now))
        venue.take(venue.venue.command(CancelAll(BTC.id), venue.now))
        return venue.nonces()

    restart = NOW + 2 * SECOND
    first, second = life(NOW, 0), life(restart - set_back, set_back)
    assert len(first) == len(second) == 4  # the switch, the order, a cancel by cloid, and of what the venue lists
    assert max(first) < min(second)
    assert max(second) < (restart + SECOND) // MS


# --- the dead man's switch --------------------------------------------------------------------------------------------


class Switch:
    """A switch whose actions go by HTTP, answered by what a test says."""

    def __init__(self, refusal: str = "") -> None:
        self.refusal = refusal
        self.gate = HyperliquidGate(0)
        exchange = Exchange(Signer(SECRET, is_mainnet=False), self.gate, RateWindow(MESSAGES), ActionBudget())
        exchange.begin(NOW - SECOND)
        self.switch = ScheduledCancel(exchange, self.gate)
        self.times: list[int | None] = []

    def do(self, outputs: list[Output], now: Nanos) -> None:
        for each in outputs:
            assert isinstance(each, SendRequest)
            action = json.loads(each.request.body)["action"]
            self.times.append(action.get("time"))
            reply: Any = {"status": "ok", "response": {"type": "default", "data": {"statuses": []}}}
            reply = {"status": "err", "response": self.refusal} if self.refusal else reply
            answer = HttpAnswer(200, {}, json.dumps(reply).encode(), now, now)
            self.gate.answered(each.token, answer, now)


def test_the_switch_is_armed_first_put_off_while_all_is_well_and_ended_without_orders() -> None:
    it = Switch()
    it.do(it.switch.placing(NOW), NOW)
    assert it.times == [NOW // MS + 60_000]
    assert it.switch.is_had
    due = it.switch.next_deadline()
    assert NOW < due <= NOW + 30 * SECOND
    it.do(it.switch.on_deadline(due), due)
    it.switch.healthy(due, is_well=False)
    assert it.switch.next_deadline() > NOW + HOUR  # nobody puts it off while the path is down
    it.switch.healthy(due + 5 * SECOND, is_well=True)
    it.do(it.switch.on_deadline(due + 5 * SECOND), due + 5 * SECOND)
    nothing = AccountSnapshot(0, NOW - SECOND, NOW, NOW, 0, (), (), ())
    it.do(it.switch.seen_account(nothing, due + MINUTE), due + MINUTE)  # asked before the order was sent
    after = AccountSnapshot(0, due + MINUTE, due + MINUTE, due + MINUTE, 0, (), (), ())
    it.do(it.switch.seen_account(after, due + MINUTE), due + MINUTE)
    assert it.times[1:] == [due // MS + 60_000, due // MS + 65_000, None]
    assert not it.switch.is_armed


def test_an_account_that_has_not_traded_enough_does_without() -> None:
    it = Switch("Cannot set scheduled cancel time until enough volume traded. Required: $1000000.")
    it.do(it.switch.placing(NOW), NOW)
    assert it.switch.is_had is False
    assert not it.switch.placing(NOW + SECOND)
    assert it.switch.next_deadline() > NOW + HOUR


# --- before a run, and after it ---------------------------------------------------------------------------------------


def talk(conversation: Conversation[Any], reply: Callable[[HttpRequest], Any]) -> Any:
    """Hold a talk; return what it was held for."""
    request = next(conversation)
    while True:
        body = reply(request)
        answer = HttpAnswer(body if isinstance(body, int) else 200, {}, json.dumps(body).encode(), NOW, NOW)
        try:
            request = conversation.send(answer)
        except StopIteration as end:
            return end.value


def setup(key: str = ACCOUNT, network: str = "testnet") -> VenueSetup:
    return VenueSetup(0, (BTC,), VenueConnection(network), Credentials(key, SECRET))  # type: ignore[arg-type]


def prepared(roles: dict[str, Any], key: str = ACCOUNT, network: str = "testnet") -> Any:
    def reply(request: HttpRequest) -> Any:
        asked = json.loads(request.body)
        if asked["type"] == "userFees":
            assert asked["user"] == key.removeprefix("vault:")
            return {"userCrossRate": "0.00045", "userAddRate": "-0.00001"}
        return roles[asked["user"]]

    return talk(preparation(setup(key, network), NOW), reply)


def test_an_agent_of_the_account_may_trade_and_its_fees_are_read() -> None:
    (btc,) = prepared({SIGNER: {"role": "agent", "data": {"user": ACCOUNT}}}, network="mainnet")
    assert (str(btc.taker_fee), str(btc.maker_fee)) == ("0.00045", "-0.00001")


@pytest.mark.parametrize(
    ("roles", "key", "network", "words"),
    [
        ({SIGNER: {"role": "agent", "data": {"user": "0x" + "2" * 40}}}, ACCOUNT, "mainnet", "approve it there"),
        ({SIGNER: {"role": "user"}}, SIGNER, "mainnet", "no agent's"),
        ({SIGNER: {"role": "missing"}}, ACCOUNT, "mainnet", "approve an API wallet"),
        ({SIGNER: {"role": "missing"}}, ACCOUNT, "testnet", "not for " + ACCOUNT),
        (
            {SIGNER: {"role": "agent", "data": {"user": "0x" + "2" * 40}}, ACCOUNT: {"role": "user"}},
            f"vault:{ACCOUNT}",
            "mainnet",
            "no vault or sub-account",
        ),
        (
            {
                SIGNER: {"role": "agent", "data": {"user": "0x" + "2" * 40}},
                ACCOUNT: {"role": "subAccount", "data": {"master": "0x" + "3" * 40}},
            },
            f"vault:{ACCOUNT}",
            "mainnet",
            "no vault or sub-account of 0x2222",
        ),
    ],
)
def test_a_key_that_is_not_fit_is_refused_with_the_remedy(
    roles: dict[str, Any], key: str, network: str, words: str
) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        prepared(roles, key, network)
    assert SECRET.removeprefix("0x") not in str(refused.value)


def test_an_agent_of_the_master_may_trade_for_its_sub_account() -> None:
    master = "0x" + "2" * 40
    roles = {
        SIGNER: {"role": "agent", "data": {"user": master}},
        ACCOUNT: {"role": "subAccount", "data": {"master": master}},
    }
    assert prepared(roles, f"vault:{ACCOUNT}", "mainnet")


def test_a_coin_that_does_not_trade_is_named() -> None:
    (btc,) = talk(instruments_of(["BTC"], 3, NOW), lambda request: META)
    assert (btc.id, btc.symbol, btc.lot) == (3, "BTC", BTC.lot)
    for symbol, words in (("OLD", "is delisted"), ("BTCC", "is not listed.*did you mean BTC")):
        with pytest.raises(ValueError, match=words):
            talk(instruments_of([symbol], 0, NOW), lambda request: META)
    with pytest.raises(RemoteProtocolError, match="502"):
        talk(instruments_of(["BTC"], 0, NOW), lambda request: 502)


@pytest.mark.parametrize("venue_ahead", [0, HOUR])
def test_a_sweep_cancels_what_is_listed_and_says_what_is_left(venue_ahead: Nanos) -> None:
    rows, actions = [RESTING, RESTING | {"coin": "PURR/USDC", "oid": 3}, RESTING | {"oid": 9002}], []

    def reply(request: HttpRequest) -> Any:
        body = json.loads(request.body)
        if request.path == "/info":
            state = {"assetPositions": [], "time": (NOW + venue_ahead) // MS}
            return {"frontendOpenOrders": rows, "meta": META, "clearinghouseState": state}[body["type"]]
        actions.append(body)
        del rows[0]
        return {"status": "ok", "response": {"type": "cancel", "data": {"statuses": ["success", "success"]}}}

    assert talk(sweep(setup(), False), reply).n_open == 2
    assert not actions
    swept = talk(sweep(setup(), True), reply)
    (body,) = actions
    assert body["action"] == {"type": "cancel", "cancels": [{"a": 0, "o": 9001}, {"a": 0, "o": 9002}]}
    assert body["nonce"] > (NOW + venue_ahead) // MS
    assert (swept.n_open, swept.refused) == (1, ())


def test_a_sweep_that_is_refused_says_so_and_one_that_is_not_answered_proves_nothing() -> None:
    def refusing(request: HttpRequest) -> Any:
        if request.path == "/exchange":
            return {"status": "err", "response": "User or API Wallet 0x12 does not exist."}
        kind = json.loads(request.body)["type"]
        return {"frontendOpenOrders": [RESTING], "meta": META, "clearinghouseState": 502}[kind]

    swept = talk(sweep(setup(), True), refusing)
    assert swept.n_open == 1
    assert "does not exist" in swept.refused[0]
    with pytest.raises(RemoteProtocolError, match="429"):
        talk(sweep(setup(), True), lambda request: 429)
