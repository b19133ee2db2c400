"""An emulator as a process of its own: it runs until it is told to end."""

import signal
from collections.abc import Callable
from pathlib import Path

import trio

from sim.emulator.config import EmulatorConfig
from sim.emulator.emulator import Emulator, open_emulator


async def serve_emulator(
    config: EmulatorConfig,
    folder: Path,
    tls_folder: Path | None,
    seconds: float,
    on_start: Callable[[Emulator], None],
    on_end: Callable[[Emulator], None],
) -> None:
    """Run until SIGINT, SIGTERM, or for so many seconds (0: no limit).

    Args:
        on_start: called when clients can connect.
        on_end: called with what has become of it.
    """
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with open_emulator(config, folder, tls_folder) as emulator:
            on_start(emulator)
            with trio.move_on_after(seconds or float("inf")):
                async for _ in signals:
                    break
            on_end(emulator)
