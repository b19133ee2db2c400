"""Finish what writers that died have left of an archive."""

from pathlib import Path

import attrs

from market.archive.lock import lock_archive, lock_recording
from market.archive.rolling import finish_parts, roll
from market.archive.staging import Staging


@attrs.frozen
class RepairReport:
    """What was done.

    Attributes:
        n_cut: bytes cut off torn ends of the write-ahead.
        removed: half files that were removed.
        hours: hours that were made of the write-ahead.
        problems: what could not be repaired, and why.
    """

    n_cut: int
    removed: tuple[Path, ...]
    hours: tuple[Path, ...]
    problems: tuple[str, ...]


def repair(root: Path) -> RepairReport:
    """End interrupted imports, remove half files, cut torn ends, and make hours of the write-ahead.

    Raises:
        BlockingIOError: a recorder or an import is at work there.
        FileNotFoundError: there is no archive.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"no archive at {root}")
    with lock_recording(root):
        with Staging(root):  # its beginning ends what an interrupted one left
            pass
        with lock_archive(root):
            removed = sorted(root.rglob(".*.tmp"))
            for path in removed:
                path.unlink()
        n_cut = finish_parts(root)
        report = roll(root)
    return RepairReport(n_cut, tuple(removed), report.hours, report.problems)
