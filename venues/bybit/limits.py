"""The venue's rate limits, as data, and what is left of them.

Orders count per account, kind of request and rolling second, as the venue sees them: here it is a little longer, as two
that we send a second apart may arrive closer together.  The default of 10 is replaced by what the answers say.
Single and batch requests have buckets of their own, and a batch takes as much as it has orders.  WebSocket and REST
share them.  All HTTP requests of one address count together besides.
"""

from collections import deque
from collections.abc import Mapping
from typing import Final

from market.units import MINUTE, MS, SECOND, Nanos

HTTP: Final = "http"
ORDER_KINDS: Final = ("order.create", "order.amend", "order.cancel")
_ORDERS: Final[tuple[int, Nanos]] = (10, SECOND + 50 * MS)
# bucket -> (how much, in how long)
RULES: Final[Mapping[str, tuple[int, Nanos]]] = {
    HTTP: (600, 5 * SECOND),
    **{f"{kind}{batch}": _ORDERS for kind in ORDER_KINDS for batch in ("", "-batch")},
    "order.cancel-all": _ORDERS,
    "read": (50, SECOND),
    "fee-rate": (5, SECOND),
}
_PAUSE: Final = 10 * MINUTE


class RateLimits:
    """Counts what is sent and tells when more may be.  All times are ours, except where the venue's are named."""

    def __init__(self) -> None:
        self._limits = {bucket: limit for bucket, (limit, _) in RULES.items()}
        self._spent: dict[str, deque[tuple[Nanos, int]]] = {bucket: deque() for bucket in RULES}
        self._sums = dict.fromkeys(RULES, 0)
        self._closed_until = dict.fromkeys(RULES, 0)

    def used(self, now: Nanos) -> dict[str, tuple[int, int]]:
        """Return (used, limit) of each bucket that is in use."""
        for bucket in RULES:
            self._forget(bucket, now)
        return {bucket: (self._sums[bucket], self._limits[bucket]) for bucket in RULES if self._sums[bucket]}

    def limit(self, bucket: str) -> int:
        """Return how much the bucket holds, as far as is known."""
        return self._limits[bucket]

    def free_at(self, bucket: str, weight: int, now: Nanos) -> Nanos:
        """Return from when on a request may be sent: `now` if at once.

        Raises:
            ValueError: it is heavier than the whole bucket: send it in parts.
        """
        limit = self._limits[bucket]
        if weight > limit:
            raise ValueError(f"a request of weight {weight} never fits the {bucket} limit of {limit}; split it")
        self._forget(bucket, now)
        at = max(now, self._closed_until[bucket])
        excess = self._sums[bucket] + weight - limit
        for sent, spent in self._spent[bucket]:
            if excess <= 0:
                break
            at = max(at, sent + RULES[bucket][1])
            excess -= spent
        return at

    def spend(self, bucket: str, weight: int, now: Nanos) -> None:
        """Count a request that is sent now."""
        self._spent[bucket].append((now, weight))
        self._sums[bucket] += weight

    def learn(self, bucket: str, headers: Mapping[str, str]) -> None:
        """Take the limit that an answer states (`X-Bapi-Limit`, in any case); one that is no number is passed over."""
        text = _header(headers, "x-bapi-limit")
        if text.isascii() and text.isdigit() and 0 < int(text) < 1_000_000:
            self._limits[bucket] = int(text)

    def refused(self, bucket: str, headers: Mapping[str, str], offset: Nanos, now: Nanos) -> None:
        """Close a bucket that the venue found empty, until its reset time less `offset`, or for its whole period."""
        text = _header(headers, "x-bapi-limit-reset-timestamp")
        period = RULES[bucket][1]
        reset = int(text) * MS - offset if text.isascii() and text.isdigit() and len(text) < 16 else 0
        # a reset in the far future is no limit of a rolling second: the clocks are apart
        until = reset if now < reset <= now + 10 * period else now + period
        self._closed_until[bucket] = max(self._closed_until[bucket], until)

    def banned(self, now: Nanos) -> None:
        """Close HTTP for ten minutes: the answer to HTTP status 403."""
        self._closed_until[HTTP] = max(self._closed_until[HTTP], now + _PAUSE)

    def _forget(self, bucket: str, now: Nanos) -> None:
        spent = self._spent[bucket]
        while spent and spent[0][0] + RULES[bucket][1] <= now:
            self._sums[bucket] -= spent.popleft()[1]


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((text for key, text in headers.items() if key.lower() == name), "")
