"""How a watchdog empties accounts: on all venues side by side, each by requests that have an end."""

import json
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

import trio

from actors.runtime.live_clock import LiveClock
from scripts.watched_accounts import Account
from venues.http_shell import HttpConfig
from venues.registry import venue_kind
from venues.shell import converse
from venues.venue import Swept, VenueSetup
from venues.wire import RemoteProtocolError

AGAIN_S: Final = 0.5
LATEST_ORDER_S: Final = 6.0  # venues take no request that is older than 5 s (recvWindow)
ANSWER_S: Final = 3.0  # for one answer, to its last byte
SWEEP_S: Final = 15.0  # for all requests of a round


class Broom:
    """Cancels everything on one account, over connections of its own."""

    def __init__(self, account: Account) -> None:
        self.name = account.venue
        self._account = account
        self._kind = venue_kind(account.venue)

    async def sweep(self, *, cancels: bool) -> Swept:
        """Do one round.

        Raises:
            RemoteProtocolError: it has failed, or taken too long; nothing is proven.
        """
        account = self._account
        talk = self._kind.sweep(VenueSetup(0, (), account.connection, account.credentials), cancels)
        with trio.move_on_after(SWEEP_S):
            return await converse(
                talk, self.name, account.connection, LiveClock(), config=HttpConfig(answer_s=ANSWER_S)
            )
        raise RemoteProtocolError(f"{self.name} has not answered all within {SWEEP_S:g} s")


async def sweep_all(brooms: Iterable[Broom], is_alive: Callable[[], bool]) -> bool:
    """Cancel until every venue says that nothing is open; False: the process is alive again before that.

    Venues are swept side by side: one that hangs, or cannot be reached, holds up no other.
    """
    late = time.monotonic() + LATEST_ORDER_S
    proven: list[bool] = []

    async def empty(broom: Broom) -> None:
        proven.append(await _is_emptied(broom, late, is_alive))

    async with trio.open_nursery() as tasks:
        for broom in brooms:
            tasks.start_soon(empty, broom)
    return all(proven)


async def _is_emptied(broom: Broom, late: float, is_alive: Callable[[], bool]) -> bool:
    """Sweep one account until it is proven that nothing is open.

    What the venue says proves something only when no request of the process can arrive any more: an account that is
    found empty before is swept once more then.
    """
    n_tries = 0
    while not (n_tries and is_alive()):
        n_tries += 1
        is_proof = time.monotonic() >= late
        is_empty = await _is_swept(broom, n_tries)
        if is_empty and is_proof:
            return True
        await trio.sleep(max(0.0, late - time.monotonic()) if is_empty else AGAIN_S)
    return False


async def _is_swept(broom: Broom, n_tries: int) -> bool:
    try:
        swept = await broom.sweep(cancels=True)
    except RemoteProtocolError as error:
        say("sweep failed", venue=broom.name, error=str(error), n_tries=n_tries)
        return False
    say("swept", venue=broom.name, n_open=swept.n_open, refused=list(swept.refused), n_tries=n_tries)
    return swept.n_open == 0


async def prove_reach(broom: Broom) -> None:
    """Ask what is open, so that a key or an address that is wrong is known before it matters."""
    try:
        swept = await broom.sweep(cancels=False)
    except RemoteProtocolError as error:
        say("cannot reach the account: it could not be emptied either", venue=broom.name, error=str(error))
    else:
        say("account reached", venue=broom.name, n_open=swept.n_open)


def say(message: str, **facts: object) -> None:
    """Print a record."""
    with suppress(OSError):  # who read this may be gone, or the disk full: the cancels must leave all the same
        print(json.dumps({"t_ns": time.time_ns(), "message": message, **facts}), flush=True)
