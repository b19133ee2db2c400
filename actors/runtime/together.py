"""Works of one shell side by side."""

from collections.abc import Awaitable, Callable
from typing import NoReturn

import trio


async def run_together(*works: Callable[[], Awaitable[object]]) -> NoReturn:
    """Run works until one fails or ends, and raise its error: by its own name, not in a group.

    Raises:
        RuntimeError: one has ended.
    """
    failures: list[Exception] = []

    async def keep(work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
            raise RuntimeError(f"{work!r} has ended, which it should not")
        except Exception as error:
            failures.append(error)
            tasks.cancel_scope.cancel()

    async with trio.open_nursery() as tasks:
        for work in works:
            tasks.start_soon(keep, work)
    raise failures[0]
