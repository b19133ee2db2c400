"""The truth that damaged feeds are measured by: one market's book after every update, and its trades.

It writes the venues' frames by itself, from their documentation: of the codecs nothing is used but the
rule by which texts become ids.
"""

import json
from typing import Any, Final

from tests.venues.choices import Choices
from tests.venues.paradex.binary_frames import e8, of_message
from venues.wire import number_of

LevelMap = dict[int, int]  # ticks -> lots
TICKS_A_UNIT: Final = 10
LOTS_A_UNIT: Final = 1000
MIDDLE: Final = 650_000  # ticks; bids stay below it, asks above
T0_MS: Final = 1_760_000_000_000


def price_text(ticks: int) -> str:
    """Return a price in units of quote, by the instruments' tick of 0.1."""
    return f"{ticks // TICKS_A_UNIT}.{ticks % TICKS_A_UNIT}0"


def size_text(lots: int) -> str:
    """Return a size in units of base, by the instruments' lot of 0.001."""
    return f"{lots // LOTS_A_UNIT}.{lots % LOTS_A_UNIT:03d}"


class Market:
    """A book that changes as it is told to.

    Attributes:
        update: number of the last change.
        history: (bids, asks) after each update.
        trades: (ticks, lots, taker) of each trade, by its id.
    """

    def __init__(self) -> None:
        self.update = 1000
        self.bids: LevelMap = {MIDDLE - distance: 5000 + distance for distance in range(1, 9)}
        self.asks: LevelMap = {MIDDLE + distance: 6000 + distance for distance in range(1, 9)}
        self.history: dict[int, tuple[LevelMap, LevelMap]] = {}
        self.trades: dict[int, tuple[int, int, int]] = {}
        self.stamp()

    def stamp(self) -> None:
        self.history[self.update] = dict(self.bids), dict(self.asks)

    def change(self, choices: Choices) -> tuple[LevelMap, LevelMap]:
        """Change one to three levels; return those of the bids and of the asks, 0 lots for what is gone."""
        bids: LevelMap = {}
        asks: LevelMap = {}
        for _ in range(1 + choices.below(3)):
            distance, lots = 1 + choices.below(12), choices.below(4) * 777
            side, changed, ticks = (
                (self.bids, bids, MIDDLE - distance) if choices.below(2) else (self.asks, asks, MIDDLE + distance)
            )
            if not lots and len(side) == 1:
                continue  # a side never empties
            changed[ticks] = lots
            side[ticks] = lots
            if not lots:  # also of a level that was not there, which is normal
                del side[ticks]
        self.update += 1
        self.stamp()
        return bids, asks

    def trade(self, choices: Choices) -> int:
        """Make a trade; return its id."""
        number = 1 + len(self.trades)
        self.trades[number] = (MIDDLE - 5 + choices.below(10), 1 + choices.below(50), 1 - 2 * choices.below(2))
        return number


class BybitMarket:
    """The market in Bybit's words; it answers subscriptions."""

    SOCKETS: Final = ("public",)
    NUMBERS_TRADES: Final = True

    def __init__(self) -> None:
        self.market = Market()
        self._topics: dict[str, None] = {}

    def hears(self, socket: str, frame: bytes) -> list[bytes]:
        """Return what the venue sends back for a frame of ours."""
        asked = json.loads(frame)
        if asked["op"] == "ping":
            return [_frame({"success": True, "ret_msg": "pong", "req_id": asked["req_id"], "op": "ping"})]
        topics = dict.fromkeys(asked["args"])
        done = _frame({"success": True, "ret_msg": "", "req_id": asked["req_id"], "op": asked["op"]})
        if asked["op"] == "unsubscribe":
            self._topics = {each: None for each in self._topics if each not in topics}
            return [done]
        self._topics |= topics
        return [done, *(self._book("snapshot", *self._levels()) for topic in topics if topic.startswith("orderbook."))]

    def reopened(self, socket: str) -> None:
        """The connection is a new one: nothing is subscribed."""
        self._topics.clear()

    def update_of(self, seq: int) -> int:
        """Return the number of the change that a book message goes up to."""
        return seq

    def trade_of(self, trade_id: int) -> int:
        """Return the number of a trade that is told by this id."""
        return trade_id

    def answers(self, path: str) -> bytes | None:
        """Return the answer to a question; None: there is none."""
        return None

    def moves(self, choices: Choices) -> list[tuple[str, bytes]]:
        """Let something happen; return the frames of it with their sockets."""
        market = self.market
        if choices.below(4) == 0:
            number = market.trade(choices)
            ticks, lots, taker = market.trades[number]
            row = {
                "T": T0_MS + market.update,
                "s": "BTCUSDT",
                "S": "Buy" if taker > 0 else "Sell",
                "v": size_text(lots),
                "p": price_text(ticks),
                "i": str(number),
                "BT": False,
            }
            topic = "publicTrade.BTCUSDT"
            frame = _frame({"topic": topic, "type": "snapshot", "ts": T0_MS + market.update, "data": [row]})
        else:
            changed = market.change(choices)
            topic, frame = "orderbook.50.BTCUSDT", self._book("delta", *changed)
        return [("public", frame)] if topic in self._topics else []

    def _levels(self) -> tuple[LevelMap, LevelMap]:
        return self.market.bids, self.market.asks

    def _book(self, kind: str, bids: LevelMap, asks: LevelMap) -> bytes:
        update = self.market.update
        data = {"s": "BTCUSDT", **_rows(bids, asks), "u": update, "seq": 7 * update}
        ts = T0_MS + update
        return _frame({"topic": "orderbook.50.BTCUSDT", "type": kind, "ts": ts, "data": data, "cts": ts})


