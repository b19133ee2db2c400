"""The run's own log on disk: order commands, order facts, fills and adjustments, which a restart begins from."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from struct import Struct
from typing import Final

import numpy as np
import numpy.typing as npt

from market.archive.patient_file import PatientFile
from market.order_log import ROW_INTS, Row
from market.order_log_kernels import LOG_CAP, LOG_HEAD, LOG_N, LOG_READ

IntArray = npt.NDArray[np.int64]

_BUFFER_ROWS: Final = 1024
_ROW: Final = Struct(f"={ROW_INTS}q")
_pack_into = _ROW.pack_into
_SIZE: Final = _ROW.size
_FIRST: Final = 8 * LOG_HEAD  # byte of the first row
_READ_BYTES: Final = _ROW.size * 8192


def new_buffer(rows: int) -> IntArray:
    """Return an empty buffer with room for `rows` rows."""
    buffer = np.zeros(LOG_HEAD + rows * ROW_INTS, np.int64)
    buffer[LOG_CAP] = rows
    return buffer


class RunLog:
    """Rows appended, counted in the digest, and read back whole.

    New rows stand in a buffer of ints (`market.order_log_kernels`), which the simulated exchange puts into its own
    state by `follow`: there its kernels take the commands, and add the rows of the facts that they give.

    A disk that fails never stops who appends: what it does not take waits in memory, is read from there, and stands in
    `file.error`; only `close` complains.

    Args:
        path: file of packed rows; None keeps them in memory.
        resume: go on after the rows that the file holds; half a row at its end, left by a kill, is cut off.
        patient: rows go to the file only by writes of `file` that the owner runs beside what must not wait for a
            disk, and these reach it; otherwise by themselves, and to the operating system.

    Attributes:
        file: None: in memory.

    Raises:
        FileExistsError: the file is there and `resume` is not set.
    """

    def __init__(self, path: Path | None = None, *, resume: bool = False, patient: bool = False) -> None:
        self.path = path
        self._memory = bytearray()
        self._sha = hashlib.sha256()
        self._n_packed = 0
        self.file: PatientFile | None = None
        self._before_flush: Callable[[], None] | None = None
        self.use(new_buffer(_BUFFER_ROWS))
        if path is not None:
            self.file = PatientFile(path, eager=not patient, resume=resume)
            self._resume(self.file)

    def __len__(self) -> int:
        return self._n_packed + self._head[LOG_N]

    def append(self, row: Row) -> None:
        """Add a row."""
        head = self._head
        n = head[LOG_N]
        if n == self._capacity:
            self.flush()
            head, n = self._head, 0
        _pack_into(self._bytes, _FIRST + n * _SIZE, *row)
        head[LOG_N] = n + 1

    def follow(self, buffer: IntArray, before_flush: Callable[[], None]) -> None:
        """Go on in a buffer of one who reads the commands there; `before_flush` lets it read those it has not."""
        self.flush()
        self._before_flush = before_flush
        self.use(buffer)

    def use(self, buffer: IntArray) -> None:
        """Go on in this buffer, with the rows that are in it."""
        self._head = buffer.data
        self._bytes = buffer.data.cast("B")
        self._capacity = int(buffer[LOG_CAP])

    def flush(self) -> None:
        """Move what is in the buffer on, so that there is room again."""
        head = self._head
        if not head[LOG_N]:
            return
        if self._before_flush is not None:
            self._before_flush()
            head = self._head  # who reads may have moved it
        block = self._bytes[_FIRST : _FIRST + head[LOG_N] * _SIZE]
        self._sha.update(block)
        if self.file is None:
            self._memory += block
        else:
            self.file.add(block)
        self._n_packed += head[LOG_N]
        head[LOG_N] = head[LOG_READ] = 0

    def sync(self) -> None:
        """Hand every row to the operating system, of a patient log to the disk; a failure stands in `file.error`."""
        self.flush()
        if self.file is not None:
            self.file.write_now()

    def digest(self) -> str:
        """Return the sha256 of all rows so far, in hex."""
        self.flush()
        return self._sha.hexdigest()

    def rows(self, first: int = 0) -> Iterator[Row]:
        """Yield the rows that were there at the call, oldest first, from number `first` on."""
        self.flush()
        return self._read(first * _SIZE, self._n_packed * _SIZE)

    def rows_from(self, first: int) -> IntArray:
        """Return all rows but the first so many, as an (n, 10) array of its own."""
        self.flush()
        begin = first * _SIZE
        data = self._memory[begin:] if self.file is None else self.file.read(begin)
        return np.frombuffer(data, np.int64).reshape(-1, ROW_INTS).copy()

    def close(self) -> None:
        """Sync and close the file; the digest stays readable, the rows of a file do not.

        Raises:
            OSError: the disk has not taken every row.
        """
        self.sync()
        if self.file is not None:
            self.file.close()
            if self.file.error is not None:
                raise self.file.error

    def _read(self, begin: int, end: int) -> Iterator[Row]:
        if self.file is None:
            # a slice: an exported buffer could not grow while the rows are read
            yield from _ROW.iter_unpack(self._memory[begin:end])
            return
        for start in range(begin, end, _READ_BYTES):
            yield from _ROW.iter_unpack(self.file.read(start, min(start + _READ_BYTES, end)))

    def _resume(self, file: PatientFile) -> None:
        file.cut(file.size // _SIZE * _SIZE)
        with file.path.open("rb") as source:
            while block := source.read(_READ_BYTES):
                self._sha.update(block)
        self._n_packed = file.size // _SIZE
