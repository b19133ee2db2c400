"""What is known of the margin of each venue's account, and for how long it is good."""

from collections.abc import Iterable, Sequence

from market.messages import VenueMargin
from market.units import SECOND, Nanos, VenueId

_E6 = 1e-6


class KnownMargins:
    """Keeps what each venue has told last; what is older than `max_age_s` is as good as unknown.

    What was opened after a venue was asked is not in its answer: it is remembered until the next one.

    Args:
        venues: their names, by id.
    """

    def __init__(self, venues: Sequence[str], max_age_s: float) -> None:
        self._venues = tuple(venues)
        self._max_age_s = max_age_s
        self._told: dict[VenueId, VenueMargin] = {}
        self._opened: dict[str, list[tuple[Nanos, float]]] = {}
        self._since: Nanos = -1

    def begin_again(self, now: Nanos) -> None:
        """What was opened until now is not remembered: only what is asked for from now on counts."""
        self._since = now

    def take(self, margin: VenueMargin) -> None:
        """Keep what a venue has told."""
        if margin.ts_request <= self._since:
            return
        self._told[margin.venue] = margin
        venue = self._venues[margin.venue]
        self._opened[venue] = [each for each in self._opened.get(venue, ()) if each[0] >= margin.ts_request]

    def opens(self, venue: str, notional: float, now: Nanos) -> None:
        """An order leaves now that opens so much, in the venue's money."""
        self._opened.setdefault(venue, []).append((now, notional))

    def opened(self, venue: str) -> float:
        """Return the notional of the orders that what a venue has told last cannot know of."""
        return sum(notional for _, notional in self._opened.get(venue, ()))

    def available(self, venue: str, now: Nanos) -> float | None:
        """Return what new orders may use at a venue, in its money, or below 0; None: it is not known."""
        return None if self.lack(venue, now) else self._available(venue)

    def lack(self, venue: str, now: Nanos) -> str:
        """Return in words why nothing is known of a venue; empty: it is known."""
        told = self._told.get(self._venues.index(venue))
        if told is None:
            return f"{venue} has told none"
        if told.margin.available_e6 is None:
            return f"{venue} does not tell what is available"
        age_s = (now - told.ts_request) / SECOND
        if age_s > self._max_age_s:
            return f"that of {venue} is {age_s:.0f} s old, more than max_margin_age_s = {self._max_age_s:g}"
        return ""

    def lacks(self, venues: Iterable[str], now: Nanos) -> list[str]:
        """Return why nothing is known, of each of these venues; empty if one of them is known."""
        lacks = [self.lack(venue, now) for venue in dict.fromkeys(venues)]
        return lacks if all(lacks) else []

    def _available(self, venue: str) -> float | None:
        available = self._told[self._venues.index(venue)].margin.available_e6
        return None if available is None else available * _E6
