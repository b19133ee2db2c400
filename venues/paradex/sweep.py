"""How all orders of an account are cancelled by one who knows nothing of them, and how that is proven, by REST."""

from typing import Final
from urllib.parse import quote

import msgspec

from venues.paradex.preparation import login
from venues.paradex.requests import with_token
from venues.paradex.structs import OrderRows, read_refusal
from venues.venue import Conversation, Swept, VenueSetup
from venues.wire import RemoteProtocolError, decode

_ROWS: Final = msgspec.json.Decoder(OrderRows)
_ENDED: Final = "CLOSED"
_MOST_PAGES: Final = 50


def sweep(setup: VenueSetup, cancels: bool) -> Conversation[Swept]:
    """Cancel every order of the account, if so wished; return how many are open after it.

    Raises:
        RemoteProtocolError: it could not be asked, or an answer makes no sense; nothing is proven.
    """
    refused = []
    try:
        token, _ = yield from login(setup)
    except ValueError as error:
        raise RemoteProtocolError(str(error)) from None
    if cancels:
        answer = yield with_token("DELETE", "/v1/orders", "", token)
        if answer.status not in (200, 204):
            refusal = read_refusal(answer.body)
            refused.append(f"cancel of all: {answer.status} {refusal.error:.60} {(refusal.message or '')[:200]}")
    still_open: dict[str, None] = {}
    cursor = ""
    for _ in range(_MOST_PAGES):
        answer = yield with_token("GET", "/v1/orders", f"cursor={quote(cursor, safe='')}" if cursor else "", token)
        if answer.status != 200:
            raise RemoteProtocolError(f"paradex answers open orders with status {answer.status}")
        page = decode(_ROWS, answer.body, "paradex open orders")
        still_open |= {row.id: None for row in page.results if row.status != _ENDED}
        cursor = page.next or ""
        if not (cursor and page.results):
            return Swept(len(still_open), tuple(refused))
    raise RemoteProtocolError(f"paradex's open orders have not ended after {_MOST_PAGES} pages")
