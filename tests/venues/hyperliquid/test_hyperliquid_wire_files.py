"""Every recorded message of the venue says what it is expected to say; of those nobody asks for, why."""

import json
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from market.messages import BookSnapshot, Mark, Trade
from market.units import MS
from tests.venues.hyperliquid.hyperliquid_wire import BTC, FINE_BTC, bodies, listed, recorded
from venues.hyperliquid.exchange import result_of
from venues.hyperliquid.instruments import instrument_of, read_meta
from venues.hyperliquid.market_data import MarketData
from venues.hyperliquid.orders import Orders
from venues.hyperliquid.private import PrivateData
from venues.hyperliquid.structs import (
    AccountState,
    ActiveContext,
    Book,
    Budget,
    FillRow,
    Frame,
    FundingRow,
    OrderTerms,
    TradeRow,
    read_frame,
)
from venues.wire import InstrumentGrid, RemoteProtocolError, decode

# what nobody here asks for: staking, candles, spot, other ledgers, all mids, history of rates
NOT_ASKED = {
    "http_funding_history.nautilus",
    "http_spot_clearinghouse_state.nautilus",
    "http_spot_meta_non_usdc_collateral.nautilus",
    "rest_info_delegator_history",
    "rest_info_extra_agents",
    "rest_info_get_all_mids",
    "rest_info_get_candles_snapshot",
    "rest_info_get_funding_history_1684811870000",
    "rest_info_get_funding_history_None",
    "rest_info_user_non_funding_ledger_updates_with_end_time",
    "rest_info_user_non_funding_ledger_updates_without_end_time",
    "rest_info_user_twap_slice_fills",
    "rest_info_user_vault_equities",
    "ws_all_dexs_asset_ctxs.nautilus",
    "ws_allmids.nautilus",
}
READ = {
    "http_all_perp_metas_non_usdc_collateral.nautilus",
    "http_clearinghouse_state_negative_total_raw_usd.nautilus",
    "http_l2_book_btc.nautilus",
    "http_l2_book_snapshot.nautilus",
    "http_meta_perp_sample.nautilus",
    "http_recent_trades_btc.nautilus",
    "http_user_fills_dust_conversion.nautilus",
    "rest_exchange_order.ccxt",
    "rest_info_get_info",
    "rest_info_get_l2_snapshot",
    "rest_info_get_open_orders",
    "rest_info_get_user_fills",
    "rest_info_get_user_state",
    "rest_info_user_funding_history_without_end_time",
    "rest_info_user_rate_limit",
    "signing_vectors.sdk",
    "ws_book_data.nautilus",
    "ws_orderUpdates.jkorf",
    "ws_session_l2Book_trades_btc_20250126",
    "ws_user_fill_liquidation.nautilus",
}


def test_every_file_is_read_or_is_not_of_our_business(shared: Path) -> None:
    assert {path.stem for path in (shared / "data/wire/hyperliquid").glob("*.jsonl")} == READ | NOT_ASKED


def test_a_recorded_session(shared: Path) -> None:
    """Each book is whole and sound, each trade is told once, also to a connection that is told it again."""
    feed = MarketData([BTC])
    books, trades = [], []
    for line in recorded(shared, "ws_session_l2Book_trades_btc_20250126"):
        frame = read_frame(json.dumps(line["msg"]))
        assert frame is not None
        found = feed.receive(frame, line["local_ts_ns"])
        for row in line["msg"]["data"] if frame.channel == "trades" else []:
            assert any(
                isinstance(each, Trade)
                and BTC.price(each.price) == float(row["px"])
                and BTC.size(each.size) == float(row["sz"])
                and each.taker == {"B": 1, "A": -1}[row["side"]]
                and each.ts_venue == row["time"] * MS
                for each in found
            )
        books += [each for each in found if isinstance(each, BookSnapshot)]
        trades += [each for each in found if isinstance(each, Trade)]
        if frame.channel == "l2Book":
            book = found[-1]
            assert isinstance(book, BookSnapshot)
            best = [(side[0]["px"], side[0]["sz"]) for side in line["msg"]["data"]["levels"]]
            shown = [(BTC.price(int(s[0, 0])), BTC.size(int(s[0, 1]))) for s in (book.bids, book.asks)]
            assert shown == [(float(price), float(size)) for price, size in best]
            assert len(book.bids) == len(book.asks) == 20
    assert (len(books), len(trades)) == (46, 64)
    assert [book.seq for book in books] == sorted(book.seq for book in books)
    again = [
        message
        for line in recorded(shared, "ws_session_l2Book_trades_btc_20250126")
        if line["msg"]["channel"] == "trades"
        for message in feed.receive(Frame("trades", msgspec.Raw(json.dumps(line["msg"]["data"]).encode())), 1)
    ]
    assert not again
    assert feed.skipped["trade told again"] == 64