class BinanceMarket:
    """The market in Binance's words: one stream of changes, whose update numbers leap, and books by REST."""

    SOCKETS: Final = ("public", "market")
    NUMBERS_TRADES: Final = True
    LEAP: Final = 3  # update numbers a change

    def __init__(self) -> None:
        self.market = Market()
        self._subscribed: dict[str, bool] = {}

    def hears(self, socket: str, frame: bytes) -> list[bytes]:
        """Return what the venue sends back for a frame of ours."""
        self._subscribed[socket] = True
        return [_frame({"result": None, "id": json.loads(frame)["id"]})]

    def reopened(self, socket: str) -> None:
        """The connection is a new one: nothing is subscribed."""
        self._subscribed[socket] = False

    def update_of(self, seq: int) -> int:
        """Return the number of the change that a book message goes up to."""
        update, rest = divmod(seq, self.LEAP)
        assert rest == 0, f"no update has the number {seq}"
        return update

    def trade_of(self, trade_id: int) -> int:
        return trade_id

    def answers(self, path: str) -> bytes | None:
        """Return the answer to a question for the book."""
        if not path.endswith("/depth"):
            return None
        bids, asks, stamp = self.market.bids, self.market.asks, T0_MS + self.market.update
        rows = {"bids" if side == "b" else "asks": levels for side, levels in _rows(bids, asks).items()}
        return _frame({"lastUpdateId": self.market.update * self.LEAP, "E": stamp, "T": stamp, **rows})

    def moves(self, choices: Choices) -> list[tuple[str, bytes]]:
        """Let something happen; return the frames of it with their sockets."""
        market = self.market
        if choices.below(4) == 0:
            number = market.trade(choices)
            ticks, lots, taker = market.trades[number]
            told: dict[str, Any] = {"e": "aggTrade", "E": T0_MS + market.update, "s": "BTCUSDT", "a": number}
            told |= {"p": price_text(ticks), "q": size_text(lots), "T": T0_MS + market.update, "m": taker < 0}
            frames = [("market", _wrapped("btcusdt@aggTrade", told))]
        else:
            before = market.update * self.LEAP
            bids, asks = market.change(choices)
            last, stamp = market.update * self.LEAP, T0_MS + market.update
            told = {"e": "depthUpdate", "E": stamp, "T": stamp, "s": "BTCUSDT", "U": before + 2, "u": last}
            told |= {"pu": before, **_rows(bids, asks)}
            mark = {"e": "markPriceUpdate", "E": stamp, "s": "BTCUSDT", "p": "65000.05", "i": "65000.0", "r": "0.0001"}
            frames = [
                ("public", _wrapped("btcusdt@depth@100ms", told)),
                ("public", self._touch(last, stamp)),
                ("market", _wrapped("btcusdt@markPrice@1s", mark | {"T": stamp})),
            ]
        return [(socket, frame) for socket, frame in frames if self._subscribed.get(socket)]

    def _touch(self, last: int, stamp: int) -> bytes:
        bid, ask = max(self.market.bids), min(self.market.asks)
        told: dict[str, Any] = {"e": "bookTicker", "u": last, "E": stamp, "T": stamp, "s": "BTCUSDT"}
        told |= {"b": price_text(bid), "B": size_text(self.market.bids[bid])}
        told |= {"a": price_text(ask), "A": size_text(self.market.asks[ask])}
        return _wrapped("btcusdt@bookTicker", told)


