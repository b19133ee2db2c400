"""The clock of a live run, the only one that it reads: nanoseconds since the epoch, which never go back."""

import time

import trio
import trio.lowlevel

from market.units import SECOND, Nanos


class LiveClock:
    """Trio's monotonic clock counted on from a wall time, so a step of the system's clock moves nothing.

    Made and read inside of `trio.run`.

    Args:
        start: the time it begins at; None for the present.
        scale: how many of its seconds pass in a real one.
    """

    def __init__(self, start: Nanos | None = None, scale: float = 1.0) -> None:
        if not scale > 0:
            raise ValueError(f"scale of a clock must be above 0, got {scale}")
        self._start = time.time_ns() if start is None else start
        self._scale = scale
        self._trio = trio.lowlevel.current_clock()
        self._zero = self._trio.current_time()
        # Trio's own clock is this counter, which is asked directly in a fifth of the time
        self._is_plain = type(self._trio).__name__ == "SystemClock" and scale == 1.0
        self._ahead = self._start - time.perf_counter_ns()

    def now_ns(self) -> Nanos:
        """Return ns since the Unix epoch."""
        if self._is_plain:
            return self._ahead + time.perf_counter_ns()
        return self._start + round((self._trio.current_time() - self._zero) * self._scale * SECOND)

    def seconds_until(self, at: Nanos) -> float:
        """Return the real seconds until `at`, 0 when it has passed."""
        return max(0.0, (at - self.now_ns()) / SECOND / self._scale)

    async def sleep_until(self, at: Nanos) -> None:
        """Sleep until this clock shows `at` or later; always a checkpoint."""
        # a microsecond more: the float of a sleep may end a nanosecond early
        await trio.sleep(self.seconds_until(at) + 1e-6)
