"""Bytes of one feed that the disk is to have, in order, kept until it does."""

from collections import deque

import attrs

from market.archive.ahead_file import AheadFile


@attrs.define
class _Write:
    """Bytes for a file, None: it is complete; `n_bytes` of the buffer are released with them."""

    file: AheadFile
    data: bytes | None
    n_bytes: int = 0


class AheadQueue:
    """Writes in order; what fails is tried again the next time.

    Attributes:
        n_written: bytes that files took.
    """

    def __init__(self) -> None:
        self.n_written = 0
        self._waiting: deque[_Write] = deque()
        self._n_free = 0

    @property
    def is_waiting(self) -> bool:
        """There are bytes that the disk does not have."""
        return bool(self._waiting)

    def append(self, file: AheadFile, data: bytes) -> None:
        """Add bytes to a file."""
        self._waiting.append(_Write(file, data))

    def finish(self, file: AheadFile) -> None:
        """Nothing more will be added to a file."""
        self._waiting.append(_Write(file, None))

    def credit(self, n_bytes: int) -> None:
        """Say how much memory is free once the disk has all that waits now."""
        if self._waiting:
            self._waiting[-1].n_bytes += n_bytes
        else:
            self._n_free += n_bytes

    def write(self) -> tuple[int, OSError | None]:
        """Hand the disk what waits, and wait until it has it.

        Returns:
            How much memory is free thereby, and what went wrong: the disk is full or fails, and what it does not have
            waits on.
        """
        n_bytes = 0
        done: list[_Write] = []
        failure: OSError | None = None
        try:
            for write in self._waiting:
                if write.data is None:
                    write.file.finish()
                else:
                    write.file.append(write.data)
                    self.n_written += len(write.data)
                    write.data = b""  # the file has it; what follows is only to wait for the disk
                done.append(write)
        except OSError as error:
            failure = error
        try:
            for file in dict.fromkeys(write.file for write in done):
                file.sync()
            for write in done:
                n_bytes += write.n_bytes
                self._waiting.popleft()
        except OSError as error:
            failure = error
        return n_bytes, failure

    def take_free(self) -> int:
        """Return how much memory is free because nothing came of what it held."""
        n_bytes, self._n_free = self._n_free, 0
        return n_bytes

    def close(self) -> None:
        """Let go of the files that something waits for."""
        for write in self._waiting:
            write.file.close()
