"""How much may be asked, counted as Binance counts: fixed windows that begin at whole intervals of its clock.

What the venue says in its answers is the truth and replaces our own count; between answers we count what we send.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from market.units import DAY, HOUR, MINUTE, SECOND, Nanos
from venues.binance.structs import RateLimit

_INTERVALS: Final = {"SECOND": SECOND, "MINUTE": MINUTE, "HOUR": HOUR, "DAY": DAY}
_LETTERS: Final = {"SECOND": "s", "MINUTE": "m", "HOUR": "h", "DAY": "d"}
_HEADERS: Final = {"REQUEST_WEIGHT": "x-mbx-used-weight", "ORDERS": "x-mbx-order-count"}
_DEFAULT_WAIT: Final = 60 * SECOND

# what holds where exchangeInfo has not been read yet
DEFAULT_LIMITS: Final = (
    RateLimit("REQUEST_WEIGHT", "MINUTE", 1, 2400),
    RateLimit("ORDERS", "SECOND", 10, 300),
    RateLimit("ORDERS", "MINUTE", 1, 1200),
)


@attrs.define
class Window:
    """One limit and how much of it is used since `begin`."""

    kind: str
    interval: Nanos
    limit: int
    header: str
    begin: Nanos = 0
    used: int = 0

    def roll(self, now: Nanos) -> None:
        begin = now - now % self.interval
        if begin > self.begin:
            self.begin, self.used = begin, 0


class RateLimits:
    """The limits of an address (request weight) and of an account (orders).  `now` is the venue's time throughout.

    Args:
        reserve: this part of every limit is kept for cancels and the dead man's switch.
    """

    def __init__(self, limits: Iterable[RateLimit] = DEFAULT_LIMITS, reserve: float = 0.1) -> None:
        if not 0 <= reserve < 1:
            raise ValueError(f"reserve {reserve} must be in [0, 1)")
        self._reserve = reserve
        self._windows: list[Window] = []
        self._barred_until: Nanos = 0
        self.use(limits)

    def use(self, limits: Iterable[RateLimit]) -> None:
        """Take the limits of an exchange info; how much of them is used stays known where they are the same."""
        old = {window.header: window for window in self._windows}
        self._windows = []
        for each in limits:
            if each.kind not in _HEADERS or each.interval not in _INTERVALS or each.n < 1:
                continue  # such as RAW_REQUESTS of the spot venue, of which nothing is said here
            header = f"{_HEADERS[each.kind]}-{each.n}{_LETTERS[each.interval]}"
            window = Window(each.kind, _INTERVALS[each.interval] * each.n, each.limit, header)
            known = old.get(header)
            if known is not None:
                window.begin, window.used = known.begin, known.used
            self._windows.append(window)

    def free_at(self, now: Nanos, weight: int, n_orders: int = 0, *, is_urgent: bool = False) -> Nanos:
        """Return from when on a request may be sent, `now` if at once.  Urgent is what must not wait: cancels."""
        at = max(now, self._barred_until)
        for window in self._windows:
            window.roll(now)
            cost = n_orders if window.kind == "ORDERS" else weight
            most = window.limit if is_urgent else int(window.limit * (1 - self._reserve))
            if cost and window.used + cost > most:
                at = max(at, window.begin + window.interval)
        return at

    def spend(self, now: Nanos, weight: int, n_orders: int = 0) -> None:
        """Count a request that is sent."""
        for window in self._windows:
            window.roll(now)
            window.used += n_orders if window.kind == "ORDERS" else weight

    def on_headers(self, headers: Mapping[str, str], asked: Nanos, now: Nanos) -> None:
        """Take the counts in the headers of an answer, of any case, to what left at `asked`."""
        lower = {name.lower(): text for name, text in headers.items()}
        for window in self._windows:
            text = lower.get(window.header, "")
            if text.isascii() and text.isdigit() and len(text) < 10:
                self._correct(window, int(text), asked, now)

    def on_counts(self, counts: Iterable[RateLimit], asked: Nanos, now: Nanos) -> None:
        """Take the counts in an answer of the WebSocket API to what left at `asked`."""
        windows = {window.header: window for window in self._windows}
        for each in counts:
            if each.kind in _HEADERS and each.interval in _LETTERS and each.count is not None:
                window = windows.get(f"{_HEADERS[each.kind]}-{each.n}{_LETTERS[each.interval]}")
                if window is not None:
                    self._correct(window, each.count, asked, now)

    def on_limited(self, now: Nanos, retry_after_s: str | None) -> None:
        """Take a 429 or 418: nothing is to be sent until then, cancels included."""
        text = retry_after_s or ""
        is_number = text.isascii() and text.isdigit() and len(text) < 8
        wait = int(text) * SECOND if is_number else _DEFAULT_WAIT
        self._barred_until = max(self._barred_until, now + wait)

    def on_order_limit(self, now: Nanos) -> None:
        """Take a refusal for too many orders: none for the rest of the shortest interval; the rest may be asked."""
        windows = [window for window in self._windows if window.kind == "ORDERS"]
        if windows:
            shortest = min(windows, key=lambda each: each.interval)
            self._correct(shortest, shortest.limit, now, now)

    def used(self, now: Nanos) -> dict[str, tuple[int, int]]:
        """Return (used, limit) by the header that tells of it."""
        for window in self._windows:
            window.roll(now)
        return {window.header: (window.used, window.limit) for window in self._windows}

    def _correct(self, window: Window, used: int, asked: Nanos, now: Nanos) -> None:
        window.roll(now)
        if asked < window.begin:
            return  # it may have been counted in the window before: which one is not said
        # an answer does not know of what was sent after its request, so within a window the larger count is believed
        window.used = max(window.used, used)
