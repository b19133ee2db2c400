"""Two talks by REST before a run: what trades, and whether the account is fit for trading."""

from collections.abc import Mapping, Sequence
from typing import Final

import attrs
import msgspec

from market.instrument import Instrument
from market.units import InstrumentId, Nanos
from venues.bybit.errors import verdict_on
from venues.bybit.instruments import instrument_of, instruments_request, read_fees, read_instruments, tradable
from venues.bybit.order_ids import OrderIds
from venues.bybit.requests import OrderRequests
from venues.bybit.server_clock import TIME, read_time
from venues.bybit.settings import one_position_a_symbol, refuse_far_prices
from venues.bybit.signing import Signer
from venues.bybit.structs import InstrumentRow, read_reply, read_result
from venues.clock_offset import VenueClock
from venues.venue import Conversation, HttpAnswer, VenueSetup
from venues.verdicts import Fate
from venues.wire import HttpRequest, RemoteProtocolError

_MAX_PAGES: Final = 50
_WITHDRAW: Final = "Withdraw"
_NEEDED: Final = frozenset({"Order", "Position"})
_HEDGED: Final = "USDT"  # the only coin whose perpetuals have hedge mode


class _Key(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    read_only: int
    permissions: Mapping[str, list[str]]


_KEY: Final = msgspec.json.Decoder(_Key)


def instruments_of(symbols: Sequence[str], first: InstrumentId, now: Nanos) -> Conversation[tuple[Instrument, ...]]:
    """Read the instruments of these symbols.

    Raises:
        ValueError: one does not trade as a perpetual.
        RemoteProtocolError: an answer makes no sense.
    """
    rows: dict[str, InstrumentRow] = {}
    cursor = ""
    for _ in range(_MAX_PAGES):
        answer = yield instruments_request(cursor)
        page, cursor = read_instruments(_body(answer, "instruments"))
        rows.update(page)
        if not cursor or not page or all(symbol in rows for symbol in symbols):
            break
    else:
        raise RemoteProtocolError(f"bybit's list of instruments has not ended after {_MAX_PAGES} pages")
    trading = set(tradable(rows))
    for symbol in symbols:
        if symbol not in trading:
            row = rows.get(symbol)
            what = f"is {row.status} and a {row.contract_type}" if row is not None else "is not listed"
            raise ValueError(f"bybit:{symbol} {what}; only perpetuals that trade now can be traded")
    return tuple(instrument_of(rows[symbol], first + at, now) for at, symbol in enumerate(symbols))


def preparation(setup: VenueSetup, now: Nanos) -> Conversation[tuple[Instrument, ...]]:
    """Check the key and set what orders need: one position a symbol, and no price that is moved in silence.

    Return the instruments with the account's fees; on the demo network, which does not tell them, as they are.

    Raises:
        ValueError: a person must act; the text says how.
        RemoteProtocolError: an answer makes no sense.
    """
    if setup.credentials is None:
        return setup.instruments
    signer = Signer(setup.credentials.key, setup.credentials.secret)
    requests = OrderRequests(setup.instruments, OrderIds(), signer)
    clock = VenueClock(resolution=0)
    answer = yield TIME
    clock.measured(read_time(_body(answer, "time")), answer.ts_sent, answer.ts_recv)
    at = answer.ts_recv + clock.offset

    answer = yield requests.get("/v5/user/query-api", {}, at)
    _check_key(_body(answer, "key"))
    at = answer.ts_recv + clock.offset
    is_demo = setup.connection.network == "demo"
    if not is_demo:
        at = yield from _set(refuse_far_prices(requests, at), "refuse prices outside the band", clock)
    if any(each.settle == _HEDGED for each in setup.instruments):
        at = yield from _set(one_position_a_symbol(requests, _HEDGED, at), "switch to one-way mode", clock)
    return setup.instruments if is_demo else (yield from _with_fees(setup.instruments, requests, at, clock))


def _with_fees(
    instruments: Sequence[Instrument], requests: OrderRequests, at: Nanos, clock: VenueClock
) -> Conversation[tuple[Instrument, ...]]:
    found = []
    for each in instruments:
        answer = yield requests.get("/v5/account/fee-rate", {"category": "linear", "symbol": each.symbol}, at)
        fees = read_fees(_body(answer, "fees")).get(each.symbol)
        if fees is None:
            raise RemoteProtocolError(f"bybit tells no fees of {each.symbol}")
        found.append(attrs.evolve(each, maker_fee=fees.maker, taker_fee=fees.taker))
        at = answer.ts_recv + clock.offset
    return tuple(found)


def _set(request: HttpRequest, what: str, clock: VenueClock) -> Conversation[Nanos]:
    answer = yield request
    reply = read_reply(_body(answer, what))
    if verdict_on(reply.ret_code, reply.ret_msg).fate is not Fate.DONE:
        raise ValueError(
            f"bybit did not {what}: {reply.ret_code} {reply.ret_msg}; close all positions and orders, or "
            "set it by hand on the venue's site"
        )
    return answer.ts_recv + clock.offset


def _check_key(body: bytes) -> None:
    key, _ = read_result(body, _KEY, "key")
    granted = {each for permissions in key.permissions.values() for each in permissions}
    if _WITHDRAW in granted:
        raise ValueError("the bybit key may withdraw; make one without that right: who trades needs none")
    missing = _NEEDED - set(key.permissions.get("ContractTrade", ()))
    if key.read_only or missing:
        raise ValueError("the bybit key may not trade; give it read-write access to contracts: orders and positions")


def _body(answer: HttpAnswer, what: str) -> bytes:
    if answer.status != 200:
        raise RemoteProtocolError(f"bybit answered {what} by HTTP status {answer.status}")
    return answer.body
