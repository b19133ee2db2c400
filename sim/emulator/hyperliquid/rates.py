"""How much Hyperliquid lets be asked: weight by address of the network, actions by account over its whole life."""

from typing import Final

from market.units import MINUTE, SECOND, Nanos
from sim.emulator.account import Account
from sim.emulator.hyperliquid.entry import used_of
from sim.emulator.limits import RollingLimit

_WEIGHT: Final = 1200
_MESSAGES: Final = 2000
_LIGHT: Final = frozenset({"l2Book", "allMids", "clearinghouseState", "orderStatus", "exchangeStatus"})
_FREE_ACTIONS: Final = 10_000
_SPARE_FOR_CANCELS: Final = 100_000
_WHEN_EMPTY: Final = 10 * SECOND
_REMEMBERED_NONCES: Final = 100


def weight_of(kind: str) -> int:
    """Return what a question of a type weighs."""
    return 2 if kind in _LIGHT else 60 if kind == "userRole" else 20


class Rates:
    """The limits of all addresses.

    Args:
        weight: a minute; 0 for the venue's usual.
    """

    def __init__(self, weight: int) -> None:
        self._weight = weight or _WEIGHT
        self._weights: dict[str, RollingLimit] = {}
        self._messages: dict[str, RollingLimit] = {}

    def spend(self, address: str, weight: int, now: Nanos) -> bool:
        """Take weight of REST; False: there was not so much left."""
        return self._weights.setdefault(address, RollingLimit(self._weight, MINUTE)).spend(now, weight)

    def message(self, address: str, now: Nanos) -> bool:
        """Count a frame of a client; False: there were too many."""
        return self._messages.setdefault(address, RollingLimit(_MESSAGES, MINUTE)).spend(now)


class Budgets:
    """What each account has done, and may do.

    Args:
        free: actions that an account has without having traded; 0 for the venue's usual.
    """

    def __init__(self, free: int) -> None:
        self._free = free or _FREE_ACTIONS
        self._used: dict[str, int] = {}
        self._last: dict[str, Nanos] = {}

    def of(self, account: Account) -> tuple[int, int]:
        """Return how many actions are used, and how many are allowed."""
        return self._used.get(account.section.key, 0), self._free + int(used_of(account))

    def spend(self, account: Account, n_items: int, now: Nanos, *, is_cancel: bool) -> bool:
        """Take actions; False: there are none left, and the last was less than ten seconds ago."""
        used, cap = self.of(account)
        key = account.section.key
        if is_cancel:
            cap = min(cap + _SPARE_FOR_CANCELS, 2 * cap)
        if used + n_items > cap and now < self._last.get(key, -_WHEN_EMPTY) + _WHEN_EMPTY:
            return False
        self._used[key] = used + n_items
        self._last[key] = now
        return True


class Nonces:
    """The highest nonces of each signer: a new one is above the lowest of them, and none is used twice."""

    def __init__(self) -> None:
        self._of: dict[str, list[int]] = {}

    def take(self, signer: str, nonce: int, now_ms: int) -> bool:
        known = self._of.setdefault(signer, [])
        is_full = len(known) >= _REMEMBERED_NONCES
        is_near = now_ms - 2 * 86_400_000 < nonce < now_ms + 86_400_000
        if nonce in known or not is_near or (is_full and nonce <= min(known)):
            return False
        known.append(nonce)
        if is_full:
            known.remove(min(known))
        return True
