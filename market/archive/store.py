"""Copy archives between stores, file by file, each there whole or not at all."""

import shutil
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, Protocol, TypeVar

import attrs

from market.archive.atomic_file import atomic_file
from market.archive.content import file_hash

T = TypeVar("T")

# errors that another try does not change
FINAL: Final = (FileNotFoundError, PermissionError, NotADirectoryError, IsADirectoryError)


class Store(Protocol):
    """A place that keeps files by name, such as `bybit/SOLUSDT/delta/2024-08-08/23.parquet`."""

    def sizes(self) -> dict[str, int]:
        """Return the files of an archive that are there, by name, and their bytes; what is half done is not."""
        ...

    def digest(self, name: str) -> str:
        """Return the sha256 of a file, hexadecimal."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading."""
        ...

    def put(self, name: str, content: BinaryIO) -> None:
        """Keep a file under this name, in place of one that is there; readers see the old or the new one."""
        ...


@attrs.frozen
class Folder:
    """A folder of this machine as a store; it need not be there before the first `put`."""

    root: Path

    def sizes(self) -> dict[str, int]:
        found = sorted(self.root.glob("[!.]*/**/[!.]*"))
        return {path.relative_to(self.root).as_posix(): path.stat().st_size for path in found if path.is_file()}

    def digest(self, name: str) -> str:
        return file_hash(self.root / name)

    def open(self, name: str) -> BinaryIO:
        return (self.root / name).open("rb")

    def put(self, name: str, content: BinaryIO) -> None:
        with atomic_file(self.root / name) as half, half.open("wb") as file:
            shutil.copyfileobj(content, file, 1 << 20)


@attrs.frozen
class SyncReport:
    """What was copied.

    Attributes:
        copied: names of files that the target lacked, or had otherwise and were to be replaced.
        n_bytes: their size.
        n_same: files that the target had.
        differing: names of files that it has otherwise; left as they are.
    """

    copied: tuple[str, ...]
    n_bytes: int
    n_same: int
    differing: tuple[str, ...]


@attrs.frozen
class Patience:
    """How often what failed is tried again.

    Attributes:
        waits: seconds before each further try.
        pause: waits so long.
    """

    waits: Sequence[float]
    pause: Callable[[float], None]

    def do(self, work: Callable[[], T]) -> T:
        """Return what `work` gives; the last error is raised, and one that is final at once."""
        for wait in self.waits:
            try:
                return work()
            except FINAL:
                raise
            except OSError:
                self.pause(wait)
        return work()


NO_PATIENCE: Final = Patience((), lambda seconds: None)


def sync(
    source: Store,
    target: Store,
    *,
    replace: bool = False,
    by_size: bool = False,
    patience: Patience = NO_PATIENCE,
    on_file: Callable[[str], None] | None = None,
) -> SyncReport:
    """Bring what `source` has to `target`; nothing is removed, and the write-ahead stays where it is.

    Args:
        replace: files that the target has otherwise are replaced.
        by_size: files of one size are taken for the same; else both are read and compared.
    """
    do = patience.do
    there = do(target.sizes)
    copied, differing = [], []
    n_bytes = n_same = 0
    for name, size in _hours_last(do(source.sizes).items()):
        if name in there and there[name] == size and (by_size or do(partial(_is_same, source, target, name))):
            n_same += 1
            continue
        if name in there and not replace:
            differing.append(name)
            continue
        do(partial(_copy, source, target, name))
        copied.append(name)
        n_bytes += size
        if on_file is not None:
            on_file(name)
    return SyncReport(tuple(copied), n_bytes, n_same, tuple(differing))


def _is_same(source: Store, target: Store, name: str) -> bool:
    return source.digest(name) == target.digest(name)


def _copy(source: Store, target: Store, name: str) -> None:
    with source.open(name) as content:
        target.put(name, content)


def _hours_last(files: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """What stands beside the hours comes first: an hour must never be there without its specification and gaps."""
    return sorted(files, key=lambda file: (file[0].endswith(".parquet") and "/gaps/" not in file[0], file[0]))
