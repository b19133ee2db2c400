"""The end of a run that is given up: every order of the account is cancelled, until the venue shows that none is left.

Requests go by HTTP, so that it works without any socket.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import trio

from market.instrument import Instrument
from market.messages import AccountSnapshot, CancelAll, RequestAccount
from market.units import SECOND, Nanos, VenueId

# a venue takes no request that is older (recvWindow): after so long none of our orders can come into being any more
LATEST_ORDER: Final[Nanos] = 5 * SECOND
_AGAIN_S: Final = 1.5


class Abandonment:
    """Cancels and asks, again and again, once `begin` was called.

    Args:
        command: gives the venue a command.
        born: when the life began: orders of the one before may have been sent until then.

    Attributes:
        n_unproven: orders that are seen to be open; at least 1 until it is proven that there are none.
    """

    def __init__(
        self,
        venue: VenueId,
        instruments: Sequence[Instrument],
        now_ns: Callable[[], Nanos],
        command: Callable[[Any], None],
        born: Nanos,
    ) -> None:
        self._venue = venue
        self._instruments = [each.id for each in instruments]
        self._now_ns = now_ns
        self._command = command
        self._sent_at = born
        self._is_begun = trio.Event()
        self._is_proven = trio.Event()
        self.n_unproven = 0

    def placed(self, now: Nanos) -> None:
        """Remember when the latest order was sent."""
        self._sent_at = now

    def begin(self) -> None:
        """Let `run` go on."""
        if not self._is_begun.is_set():
            self.n_unproven = 1
            self._is_begun.set()

    def saw(self, snapshot: AccountSnapshot) -> None:
        """Take the account as it was shown."""
        if not self._is_begun.is_set():
            return
        n_open = len(snapshot.open_orders)
        is_late = snapshot.ts_request >= self._sent_at + LATEST_ORDER
        self.n_unproven = n_open if is_late else max(1, n_open)
        if self.n_unproven == 0:
            self._is_proven.set()

    def last_commands(self) -> list[Any]:
        """Return what cancels everything."""
        return [CancelAll(instrument) for instrument in self._instruments]

    async def run(self) -> None:
        """Wait for `begin`; then cancel and ask until it is proven that nothing is left."""
        await self._is_begun.wait()
        while not self._is_proven.is_set():
            for command in self.last_commands():
                self._command(command)
            self._command(RequestAccount(self._venue, self._now_ns()))
            with trio.move_on_after(_AGAIN_S):
                await self._is_proven.wait()
