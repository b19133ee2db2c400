"""Two talks by REST before a run: what trades, and whether account and key are fit for trading."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

import msgspec

from market.instrument import Instrument
from market.units import InstrumentId, Nanos
from venues.hyperliquid.accounts import account_of
from venues.hyperliquid.gate import info
from venues.hyperliquid.instruments import instrument_of, read_meta, with_fees
from venues.hyperliquid.structs import NAME, UserRole
from venues.venue import Conversation, HttpAnswer, VenueSetup
from venues.wire import RemoteProtocolError, decode

_ROLE: Final = msgspec.json.Decoder(UserRole)
_OWNERS: Final = ("master", "leader")


def instruments_of(symbols: Sequence[str], first: InstrumentId, now: Nanos) -> Conversation[tuple[Instrument, ...]]:
    """Read the instruments of these symbols; ids count from `first`, fees are not known yet.

    Raises:
        ValueError: one does not trade as a perpetual.
        RemoteProtocolError: an answer makes no sense.
    """
    rows = read_meta(_granted((yield info("meta")), "meta"))
    for symbol in symbols:
        if symbol not in rows or rows[symbol][1].is_delisted:
            near = get_close_matches(symbol, [each for each, (_, row) in rows.items() if not row.is_delisted], 3, 0.5)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            what = "is delisted" if symbol in rows else "is not listed"
            raise ValueError(f"{NAME}:{symbol} {what}; a perpetual is named by its coin, such as BTC{hint}")
    return tuple(instrument_of(rows[symbol][1], first + at, now) for at, symbol in enumerate(symbols))


def preparation(setup: VenueSetup, now: Nanos) -> Conversation[tuple[Instrument, ...]]:
    """Check that the key may trade for the account, and return the instruments with the account's fees.

    Nothing is set: the account belongs to a person, who is told what to change.  An agent cannot withdraw; the key of
    the account itself can, and is refused.

    Raises:
        ValueError: they are not fit; the text says why, and what to do.
        RemoteProtocolError: an answer makes no sense.
    """
    if setup.credentials is None:
        return setup.instruments
    account = account_of(setup.credentials, setup.connection.network)
    signer = account.signer.address
    role = decode(_ROLE, _granted((yield info("userRole", user=signer)), "userRole"), "hyperliquid role")
    master = signer
    if role.role == "agent":
        master = (role.data or {}).get("user", "").lower()
    elif setup.connection.network == "mainnet":
        raise ValueError(
            f"{NAME}: the secret is no agent's (it signs as {signer}, which is {role.role}), and may withdraw if it is "
            "an account's; approve an API wallet for the account and give its private key"
        )
    if account.is_vault:
        answer = yield info("userRole", user=account.address)
        held = decode(_ROLE, _granted(answer, "userRole"), "hyperliquid role")
        owner = next((each for name in _OWNERS if (each := (held.data or {}).get(name, ""))), "").lower()
        if held.role not in ("vault", "subAccount") or (owner and owner != master):
            raise ValueError(f"{NAME}: {account.address} is {held.role}, no vault or sub-account of {master}")
    elif master != account.address:
        raise ValueError(
            f"{NAME}: the secret signs for {master}, not for {account.address}; approve it there, or, if that is a "
            "vault or a sub-account, write vault: before its address"
        )
    fees = _granted((yield info("userFees", user=account.address)), "userFees")
    return tuple(with_fees(each, fees) for each in setup.instruments)


def _granted(answer: HttpAnswer, what: str) -> bytes:
    if answer.status != 200:
        raise RemoteProtocolError(f"hyperliquid answered {what} with {answer.status} {answer.body[:200]!r}")
    return answer.body
