"""Coming up, losing a socket and coming back: what the venue opens, asks and tells meanwhile."""

import pytest

from market.messages import (
    CancelAll,
    CancelOrder,
    ClockOffset,
    ConnectionLost,
    ConnectionUp,
    OrderCancelled,
    OrderRejected,
    Reason,
    RequestAccount,
)
from market.units import MS
from tests.venues.binance.scripted_binance import (
    ALL,
    CANCEL,
    INFO,
    KEY,
    KEYS,
    LISTEN_KEY,
    PLACE,
    SECRET,
    TIME,
    T,
    drive,
    order,
    report,
)
from venues.binance.private_session import PrivateSessionConfig
from venues.binance.trading_account import AccountConfig
from venues.binance.venue import BinanceConfig
from venues.venue import Connect, Reconnect

# --- the start ---------------------------------------------------------------------------------------------------


def test_a_start_asks_for_the_time_the_rules_and_a_key_and_opens_every_socket() -> None:
    venue = drive().begin()
    assert venue.targets == {
        "public": "/public/stream",
        "market": "/market/stream",
        "trade": "/ws-fapi/v1",
    }
    assert [name for name, asked in venue.asked.items() if asked] == [TIME, INFO, KEYS]
    venue.answer(KEYS, {"listenKey": LISTEN_KEY})
    assert venue.targets["private"] == f"/private/ws?listenKey={LISTEN_KEY}"


def test_the_trading_path_is_up_when_sockets_are_open_and_the_time_is_known() -> None:
    venue = drive().begin(epoch=4)
    venue.answer(KEYS, {"listenKey": LISTEN_KEY})
    venue.open("public", "market", "trade", "private")
    assert "connection" not in venue.told
    venue.tell_time()
    assert venue.told["connection"] == [ConnectionUp(3, T, 4)]


def test_without_a_key_there_are_books_and_nothing_is_asked_of_an_account() -> None:
    venue = drive(has_key=False).begin()
    assert sorted(venue.targets) == ["market", "public"]
    assert [name for name, asked in venue.asked.items() if asked] == [TIME, INFO]
    venue.tell_time()
    assert venue.open("public").told["connection"] == [ConnectionUp(3, T, 0)]
    assert venue.close("public").told["connection"][1:] == [ConnectionLost(3, T, 0, "public: it broke")]
    with pytest.raises(ValueError, match=r"^PlaceOrder to binance without credentials: "):
        venue.command(PLACE)


