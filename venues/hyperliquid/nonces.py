"""Nonces: the venue takes each but once of a signer, also of an earlier life of this process.

A nonce is the time in ms, or the last one and one more.  It is never further ahead of the clock than `_AHEAD`, and a
life begins as far ahead of its clock: so what an earlier life has used lies behind, as long as the clock does not go
back.  The venue remembers the highest, and refuses what is below: where our own clock was set back between two lives,
the venue's is the later, and counts (see `Exchange`).
"""

from typing import Final

from market.units import MS, Nanos

_AHEAD: Final = 200  # ms; the venue allows a day


class Nonces:
    """The one allocator of a signer; all times are of one clock, the later of ours and the venue's.

    Args:
        now: when this life begins.
    """

    def __init__(self, now: Nanos) -> None:
        self._last = now // MS + _AHEAD

    def begin_again(self, now: Nanos) -> None:
        """The time is later than was known when this life began: what an earlier one has used lies before it."""
        self._last = max(self._last, now // MS + _AHEAD)

    def take(self, now: Nanos) -> int | None:
        """Return a nonce that was never taken; None: too many have been, try again a little later."""
        nonce = max(self._last + 1, now // MS)
        if nonce > now // MS + _AHEAD:
            return None
        self._last = nonce
        return nonce

    def free_at(self) -> Nanos:
        """Return from when on there is one."""
        return (self._last + 1 - _AHEAD) * MS
