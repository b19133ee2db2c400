"""What is asked of Binance before a run: what it trades, whether account and key will do, what the account pays."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

import msgspec
from msgspec import field

from market.instrument import Instrument
from market.units import Nanos
from venues.binance.account_checks import unfit
from venues.binance.answers import refusal_of_body
from venues.binance.errors import Remedy
from venues.binance.instruments import VenueRules, with_fees
from venues.binance.queries import EXCHANGE_INFO, SERVER_TIME, AccountQueries
from venues.binance.signing import Credentials
from venues.binance.venue_clock import BinanceClock
from venues.venue import Conversation, HttpAnswer, VenueSetup
from venues.wire import HttpRequest, RemoteProtocolError, decode

# a key's permissions are told by another interface, which the networks with play money do not have; an emulator has one
# address for everything
_PERMISSIONS_AT: Final = {"mainnet": "https://api.binance.com", "custom": ""}


class KeyPermissions(msgspec.Struct, gc=False):
    """What a key may do."""

    can_withdraw: bool = field(name="enableWithdrawals")
    can_trade_futures: bool = field(name="enableFutures", default=True)


_PERMISSIONS: Final = msgspec.json.Decoder(KeyPermissions)


def instruments(symbols: Sequence[str], first: int, now: Nanos) -> Conversation[tuple[Instrument, ...]]:
    """Ask for the instruments of these symbols; their ids count from `first`, fees are not known yet.

    Raises:
        ValueError: a symbol does not trade here.
    """
    rules = VenueRules.of(_granted((yield EXCHANGE_INFO), EXCHANGE_INFO))
    for symbol in symbols:
        if symbol not in rules.symbols:
            near = get_close_matches(symbol, rules.perpetuals, 3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise ValueError(f"binance-futures has no symbol {symbol!r}{hint}")
        if not rules.is_trading(symbol):
            found = rules.symbols[symbol]
            raise ValueError(
                f"{symbol} of binance-futures is {found.contract}, {found.status}: it must be PERPETUAL, TRADING"
            )
    return tuple(rules.instrument(symbol, first + n, now) for n, symbol in enumerate(symbols))


def preparation(setup: VenueSetup, now: Nanos) -> Conversation[tuple[Instrument, ...]]:
    """Check that account and key are fit for trading, and return the instruments with the fees of the account.

    Nothing is set: the account belongs to a person, who is told what to change.

    Raises:
        ValueError: they are not; the text says why, and what to do.
    """
    if setup.credentials is None:
        raise ValueError("binance-futures: an account is prepared with its key; there is none")
    queries = AccountQueries(Credentials(setup.credentials.key, setup.credentials.secret))
    clock = BinanceClock()
    answer = yield SERVER_TIME
    clock.on_answer(_granted(answer, SERVER_TIME), answer.ts_sent, answer.ts_recv)
    at = clock.at(answer.ts_recv)

    request = queries.account_config(at)
    faults = unfit(_granted((answer := (yield request)), request))
    at = clock.at(answer.ts_recv)
    address = _PERMISSIONS_AT.get(setup.connection.network)
    if address is not None:
        request = queries.permissions(at, address)
        faults += _faults_of_key((yield request), request)
    if faults:
        raise ValueError(f"binance-futures: {'; '.join(faults)}")

    found = []
    for each in setup.instruments:
        request = queries.commission_rate(each, at)
        answer = yield request
        found.append(with_fees(each, _granted(answer, request)))
        at = clock.at(answer.ts_recv)
    return tuple(found)


def _faults_of_key(answer: HttpAnswer, request: HttpRequest) -> list[str]:
    if answer.status in (418, 429) or answer.status >= 500:
        _granted(answer, request)  # it may well be told later
    if answer.status != 200:
        return []  # it is not told here
    may = decode(_PERMISSIONS, answer.body, "the permissions of the key of Binance")
    faults = []
    if may.can_withdraw:
        faults.append("the key may withdraw; make one that may not, a trading key needs no more than futures")
    if not may.can_trade_futures:
        faults.append("the key may not trade futures; allow it in the API management of Binance")
    return faults


def _granted(answer: HttpAnswer, request: HttpRequest) -> bytes:
    """Return the body of a success.

    Raises:
        ValueError: it was refused for a reason that a person must see to.
        RemoteProtocolError: it failed otherwise.
    """
    if answer.status == 200:
        return answer.body
    refusal = refusal_of_body(answer.status, answer.body)
    text = f"binance-futures refused {request.method} {request.path}: {refusal.code} {refusal.message}"
    if refusal.remedy is Remedy.HALT:
        raise ValueError(f"{text}; look at the key, its permissions and its addresses")
    raise RemoteProtocolError(f"{text} (HTTP {answer.status})")
