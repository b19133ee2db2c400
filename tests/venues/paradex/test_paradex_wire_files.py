"""Every recorded message of the venue says what it is expected to say; of those nobody asks for, why."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from market.messages import Fill, Mark, OrderRejected, Trade
from market.units import MS
from tests.venues.paradex.paradex_wire import BTC, bodies, recorded
from venues.paradex.account import _FILLS, _MONEY, _ORDERS, _PAYMENTS, _POSITIONS
from venues.paradex.errors import verdict_on, verdict_on_call
from venues.paradex.gate import read_state, read_time
from venues.paradex.instruments import instrument_of, is_trading, read_markets
from venues.paradex.login import read_token
from venues.paradex.market_data import MarketData
from venues.paradex.order_ids import OrderIds
from venues.paradex.private import PrivateData
from venues.paradex.structs import OrderAnswer, Params, SystemConfig, TradeRow, read_frame, read_refusal
from venues.venue import HttpAnswer
from venues.verdicts import Advice
from venues.wire import RemoteProtocolError

# channels and paths that nothing here asks for: transfers, vaults, options, other people's quotes, ledgers
ASKED_CHANNELS = {
    "/account",
    "/auth",
    "/fills.{market_symbol}",
    "/markets_summary[.{market_symbol}]",
    "/order.cancel",
    "/order.cancel_on_disconnect",
    "/order.create",
    "/order.modify",
    "/orders.{market_symbol}",
    "/order_book.{market_symbol}.{feed_type}@15@{refresh_rate}[@{price_tick}]",
    "/subscribe",
    "/tradebusts",
    "/trades.{market_symbol}",
    "/unsubscribe",
}


def params(channel: str, data: Any) -> Params:
    return Params(channel, msgspec.Raw(json.dumps(data).encode()))


def answer(body: bytes, status: int = 200) -> HttpAnswer:
    return HttpAnswer(status, {}, body, 0, 1)


def of_rest(shared: Path, method: str, path: str, status: str = "200") -> bytes:
    (found,) = (
        json.dumps(line["msg"]).encode()
        for line in recorded(shared, "docs_rest_responses_assembled")
        if line["request"] == {"method": method, "path": path} and line["status"] == status
    )
    return found


def of_channel(shared: Path, channel: str) -> dict[str, Any]:
    (found,) = (
        line["msg"]
        for line in recorded(shared, "docs_ws_channels_assembled")
        if line["channel"] == channel and line["dir"] == "recv"
    )
    return dict(found)


def test_every_file_is_read(shared: Path) -> None:
    names = {path.stem for path in (shared / "data/wire/paradex").glob("*.jsonl")}
    assert names == {
        "docs_pages_json_blocks",
        "docs_rest_responses_assembled",
        "docs_ws_channels_assembled",
        "rest_markets.ccxt",
        "rest_markets_summary.ccxt",
        "rest_orderbook.ccxt",
        "rest_orders_history.ccxt",
        "rest_positions.ccxt",
        "rest_system_config_testnet.ccxt",
        "rest_system_state.ccxt",
        "rest_system_time.ccxt",
        "rest_trades.ccxt",
    }
    channels = {line["channel"] for line in recorded(shared, "docs_ws_channels_assembled")}
    assert channels >= ASKED_CHANNELS


def test_markets(shared: Path) -> None:
    rows = read_markets(bodies(shared, "rest_markets.ccxt")[0])
    row = rows["BTC-USD-PERP"]
    assert is_trading(row)
    btc = instrument_of(row, 3, 5)
    assert (btc.name, btc.base, btc.quote, btc.settle) == ("paradex:BTC-USD-PERP", "BTC", "USD", "USDC")
    assert (btc.tick, btc.lot, btc.min_notional, btc.max_size) == (
        Decimal("0.1"),
        Decimal("0.001"),
        Decimal(500),
        100_000,
    )
    assert (float(btc.maker_fee), float(btc.taker_fee), btc.id, btc.valid_from) == (0.0, 0.0, 3, 5)


def test_the_venue_of_itself(shared: Path) -> None:
    (config,) = bodies(shared, "rest_system_config_testnet.ccxt")
    assert msgspec.json.decode(config, type=SystemConfig).starknet_chain_id == "PRIVATE_SN_POTC_SEPOLIA"
    assert read_state(answer(bodies(shared, "rest_system_state.ccxt")[0])) == "ok"
    assert read_time(answer(bodies(shared, "rest_system_time.ccxt")[0])) == 1721281853309 * MS
    token = read_token(answer(of_rest(shared, "POST", "/v2/auth")))
    assert token.startswith("eyJhbGciOiJFUzM4NCIsInR5cCI6IkpXVCJ9.")
    refused = of_rest(shared, "GET", "/account", "400")
    assert read_refusal(refused).error == "NOT_ONBOARDED"
    assert verdict_on(400, "NOT_ONBOARDED").advice is Advice.HALT
    with pytest.raises(ValueError, match="NOT_ONBOARDED"):
        read_token(answer(refused, 400))


def test_marks(shared: Path) -> None:
    feed = MarketData([BTC])
    for body in bodies(shared, "rest_markets_summary.ccxt"):
        (row,) = json.loads(body)["results"]
        (mark,) = feed.receive(params("markets_summary.BTC-USD-PERP", row), 7)
        assert isinstance(mark, Mark)
        assert mark.ts_venue == row["created_at"] * MS
        assert mark.mark_e6 == round(Decimal(row["mark_price"]) * 100 * 10**6)
        assert mark.index_e6 == round(Decimal(row["underlying_price"]) * 100 * 10**6)
        assert mark.rate_e12 == round(Decimal(row["funding_rate"]) * 10**12)
    row = of_channel(shared, "/markets_summary[.{market_symbol}]")
    (mark,) = feed.receive(params("markets_summary.BTC-USD-PERP", row | {"symbol": "BTC-USD-PERP"}), 7)
    assert isinstance(mark, Mark)
    assert mark.ts_venue == 7  # it does not say of when it is


def test_trades(shared: Path) -> None:
    feed = MarketData([BTC])
    (body,) = bodies(shared, "rest_trades.ccxt")
    (row,) = json.loads(body)["results"]
    assert msgspec.convert(row, TradeRow).trade_type == "FILL"
    (trade,) = feed.receive(params("trades.BTC-USD-PERP", row), 7)
    assert isinstance(trade, Trade)
    assert (trade.taker, trade.price, trade.size, trade.ts_venue) == (1, 6_764_320, 260, 1718377985388 * MS)
    assert not feed.receive(params("trades.BTC-USD-PERP", row), 8)
    assert feed.skipped["trade told again"] == 1
    shown = of_channel(shared, "/trades.{market_symbol}")
    (trade,) = feed.receive(params("trades.BTC-USD-PERP", shown), 9)
    assert isinstance(trade, Trade)
    assert (trade.price, trade.size) == (3_000_120, 100)


def test_an_order_book_is_a_snapshot(shared: Path) -> None:
    (body,) = bodies(shared, "rest_orderbook.ccxt")
    rest = json.loads(body)
    inserts = [
        {"side": side, "price": price, "size": size}
        for side, levels in (("SELL", rest["asks"]), ("BUY", rest["bids"]))
        for price, size in levels
    ]
    data = {key: rest[key] for key in ("market", "seq_no", "last_updated_at")}
    (book,) = MarketData([BTC]).receive(
        params(
            "order_book.BTC-USD-PERP.deltas",
            data | {"update_type": "s", "inserts": inserts, "updates": [], "deletes": []},
        ),
        7,
    )
    assert (len(book.bids), len(book.asks), book.seq) == (20, 3, 14139427)  # type: ignore[union-attr]
    assert book.bids[0].tolist() == [6_681_000, 780]  # type: ignore[union-attr]
    assert book.asks[0].tolist() == [6_764_320, 37_340]  # type: ignore[union-attr]


def test_orders(shared: Path) -> None:
    (body,) = bodies(shared, "rest_orders_history.ccxt")
    (row,) = _ORDERS.decode(body).results
    assert (row.id, row.client_id, row.cancel_reason) == ("1721903808500201709220290000", "", "ORDER_SIZE_BELOW_MIN")
    shown = of_channel(shared, "/orders.{market_symbol}")
    private = PrivateData([BTC], OrderIds())
    assert not private.receive(params("orders.BTC-USD-PERP", shown), 7)  # NEW: it has come, and that is all
    closed = {**shown, "status": "CLOSED", "remaining_size": shown["size"]}
    (fact,) = private.receive(params("orders.BTC-USD-PERP", closed), 8)
    assert isinstance(fact, OrderRejected)  # there was no margin for it
    assert fact.ts_venue == 1681493746016 * MS
    assert fact.client_id < 0  # "x1234" is no id of ours
    assert not private.receive(params("orders.BTC-USD-PERP", closed), 9)
    for path in ("/orders", "/orders-history"):
        assert len(_ORDERS.decode(of_rest(shared, "GET", path)).results) == 1
    created = msgspec.convert(of_channel(shared, "/order.create"), OrderAnswer).order
    assert (created.status, created.client_id) == ("NEW", "my-order-001")


def test_fills_positions_and_payments(shared: Path) -> None:
    shown = of_channel(shared, "/fills.{market_symbol}")
    private = PrivateData([BTC], OrderIds())
    (fill,) = private.receive(params("fills.BTC-USD-PERP", shown), 7)
    assert isinstance(fill, Fill)
    assert (fill.side, fill.price, fill.size, fill.is_maker) == (1, 3_000_012, 5000, False)
    assert (fill.fee_e12, fill.ts_venue) == (7_560_000_000_000, 1681375176910 * MS)
    assert not private.receive(params("fills.BTC-USD-PERP", shown), 8)
    (row,) = _FILLS.decode(of_rest(shared, "GET", "/fills")).results
    assert row.order_id
    (body,) = bodies(shared, "rest_positions.ccxt")
    (position,) = _POSITIONS.decode(body).results
    assert (position.market, position.size, position.status) == ("SOL-USD-PERP", "3", "OPEN")
    (payment,) = _PAYMENTS.decode(of_rest(shared, "GET", "/funding/payments")).results
    assert payment.payment == "34.4490622"


def test_the_money_of_an_account(shared: Path) -> None:
    told = _MONEY.decode(of_rest(shared, "GET", "/account"))
    value, free, needed = told.account_value, told.free_collateral, told.initial_margin_requirement
    assert (value, free, needed) == ("136285.06918911", "73276.47229774", "63008.59689218")
    assert value is not None
    assert free is not None
    assert needed is not None
    assert abs(Decimal(value) - Decimal(needed) - Decimal(free)) < 1, "it is what the requirement leaves"


def test_alarms(shared: Path) -> None:
    private = PrivateData([BTC], OrderIds())
    private.receive(params("account", of_channel(shared, "/account")), 7)
    assert not private.alarm
    private.receive(params("account", of_channel(shared, "/account") | {"status": "LIQUIDATION"}), 7)
    assert "liquidated" in private.alarm
    private.receive(params("tradebusts", of_channel(shared, "/tradebusts")), 7)
    assert "12342345" in private.alarm
    assert private.is_doubted


def test_calls_and_their_answers(shared: Path) -> None:
    told = [line["msg"] for line in recorded(shared, "docs_pages_json_blocks") if "jsonrpc" in line["msg"]]
    answers = [read_frame(json.dumps(each)) for each in told if "method" not in each]  # the others are ours to send
    codes = [frame.error.code for frame in answers if frame.error is not None]
    assert codes == [-32601, 40111, -32602, -32601]
    assert verdict_on_call(40111, "Invalid Bearer Token").advice is Advice.LOG_IN
    granted = [frame for frame in answers if frame.result]
    assert [frame.id for frame in granted] == [0, 1, 2]
    for body in (b"", b"[]", b'{"id":"x"}', b'{"params":{"channel":1}}'):
        with pytest.raises(RemoteProtocolError):
            read_frame(body)
