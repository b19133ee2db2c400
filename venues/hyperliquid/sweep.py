"""How all orders of an account are cancelled by one who knows nothing of them, and how that is proven, by REST."""

from typing import Final

import msgspec

from market.units import MS
from venues.hyperliquid.accounts import account_of
from venues.hyperliquid.gate import exchange, info, time_of_state
from venues.hyperliquid.instruments import read_meta
from venues.hyperliquid.structs import ActionAnswer, OrderTerms
from venues.venue import Conversation, HttpAnswer, Swept, VenueSetup, key_of
from venues.wire import RemoteProtocolError, decode

_OPEN: Final = msgspec.json.Decoder(list[OrderTerms])
_ANSWER: Final = msgspec.json.Decoder(ActionAnswer)
_AT_A_TIME: Final = 40
_encode: Final = msgspec.json.Encoder().encode


def sweep(setup: VenueSetup, cancels: bool) -> Conversation[Swept]:
    """Cancel every order of the account on perpetuals, if so wished; return how many are open after it.

    Raises:
        RemoteProtocolError: it could not be asked, or an answer makes no sense; nothing is proven.
    """
    account = account_of(key_of(setup), setup.connection.network)
    refused = []
    rows = _read((yield info("frontendOpenOrders", user=account.address)))
    if cancels and rows:
        answer = yield info("meta")
        assets = {name: number for name, (number, _) in read_meta(answer.body).items()}
        named = [{"a": assets[row.coin], "o": row.oid} for row in rows if row.coin in assets]
        state = yield info("clearinghouseState", user=account.address)
        # ahead of what the trader that is gone may have used, also where our clock was set back since
        nonce = max(state.ts_recv, time_of_state(state) if state.status == 200 else 0) // MS + 1000
        for begin in range(0, len(named), _AT_A_TIME):
            nonce += 1
            part = named[begin : begin + _AT_A_TIME]
            action = {"type": "cancel", "cancels": part}
            body = {
                "action": action,
                "nonce": nonce,
                "signature": account.signer.sign(action, nonce),
                "vaultAddress": account.signer.vault or None,
                "expiresAfter": None,
            }
            answer = yield exchange(_encode(body), len(part))
            reply = decode(_ANSWER, answer.body, "hyperliquid cancel") if answer.status == 200 else None
            if reply is None or reply.status != "ok":
                refused.append(f"cancel: {answer.status} {answer.body[:200].decode(errors='replace')}")
        rows = _read((yield info("frontendOpenOrders", user=account.address)))
    return Swept(len(rows), tuple(refused))


def _read(answer: HttpAnswer) -> list[OrderTerms]:
    if answer.status != 200:
        raise RemoteProtocolError(f"hyperliquid answers open orders with status {answer.status}")
    # of spot (PURR/USDC, @107) nothing is ours
    rows = decode(_OPEN, answer.body, "hyperliquid open orders")
    return [row for row in rows if "/" not in row.coin and not row.coin.startswith("@")]
