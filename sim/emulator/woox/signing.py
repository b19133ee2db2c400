"""How WOO X checks who asks: keys, times and HMAC-SHA256 over time, method, address and body."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from market.units import Nanos
from sim.emulator.account import Account
from sim.emulator.requests import HttpRequest
from sim.emulator.times import ms
from sim.emulator.woox.codes import BAD_FORMAT, BAD_KEY, STALE_TIME, VenueError

_WINDOW_MS: Final = 300_000


def account_of(request: HttpRequest, accounts: Mapping[str, Account], now: Nanos) -> Account:
    """Return whose request it is.

    Raises:
        VenueError: the key is unknown, the time is wrong, or the signature is.
    """
    headers = request.headers
    account = accounts.get(headers.get("x-api-key", ""))
    if account is None:
        raise VenueError(BAD_KEY)
    stamp = headers.get("x-api-timestamp", "")
    target = f"{request.path}?{request.query}" if request.query else request.path
    text = f"{stamp}{request.method}{target}".encode()
    if request.method in ("POST", "PUT"):
        text += request.body
    _check(account, text, headers.get("x-api-signature", ""), stamp, now)
    return account


def account_of_socket(parameters: object, accounts: Mapping[str, Account], now: Nanos) -> Account:
    """Return who signs on to the older private socket, by `apikey`, `sign` and `timestamp`.

    Raises:
        VenueError: as `account_of`.
    """
    fields = parameters if isinstance(parameters, dict) else {}
    account = accounts.get(str(fields.get("apikey", "")))
    if account is None:
        raise VenueError(BAD_KEY)
    stamp = str(fields.get("timestamp", ""))
    _check(account, f"|{stamp}".encode(), str(fields.get("sign", "")), stamp, now)
    return account


def _check(account: Account, text: bytes, signature: str, stamp: str, now: Nanos) -> None:
    if not (stamp.isascii() and stamp.isdigit()) or len(stamp) > 15:
        raise VenueError(BAD_FORMAT)
    ours = hmac.new(account.section.secret.encode(), text, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(ours.encode(), signature.lower().encode()):
        raise VenueError(BAD_KEY)
    if abs(int(stamp) - ms(now)) > _WINDOW_MS:
        raise VenueError(STALE_TIME)
