"""Stores by address: each file whole or not at all, tried again, verified, and errors that say what to do."""

import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from market.archive.remote_store import AddressedStore, StoreError, open_store, shown
from market.archive.store import Folder, Patience, Store, sync

FILES = {
    "bybit/BTCUSDT/instrument.json": b"{}",
    "bybit/BTCUSDT/delta/2024-08-08/22.parquet": bytes(range(256)) * 9000,
    "bybit/BTCUSDT/gaps/2024-08-08/22.parquet": b"gaps",
    "bybit/1000%2FX:Y@Z+/trades/2024-08-08/22.parquet": b"",
}


@pytest.fixture(params=["memory", "local", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield open_store(f"memory://{tmp_path.name}/archive")
        MemoryFileSystem.store.clear()
    elif request.param == "local":
        yield AddressedStore(LocalFileSystem(skip_instance_cache=True), str(tmp_path / "there"))
    else:
        yield open_store(f"file://{tmp_path / 'there'}")


@pytest.fixture
def source(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "here")
    for name, data in FILES.items():
        folder.put(name, io.BytesIO(data))
    for hidden in (".ahead/bybit/BTCUSDT/delta/2024-08-08/22-0000.arrow", "bybit/BTCUSDT/delta/2024-08-08/.half.tmp"):
        folder.put(hidden, io.BytesIO(b"not to be copied"))
    return folder


def content(store: Store) -> dict[str, bytes]:
    found = {}
    for name in store.sizes():
        with store.open(name) as file:
            found[name] = file.read()
    return found


def test_an_archive_goes_there_and_back(store: Store, source: Folder, tmp_path: Path) -> None:
    order: list[str] = []
    report = sync(source, store, on_file=order.append)
    assert content(store) == FILES
    assert (sorted(report.copied), report.n_same, report.n_bytes) == (sorted(FILES), 0, 2304006)
    assert order[-1].endswith("delta/2024-08-08/22.parquet"), "an hour comes after what stands beside it"
    assert store.sizes() == {name: len(data) for name, data in FILES.items()}
    assert [store.digest(name) for name in FILES] == [hashlib.sha256(data).hexdigest() for data in FILES.values()]
    assert sync(source, store).n_same == len(FILES)
    back = Folder(tmp_path / "back")
    sync(store, back)
    assert content(back) == FILES


def test_what_differs_is_left_unless_told(store: Store, source: Folder) -> None:
    sync(source, store)
    name = "bybit/BTCUSDT/gaps/2024-08-08/22.parquet"
    source.put(name, io.BytesIO(b"gapz"))
    assert sync(source, store).differing == (name,)
    assert sync(source, store, by_size=True).differing == (), "of the same size: taken for the same"
    assert content(store)[name] == b"gaps"
    assert sync(source, store, replace=True).copied == (name,)
    assert content(store)[name] == b"gapz"


class Failing:
    """A file system with errors: `fail(method, path, n)` is asked at each call of a method, n being its n-th."""

    def __init__(self, files: Any, fail: Callable[[str, str, int], Exception | None]) -> None:
        self._files = files
        self._fail = fail
        self.n: dict[str, int] = {}

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._files, name)

        def call(*arguments: Any, **more: Any) -> Any:
            self.n[name] = self.n.get(name, 0) + 1
            error = self._fail(name, str(arguments[0]) if arguments else "", self.n[name])
            if error is not None:
                raise error
            return method(*arguments, **more)

        return call


class Torn:
    """A driver's file that loses what is written after some bytes, and fails or stays silent."""

    def __init__(self, file: Any, room: int, *, is_silent: bool) -> None:
        self._file, self._room, self._is_silent = file, room, is_silent

    def __enter__(self) -> "Torn":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def write(self, data: bytes) -> int:
        kept = data[: self._room]
        self._room -= len(kept)
        self._file.write(kept)
        if len(kept) < len(data) and not self._is_silent:
            raise RuntimeError("the connection was reset")
        return len(data)


class Tearing(Failing):
    """A file system that tears the first so many files of a feed."""

    def __init__(self, files: Any, n_torn: int, *, is_silent: bool) -> None:
        super().__init__(files, lambda method, path, n: None)
        self._n_torn, self._is_silent = n_torn, is_silent

    def open(self, path: str, mode: str) -> Any:
        file = self._files.open(path, mode)
        if mode == "wb" and "delta" in path and self._n_torn:
            self._n_torn -= 1
            return Torn(file, 1_000_000, is_silent=self._is_silent)
        return file


@pytest.fixture
def memory() -> Iterator[Any]:
    yield fsspec.filesystem("memory")
    MemoryFileSystem.store.clear()


@pytest.mark.parametrize("is_silent", [True, False])
def test_a_torn_file_never_has_its_name(memory: Any, is_silent: bool) -> None:
    store = AddressedStore(Tearing(memory, 1, is_silent=is_silent), "/archive")
    name = "bybit/BTCUSDT/delta/2024-08-08/22.parquet"
    with pytest.raises(StoreError, match="not what was written" if is_silent else "RuntimeError: the connection was"):
        store.put(name, io.BytesIO(FILES[name]))
    assert memory.find("/archive") == []


@pytest.mark.parametrize("is_silent", [True, False])
def test_a_torn_file_is_sent_again(memory: Any, source: Folder, is_silent: bool) -> None:
    store = AddressedStore(Tearing(memory, 3, is_silent=is_silent), "/archive")
    waited: list[float] = []
    report = sync(source, store, patience=Patience((1.0, 4.0, 15.0), waited.append))
    assert content(store) == FILES
    assert sorted(report.copied) == sorted(FILES)
    assert waited == [1.0, 4.0, 15.0]


def test_every_call_may_fail_now_and_then(memory: Any, source: Folder) -> None:
    flaky = Failing(memory, lambda method, path, n: TimeoutError("no answer") if n % 3 == 1 else None)
    store = AddressedStore(flaky, "/archive")
    waited: list[float] = []
    sync(source, store, patience=Patience((0.5,) * 9, waited.append))
    assert content(AddressedStore(memory, "/archive")) == FILES
    assert {"find", "open", "makedirs", "mv"} <= flaky.n.keys()
    assert len(waited) > 5


def test_what_another_try_does_not_change_is_not_tried_again(memory: Any, source: Folder) -> None:
    def refuse(method: str, path: str, n: int) -> Exception | None:
        return PermissionError(f"no leave to write {path}") if method == "makedirs" else None

    waited: list[float] = []
    with pytest.raises(PermissionError, match="no leave to write"):
        sync(source, AddressedStore(Failing(memory, refuse), "/archive"), patience=Patience((1.0,), waited.append))
    assert waited == []


def test_an_error_that_stays_is_raised_and_names_the_file(memory: Any, source: Folder) -> None:
    def fail(method: str, path: str, n: int) -> Exception | None:
        return ConnectionError("unreachable") if method == "makedirs" and "gaps" in path else None

    store = AddressedStore(Failing(memory, fail), "/archive")
    with pytest.raises(StoreError, match=r"^bybit/BTCUSDT/gaps/2024-08-08/22.parquet: ConnectionError: unreachable$"):
        sync(source, store, patience=Patience((1.0, 1.0), lambda seconds: None))
    assert "bybit/BTCUSDT/delta/2024-08-08/22.parquet" not in store.sizes(), "no hour without its gaps"


def test_a_missing_driver_names_its_package() -> None:
    with pytest.raises(ValueError, match=r"^s3://bucket/archive: no driver for s3://: it needs the package s3fs: pip"):
        open_store("s3://bucket/archive")
    with pytest.raises(ValueError, match=r"^sftp://host/archive: no driver for sftp://: .*paramiko"):
        open_store("sftp://me:word@host/archive")
    with pytest.raises(ValueError, match=r"^nowhere://x: Protocol not known: nowhere; addresses begin with s3, gs"):
        open_store("nowhere://x")


def test_an_address_is_shown_without_its_password() -> None:
    assert shown("sftp://me:word@host/a@b") == "sftp://host/a@b"
    assert shown("s3://bucket/archive") == "s3://bucket/archive"
    assert shown("archive") == "archive"
