"""One part of the write-ahead while it is written."""

import os
from contextlib import suppress
from pathlib import Path

from market.archive.ahead_layout import open_path
from market.archive.atomic_file import sync


class AheadFile:
    """A file that only grows, and ends after whole appends: what a full disk cut off is taken back."""

    def __init__(self, path: Path, root: Path) -> None:
        """Begin; there is no file before the first append.

        Args:
            path: the part's final name.
            root: the archive, which exists.
        """
        self._path = path
        self._root = root
        self._file: int | None = None
        self._size = 0
        self._is_synced = True

    def append(self, data: bytes) -> None:
        """Write all of `data` or nothing.

        Raises:
            OSError: the disk is full or fails; the file is as it was.
        """
        file = self._opened()
        self._is_synced = False
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(file, rest) :]
        except OSError:
            with suppress(OSError):  # a tail that cannot be cut now is not whole, and is cut by the next append
                os.ftruncate(file, self._size)
            raise
        self._size += len(data)

    def sync(self) -> None:
        """Wait until all that was appended is on disk.

        Raises:
            OSError: it is not known to be.
        """
        if self._file is not None and not self._is_synced:
            os.fdatasync(self._file)
            self._is_synced = True

    def finish(self) -> None:
        """Give the part its final name; without any append there is none.

        Raises:
            OSError: the disk fails; try again.
        """
        if self._file is None:
            return
        self.sync()
        half = open_path(self._path)
        if half.exists():
            half.rename(self._path)
        sync(self._path.parent)
        self.close()

    def close(self) -> None:
        """Let go of the file as it is, for a later start to finish."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _opened(self) -> int:
        if self._file is None:
            half = open_path(self._path)
            half.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            # a name is on disk once its folder is, and so are those of the folders
            for folder in half.parents:
                sync(folder)
                if folder == self._root:
                    break
        elif os.fstat(self._file).st_size != self._size:
            os.ftruncate(self._file, self._size)
        return self._file