class WooxMarket:
    """The market in WOO X's words: changes that name the one before, and books by REST that lag behind them."""

    SOCKETS: Final = ("public",)
    NUMBERS_TRADES: Final = False  # one that is told twice is taken for two
    PACE_MS: Final = 100  # between changes
    LAG: Final = 3  # changes that the book by REST is behind at the most

    def __init__(self) -> None:
        self.market = Market()
        self._topics: dict[str, None] = {}

    def hears(self, socket: str, frame: bytes) -> list[bytes]:
        """Return what the venue sends back for a frame of ours."""
        asked = json.loads(frame)
        if asked["cmd"] == "PING":
            return [_frame({"cmd": "PONG", "success": True, "time": self._ts(self.market.update) + 1})]
        self._topics |= dict.fromkeys(asked["params"])
        return [_frame({"id": asked["id"], "cmd": asked["cmd"], "success": True, "time": 1, "data": asked["params"]})]

    def reopened(self, socket: str) -> None:
        """The connection is a new one: nothing is subscribed."""
        self._topics.clear()

    def update_of(self, seq: int) -> int:
        """Return the number of the change that a book message goes up to; that nothing has changed is numbered too."""
        return (seq - T0_MS) // self.PACE_MS

    def trade_of(self, trade_id: int) -> int:
        """Return the number of a trade, which is a part of its time here."""
        return trade_id // 1000 - T0_MS

    def answers(self, path: str) -> bytes | None:
        """Return the answer to a question."""
        if path.endswith("/systemInfo"):
            return _frame({"success": True, "data": {"status": 0}, "timestamp": T0_MS})
        if not path.endswith("/orderbook"):
            return None
        update = max(self.market.update - self.market.update % (self.LAG + 1), min(self.market.history))
        bids, asks = self.market.history[update]
        sides = {
            name: [{"price": price_text(ticks), "quantity": size_text(lots)} for ticks, lots in levels.items()]
            for name, levels in (("bids", bids), ("asks", asks))
        }
        return _frame({"success": True, "data": sides, "timestamp": self._ts(update)})

    def moves(self, choices: Choices) -> list[tuple[str, bytes]]:
        """Let something happen; return the frames of it with their sockets."""
        market = self.market
        if choices.below(4) == 0:
            number = market.trade(choices)
            ticks, lots, taker = market.trades[number]
            data: dict[str, Any] = {"s": "BTCUSDT", "px": price_text(ticks), "sx": size_text(lots), "src": 1}
            data |= {"sd": "BUY" if taker > 0 else "SELL", "rpi": False, "ts": T0_MS + number}
            topic = "trade@BTCUSDT"
        else:
            previous = self._ts(market.update)
            rows = _rows(*market.change(choices))
            data = {"s": "BTCUSDT", "ts": self._ts(market.update), "prevTs": previous}
            data |= {"bids": rows["b"], "asks": rows["a"]}
            topic = "orderbookupdate@BTCUSDT@50"
        frame = _frame({"topic": topic, "ts": self._ts(market.update), "data": data})
        return [("public", frame)] if topic in self._topics else []

    def _ts(self, update: int) -> int:
        return T0_MS + update * self.PACE_MS


