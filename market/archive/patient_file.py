"""A file that only grows, for those who cannot wait for a disk: what it does not take waits in memory.

The owner adds bytes, which never fails, and, where the file is not `eager`, now and then takes a `Write`, runs it
wherever waiting does no harm (a thread), and settles it.  All that the owner sees changes only in `add` and `settle`,
so that no lock is needed.
"""

import os
from pathlib import Path
from typing import Final

import attrs

NO_BOUND: Final = 1 << 62
EAGER_AT: Final = 1 << 16


@attrs.frozen
class Write:
    """What waits, and where it goes.  Run again after a failure it does no harm: it has a place of its own.

    Attributes:
        offset: of its first byte in the file.
        is_durable: wait until the disk has it, not only the operating system.
    """

    descriptor: int
    offset: int
    data: bytes
    is_durable: bool

    def run(self) -> OSError | None:
        """Write all of it; return what went wrong."""
        try:
            rest, at = memoryview(self.data), self.offset
            while rest:
                n = os.pwrite(self.descriptor, rest, at)
                rest, at = rest[n:], at + n
            if self.is_durable:
                os.fdatasync(self.descriptor)
        except OSError as error:
            return error
        return None


class PatientFile:
    """The file and what waits for it.

    Args:
        path: the file.
        eager: it writes by itself once 64 KiB wait, here and now.  Otherwise a write reaches the disk, not only the
            operating system.
        resume: it may be there already, and is gone on with.
        most_waiting: bytes that may wait; what comes beyond is lost for good.

    Attributes:
        size: bytes that the file has.
        error: why the last write failed; None once one has succeeded.
        n_lost: bytes that found no room.

    Raises:
        FileExistsError: the file is there and `resume` is not set.
    """

    def __init__(self, path: Path, *, eager: bool = False, resume: bool = False, most_waiting: int = NO_BOUND) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | (0 if resume else os.O_EXCL)
        self.path = path
        self._descriptor = os.open(path, flags, 0o644)
        self.is_eager = eager
        self._most_waiting = most_waiting
        self._waiting = bytearray()
        self.size = os.fstat(self._descriptor).st_size
        self.error: OSError | None = None
        self.n_lost = 0

    def add(self, data: bytes | memoryview) -> bool:
        """Let bytes follow, all or none, and never wait; tell whether there was room."""
        if len(self._waiting) + len(data) > self._most_waiting:
            self.n_lost += len(data)
            return False
        self._waiting += data
        if self.is_eager and len(self._waiting) >= EAGER_AT:
            self.write_now()
        return True

    def read(self, begin: int, end: int | None = None) -> bytes:
        """Return bytes of all that was added, whether the file has them or not."""
        wanted = self.size + len(self._waiting) if end is None else end
        data = b""
        if begin < self.size:
            with self.path.open("rb") as file:
                file.seek(begin)
                data = file.read(min(wanted, self.size) - begin)
        return data + self._waiting[max(0, begin - self.size) : max(0, wanted - self.size)]

    def cut(self, size: int) -> None:
        """Shorten the file, of which nothing waits."""
        os.ftruncate(self._descriptor, size)
        self.size = size

    def begin_write(self) -> Write:
        """Return what is to be run next; one at a time."""
        return Write(self._descriptor, self.size, bytes(self._waiting), not self.is_eager)

    def settle(self, write: Write, error: OSError | None) -> None:
        """Take how a write went."""
        self.error = error
        if error is None:
            del self._waiting[: len(write.data)]
            self.size = write.offset + len(write.data)

    def write_now(self) -> None:
        """Write what waits, here and now; a failure stands in `error`."""
        write = self.begin_write()
        self.settle(write, write.run())

    def close(self) -> None:
        """Close the file; what waits is given up.  To close again does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
