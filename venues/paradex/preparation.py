"""Two talks by REST before a run: what trades, and whether account and key are fit for trading."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

import msgspec

from market.instrument import Instrument
from market.units import InstrumentId, Nanos
from venues.clock_offset import VenueClock
from venues.paradex.gate import TIME, read_time
from venues.paradex.instruments import LIST, instrument_of, is_trading, read_markets
from venues.paradex.login import read_token, request_of
from venues.paradex.requests import with_token
from venues.paradex.signing import Signer, chain_of
from venues.paradex.structs import NAME, SystemConfig, read_refusal
from venues.venue import Conversation, HttpAnswer, VenueSetup
from venues.wire import HttpRequest, RemoteProtocolError, decode

_CONFIG: Final = msgspec.json.Decoder(SystemConfig)
_ASK_CONFIG: Final = HttpRequest("GET", "/v1/system/config")


def instruments_of(symbols: Sequence[str], first: InstrumentId, now: Nanos) -> Conversation[tuple[Instrument, ...]]:
    """Read the instruments of these symbols; ids count from `first`.

    Raises:
        ValueError: one does not trade as a perpetual.
        RemoteProtocolError: an answer makes no sense.
    """
    answer = yield LIST
    if answer.status != 200:
        raise RemoteProtocolError(f"paradex answers its markets with status {answer.status}")
    rows = read_markets(answer.body)
    for symbol in symbols:
        if symbol not in rows or not is_trading(rows[symbol]):
            near = get_close_matches(symbol, [each.symbol for each in rows.values() if is_trading(each)], 3, 0.5)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            what = "is no perpetual that trades" if symbol in rows else "is not listed"
            raise ValueError(f"{NAME}:{symbol} {what}; a perpetual is named such as BTC-USD-PERP{hint}")
    return tuple(instrument_of(rows[symbol], first + at, now) for at, symbol in enumerate(symbols))


def login(setup: VenueSetup) -> Conversation[tuple[str, HttpAnswer]]:
    """Log in; return the token and the answer that granted it.

    Raises:
        ValueError: the key is refused, or is for another chain.
        RemoteProtocolError: an answer makes no sense.
    """
    assert setup.credentials is not None, "a login without a key"
    chain = chain_of(setup.connection.network)
    answer = yield _ASK_CONFIG
    if answer.status != 200:
        raise RemoteProtocolError(f"paradex answers its config with status {answer.status}")
    told = decode(_CONFIG, answer.body, "paradex config").starknet_chain_id
    if told != chain:
        raise ValueError(
            f"{NAME}: network {setup.connection.network} is chain {told!r:.60}, signed for would be {chain}"
        )
    clock = VenueClock()
    answer = yield TIME
    clock.measured(read_time(answer), answer.ts_sent, answer.ts_recv)
    signer = Signer(setup.credentials.key, setup.credentials.secret, chain)
    answer = yield request_of(signer, answer.ts_recv + clock.offset)
    return read_token(answer), answer


def preparation(setup: VenueSetup, now: Nanos) -> Conversation[tuple[Instrument, ...]]:
    """Check that the key may log in; fees came with the instruments.

    Nothing is set: the account belongs to a person, who is told what to change.  Whether a key is a subkey, which
    cannot withdraw, is not told.

    Raises:
        ValueError: it is not fit; the text says why, and what to do.
        RemoteProtocolError: an answer makes no sense.
    """
    if setup.credentials is None:
        return setup.instruments
    token, _ = yield from login(setup)
    answer = yield with_token("GET", "/v1/account", "", token)
    if answer.status != 200:
        refusal = read_refusal(answer.body)
        raise ValueError(f"{NAME} refused the account: {answer.status} {refusal.error:.60}; is it onboarded?")
    return setup.instruments
