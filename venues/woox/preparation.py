"""Two talks by REST before a run: what trades, and whether account and key are fit for trading."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from market.instrument import Instrument
from market.units import InstrumentId, Nanos
from venues.clock_offset import VenueClock
from venues.venue import Conversation, HttpAnswer, VenueSetup
from venues.verdicts import Advice
from venues.wire import HttpRequest, RemoteProtocolError
from venues.woox.errors import verdict_on
from venues.woox.gate import SYSTEM
from venues.woox.instruments import LIST, instrument_of, is_trading, read_instruments, with_fees
from venues.woox.requests import OrderRequests
from venues.woox.signing import Signer
from venues.woox.structs import AccountInfo, KeyRows, SystemInfo, decoder, read_data, read_reply

_INFO: Final = decoder(SystemInfo)
_ACCOUNT: Final = decoder(AccountInfo)
_KEYS: Final = decoder(KeyRows)
_WITHDRAW: Final = "WITHDRAW"


def instruments_of(
    venue: str, symbols: Sequence[str], first: InstrumentId, now: Nanos
) -> Conversation[tuple[Instrument, ...]]:
    """Read the instruments of these symbols; ids count from `first`, fees are not known yet.

    Raises:
        ValueError: one does not trade as a perpetual.
        RemoteProtocolError: an answer makes no sense.
    """
    rows = read_instruments((yield LIST).body)
    for symbol in symbols:
        row = rows.get(symbol)
        if row is None or not is_trading(row):
            near = get_close_matches(symbol, [each.symbol for each in rows.values() if is_trading(each)], 3, 0.5)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            what = "is not listed" if row is None else f"is {row.status}"
            raise ValueError(f"{venue}:{symbol} {what}; only perpetuals (PERP_...) that trade now can be traded{hint}")
    return tuple(instrument_of(rows[symbol], first + at, now, venue) for at, symbol in enumerate(symbols))


def preparation(setup: VenueSetup, now: Nanos) -> Conversation[tuple[Instrument, ...]]:
    """Check the account's modes and the key's rights, and return the instruments with the account's fees.

    Nothing is set: the account belongs to a person, who is told what to change.

    Raises:
        ValueError: they are not fit; the text says why, and what to do.
        RemoteProtocolError: an answer makes no sense.
    """
    if setup.credentials is None:
        return setup.instruments
    clock = VenueClock()
    answer = yield SYSTEM
    info, ts_venue = read_data(answer.body, _INFO, "system info")
    if info.status:
        raise ValueError(f"woox is under maintenance: {info.message:.200}; begin when it is over")
    clock.measured(ts_venue, answer.ts_sent, answer.ts_recv)
    requests = OrderRequests((), Signer(setup.credentials.key, setup.credentials.secret))

    def ask(path: str, fields: dict[str, str], after: HttpAnswer) -> HttpRequest:
        return requests.ask("GET", path, fields, after.ts_recv + clock.offset)

    answer = yield ask("/v3/account/info", {}, answer)
    account, _ = read_data(_granted(answer, "account info"), _ACCOUNT, "account info")
    answer = yield ask("/v3/account/credentials", {"size": "1000"}, answer)
    faults = _faults(account) + _faults_of_key(answer, setup.credentials.key)
    if faults:
        raise ValueError(f"woox: {'; '.join(faults)}")
    found = []
    for each in setup.instruments:
        answer = yield ask("/v3/trade/tradingFee", {"symbol": each.symbol}, answer)
        found.append(with_fees(each, _granted(answer, f"trading fee of {each.symbol}")))
    return tuple(found)


def _faults(account: AccountInfo) -> list[str]:
    faults = []
    if account.account_mode and account.account_mode != "FUTURES":
        faults.append(f"the account is in mode {account.account_mode:.20}; switch it to futures")
    if account.position_mode and account.position_mode != "ONE_WAY":
        faults.append(f"positions are held in mode {account.position_mode:.20}; switch it to one-way")
    return faults


def _faults_of_key(answer: HttpAnswer, key: str) -> list[str]:
    reply = read_reply(answer.body)
    if not reply.success:
        return []  # it is not told to this key
    rows, _ = read_data(answer.body, _KEYS, "keys")
    granted = next((row.permissions for row in rows.rows if row.api_key == key), None)
    if granted is None:
        return []
    faults = []
    if any(each.startswith(_WITHDRAW) for each in granted):
        faults.append("the key may withdraw; make one without that right: who trades needs none")
    if "TRADE" not in granted:
        faults.append("the key may not trade; give it the right TRADE")
    return faults


def _granted(answer: HttpAnswer, what: str) -> bytes:
    reply = read_reply(answer.body)
    if reply.success:
        return answer.body
    text = f"woox refused {what}: {reply.code or answer.status} {reply.message:.200}"
    if verdict_on(answer.status, reply.code).advice is Advice.HALT:
        raise ValueError(f"{text}; look at the key, its rights and its addresses")
    raise RemoteProtocolError(text)
