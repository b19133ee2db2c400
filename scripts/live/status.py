"""Sends snapshots of a live run to the screen, a process of its own."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

import msgspec
import trio

from scripts.live.child_process import without_keys
from scripts.live.snapshot import Snapshot

COMMAND: Final = (sys.executable, "-m", "scripts.live.screen")
REFRESH_S: Final = 0.5


class Status:
    """The screen's feeder; a screen that hangs or dies costs nothing but itself.

    Args:
        look: makes a snapshot.
    """

    def __init__(self, look: Callable[[], Snapshot]) -> None:
        self._look = look
        self._encoder = msgspec.json.Encoder()
        self._is_over = trio.Event()

    def end(self) -> None:
        """Let `run` show the last of it and return."""
        self._is_over.set()

    async def run(self) -> None:
        """Feed the screen until `end`, or until it dies."""
        start = partial(trio.run_process, COMMAND, stdin=subprocess.PIPE, check=False, env=without_keys())
        async with trio.open_nursery() as tasks:
            screen: trio.Process = await tasks.start(start)
            with suppress(trio.BrokenResourceError):
                await self._feed(screen)
            tasks.cancel_scope.cancel()

    async def _feed(self, screen: trio.Process) -> None:
        pipe = screen.stdin
        assert pipe is not None
        # one that takes nothing (a terminal that was stopped) keeps us here, and nobody else
        while not self._is_over.is_set():
            await self._send(pipe)
            with trio.move_on_after(REFRESH_S):
                await self._is_over.wait()
        await self._send(pipe)
        await pipe.aclose()
        await screen.wait()

    async def _send(self, pipe: trio.abc.SendStream) -> None:
        await pipe.send_all(self._encoder.encode(self._look()) + b"\n")
