"""What the emulator sends has the fields and types of messages captured from the venues, or printed in their docs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sim.emulator import EmulatorConfig, VenueSection, open_emulator
from sim.emulator.emulator import Emulator
from tests.sim.emulator.raw_client import BinanceRest, BybitRest, bybit_order, open_bybit, open_socket

SYMBOL = "SOLUSDT"


def recorded(shared: Path, venue: str, file: str, case: str | None = None) -> Iterator[Any]:
    for line in (shared / "data/wire" / venue / f"{file}.jsonl").read_text().splitlines():
        row = json.loads(line)
        if case is None or row.get("case") == case:
            yield row["msg"]


def differences(ours: Any, theirs: Any, place: str = "") -> list[str]:
    """Name what of `theirs` ours lacks, or has as another type; an empty list or null of theirs says nothing."""
    if theirs is None or (theirs == "" and isinstance(ours, list)):
        return []
    if isinstance(theirs, dict):
        if not isinstance(ours, dict):
            return [f"{place}: {type(ours).__name__}, not an object"]
        if all(key.isupper() and len(key) == 3 for key in theirs):  # {} or {"MNT": ...}: keys are data
            return []
        missing = [f"{place}.{key}: missing" for key in theirs if key not in ours]
        return missing + [
            d for key in theirs if key in ours for d in differences(ours[key], theirs[key], f"{place}.{key}")
        ]
    if isinstance(theirs, list):
        if not isinstance(ours, list):
            return [f"{place}: {type(ours).__name__}, not a list"]
        return differences(ours[0], theirs[0], f"{place}[0]") if ours and theirs else []
    if type(ours) is not type(theirs):
        return [f"{place}: {type(ours).__name__} {ours!r}, theirs {type(theirs).__name__} {theirs!r}"]
    return []


def topic(shared: Path, name: str, kind: str) -> Any:
    session = recorded(shared, "bybit_linear", "ws_public_session_btc_eth.cryptofeed")
    return next(m for m in session if m.get("topic", "").startswith(name) and m.get("type") == kind)


def test_differences_are_seen() -> None:
    theirs = {"topic": "t", "data": [{"p": "1.0", "n": 1}]}
    assert differences(theirs, theirs) == []
    assert differences({**theirs, "more": 1}, theirs) == []
    assert differences({"data": [{"p": 1.0}]}, theirs) == [
        ".topic: missing",
        ".data[0].n: missing",
        ".data[0].p: float 1.0, theirs str '1.0'",
    ]


@pytest.mark.realtime
@pytest.mark.slow
async def test_bybit_public(shared: Path) -> None:
    async with open_emulator(EmulatorConfig(venue=(VenueSection("bybit"),))) as emulator:
        address = emulator.addresses["bybit"]
        topics = {
            "orderbook.200": ("snapshot", "delta"),
            "tickers": ("snapshot", "delta"),
            "publicTrade": ("snapshot",),
        }
        async with open_socket(f"{address.public}/v5/public/linear") as socket:
            args = [f"{name}.{SYMBOL}" for name in topics]
            confirmed = await socket.ask({"op": "subscribe", "args": args})
            theirs = next(
                m for m in recorded(shared, "bybit_linear", "ws_public_session_btc_eth.cryptofeed") if m.get("success")
            )
            assert differences(confirmed, theirs) == []
            wanted = {(name, kind) for name, kinds in topics.items() for kind in kinds}
            while wanted:
                message = await socket.receive()
                name = message["topic"].removesuffix(f".{SYMBOL}")
                if (name, message["type"]) in wanted:
                    wanted.discard((name, message["type"]))
                    captured = topic(shared, name, message["type"])
                    if (name, message["type"]) == ("tickers", "delta"):
                        captured["data"] = {"symbol": "BTCUSDT"}  # the rest is what happened to change
                    assert differences(message, captured) == []
                    assert set(message) == set(captured)
                    if name != "tickers":
                        assert deep_keys(message["data"]) == deep_keys(captured["data"])
        async with BybitRest(address.rest, emulator.config.account[0]) as rest:
            for path, case, fields in (
                ("time", "time", {}),
                ("orderbook", "orderbook", {"category": "linear", "symbol": SYMBOL}),
                ("recent-trade", "recent-trade", {"category": "linear", "symbol": SYMBOL}),
                ("tickers", "tickers", {"category": "linear", "symbol": SYMBOL}),
                ("funding/history", "history-fund-rate", {"category": "linear", "symbol": SYMBOL}),
            ):
                reply = await rest.get(f"/v5/market/{path}", **fields)
                assert differences(reply, next(recorded(shared, "bybit_linear", "docs_market", case))) == []
            reply = await rest.get("/v5/market/instruments-info", category="linear")
            captured = next(recorded(shared, "bybit_linear", "rest_instruments_info_linear.trimmed"))
            assert differences(reply, captured) == []
            assert set(reply["result"]["list"][0]) == set(captured["result"]["list"][0])


def deep_keys(data: Any) -> set[str]:
    return set(data[0] if isinstance(data, list) else data)


@pytest.mark.realtime
@pytest.mark.slow
async def test_bybit_private(shared: Path) -> None:
    async with open_emulator(EmulatorConfig(venue=(VenueSection("bybit"),))) as emulator:
        address, account = emulator.addresses["bybit"], emulator.config.account[0]
        docs = {m["topic"]: m for m in recorded(shared, "bybit_linear", "docs_ws_private") if "topic" in m}
        async with (
            open_bybit(address, account, "private") as private,
            open_bybit(address, account, "trade") as trade,
            BybitRest(address.rest, account) as rest,
        ):
            await private.ask({"op": "subscribe", "args": list(docs)})
            buy = {"symbol": SYMBOL, "side": "Buy", "orderType": "Market", "qty": "1.0"}
            ack = await trade.ask(bybit_order("r-1", "order.create", **buy))
            guideline = list(recorded(shared, "bybit_linear", "docs_ws_trade_guideline"))
            theirs = next(m for m in guideline if m.get("op") == "order.create" and "retCode" in m)
            del theirs["header"]["Traceid"]
            assert differences(ack, theirs) == []
            left = set(docs)
            while left:
                message = await private.receive()
                left.discard(message["topic"])
                assert differences(message, docs[message["topic"]]) == []

            low = f"{float(bid(emulator, 'bybit')) * 0.97:.2f}"
            resting = {
                "category": "linear",
                "symbol": SYMBOL,
                "side": "Buy",
                "orderType": "Limit",
                "qty": "1.0",
                "price": low,
            }
            same = {"category": "linear", "symbol": SYMBOL}
            one = await rest.post("/v5/order/create", **resting)
            replies = {
                "create-order": one,
                "amend-order": await rest.post("/v5/order/amend", **same, orderId=one["result"]["orderId"], qty="2.0"),
                "open-order": await rest.get("/v5/order/realtime", **same),
                "batch-place": await rest.post("/v5/order/create-batch", category="linear", request=[resting]),
                "cancel-order": await rest.post("/v5/order/cancel", **same, orderId=one["result"]["orderId"]),
                "cancel-all": await rest.post("/v5/order/cancel-all", **same),
                "order-list": await rest.get("/v5/order/history", **same),
                "execution": await rest.get("/v5/execution/list", **same),
            }
            for case, reply in replies.items():
                theirs = next(recorded(shared, "bybit_linear", "docs_order_endpoints", case))
                theirs["result"].pop("nextPageCursor", None)
                assert differences(reply, theirs) == [], case
            for file, path, fields in (
                ("rest_positions.nautilus", "/v5/position/list", same),
                ("rest_wallet_balance.nautilus", "/v5/account/wallet-balance", {"accountType": "UNIFIED"}),
                ("rest_account_info.nautilus", "/v5/account/info", {}),
                ("rest_fee_rate.nautilus", "/v5/account/fee-rate", same),
            ):
                reply = await rest.get(path, **fields)
                assert differences(reply, next(recorded(shared, "bybit_linear", file))) == [], path


@pytest.mark.realtime
@pytest.mark.slow
async def test_binance_public(shared: Path) -> None:
    async with open_emulator(EmulatorConfig(venue=(VenueSection("binance-futures"),))) as emulator:
        address = emulator.addresses["binance-futures"]
        symbol = SYMBOL.lower()
        public = {"depth@0ms": "ws_depth.btcusdt_20240808", "bookTicker": "ws_bookTicker.btcusdt_20240808"}
        public["trade"] = "ws_trade.btcusdt_20240808"
        market = {"aggTrade": "ws_aggTrade.2021"}
        for route, streams in (("public", public), ("market", market)):
            names = "/".join(f"{symbol}@{name}" for name in streams)
            async with open_socket(f"{address.public}/{route}/stream?streams={names}") as socket:
                left = dict(streams)
                while left:
                    message = await socket.receive()
                    file = left.pop(message["stream"].partition("@")[2], None)
                    if file is not None:
                        assert differences(message, next(recorded(shared, "binance_usdm", file))) == []
        docs = {"markPrice@1s": "wsdoc_mark_price", "ticker": "wsdoc_ticker", "aggTrade": "wsdoc_agg"}
        names = "/".join(f"{symbol}@{name}" for name in docs)
        async with open_socket(f"{address.public}/market/stream?streams={names}") as socket:
            while docs:
                message = await socket.receive()
                file = docs.pop(message["stream"].partition("@")[2], "")
                if file:
                    assert (
                        differences(message["data"], next(recorded(shared, "binance_usdm", f"{file}.nautilus"))) == []
                    )
        async with BinanceRest(address.rest, emulator.config.account[0]) as rest:
            reply = (await rest.client.get(f"/fapi/v1/depth?symbol={SYMBOL}")).json()
            session = recorded(shared, "binance_usdm", "ws_combined_session_with_rest_depth.btcusdt_20240808")
            assert differences(reply, next(m for m in session if "lastUpdateId" in m)) == []
            reply = (await rest.client.get("/fapi/v1/exchangeInfo")).json()
            captured = next(recorded(shared, "binance_usdm", "rest_exchangeInfo.2021"))
            assert differences(reply, captured) == []
            ours = {f["filterType"]: f for f in reply["symbols"][0]["filters"]}
            for theirs in captured["symbols"][0]["filters"]:
                assert differences(ours[theirs["filterType"]], theirs) == []


@pytest.mark.realtime
@pytest.mark.slow
async def test_binance_private(shared: Path) -> None:
    async with open_emulator(EmulatorConfig(venue=(VenueSection("binance-futures"),))) as emulator:
        address, account = emulator.addresses["binance-futures"], emulator.config.account[0]
        async with BinanceRest(address.rest, account) as rest:
            key = (await rest.listen_key())["listenKey"]
            events = {
                "ORDER_TRADE_UPDATE": next(
                    recorded(shared, "binance_usdm", "user_order_update.nautilus", "order_update_trade")
                ),
                "ACCOUNT_UPDATE": next(
                    recorded(shared, "binance_usdm", "user_account_update.nautilus", "account_update")
                ),
                "TRADE_LITE": next(recorded(shared, "binance_usdm", "user_trade_lite.nautilus")),
            }
            for legacy in ("AP", "cr"):  # of conditional orders, which are no regular orders any more
                events["ORDER_TRADE_UPDATE"]["o"].pop(legacy, None)
            async with open_socket(f"{address.private}/private/ws?listenKey={key}") as private:
                buy = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "1.0"}
                placed = await rest.call("POST", "/fapi/v1/order", **buy)
                while events:
                    message = await private.receive()
                    if message.get("o", {}).get("x") != "NEW":
                        assert differences(message, events.pop(message["e"], {})) == []
            for file, path in (
                ("rest_account_info_v2", "/fapi/v2/account"),
                ("rest_balance", "/fapi/v3/balance"),
                ("rest_position_risk", "/fapi/v2/positionRisk"),
            ):
                reply = await rest.call("GET", path)
                assert differences(reply, next(recorded(shared, "binance_usdm", f"{file}.nautilus"))) == [], path
            reply = await rest.call("GET", "/fapi/v1/order", symbol=SYMBOL, orderId=placed["orderId"])
            assert differences(reply, next(recorded(shared, "binance_usdm", "rest_order.nautilus"))) == []


def bid(emulator: Emulator, venue: str) -> float:
    view = next(v for v in emulator.engine.views.values() if v.instrument.venue == venue)
    return view.instrument.price(view.bids[0][0])
