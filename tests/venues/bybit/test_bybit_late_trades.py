"""Trades of an outage of Bybit's public socket: asked for when it is over, told once, to who records alone."""

from typing import Any

import pytest

from market.messages import (
    Trade,
    TradesCaughtUp,
)
from market.units import MS, SECOND
from tests.venues.bybit.scripted_bybit import Bybit, follow_public, grant_public, reply
from tests.venues.scripted_venue import AHEAD, NOW
from venues.venue import SendRequest, Tell


def traded(number: int, at_s: float) -> dict[str, Any]:
    """Return a trade as it is told afterwards."""
    return {
        "execId": f"id-{number}",
        "symbol": "BTCUSDT",
        "price": "65000.0",
        "size": "0.001",
        "side": "Buy",
        "time": str((NOW + AHEAD) // MS + round(at_s * 1000)),
        "isBlockTrade": False,
    }


def live(number: int, at_s: float) -> dict[str, Any]:
    """Return the same as it is told when it happens."""
    row = traded(number, at_s)
    data = {"T": int(row["time"]), "s": "BTCUSDT", "S": "Buy", "v": "0.001", "p": "65000.0", "i": row["execId"]}
    return {"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": 1, "data": [{**data, "BT": False}]}


def interrupted() -> Bybit:
    """Return a venue that has heard trade 1, was away for a while, and listens again."""
    bybit = Bybit().come_up()
    follow_public(bybit)
    assert not bybit.asked("/v5/market/recent-trade"), "there was no outage"
    assert [(told.instrument, told.is_whole) for told in bybit.told(TradesCaughtUp)] == [(0, False), (1, False)]
    bybit.hear("public", live(1, 1.0))
    bybit.take(bybit.venue.closed("public", "gone", bybit.now))
    bybit.now += 5 * SECOND
    follow_public(bybit)
    bybit.hear("public", live(4, 5.1))
    bybit.outputs = [each for each in bybit.outputs if isinstance(each, SendRequest)]
    return bybit


def recent(rows: list[dict[str, Any]]) -> bytes:
    return reply({"category": "linear", "list": rows})


def test_trades_of_an_outage_are_told_late_and_once() -> None:
    bybit = interrupted()
    btc, _ = bybit.asked("/v5/market/recent-trade")
    assert btc.request.query == "category=linear&symbol=BTCUSDT&limit=1000"
    bybit.answer(btc, recent([traded(4, 5.1), traded(3, 3.0), traded(2, 2.0), traded(1, 1.0), traded(0, 0.5)]))
    assert [(trade.ts_venue - NOW - AHEAD) / SECOND for trade in bybit.told(Trade)] == [2.0, 3.0]
    assert all(trade.ts_recv == bybit.now for trade in bybit.told(Trade))
    ports = [tell.port for tell in bybit.of(Tell) if isinstance(tell.message, Trade)]
    assert ports[-2:] == ["marks", "marks"], "who acts on flow hears of none of it"
    assert bybit.told(TradesCaughtUp) == [TradesCaughtUp(0, bybit.now, True)]


def test_a_trade_that_comes_before_the_subscription_is_granted_hides_no_outage() -> None:
    bybit = Bybit().come_up()
    follow_public(bybit)
    bybit.hear("public", live(1, 1.0))
    bybit.take(bybit.venue.closed("public", "gone", bybit.now))
    bybit.now += 5 * SECOND
    bybit.take(bybit.venue.opened("public", bybit.now))
    bybit.hear("public", live(4, 5.1))
    grant_public(bybit)
    btc, _ = bybit.asked("/v5/market/recent-trade")
    bybit.outputs.clear()
    bybit.answer(btc, recent([traded(4, 5.1), traded(3, 3.0), traded(2, 2.0), traded(1, 1.0)]))
    assert [(trade.ts_venue - NOW - AHEAD) / SECOND for trade in bybit.told(Trade)] == [2.0, 3.0]
    assert bybit.told(TradesCaughtUp) == [TradesCaughtUp(0, bybit.now, True)]


def test_an_answer_about_one_outage_says_nothing_of_the_next() -> None:
    bybit = interrupted()
    btc, _ = bybit.asked("/v5/market/recent-trade")
    bybit.take(bybit.venue.closed("public", "gone", bybit.now))
    follow_public(bybit)
    bybit.outputs.clear()
    bybit.answer(btc, recent([traded(4, 5.1), traded(1, 1.0), traded(0, 0.5)]))
    assert bybit.told(TradesCaughtUp) == [TradesCaughtUp(0, bybit.now, False)]


def test_more_trades_than_the_venue_tells_leave_a_hole() -> None:
    bybit = interrupted()
    btc, _ = bybit.asked("/v5/market/recent-trade")
    bybit.answer(btc, recent([traded(2000 - n, 5.0 - n / 1000) for n in range(1000)]))
    assert len(bybit.told(Trade)) == 1000
    assert bybit.told(TradesCaughtUp) == [TradesCaughtUp(0, bybit.now, False)]


@pytest.mark.parametrize(("body", "status"), [(None, 200), (b"<html>", 200), (b"{}", 503)])
def test_an_outage_that_cannot_be_asked_about_is_a_hole(body: bytes | None, status: int) -> None:
    bybit = interrupted()
    btc, _ = bybit.asked("/v5/market/recent-trade")
    bybit.answer(btc, body, status)
    assert bybit.told(Trade) == []
    assert bybit.told(TradesCaughtUp) == [TradesCaughtUp(0, bybit.now, False)]