def test_the_clock_is_measured_again_and_again_and_told_with_its_error() -> None:
    venue = drive()
    venue.offset_ms = 250
    venue.begin().tell_time()
    assert venue.told["clock"] == [ClockOffset(3, T, 250 * MS + MS // 2, MS // 2)]
    for _ in range(2):  # some at first, one after another
        venue.later(1).tell_time()
    venue.later(59)
    assert venue.n_asked(TIME) == 0
    venue.later(1)
    venue.offset_ms = 400  # it drifts, and is followed
    for _ in range(5):
        venue.tell_time()
        venue.later(60)
    assert venue.told["clock"][-1].offset_ns == 400 * MS + MS // 2


def test_the_time_is_asked_again_without_an_answer_and_after_a_refusal_of_ours() -> None:
    venue = drive().begin()
    venue.fail(TIME)
    assert venue.later(5).n_asked(TIME) == 1
    venue = drive().up().later(10)
    venue.asked[TIME].clear()
    venue.command(CancelAll(0)).answer(ALL, {"code": -1021, "msg": "outside of the recvWindow"}, 400)
    assert venue.later(0).n_asked(TIME) == 1


def test_signatures_are_of_the_venues_time() -> None:
    venue = drive()
    venue.offset_ms = 90_000
    venue.up().command(CancelAll(0))
    (query,) = [venue.answer(ALL, {"code": 200, "msg": "done"})]
    assert query["timestamp"] == [str(T // MS + 90_000)]


# --- outages -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("socket", ["private", "trade"])
def test_a_lost_socket_takes_the_trading_path_down_until_it_is_back(socket: str) -> None:
    venue = drive().up().close(socket)
    assert venue.told["connection"] == [ConnectionLost(3, T, 0, f"{socket}: it broke")]
    venue.command(PLACE)
    assert venue.told["facts"] == [OrderRejected(7, 0, T + MS // 2, T, int(Reason.NOT_CONNECTED))]
    venue.open(socket)
    assert venue.told["connection"][1:] == [ConnectionUp(3, T, 1)]


def test_cancels_go_by_rest_while_the_socket_is_gone() -> None:
    venue = drive().up().command(PLACE).close("trade").command(CancelOrder(7, 0))
    query = venue.answer(CANCEL, order("ls-7", 9, "CANCELED"))
    assert query["origClientOrderId"] == ["ls-7"]
    assert venue.told["facts"] == [OrderCancelled(7, 0, T, T, 0)]


def test_a_trade_socket_that_does_not_answer_is_given_up() -> None:
    venue = drive().up().command(PLACE).later(9.9)
    assert not venue.dropped
    venue.later(0.1)
    assert venue.dropped == [Reconnect("trade", "nothing was heard in 10 s after a request")]
    assert isinstance(venue.told["connection"][0], ConnectionLost)


def test_an_idle_trade_socket_is_asked_whether_it_lives_and_any_answer_will_do() -> None:
    venue = drive().up().later(20)
    (probe,) = venue.frames["trade"]
    assert probe == {"id": "alive", "method": "session.status"}
    venue.hear("trade", {"id": "alive", "status": 400, "error": {"code": -1102, "msg": "no such method"}})
    assert "halts" not in venue.told
    venue.later(19.9)
    assert not [each for each in venue.dropped if each.socket == "trade"]


def test_a_private_stream_that_does_not_tell_of_an_accepted_order_is_opened_otherwise() -> None:
    venue = drive().up().command(PLACE)
    venue.hear("trade", {"id": "1", "status": 200, "result": order("ls-7", 9)}).later(5)
    assert [each.socket for each in venue.dropped] == ["private"]
    assert isinstance(venue.told["connection"][0], ConnectionLost)
    venue.answer(KEYS, {"listenKey": LISTEN_KEY})
    assert venue.targets["private"] == f"/private/ws/{LISTEN_KEY}"


def test_a_private_stream_that_was_quicker_than_the_answer_is_trusted() -> None:
    venue = drive().up().command(PLACE).hear("private", report("ls-7", 9, "NEW", "NEW"))
    venue.hear("trade", {"id": "1", "status": 200, "result": order("ls-7", 9)}).later(9)
    assert not venue.dropped


def test_forms_of_the_private_stream_are_tried_in_turn_where_none_opens() -> None:
    venue = drive().begin()
    venue.answer(KEYS, {"listenKey": LISTEN_KEY})
    venue.later(60).answer(KEYS, {"listenKey": LISTEN_KEY})
    assert venue.targets["private"] == f"/private/ws/{LISTEN_KEY}"
    venue.later(60).answer(KEYS, {"listenKey": LISTEN_KEY})
    assert venue.targets["private"] == "/private/stream"
    venue.open("private")
    assert venue.frames["private"][0]["params"] == [LISTEN_KEY]
    assert venue.venue.seen["private stream opened by subscribe"] == 1


def test_an_ended_listen_key_is_a_lost_connection_and_a_new_key() -> None:
    venue = drive().up().hear("private", {"e": "listenKeyExpired", "E": 5, "listenKey": LISTEN_KEY})
    assert venue.dropped == [Reconnect("private", "the listen key has ended")]
    assert venue.told["connection"] == [ConnectionLost(3, T, 0, "private: the listen key has ended")]
    assert venue.n_asked(KEYS) == 1
    venue.answer(KEYS, {"listenKey": "anotherKey"})
    assert venue.targets["private"] == "/private/ws?listenKey=anotherKey"
    assert venue.open("private").told["connection"][1:] == [ConnectionUp(3, T, 1)]


def test_the_listen_key_is_kept_alive() -> None:
    venue = drive().up()
    for _ in range(4):
        venue.alive(30 * 60)
        venue.answer("PUT /fapi/v1/listenKey", {})
    assert not [each for each in venue.dropped if each.socket == "private"]


def test_the_venues_silence_over_http_breaks_nothing() -> None:
    venue = drive().up()
    for _ in range(30):
        venue.later(10)
        for name, asked in venue.asked.items():
            while asked:
                venue.fail(name)
    assert venue.n_asked(TIME) <= 1


# --- secrets -----------------------------------------------------------------------------------------------------


def test_no_repr_shows_a_secret() -> None:
    venue = drive()
    shown = ""
    venue.begin()
    shown += repr(venue.outputs)
    venue.tell_time()
    venue.answer(KEYS, {"listenKey": LISTEN_KEY})
    shown += repr(venue.outputs)
    assert any(isinstance(each, Connect) for each in venue.outputs)
    venue.open("public", "market", "private", "trade").command(PLACE)
    shown += repr(venue.outputs)
    venue.command(RequestAccount(3, T))
    shown += repr(venue.outputs) + repr(venue.venue.setup)
    assert not [secret for secret in (KEY, SECRET, LISTEN_KEY) if secret in shown]


def test_the_form_of_the_private_stream_is_a_setting() -> None:
    venue = drive(config=BinanceConfig(account=AccountConfig(private=PrivateSessionConfig("subscribe")))).begin()
    venue.answer(KEYS, {"listenKey": LISTEN_KEY})
    assert venue.targets["private"] == "/private/stream"