class ParadexMarket:
    """The market in Paradex's words: a book channel begins with the whole book, then each change is numbered."""

    SOCKETS: Final = ("public",)
    NUMBERS_TRADES: Final = True
    BOOK: Final = "order_book.BTCUSDT.deltas"

    def __init__(self) -> None:
        self.market = Market()
        self._channels: dict[str, None] = {}
        self._told_at: dict[int, int] = {}  # of each trade the time, ms

    def hears(self, socket: str, frame: bytes) -> list[bytes]:
        """Return what the venue sends back for a frame of ours."""
        asked = json.loads(frame)
        channel = asked["params"]["channel"]
        done = _frame({"jsonrpc": "2.0", "result": {"channel": channel}, "id": asked["id"]})
        is_had = channel in self._channels
        if is_had == (asked["method"] == "subscribe"):
            error = {"code": -32600, "message": "already subscribed" if is_had else "not subscribed"}
            return [_frame({"jsonrpc": "2.0", "error": error, "id": asked["id"]})]
        if is_had:
            del self._channels[channel]
            return [done]
        self._channels[channel] = None
        bids, asks = self.market.bids, self.market.asks
        return [done, self._book("s", {"inserts": _sides(bids, asks)})] if channel == self.BOOK else [done]

    def reopened(self, socket: str) -> None:
        """The connection is a new one: nothing is subscribed."""
        self._channels.clear()

    def update_of(self, seq: int) -> int:
        """Return the number of the change that a book message goes up to."""
        return seq

    def trade_of(self, trade_id: int) -> int:
        """Return the number of the trade that is told by this id."""
        return next(each for each in self.market.trades if number_of(f"FILL/{each}") == trade_id)

    def answers(self, path: str) -> bytes | None:
        """Return the answer to a question."""
        if path.endswith("/system/state"):
            return _frame({"status": "ok"})
        return _frame({"server_time": T0_MS}) if path.endswith("/system/time") else None

    def moves(self, choices: Choices) -> list[tuple[str, bytes]]:
        """Let something happen; return the frames of it with their sockets."""
        market = self.market
        if choices.below(4) == 0:
            number = market.trade(choices)
            ticks, lots, taker = market.trades[number]
            data = {"id": str(number), "market": "BTCUSDT", "side": "BUY" if taker > 0 else "SELL"}
            data |= {"price": price_text(ticks), "size": size_text(lots), "trade_type": "FILL"}
            channel = "trades.BTCUSDT"
            self._told_at[number] = T0_MS + market.update
            frame = _message(channel, data | {"created_at": self._told_at[number]})
        else:
            before = market.bids.keys() | market.asks.keys()
            bids, asks = market.change(choices)
            kinds: dict[str, list[dict[str, str]]] = {}
            for row in _sides(bids, asks):
                is_new = round(float(row["price"]) * TICKS_A_UNIT) not in before
                kind = "deletes" if not float(row["size"]) else "inserts" if is_new else "updates"
                kinds.setdefault(kind, []).append(row)
            channel, frame = self.BOOK, self._book("d", kinds)
        return [("public", frame)] if channel in self._channels else []

    def _book(self, kind: str, changes: dict[str, list[dict[str, str]]]) -> bytes:
        update = self.market.update
        data: dict[str, Any] = {"market": "BTCUSDT", "seq_no": update, "last_updated_at": T0_MS + update}
        data |= {"update_type": kind, "inserts": [], "updates": [], "deletes": []}
        return _message(self.BOOK, data | changes)


class ParadexBinaryMarket(ParadexMarket):
    """The same, as the venue tells it to who asks for binary frames."""

    def hears(self, socket: str, frame: bytes) -> list[bytes]:
        return [of_message(each) for each in super().hears(socket, frame)]

    def moves(self, choices: Choices) -> list[tuple[str, bytes]]:
        return [(socket, of_message(frame)) for socket, frame in super().moves(choices)]

    def trade_of(self, trade_id: int) -> int:
        return next(each for each in self.market.trades if self._id_of(each) == trade_id)

    def _id_of(self, number: int) -> int:
        ticks, lots, _ = self.market.trades[number]
        price, size = e8(price_text(ticks)), e8(size_text(lots))
        return number_of(f"FILL/{self._told_at[number] * 1000}/{number}/{price}/{size}")


def _sides(bids: LevelMap, asks: LevelMap) -> list[dict[str, str]]:
    return [
        {"side": side, "price": price_text(ticks), "size": size_text(lots)}
        for side, levels in (("BUY", bids), ("SELL", asks))
        for ticks, lots in levels.items()
    ]


def _message(channel: str, data: dict[str, Any]) -> bytes:
    return _frame({"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}})


def _rows(bids: LevelMap, asks: LevelMap) -> dict[str, list[tuple[str, str]]]:
    return {
        "b": [(price_text(ticks), size_text(lots)) for ticks, lots in sorted(bids.items(), reverse=True)],
        "a": [(price_text(ticks), size_text(lots)) for ticks, lots in sorted(asks.items())],
    }


def _wrapped(stream: str, told: dict[str, Any]) -> bytes:
    return _frame({"stream": stream, "data": told})


def _frame(content: dict[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
