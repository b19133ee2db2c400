"""How all orders of an account are cancelled by one who knows nothing of them, and how that is proven, by REST."""

from typing import Final

from venues.clock_offset import VenueClock
from venues.venue import Conversation, HttpAnswer, Swept, VenueSetup, key_of
from venues.wire import HttpRequest, RemoteProtocolError
from venues.woox.gate import SYSTEM
from venues.woox.private import STANDING
from venues.woox.requests import OrderRequests
from venues.woox.signing import Signer
from venues.woox.structs import OrderRows, SystemInfo, decoder, read_data, read_reply

_INFO: Final = decoder(SystemInfo)
_ROWS: Final = decoder(OrderRows)
_PERPETUAL: Final = "PERP_"
_MOST_PAGES: Final = 20


def sweep(setup: VenueSetup, cancels: bool) -> Conversation[Swept]:
    """Cancel every order of the account, conditional ones among them, if so wished; return how many are open after it.

    Conditional orders are not counted: the venue lists them elsewhere.  Orders on spot are cancelled, too: the venue
    cancels all of an account or those of one symbol.

    Raises:
        RemoteProtocolError: it could not be asked, or an answer makes no sense; nothing is proven.
    """
    credentials = key_of(setup)
    refused = []
    clock = VenueClock()
    answer = yield SYSTEM
    _, ts_venue = read_data(answer.body, _INFO, "system info")
    clock.measured(ts_venue, answer.ts_sent, answer.ts_recv)
    requests = OrderRequests((), Signer(credentials.key, credentials.secret))

    def ask(method: str, path: str, fields: dict[str, str], after: HttpAnswer) -> HttpRequest:
        return requests.ask(method, path, fields, after.ts_recv + clock.offset)

    if cancels:
        answer = yield ask("DELETE", "/v3/trade/allOrders", {}, answer)
        reply = read_reply(answer.body)
        if not reply.success:
            refused.append(f"cancel of all: {reply.code or answer.status} {reply.message:.200}")
    n_open = n_read = 0
    for page in range(1, _MOST_PAGES + 1):
        fields = {"status": "INCOMPLETE", "size": "500", "page": str(page)}
        answer = yield ask("GET", "/v3/trade/orders", fields, answer)
        rows, _ = read_data(answer.body, _ROWS, "open orders")
        n_read += len(rows.rows)
        n_open += sum(row.status in STANDING and row.symbol.startswith(_PERPETUAL) for row in rows.rows)
        if not rows.rows or n_read >= rows.meta.total:
            return Swept(n_open, tuple(refused))
    raise RemoteProtocolError(f"woox's open orders have not ended after {_MOST_PAGES} pages")