@pytest.mark.parametrize(
    "name", ["http_l2_book_btc.nautilus", "http_l2_book_snapshot.nautilus", "ws_book_data.nautilus"]
)
def test_books_by_rest(shared: Path, name: str) -> None:
    (body,) = bodies(shared, name)
    book = msgspec.json.decode(body, type=Book)
    whole = MarketData([FINE_BTC]).whole_book(book, InstrumentGrid(FINE_BTC), 5)
    for levels, rows in ((whole.bids, book.levels[0]), (whole.asks, book.levels[1])):
        texts = [(Decimal(row.px), Decimal(row.sz)) for row in rows]
        tick, lot = FINE_BTC.tick, FINE_BTC.lot
        assert [(int(price) * tick, int(size) * lot) for price, size in levels] == texts
    assert (whole.ts_venue, whole.seq) == (book.time * MS, book.time)


def test_a_price_between_ticks_breaks_the_protocol(shared: Path) -> None:
    """The tick of BTC is a tenth: a book with hundredths is none of this instrument."""
    (body,) = bodies(shared, "ws_book_data.nautilus")
    with pytest.raises(RemoteProtocolError, match=r"98449\.75"):
        MarketData([BTC]).whole_book(msgspec.json.decode(body, type=Book), InstrumentGrid(BTC), 5)


@pytest.mark.parametrize("name", ["http_meta_perp_sample.nautilus", "rest_info_get_info", "rest_info_get_l2_snapshot"])
def test_meta_numbers_assets_by_their_place(shared: Path, name: str) -> None:
    rows = read_meta(bodies(shared, name)[0])
    assert [(rows[coin][0], rows[coin][1].sz_decimals) for coin in ("BTC", "ETH", "ATOM")] == [(0, 5), (1, 4), (2, 2)]
    btc = instrument_of(rows["BTC"][1], 7, 0)
    assert (btc.name, btc.tick, btc.lot) == ("hyperliquid:BTC", Decimal("0.1"), Decimal("0.00001"))
    # five significant figures, and whole prices always
    assert [btc.price_rule.step(btc.ticks(price)) for price in (9_999.9, 10_000.0, 98_450.0, 123_456.0)] == [
        1,
        10,
        10,
        10,
    ]
    assert btc.price(btc.ticks(98_450.4)) == 98_450.0


def test_meta_of_other_markets(shared: Path) -> None:
    (body,) = bodies(shared, "http_all_perp_metas_non_usdc_collateral.nautilus")
    metas = [read_meta(json.dumps(each).encode()) for each in json.loads(body)]
    assert [list(each) for each in metas] == [["BTC"], ["km:US500"], ["hyna:BTC"]]


