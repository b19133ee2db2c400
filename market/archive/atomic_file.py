"""Files that are there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Give the path of a half file beside `path`; on success it is synced and takes the name, else it is removed."""
    half = half_path(path)
    half.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield half
        publish(half, path)
    except BaseException:
        half.unlink(missing_ok=True)
        raise


def half_path(path: Path) -> Path:
    """Return the name that a file has while it is written; no reader looks at it."""
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def remove_halves(path: Path) -> None:
    """Remove what writers of `path` that died left; the caller knows that none is at work."""
    for half in path.parent.glob(f".{path.name}.*.tmp"):
        half.unlink(missing_ok=True)


def publish(half: Path, path: Path) -> None:
    """Give a finished file its name, so that after a power cut it has the name only if all of it is on disk."""
    sync(half)
    half.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file or folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
