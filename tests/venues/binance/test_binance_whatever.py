"""Whatever happens to the venue in whatever order: what must hold, holds."""

import json
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from market.messages import (
    AccountSnapshot,
    AmendOrder,
    CancelAll,
    CancelOrder,
    ConnectionLost,
    ConnectionUp,
    PlaceOrder,
    QueryOrder,
    RequestAccount,
    RequestSnapshot,
)
from market.units import HOUR, SECOND
from tests.venues.binance.scripted_binance import KEY, LISTEN_KEY, SECRET, Drive, drive, order, report, rules
from venues.venue import Connect, Reconnect, SendFrame, SendRequest

pytestmark = pytest.mark.slow

SOCKETS = ("public", "market", "private", "trade")
GOOD: dict[str, Any] = {
    "/fapi/v1/time": None,
    "/fapi/v1/exchangeInfo": rules(limits=(("REQUEST_WEIGHT", "MINUTE", 1, 150), ("ORDERS", "SECOND", 10, 5))),
    "/fapi/v1/listenKey": {"listenKey": LISTEN_KEY},
    "/fapi/v1/openOrders": [],
    "/fapi/v3/positionRisk": [],
    "/fapi/v1/userTrades": [],
    "/fapi/v1/income": [],
    "/fapi/v1/depth": {"lastUpdateId": 5, "E": 5, "T": 4, "bids": [["1", "1"]], "asks": [["2", "1"]]},
    "/fapi/v1/countdownCancelAll": {},
    "/fapi/v1/allOpenOrders": {"code": 200},
}
REFUSALS = (
    (400, -2011),
    (400, -1021),
    (429, -1003),
    (418, -1003),
    (503, -1007),
    (400, -1125),
    (401, -2015),
)
COMMANDS = ("place", "place", "amend", "cancel", "all", "query", "account", "snapshot")


