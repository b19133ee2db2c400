"""How all orders of an account are cancelled by one who knows nothing of them, and how that is proven, by REST."""

from typing import Final

import msgspec

from market.units import Nanos
from venues.bybit.errors import verdict_on
from venues.bybit.order_ids import OrderIds
from venues.bybit.requests import OrderRequests
from venues.bybit.server_clock import TIME, read_time
from venues.bybit.signing import Signer
from venues.bybit.structs import read_reply, read_rows
from venues.clock_offset import VenueClock
from venues.venue import Conversation, HttpAnswer, Swept, VenueSetup, key_of
from venues.verdicts import Fate
from venues.wire import RemoteProtocolError

_SETTLED_IN: Final = ("USDT", "USDC")  # all that `linear` is settled in
_OPEN: Final = "/v5/order/realtime"
_MAX_PAGES: Final = 20


class _Row(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    order_status: str = ""


_ROWS: Final = msgspec.json.Decoder(list[_Row])
_ENDED: Final = frozenset({"Filled", "Cancelled", "PartiallyFilledCanceled", "Rejected", "Deactivated"})


def sweep(setup: VenueSetup, cancels: bool) -> Conversation[Swept]:
    """Cancel every order of the account's linear contracts, if so wished; return what is open after that.

    Conditional orders are cancelled and counted as well; spot, inverse contracts and options are left alone.

    Raises:
        RemoteProtocolError: it could not be asked, or an answer makes no sense; nothing is proven.
    """
    credentials = key_of(setup)
    refused = []
    clock = VenueClock(resolution=0)
    answer = yield TIME
    clock.measured(read_time(_body(answer, "time")), answer.ts_sent, answer.ts_recv)
    requests = OrderRequests((), OrderIds(), Signer(credentials.key, credentials.secret))

    def at(answer: HttpAnswer) -> Nanos:
        return answer.ts_recv + clock.offset

    if cancels:
        for coin in _SETTLED_IN:
            body = msgspec.json.encode({"category": "linear", "settleCoin": coin})
            answer = yield requests.post("/v5/order/cancel-all", body, at(answer))
            reply = read_reply(_body(answer, "cancel-all"))
            if verdict_on(reply.ret_code, reply.ret_msg).fate is not Fate.DONE:
                refused.append(f"cancel-all of {coin}: {reply.ret_code} {reply.ret_msg}")
    n_open = 0
    for coin in _SETTLED_IN:
        cursor = ""
        for _ in range(_MAX_PAGES):
            query = {"category": "linear", "settleCoin": coin, "limit": "50"}
            answer = yield requests.get(_OPEN, query | ({"cursor": cursor} if cursor else {}), at(answer))
            rows, cursor, _ = read_rows(_body(answer, "open orders"), _ROWS, "open orders")
            n_open += sum(row.order_status not in _ENDED for row in rows)
            if not (cursor and rows):
                break
        else:
            raise RemoteProtocolError(f"bybit's open orders in {coin} have not ended after {_MAX_PAGES} pages")
    return Swept(n_open, tuple(refused))


def _body(answer: HttpAnswer, what: str) -> bytes:
    if answer.status != 200:
        raise RemoteProtocolError(f"bybit answered {what} by HTTP status {answer.status}")
    return answer.body
