"""Put many files into an archive, all or none of them.

They are written into a folder beside the venues, on the same disk, and moved to their places at the end.  Before the
first is moved, a list of them is written; who finds that list after a crash finishes the moves, and who finds a folder
without one throws it away.  So no import is ever half there, and none is lost once it is decided.
"""

import json
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TextIO

from market.archive.atomic_file import atomic_file, sync
from market.archive.layout import GAPS
from market.archive.lock import lock_archive

_PREFIX: Final = ".staging-"
_COMMITTED: Final = "committed.json"


class Staging:
    """A folder like the archive, which becomes part of it by `commit`.  One at a time for each archive.

    Attributes:
        root: where to write, as if it were the archive.
    """

    def __init__(self, archive: Path) -> None:
        self._archive = archive
        self.root = archive
        self._lock: TextIO | None = None

    def __enter__(self) -> Self:
        """Take the archive for writing, and end what an interrupted import left.

        Raises:
            BlockingIOError: another import is writing into this archive, or hours of a recorder are.
        """
        self._lock = lock_archive(self._archive)
        for left in sorted(self._archive.glob(_PREFIX + "*")):
            if (left / _COMMITTED).is_file():
                self._move(left)
            shutil.rmtree(left)
        self.root = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self._archive))
        return self

    def commit(self, *, replace: bool) -> list[Path]:
        """Move all files to their places in the archive, and return these in order.

        Raises:
            FileExistsError: the archive has one of the hours already and `replace` is not set; nothing is changed then.
                Files beside the hours (JSON, gaps) are written as what the archive is to have, and always replaced.
        """
        files = sorted(path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file())
        there = [name for name in files if _is_hour(name) and (self._archive / name).exists()]
        if there and not replace:
            more = f" and {len(there) - 1} more" if len(there) > 1 else ""
            raise FileExistsError(f"{self._archive / there[0]}{more}: in the archive already")
        with atomic_file(self.root / _COMMITTED) as half:
            half.write_text(json.dumps(files))
        self._move(self.root)
        return [self._archive / name for name in files]

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        # a committed folder whose moves were interrupted is left for the next import to finish
        if self.root != self._archive and not (self.root / _COMMITTED).is_file():
            shutil.rmtree(self.root, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()

    def _move(self, folder: Path) -> None:
        names = json.loads((folder / _COMMITTED).read_text())
        parents: dict[Path, None] = {}
        for name in names:
            source, target = folder / name, self._archive / name
            if source.is_file():  # else it was moved before the crash
                target.parent.mkdir(parents=True, exist_ok=True)
                source.replace(target)
                parents[target.parent] = None
        for parent in parents:
            sync(parent)
        (folder / _COMMITTED).unlink()


def _is_hour(name: str) -> bool:
    return name.endswith(".parquet") and name.split("/")[2] != GAPS