class Whatever(RuleBasedStateMachine):
    """Keeps the sockets as a shell would, and looks at all that comes out."""

    def __init__(self) -> None:
        super().__init__()
        self.drive: Drive = drive()
        self.wanted: set[str] = set()
        self.open: set[str] = set()
        self.n_orders = 0
        self.tokens: set[int] = set()
        self.is_up: bool | None = None
        self.epoch = 0
        self.barred_until = 0
        self.sees(self.drive.begin(1).outputs)
        self.epoch = 1

    def sees(self, outputs: Any) -> None:
        for each in outputs:
            shown = repr(each)
            assert not [secret for secret in (KEY, SECRET, LISTEN_KEY) if secret in shown]
            if isinstance(each, Connect):
                self.wanted.add(each.socket)
                self.open.discard(each.socket)
            elif isinstance(each, SendFrame):
                assert each.socket in self.open, "a frame to a socket that is not open"
                assert each.socket != "trade" or self.drive.now >= self.barred_until, "sent in spite of a 429"
            elif isinstance(each, SendRequest):
                assert each.token not in self.tokens, "a token is used twice"
                assert self.drive.now >= self.barred_until, "asked in spite of a 429"
                self.tokens.add(each.token)
            elif isinstance(each, Reconnect):
                assert each.socket in self.open, "a socket is given up that is not open"
                self.open.discard(each.socket)

    def step(self, outputs: Any) -> None:
        self.drive.do(outputs)
        self.look()

    def look(self) -> None:
        """See what has just come out."""
        self.sees(self.drive.outputs)
        for message in self.drive.told.pop("connection", []):
            if isinstance(message, ConnectionUp):
                assert not self.is_up
                assert message.epoch == self.epoch
                self.is_up = True
            else:
                assert isinstance(message, ConnectionLost)
                assert self.is_up
                self.is_up, self.epoch = False, self.epoch + 1

    @initialize(is_up=st.booleans())
    def a_beginning(self, is_up: bool) -> None:
        if not is_up:
            return
        self.drive.tell_time()
        self.look()
        self.drive.answer("POST /fapi/v1/listenKey", {"listenKey": LISTEN_KEY})
        self.look()
        for socket in SOCKETS:
            self.a_socket_opens(socket)
        assert self.is_up

    @rule(which=st.sampled_from(SOCKETS))
    def a_socket_opens(self, which: str) -> None:
        if which in self.wanted and which not in self.open:
            self.open.add(which)
            self.step(self.drive.venue.opened(which, self.drive.now))

    @rule(which=st.sampled_from(SOCKETS))
    def a_socket_breaks(self, which: str) -> None:
        self.open.discard(which)
        self.step(self.drive.venue.closed(which, "it broke", self.drive.now))

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 7.0, 31.0, 61.0, 1900.0]))
    def time_passes(self, seconds: float) -> None:
        self.drive.now += round(seconds * SECOND)
        for _ in range(100):
            due = self.drive.venue.next_deadline()
            if due is None or due > self.drive.now:
                return
            self.step(self.drive.venue.on_deadline(self.drive.now))
        raise AssertionError("deadlines are due for ever")

    @rule(data=st.data(), how=st.sampled_from(["good", "good", "good", "none", "refused"]))
    def a_request_is_answered(self, data: st.DataObject, how: str) -> None:
        waiting = [name for name, asked in self.drive.asked.items() if asked]
        if not waiting:
            return
        name = data.draw(st.sampled_from(sorted(waiting)))
        asked = self.drive.asked[name][0]
        path = name.split()[1]
        if how == "none" or (how == "good" and path not in GOOD):
            self.drive.fail(name)
        elif how == "refused":
            status, code = data.draw(st.sampled_from(REFUSALS))
            pause_s = data.draw(st.sampled_from((3, 100)))
            if status in (429, 418):
                self.barred_until = max(self.barred_until, self.drive.now + pause_s * SECOND)
            self.drive.answer(name, {"code": code, "msg": "no"}, status, headers={"retry-after": str(pause_s)})
        elif path == "/fapi/v1/time":
            self.drive.tell_time()
        else:
            self.drive.answer(name, GOOD[path])
        assert asked.token in self.tokens
        self.look()

    @rule(
        kind=st.sampled_from(["place", "amend", "cancel", "all", "query", "account", "snapshot"]),
        back=st.integers(0, 3),
    )
    def a_command_is_given(self, kind: str, back: int) -> None:
        client_id = max(0, self.n_orders - back)
        if kind == "place":
            self.n_orders += 1
        command = {
            "place": PlaceOrder(self.n_orders, 0, 1, 1000, 5, 0),
            "amend": AmendOrder(client_id, 0, 1001, 6),
            "cancel": CancelOrder(client_id, 0),
            "all": CancelAll(0),
            "query": QueryOrder(client_id, 0),
            "account": RequestAccount(3, self.drive.now - HOUR),
            "snapshot": RequestSnapshot(0),
        }[kind]
        n_before = sum(len(asked) for asked in self.drive.asked.values())
        self.step(self.drive.venue.command(command, self.drive.now))
        if kind == "place" and any(isinstance(each, SendFrame) for each in self.drive.outputs):
            assert self.is_up, "an order is sent while nobody would hear of it"
            account = self.drive.venue.account
            assert account is not None
            assert account.switch.armed == (0,), "an order is sent that nothing guards"
        assert sum(len(asked) for asked in self.drive.asked.values()) <= n_before + 2

    @precondition(lambda self: "private" in self.open and self.n_orders)
    @rule(status=st.sampled_from(["NEW", "CANCELED", "EXPIRED"]))
    def the_stream_tells(self, status: str) -> None:
        frame = report(f"ls-{self.n_orders}", self.n_orders, status, status)
        self.step(self.drive.venue.receive("private", frame, self.drive.now))

    @precondition(lambda self: "trade" in self.open and self.drive.frames.get("trade"))
    @rule()
    def an_order_is_answered(self) -> None:
        frame = self.drive.frames["trade"].pop(0)
        name = frame.get("params", {}).get("newClientOrderId", "")
        reply = (
            {"id": frame["id"], "status": 200, "result": order(name, 9)} if name else {"id": frame["id"], "status": 200}
        )
        if name or frame["id"] == "alive":
            self.step(self.drive.venue.receive("trade", json.dumps(reply).encode(), self.drive.now))

    @precondition(lambda self: "private" in self.open)
    @rule()
    def the_key_ends(self) -> None:
        self.step(self.drive.venue.receive("private", b'{"e":"listenKeyExpired","E":5}', self.drive.now))

    @invariant()
    def accounts_are_whole(self) -> None:
        for message in self.drive.told.pop("fills", []):
            if isinstance(message, AccountSnapshot):
                assert message.positions == ((0, 0),)
                assert message.ts_request <= self.drive.now

    @invariant()
    def deadlines_are_up_to_date(self) -> None:
        venue = self.drive.venue
        noted = venue.next_deadline()
        venue._look_at_all()
        assert venue.next_deadline() == noted

    @invariant()
    def requests_are_bounded(self) -> None:
        venue = self.drive.venue
        used = venue.gate.limits.used(venue.clock.at(self.drive.now))
        for header, (count, limit) in used.items():
            assert count <= limit + 20, f"{header} is overdrawn: {count} of {limit}"


TestWhatever = Whatever.TestCase
TestWhatever.settings = settings(max_examples=40, stateful_step_count=50, deadline=None)
