"""Who reads Paradex's bytes, and well-formed inputs for each."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

from market.messages import AmendOrder, CancelAll, QueryOrder, RequestAccount
from tests.fuzz.answers import answer_all
from tests.venues.paradex.binary_frames import book_frame, summary_frame, trade_frame
from tests.venues.paradex.paradex_wire import BTC
from tests.venues.paradex.scripted_paradex import MARKETS, QUOTE, SYMBOL, T0, Paradex, row_of
from venues.paradex import signing
from venues.paradex.gate import read_state, read_time
from venues.paradex.instruments import instrument_of, read_markets
from venues.paradex.login import read_token
from venues.venue import HttpAnswer

_LEVEL: Final = {"side": "BUY", "price": "20000.00", "size": "0.0100"}
_BOOK: Final = {
    "market": SYMBOL,
    "seq_no": 7,
    "last_updated_at": T0 // 10**6,
    "update_type": "s",
    "inserts": [_LEVEL, _LEVEL | {"side": "SELL", "price": "20000.10"}],
    "updates": [],
    "deletes": [],
}
_TRADE: Final = {
    "id": "t-1",
    "market": SYMBOL,
    "side": "BUY",
    "price": "20000.00",
    "size": "0.0100",
    "created_at": T0 // 10**6,
    "trade_type": "FILL",
}
_SUMMARY: Final = {"symbol": SYMBOL, "mark_price": "20000.01", "funding_rate": "0.0001", "created_at": T0 // 10**6}
_FILL: Final = {
    "id": "f-1",
    "order_id": f"9{QUOTE.client_id}",
    "client_id": str(QUOTE.client_id),
    "market": SYMBOL,
    "side": "BUY",
    "price": "20000.00",
    "size": "0.0050",
    "liquidity": "MAKER",
    "fee": "0.01",
    "fee_currency": "USDC",
    "fill_type": "FILL",
    "created_at": T0 // 10**6,
    "remaining_size": "0",
}
_AMENDED: Final = {"request_type": "MODIFY_ORDER", "id": "r-1", "status": "REJECTED", "message": "no"}
# an order, a fill, a position, a payment and the account's money at once, as one answer goes to all questions
_ROW: Final = {
    **_FILL,
    **row_of(QUOTE, "OPEN", T0),
    "status": "OPEN",
    "payment": "0.1",
    "fill_id": "f-1",
}
_MONEY: Final = {"account_value": "12.5", "free_collateral": "10", "initial_margin_requirement": "2.5"}


def _news(channel: str, data: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel, "data": data}}


SEEDS: Final[Sequence[tuple[int, Any]]] = (
    (0, book_frame(SYMBOL, T0 // 10**6, 7, [("20000.00", "0.01")], [("20000.10", "0.02")], is_whole=True)),
    (0, trade_frame(SYMBOL, T0 // 10**6, 5, 1, "20000.00", "0.0100")),
    (0, summary_frame(SYMBOL, T0 // 10**6, "20000.01", "20000.02", 100_000_000, "12.5")),
    (0, _news(f"order_book.{SYMBOL}.deltas", _BOOK)),
    (0, _news(f"trades.{SYMBOL}", _TRADE)),
    (0, _news(f"markets_summary.{SYMBOL}", _SUMMARY)),
    (1, _news("orders.ALL", row_of(QUOTE, "OPEN", T0) | {"request_info": _AMENDED})),
    (1, _news("orders.ALL", row_of(QUOTE, "CLOSED", T0) | {"cancel_reason": "POST_ONLY_WOULD_CROSS"})),
    (1, _news("fills.ALL", _FILL)),
    (1, _news("account", {"status": "LIQUIDATION"})),
    (1, {"jsonrpc": "2.0", "id": 7, "error": {"code": 100, "message": "no", "data": "NOT_ENOUGH_MARGIN"}}),
    (2, {"results": [_ROW], "next": None, **_MONEY}),
    (3, {"results": [_ROW], **row_of(QUOTE, "OPEN", T0)}),
    (4, {"error": "VALIDATION_ERROR", "message": "no"}),
    (5, MARKETS),
    (6, {"jwt_token": "t", "server_time": T0 // 10**6, "status": "ok"}),
)


def readers() -> Sequence[Callable[[bytes], Any]]:
    """Return who reads; each input meets a fresh state."""
    signing.pedersen = cache(signing.pedersen)  # the same words are signed before every input

    def stand() -> Paradex:
        paradex = Paradex().up()
        paradex.is_granting = False
        paradex.send(QUOTE)
        return paradex

    def socket(name: str) -> Callable[[bytes], Any]:
        def read(data: bytes) -> None:
            paradex = stand()
            paradex.order("OPEN")
            paradex.send(AmendOrder(QUOTE.client_id, BTC.id, QUOTE.price - 100, QUOTE.size))
            paradex.venue.receive(name, data, paradex.now)
            paradex.venue.next_deadline()

        return read

    def answers(command: Any, status: int = 200) -> Callable[[bytes], Any]:
        def read(data: bytes) -> None:
            paradex = stand()
            answer_all(paradex.venue, command, lambda request: data, paradex.now, status)

        return read

    def markets(data: bytes) -> None:
        for place, row in enumerate(read_markets(data).values()):
            instrument_of(row, place, T0)

    def system(data: bytes) -> None:
        answer = HttpAnswer(200, {}, data, T0, T0)
        for read in (read_time, read_state, read_token):
            read(answer)

    return (
        socket("public"),
        socket("private"),
        answers(RequestAccount(0, T0)),
        answers(QueryOrder(QUOTE.client_id, BTC.id)),
        answers(CancelAll(BTC.id), 400),
        markets,
        system,
    )
