"""How Binance checks who asks: keys, times and HMAC-SHA256 signatures over all that was sent."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from market.units import Nanos
from sim.emulator.account import Account
from sim.emulator.binance.codes import BAD_KEY, BAD_SIGNATURE, MISSING, TIMESTAMP, VenueError
from sim.emulator.requests import HttpRequest
from sim.emulator.times import ms

_DEFAULT_WINDOW_MS = 5000
_WIDEST_WINDOW_MS = 60_000
_MOST_AHEAD_MS = 1000

Params = dict[str, str]


def signed_by(secret: str, text: str) -> str:
    """Return the signature of a text, lower-case hex."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def params_of(request: HttpRequest) -> Params:
    """Return the parameters of query and form, decoded; the query wins."""
    form = parse_qsl(_form(request), keep_blank_values=True) if request.body else []
    return dict(form) | request.parameters()


def account_of_key(key: str, accounts: Mapping[str, Account]) -> Account:
    """Return whose key it is.

    Raises:
        VenueError: nobody's.
    """
    account = accounts.get(key)
    if account is None:
        raise VenueError(BAD_KEY, status=401)
    return account


def check_time(params: Mapping[str, Any], now: Nanos) -> None:
    """Check `timestamp` and `recvWindow`.

    Raises:
        VenueError: the request is too old, of the future, or does not say.
    """
    timestamp, window = str(params.get("timestamp", "")), str(params.get("recvWindow", _DEFAULT_WINDOW_MS))
    if not timestamp:
        text = "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed."
        raise VenueError(MISSING, text)
    if not (timestamp.isdecimal() and window.isdecimal() and int(window) <= _WIDEST_WINDOW_MS):
        raise VenueError(TIMESTAMP)
    server = ms(now)
    if int(timestamp) >= server + _MOST_AHEAD_MS:
        text = f"Timestamp for this request was {_MOST_AHEAD_MS}ms ahead of the server's time."
        raise VenueError(TIMESTAMP, text)
    if server - int(timestamp) > int(window):
        raise VenueError(TIMESTAMP)


def check_request(request: HttpRequest, account: Account, params: Params, now: Nanos) -> None:
    """Check the time and the signature of a signed request over HTTP.

    Raises:
        VenueError: one of them is wrong.
    """
    check_time(params, now)
    sent = _unsigned(request.query) + _unsigned(_form(request))
    if not hmac.compare_digest(signed_by(account.section.secret, sent), params.get("signature", "")):
        raise VenueError(BAD_SIGNATURE)


def check_frame(params: Mapping[str, Any], account: Account, now: Nanos) -> None:
    """Check the time and the signature of a request over the WebSocket API: of all parameters, sorted by name.

    Raises:
        VenueError: one of them is wrong.
    """
    check_time(params, now)
    sent = "&".join(f"{name}={_text(value)}" for name, value in sorted(params.items()) if name != "signature")
    if not hmac.compare_digest(signed_by(account.section.secret, sent), str(params.get("signature", ""))):
        raise VenueError(BAD_SIGNATURE)


def _form(request: HttpRequest) -> str:
    return request.body.decode(errors="replace")


def _unsigned(text: str) -> str:
    return "&".join(part for part in text.split("&") if not part.startswith("signature="))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
