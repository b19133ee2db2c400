"""Who is who: accounts by address and public key, logins, tokens that lapse."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final

import attrs

from market.units import SECOND, Nanos
from sim.emulator.account import Account
from sim.emulator.config import AccountSection
from sim.emulator.paradex.codes import INVALID_TOKEN, VenueError
from sim.emulator.paradex.stark import P, is_signed, message_hash, private_key_of, public_key_of
from sim.emulator.requests import encode

_TOKEN_LIFE: Final = 300 * SECOND
_TOLERANCE_S: Final = 30


@attrs.define
class Trader:
    """An account as this venue has it, or one that a client has onboarded in its place.

    Attributes:
        address, public_key: field elements.
    """

    account: Account
    address: int
    public_key: int


def keys_of(section: AccountSection) -> tuple[str, str]:
    """Return address and private key of an account: what a client is given."""
    private_key = private_key_of(section.secret)
    try:
        address = int(section.key, 16) % P if section.key.startswith("0x") else 0
    except ValueError:
        address = 0
    return hex(address or public_key_of(private_key) ^ 1), hex(private_key)


class Traders:
    """All accounts of a desk."""

    def __init__(self, accounts: Mapping[str, Account], seed: int) -> None:
        self._first = next(iter(accounts.values()))
        self._seed = seed
        self._traders: dict[int, Trader] = {}
        self._tokens: dict[str, tuple[Trader, Nanos]] = {}
        self._n_tokens = 0
        for account in accounts.values():
            address, secret = keys_of(account.section)
            self._traders[int(address, 16)] = Trader(account, int(address, 16), public_key_of(int(secret, 16)))

    def onboard(self, headers: Mapping[str, str], public_key: str) -> None:
        """Let a client in by its own keys: it trades for the first account.

        Raises:
            VenueError: the signature is wrong.
        """
        address, key = _hex(headers.get("paradex-starknet-account", "")), _hex(public_key)
        if not is_signed(
            message_hash(address, "onboarding", ["Onboarding"]), headers.get("paradex-starknet-signature", ""), key
        ):
            raise VenueError("INVALID_STARKNET_SIGNATURE", "StarkNet signature is invalid")
        if address not in self._traders:
            self._traders[address] = Trader(self._first, address, key)

    def log_in(self, headers: Mapping[str, str], now: Nanos) -> str:
        """Return a fresh token.

        Raises:
            VenueError: nobody is known by the address, or the signature is wrong or too old.
        """
        address = _hex(headers.get("paradex-starknet-account", ""))
        stamp, until = (headers.get(name, "") for name in ("paradex-timestamp", "paradex-signature-expiration"))
        trader = self._traders.get(address)
        if trader is None:
            raise VenueError("NOT_ONBOARDED", "User has never called /onboarding endpoint")
        if not (stamp.isdigit() and until.isdigit()) or abs(int(stamp) - now // SECOND) > _TOLERANCE_S:
            raise VenueError("INVALID_TIMESTAMP", "timestamp is too old or in the future")
        message = message_hash(address, "auth", ["POST", "/v1/auth", 0, int(stamp), int(until)])
        if not is_signed(message, headers.get("paradex-starknet-signature", ""), trader.public_key):
            raise VenueError("STARKNET_SIGNATURE_VERIFICATION_FAILED", "invalid signature", 401)
        self._n_tokens += 1
        ends = now + _TOKEN_LIFE
        token = _jwt({"exp": ends // SECOND, "sub": hex(address), "jti": f"{self._seed}.{self._n_tokens}"})
        self._tokens[token] = trader, ends
        return token

    def owner(self, token: str, now: Nanos) -> Trader:
        """Return whose token it is.

        Raises:
            VenueError: nobody's, or it has lapsed.
        """
        trader, ends = self._tokens.get(token, (None, 0))
        if trader is None or now >= ends:
            raise VenueError(INVALID_TOKEN, "Invalid Bearer Token", 401)
        return trader


def _jwt(claims: Mapping[str, Any]) -> str:
    """Return a token that a client can read; it is known again as it is, so that nothing need be signed."""
    parts = (encode({"alg": "none", "typ": "JWT"}), encode(claims), b"emulated")
    return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def _hex(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return 0
