"""How all orders of an account are cancelled by one who knows nothing of them, and how that is proven, by REST."""

from typing import Final

import msgspec

from market.units import MS, Nanos
from venues.binance import signing
from venues.binance.answers import refusal_of_body
from venues.binance.queries import SERVER_TIME, AccountQueries
from venues.binance.venue_clock import BinanceClock
from venues.venue import Conversation, HttpAnswer, Swept, VenueSetup, key_of
from venues.wire import HttpRequest, RemoteProtocolError, decode

_RECV_WINDOW_MS: Final = 5000


class _OpenOrder(msgspec.Struct, frozen=True, gc=False):
    symbol: str


_OPEN: Final = msgspec.json.Decoder(list[_OpenOrder])


def sweep(setup: VenueSetup, cancels: bool) -> Conversation[Swept]:
    """Cancel every order of the account, if so wished; return what is open after that.

    Conditional ("algo") orders are left alone: nothing here places any.

    Raises:
        RemoteProtocolError: it could not be asked, or an answer makes no sense; nothing is proven.
    """
    credentials = key_of(setup)
    refused = []
    key = signing.Credentials(credentials.key, credentials.secret)
    queries = AccountQueries(key, _RECV_WINDOW_MS)
    clock = BinanceClock()
    answer = yield SERVER_TIME
    clock.on_answer(_body(answer, "time"), answer.ts_sent, answer.ts_recv)
    answer = yield queries.open_orders(clock.at(answer.ts_recv))
    opened = _opened(answer)
    if cancels and opened:
        for symbol in dict.fromkeys(order.symbol for order in opened):
            answer = yield _cancel_all(key, symbol, clock.at(answer.ts_recv))
            if answer.status != 200:
                refusal = refusal_of_body(answer.status, answer.body)
                refused.append(f"cancel-all of {symbol}: {refusal.code} {refusal.message}")
        answer = yield queries.open_orders(clock.at(answer.ts_recv))
        opened = _opened(answer)
    return Swept(len(opened), tuple(refused))


def _cancel_all(key: signing.Credentials, symbol: str, venue_time: Nanos) -> HttpRequest:
    # by the symbol alone: the instruments of this account's orders need not be known here
    query = key.signed_query({"symbol": symbol, "recvWindow": _RECV_WINDOW_MS, "timestamp": venue_time // MS})
    return HttpRequest("DELETE", "/fapi/v1/allOpenOrders", query, (("X-MBX-APIKEY", key.api_key),))


def _opened(answer: HttpAnswer) -> list[_OpenOrder]:
    return decode(_OPEN, _body(answer, "open orders"), "the open orders of Binance")


def _body(answer: HttpAnswer, what: str) -> bytes:
    if answer.status != 200:
        refusal = refusal_of_body(answer.status, answer.body)
        raise RemoteProtocolError(f"binance answered {what} by {answer.status}: {refusal.code} {refusal.message}")
    return answer.body
