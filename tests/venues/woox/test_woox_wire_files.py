"""Every recorded message of the venue says what it is expected to say; of the older API, why nothing is made of it."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from market.messages import OrderState, OrderStatus, QueryOrder
from market.units import MS
from tests.venues.scripted_venue import NOW
from tests.venues.woox.scripted_woox import ORDER, ORDER_PATH, Woox
from tests.venues.woox.woox_wire import BTC, LTC, bodies, recorded
from venues.venue import Tell
from venues.wire import RemoteProtocolError
from venues.woox.instruments import instrument_of, is_trading, read_instruments, terms_of, with_fees
from venues.woox.market_data import MarketData
from venues.woox.order_index import OrderIndex
from venues.woox.order_status import ROW, state_of
from venues.woox.private import PrivateData
from venues.woox.structs import (
    BookRows,
    FundingRows,
    FutureRows,
    OrderRows,
    PositionRows,
    Sent,
    SystemInfo,
    TradeRows,
    decoder,
    read_data,
    read_frame,
    read_reply,
    time_of,
)

ALL = {
    "rest_v1_templates.hummingbot",
    "rest_v3_funding_rate.ccxt",
    "rest_v3_futures_ticker.ccxt",
    "rest_v3_instruments.ccxt",
    "rest_v3_market_trades.ccxt",
    "rest_v3_order_cancel.ccxt",
    "rest_v3_order_create.ccxt",
    "rest_v3_order_get.ccxt",
    "rest_v3_orderbook.ccxt",
    "rest_v3_orders.ccxt",
    "rest_v3_positions.ccxt",
    "rest_v3_system_info.ccxt",
    "rest_v3_trading_fee.ccxt",
    "ws_v1v2_templates.hummingbot",
}


def test_there_is_no_file_that_is_not_read_here(shared: Path) -> None:
    assert {path.name.removesuffix(".jsonl") for path in (shared / "data/wire/woox").glob("*.jsonl")} == ALL


def test_the_venue_itself(shared: Path) -> None:
    (body,) = bodies(shared, "rest_v3_system_info.ccxt")
    info, ts_venue = read_data(body, decoder(SystemInfo), "system info")
    assert (info.status, info.message, info.until) == (0, "System is functioning properly.", "1749963600362")
    assert ts_venue == 1_751_442_989_564 * MS


def test_instruments(shared: Path) -> None:
    (body,) = bodies(shared, "rest_v3_instruments.ccxt")
    (spot,) = read_instruments(body).values()
    assert not is_trading(spot)
    with pytest.raises(ValueError, match="woox:SPOT_AAVE_USDT is no perpetual"):
        instrument_of(spot, 0, 7)
    # the row of a perpetual has the same keys
    perpetual = json.loads(body.replace(b"SPOT_", b"PERP_"))
    (found,) = read_instruments(json.dumps(perpetual).encode()).values()
    made = instrument_of(found, 3, 7)
    assert (made.name, made.base, made.settle, made.tick, made.lot) == (
        "woox:PERP_AAVE_USDT",
        "AAVE",
        "USDT",
        Decimal("0.01"),
        Decimal("0.0001"),
    )
    assert (made.min_size, made.max_size, made.min_notional, made.multiplier) == (
        50,
        50_000_000,
        Decimal(1),
        Decimal(1),
    )
    terms = terms_of(found, made.tick)
    assert (terms.mode, terms.most_price, terms.bid_cap, terms.ask_floor) == ("NORMAL", 10_000_000, 1.1, 0.9)


def test_fees_are_in_basis_points(shared: Path) -> None:
    (body,) = bodies(shared, "rest_v3_trading_fee.ccxt")
    made = with_fees(BTC, body)
    assert (made.maker_fee, made.taker_fee) == (Decimal("0.0002"), Decimal("0.0005"))


def test_book_and_trades(shared: Path) -> None:
    (body,) = bodies(shared, "rest_v3_orderbook.ccxt")
    rows, ts_venue = read_data(body, decoder(BookRows), "book")
    assert [(each.price, each.quantity) for each in (*rows.bids, *rows.asks)] == [
        ("87.95", "0.047358"),
        ("87.97", "3.410253"),
    ]
    assert ts_venue == 1_751_621_356_649 * MS
    (body,) = bodies(shared, "rest_v3_market_trades.ccxt")
    (trade,) = read_data(body, decoder(TradeRows), "trades")[0].rows
    assert (trade.symbol, trade.side, trade.source, trade.executed_price) == ("SPOT_BTC_USDT", "SELL", 0, "108741.01")
    assert time_of(trade.executed_timestamp, "time", "a trade") == 1_751_513_940_144 * MS


def test_marks_and_funding(shared: Path) -> None:
    one, two = bodies(shared, "rest_v3_futures_ticker.ccxt")
    (btc,) = read_data(one, decoder(FutureRows), "futures")[0].rows
    assert (btc.mark_price, btc.index_price, btc.est_funding_rate) == ("63006", "63034", "0.00008514")
    assert [each.symbol for each in read_data(two, decoder(FutureRows), "futures")[0].rows] == [
        "PERP_BTC_USDT",
        "PERP_ETH_USDT",
    ]
    (body,) = bodies(shared, "rest_v3_funding_rate.ccxt")
    (funding,) = read_data(body, decoder(FundingRows), "funding")[0].rows
    assert (funding.est_funding_rate, funding.next_funding_time) == ("-0.00000441", 1_751_644_800_000)


def test_what_is_acknowledged_is_no_state(shared: Path) -> None:
    placed, algo = bodies(shared, "rest_v3_order_create.ccxt")
    sent, _ = read_data(placed, decoder(Sent), "order")
    assert (sent.order_id, sent.client_id, sent.status) == (60_667_653_330, 0, "")
    assert read_data(algo, decoder(Sent), "order")[0].order_id == 0  # of a conditional order, of which we send none
    statuses = [
        read_data(body, decoder(Sent), "cancel")[0].status for body in bodies(shared, "rest_v3_order_cancel.ccxt")
    ]
    assert statuses == ["CANCEL_SENT", "CANCEL_ALL_SENT"]
    woox = Woox().come_up()
    asked = woox.send(ORDER)
    assert not [each for each in woox.answer(asked, placed) if isinstance(each, Tell)]


def test_orders(shared: Path) -> None:
    (page,) = bodies(shared, "rest_v3_orders.ccxt")
    rows, _ = read_data(page, decoder(OrderRows), "orders")
    (row,) = rows.rows
    assert (row.order_id, row.status, row.type, row.price, row.quantity, row.executed) == (
        60_780_315_704,
        "NEW",
        "LIMIT",
        "60",
        "0.1",
        "0",
    )
    assert rows.meta.total == 11
    assert time_of(row.created_time, "time", "an order") == 1_752_049_062_496 * MS  # of seconds with a fraction
    opened, filled = (read_data(body, ROW, "order")[0] for body in bodies(shared, "rest_v3_order_get.ccxt"))
    assert state_of(opened, 0) is OrderState.OPEN
    # the same endpoint tells numbers as texts as well
    assert (filled.order_id, filled.client_order_id, filled.quantity, filled.price) == (65_902_163_453, 0, "0.1", "")
    assert state_of(filled, 1) is OrderState.FILLED
    assert time_of(filled.created_time, "time", "an order") == 1_760_972_880_560 * MS


def test_an_order_that_is_asked_for(shared: Path) -> None:
    woox = Woox().come_up()
    woox.command(QueryOrder(-60_780_315_704, LTC.id))
    body = bodies(shared, "rest_v3_order_get.ccxt")[0].replace(b"SPOT_", b"PERP_")
    woox.answer(woox.asked(ORDER_PATH, "GET")[0], body)
    (status,) = woox.told(OrderStatus)
    assert (status.state, status.price, status.size, status.filled) == (OrderState.OPEN, 6000, 1, 0)
    assert status.ts_venue == 1_752_049_228_485 * MS


def test_positions(shared: Path) -> None:
    (body,) = bodies(shared, "rest_v3_positions.ccxt")
    (row,) = read_data(body, decoder(PositionRows), "positions")[0].positions
    assert (row.symbol, row.holding, row.position_side) == ("PERP_LTC_USDT", "0.1", "BOTH")


@pytest.mark.parametrize("file", ["rest_v1_templates.hummingbot", "ws_v1v2_templates.hummingbot"])
def test_nothing_is_made_of_the_older_api(shared: Path, file: str) -> None:
    """REST of v1 and sockets of v1 and v2 name their fields otherwise: no client of v3 meets them."""
    private, market = PrivateData((BTC,), OrderIndex()), MarketData((BTC,))
    for line in recorded(shared, file):
        text = json.dumps(line["msg"]).encode()
        if file.startswith("ws"):
            frame = read_frame(text)
            assert list((private if frame.topic == "executionreport" else market).receive(frame, NOW)) == [], line[
                "case"
            ]
        else:
            assert bytes(read_reply(text).data) == b"null", line["case"]  # what an answer of v3 says stands in `data`
            with pytest.raises(RemoteProtocolError):
                read_data(text, decoder(OrderRows), line["case"])
    assert not private.is_doubted
