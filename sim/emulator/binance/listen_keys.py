"""listenKeys: who may hear an account's events, and for how long."""

import hashlib
from typing import Final

import attrs

from market.units import Nanos
from sim.emulator.account import Account
from sim.emulator.binance.codes import NO_LISTEN_KEY, VenueError
from sim.emulator.outbox import NEVER

_LENGTH: Final = 64


@attrs.define
class _Key:
    text: str
    account: Account
    until: Nanos


class ListenKeys:
    """One key an account, at most."""

    def __init__(self, seed: int, life: Nanos) -> None:
        self._seed = seed
        self._life = life
        self._by_account: dict[str, _Key] = {}
        self._n_made = 0

    def start(self, account: Account, now: Nanos) -> str:
        """Return the account's key, new or renewed."""
        name = account.section.key
        key = self._by_account.get(name)
        if key is None or key.until <= now:
            self._n_made += 1
            made = hashlib.sha512(f"{self._seed}/{name}/{now}/{self._n_made}".encode()).hexdigest()
            key = self._by_account[name] = _Key(made[:_LENGTH], account, 0)
        key.until = now + self._life
        return key.text

    def renew(self, account: Account, now: Nanos) -> str:
        """Return the account's key, renewed.

        Raises:
            VenueError: it has none that is alive.
        """
        key = self._by_account.get(account.section.key)
        if key is None or key.until <= now:
            raise VenueError(NO_LISTEN_KEY)
        key.until = now + self._life
        return key.text

    def stop(self, account: Account) -> str:
        """End the account's key; return it, empty if there was none."""
        key = self._by_account.pop(account.section.key, None)
        return "" if key is None else key.text

    def account_of(self, text: str, now: Nanos) -> Account | None:
        """Return whose key it is; None for one that is not alive."""
        for key in self._by_account.values():
            if key.text == text and key.until > now:
                return key.account
        return None

    def next_due(self) -> Nanos:
        """Return when the next key dies."""
        return min((key.until for key in self._by_account.values()), default=NEVER)

    def take_expired(self, now: Nanos) -> list[str]:
        """Drop the keys that have died; return them."""
        dead = [name for name, key in self._by_account.items() if key.until <= now]
        return [self._by_account.pop(name).text for name in dead]
