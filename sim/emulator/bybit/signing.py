"""How Bybit checks who asks: keys, times and HMAC-SHA256 signatures."""

import hashlib
import hmac
from collections.abc import Mapping

from market.units import MS, Nanos
from sim.emulator.account import Account
from sim.emulator.bybit.codes import BAD_KEY, BAD_SIGN, TIMESTAMP, VenueError
from sim.emulator.requests import HttpRequest
from sim.emulator.times import ms

_DEFAULT_WINDOW_MS = 5000
_MOST_AHEAD_MS = 1000


def signed_by(secret: str, text: bytes) -> str:
    """Return the signature of a text, lower-case hex."""
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def check_time(timestamp: str, window: str, now: Nanos) -> None:
    """Check that a request is neither too old nor of the future.

    Raises:
        VenueError: it is.
    """
    server = ms(now)
    if not (timestamp.isdecimal() and window.isdecimal()):
        raise VenueError(TIMESTAMP)
    if not server - int(window) <= int(timestamp) < server + _MOST_AHEAD_MS:
        text = f"req_timestamp[{timestamp}],server_timestamp[{server}],recv_window[{window}]"
        raise VenueError(TIMESTAMP, f"invalid request, please check your server timestamp or recv_window param. {text}")


def account_of(request: HttpRequest, accounts: Mapping[str, Account], now: Nanos) -> Account:
    """Return whose request it is.

    Raises:
        VenueError: the key is unknown, the time is wrong, or the signature is.
    """
    headers = request.headers
    key, timestamp = headers.get("x-bapi-api-key", ""), headers.get("x-bapi-timestamp", "")
    window = headers.get("x-bapi-recv-window", str(_DEFAULT_WINDOW_MS))
    account = accounts.get(key)
    if account is None:
        raise VenueError(BAD_KEY)
    check_time(timestamp, window, now)
    sent = request.query.encode() if request.method == "GET" else request.body
    signature = signed_by(account.section.secret, f"{timestamp}{key}{window}".encode() + sent)
    if not hmac.compare_digest(signature, headers.get("x-bapi-sign", "")):
        raise VenueError(BAD_SIGN, "error sign! the signed text is timestamp, key, recv_window and the query or body")
    return account


def account_of_socket(args: object, accounts: Mapping[str, Account], now: Nanos) -> Account:
    """Return who signs on with `[key, expires, signature]`.

    Raises:
        VenueError: as `account_of`.
    """
    if not isinstance(args, list) or len(args) != 3:
        raise VenueError(BAD_SIGN, "Params Error")
    key, expires, signature = (str(arg) for arg in args)
    account = accounts.get(key)
    if account is None:
        raise VenueError(BAD_KEY)
    if not expires.isdecimal() or int(expires) * MS <= now:
        raise VenueError(BAD_SIGN, "request expired")
    if not hmac.compare_digest(signed_by(account.section.secret, f"GET/realtime{expires}".encode()), signature):
        raise VenueError(BAD_SIGN)
    return account
