"""Who may write: one at a time into an archive, and one recorder into its write-ahead.

The locks are the system's, so that none outlives its process.
"""

import fcntl
from pathlib import Path
from typing import TextIO

from market.archive.ahead_layout import ahead_root


def lock_archive(root: Path) -> TextIO:
    """Take an archive for writing hours; close what is returned to give it back.

    Raises:
        BlockingIOError: somebody else has it.
    """
    return _locked(root / ".lock", f"{root}: another import is writing into this archive")


def lock_recording(root: Path) -> TextIO:
    """Take the write-ahead of an archive, for as long as a recorder lives.

    Raises:
        BlockingIOError: a recorder is at work.
    """
    return _locked(ahead_root(root) / ".lock", f"{root}: a recorder is writing into this archive")


def _locked(path: Path, what: str) -> TextIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise BlockingIOError(what) from None
    return file
