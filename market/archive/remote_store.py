"""Stores that are reached by an address, such as `s3://bucket/archive`: whatever has a driver for fsspec."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final, cast
from urllib.parse import urlsplit

import attrs
import fsspec
from fsspec.registry import known_implementations

from market.archive.store import FINAL, Folder, Store

_BLOCK: Final = 1 << 20


class StoreError(OSError):
    """A store did not do what was asked; it may the next time."""


def open_store(place: str) -> Store:
    """Return the store at a folder's path or an address.  Keys are the driver's business: it reads the environment.

    Raises:
        ValueError: no driver knows such an address, or it is not installed.
    """
    if not is_address(place):
        return Folder(Path(place))
    protocol = urlsplit(place).scheme
    if protocol == "file":
        return Folder(Path(place.removeprefix("file://")))  # synced to the disk, which fsspec does not do
    try:
        files, root = fsspec.url_to_fs(place)
    except ImportError as error:
        raise ValueError(f"{shown(place)}: {_lacking(protocol, error)}") from None
    except ValueError as error:
        known = "s3, gs, abfs, sftp, memory, file"
        raise ValueError(f"{shown(place)}: {error}; addresses begin with {known} or another of fsspec's") from None
    return AddressedStore(files, root)


def is_address(place: str) -> bool:
    """Tell whether a place is an address, not a folder's path."""
    return "://" in place


def shown(place: str) -> str:
    """Return an address without the name and password that may stand in it."""
    before, separator, rest = place.partition("://")
    host, slash, path = rest.partition("/")
    return f"{before}{separator}{host.rpartition('@')[2]}{slash}{path}" if separator else place


@attrs.frozen
class AddressedStore:
    """A store by fsspec.

    A file is written under a hidden name, read back and compared, and takes its name then: on a disk by a rename, on an
    object store by a copy, whose readers see the old object or the whole new one.

    Args:
        files: fsspec's file system.
        root: where the archive stands in it.
    """

    files: Any
    root: str

    def sizes(self) -> dict[str, int]:
        with _named(self.root):
            self.files.invalidate_cache()
            found = self.files.find(self.root, detail=True)
        begin = len(self.root.rstrip("/")) + 1
        sizes = {path[begin:]: int(entry["size"]) for path, entry in sorted(found.items())}
        return {name: size for name, size in sizes.items() if not _is_hidden(name)}

    def digest(self, name: str) -> str:
        return self._digest(self._path(name))

    def open(self, name: str) -> BinaryIO:
        with _named(name):
            return cast(BinaryIO, self.files.open(self._path(name), "rb"))

    def put(self, name: str, content: BinaryIO) -> None:
        path = self._path(name)
        folder, _, last = path.rpartition("/")
        half = f"{folder}/.{last}.{os.getpid()}.tmp"
        try:
            with _named(name):
                self.files.makedirs(folder, exist_ok=True)
                digest = hashlib.sha256()
                with self.files.open(half, "wb") as file:
                    while block := content.read(_BLOCK):
                        file.write(block)
                        digest.update(block)
            if self._digest(half) != digest.hexdigest():
                raise StoreError(f"{name}: what the store has is not what was written")
            with _named(name):
                self.files.mv(half, path)
        except BaseException:
            # what cannot be removed now is hidden, and replaced by the next try
            with suppress(Exception):
                self.files.rm(half)
            raise

    def _digest(self, path: str) -> str:
        digest = hashlib.sha256()
        with _named(path), self.files.open(path, "rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest()

    def _path(self, name: str) -> str:
        return f"{self.root.rstrip('/')}/{name}"


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.rpartition("/")[2].startswith(".")


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Let a driver's errors, of whatever class, be ours and say which file they are about."""
    try:
        yield
    except (*FINAL, StoreError):
        raise
    except Exception as error:
        raise StoreError(f"{name}: {type(error).__name__}: {error}") from error


def _lacking(protocol: str, error: ImportError) -> str:
    """Say which package would serve such addresses."""
    package = str(known_implementations.get(protocol, {}).get("class", "fsspec")).partition(".")[0]
    if package == "fsspec":  # the driver is there, and lacks something itself: it says what
        return f"no driver for {protocol}://: {error}"
    return f"no driver for {protocol}://: it needs the package {package}: pip install {package}"