def test_trades_by_rest(shared: Path) -> None:
    (body,) = bodies(shared, "http_recent_trades_btc.nautilus")
    rows = msgspec.json.decode(body, type=list[TradeRow])
    trades = MarketData([BTC]).receive(Frame("trades", msgspec.Raw(body)), 1)
    assert [(each.ts_venue // MS) for each in trades if isinstance(each, Trade)] == sorted(row.time for row in rows)


def test_an_account_by_rest(shared: Path) -> None:
    (body,) = bodies(shared, "rest_info_get_user_state")
    state = msgspec.json.decode(body, type=AccountState)
    held = {each.position.coin: each.position.szi for each in state.asset_positions}
    assert InstrumentGrid(BTC).lots.signed(held["BTC"]) == -785
    (body,) = bodies(shared, "http_clearinghouse_state_negative_total_raw_usd.nautilus")
    other = msgspec.json.decode(body, type=AccountState)
    assert (other.asset_positions, other.time) == ([], 1700000000000)

    (body,) = bodies(shared, "rest_info_get_open_orders")
    orders = msgspec.json.decode(body, type=list[OrderTerms])
    assert len(orders) == 196
    assert (orders[0].coin, orders[0].side, orders[0].limit_px, orders[0].sz) == ("MATIC", "B", "1.0357", "208.7")

    (body,) = bodies(shared, "rest_info_user_rate_limit")
    budget = msgspec.json.decode(body, type=Budget)
    assert (budget.used, budget.cap, budget.surplus) == (36589831368, 170043731737, 0)

    (body,) = bodies(shared, "rest_info_user_funding_history_without_end_time")
    payments = msgspec.json.decode(body, type=list[FundingRow])
    assert (payments[0].time, payments[0].delta.coin, payments[0].delta.usdc) == (1681948800000, "APE", "0.145796")


def test_fills_by_rest(shared: Path) -> None:
    (body,) = bodies(shared, "http_user_fills_dust_conversion.nautilus")
    rows = msgspec.json.decode(body, type=list[FillRow])
    arb = listed("ARB", 1)
    private = PrivateData("0x0", {"ARB": InstrumentGrid(arb)}, Orders())
    fill = private.fill(rows[0], -rows[0].oid, InstrumentGrid(arb), 1)
    assert (arb.price(fill.price), arb.size(fill.size), fill.side, fill.is_maker) == (0.07482, 8552.3, 1, True)
    # of 2023, when fills had no number yet: two of one order cannot be told apart
    (body,) = bodies(shared, "rest_info_get_user_fills")
    with pytest.raises(RemoteProtocolError, match="tid"):
        decode(msgspec.json.Decoder(list[FillRow]), body, "hyperliquid fills")


def test_streams_of_an_account(shared: Path) -> None:
    (body,) = bodies(shared, "ws_user_fill_liquidation.nautilus")
    frame = read_frame(body)
    assert frame is not None
    private = PrivateData("0x0", {"BTC": InstrumentGrid(BTC)}, Orders())
    assert list(private.receive(frame, 1)) == []  # fills of `user` come by `userFills` as well
    fills = {"user": "0x0", "fills": json.loads(body)["data"]["fills"]}
    (fill,) = private.receive(Frame("userFills", msgspec.Raw(json.dumps(fills).encode())), 1)
    assert (fill.client_id, fill.side, fill.price, fill.size) == (-55030848197, -1, 666530, 100)  # type: ignore[union-attr]
    assert (fill.is_maker, fill.fee_e12) == (True, 9997 * 10**6)  # type: ignore[union-attr]
    updates = [json.dumps(line["msg"]) for line in recorded(shared, "ws_orderUpdates.jkorf") if line["dir"] == "recv"]
    news = read_frame(updates[1])
    assert news is not None
    assert list(private.receive(news, 1)) == []  # a pair of spot
    assert private.skipped["coin that is not ours"] == 1


def test_the_answer_to_an_order(shared: Path) -> None:
    (line,) = recorded(shared, "rest_exchange_order.ccxt")
    (status,) = line["msg"]["response"]["data"]["statuses"]
    status["filled"]["oid"] = int(status["filled"]["oid"])  # which the recording has as text
    result = result_of(json.dumps(line["msg"]).encode())
    assert result.error_of(0) == ""
    (found,) = result.statuses
    assert not isinstance(found, str)
    assert found.filled is not None
    assert (found.filled.oid, found.filled.total_sz) == (296683658818, "1.0")


def test_a_context_is_a_mark(shared: Path) -> None:
    (line,) = recorded(shared, "ws_all_dexs_asset_ctxs.nautilus")
    dex, contexts = line["msg"]["data"]["ctxs"][0]
    assert dex == ""
    data = {"coin": "BTC", "ctx": contexts[0]}
    assert msgspec.json.decode(json.dumps(data), type=ActiveContext).ctx.mark_px == "77562.0"
    (mark,) = MarketData([BTC]).receive(Frame("activeAssetCtx", msgspec.Raw(json.dumps(data).encode())), 7)
    assert isinstance(mark, Mark)
    assert (mark.mark_e6, mark.index_e6) == (775_620 * 10**6, 776_050 * 10**6)
    assert (mark.rate_e12, mark.interest_e4) == (-1_518_600, 273_531_768)
    assert mark.ts_funding == 3600 * 10**9
