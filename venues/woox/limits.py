"""The venue's rate limits, counted here alone: its answers do not tell what is left.

Each endpoint has its own rolling window, taken a little longer here: requests may arrive closer together than they were
sent.  Placing and asking for one order count by symbol, all else by account; public
endpoints count by address.
"""

from collections import deque
from collections.abc import Mapping
from typing import Final

from market.units import MINUTE, SECOND, Nanos

PLACE: Final = "place"
AMEND: Final = "amend"
CANCEL: Final = "cancel"
CANCEL_ALL: Final = "cancel-all"
ORDER: Final = "order"
ORDERS: Final = "orders"
FILLS: Final = "fills"
POSITIONS: Final = "positions"
PAYMENTS: Final = "payments"
BALANCES: Final = "balances"
INFO: Final = "account-info"
LISTEN_KEY: Final = "listen-key"
SWITCH: Final = "cancel-all-after"
PUBLIC: Final = "public"

# how much, in how long
RULES: Final[Mapping[str, tuple[int, Nanos]]] = {
    PLACE: (5, SECOND),
    AMEND: (5, SECOND),
    CANCEL: (10, SECOND),
    CANCEL_ALL: (10, SECOND),
    ORDER: (5, SECOND),
    ORDERS: (10, SECOND),
    FILLS: (2, SECOND),
    POSITIONS: (30, 10 * SECOND),
    PAYMENTS: (20, MINUTE),
    BALANCES: (10, SECOND),
    INFO: (10, MINUTE),
    LISTEN_KEY: (5, 10 * SECOND),
    SWITCH: (10, SECOND),
    PUBLIC: (10, SECOND),
}

_MARGIN: Final = SECOND // 10

Bucket = tuple[str, str]  # kind of request; symbol, or the public endpoint


class RateLimits:
    """Counts what is sent and tells when more may be; all times are ours.

    Args:
        changed: requests per window of kinds whose limit is another by agreement.
    """

    def __init__(self, changed: Mapping[str, int] | None = None) -> None:
        for kind, limit in (changed or {}).items():
            if kind not in RULES or limit < 1:
                raise ValueError(f"limit {limit} of {kind!r}: must be at least 1, of one of {', '.join(RULES)}")
        self._limits = {kind: (changed or {}).get(kind, limit) for kind, (limit, _) in RULES.items()}
        self._spent: dict[Bucket, deque[Nanos]] = {}
        self._closed_until: dict[Bucket, Nanos] = {}

    def used(self, now: Nanos) -> dict[str, tuple[int, int]]:
        """Return (used, limit) of each kind of request that is in use, the fullest of its buckets."""
        found: dict[str, tuple[int, int]] = {}
        for bucket, spent in self._spent.items():
            kind = bucket[0]
            n = sum(at + RULES[kind][1] > now for at in spent)
            if n > found.get(kind, (0, 0))[0]:
                found[kind] = (n, self._limits[kind])
        return found

    def free_at(self, bucket: Bucket, now: Nanos) -> Nanos:
        """Return from when on a request may be sent: `now` if at once."""
        at = max(now, self._closed_until.get(bucket, 0))
        spent = self._spent.get(bucket)
        if spent is None:
            return at
        period = RULES[bucket[0]][1] + _MARGIN
        while spent and spent[0] + period <= now:
            spent.popleft()
        limit = self._limits[bucket[0]]
        return at if len(spent) < limit else max(at, spent[len(spent) - limit] + period)

    def spend(self, bucket: Bucket, now: Nanos) -> None:
        """Count a request that is sent now."""
        self._spent.setdefault(bucket, deque()).append(now)

    def refused(self, bucket: Bucket, now: Nanos) -> None:
        """Close a bucket that the venue found empty for its whole period: it does not say for how long."""
        until = now + RULES[bucket[0]][1] + _MARGIN
        self._closed_until[bucket] = max(self._closed_until.get(bucket, 0), until)
