"""The structured log of a run: `log.jsonl`, one JSON object a line.

Each record has `t_ns` (the injected clock: virtual time in simulation, so that two same runs give the same bytes),
`level`, `message` (a constant text) and the facts as fields, as in
`log.bind(child="orders", generation=1).info("child started")`.  An exception given by `opt(exception=...)` becomes the
fields `error` and `traceback`.
"""

import os
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from loguru import logger

from market.units import Nanos

if TYPE_CHECKING:
    from loguru import Logger, Message, Record

ROOT: Final = Path(__file__).resolve().parent.parent.parent

SECRET_NAMES: Final = ("KEY", "SECRET", "TOKEN", "PASSWORD")
SHORTEST_SECRET: Final = 6  # a shorter value would be found in innocent text

_MOST_WAITING: Final = 10_000  # records, while the disk takes none

_OWNER: Final = "_log"  # the bound field that leads a record to its file; not written

# loguru's first handler writes all to stderr, through the progress line: our records belong in the file alone
with suppress(ValueError):  # somebody has removed it, and may have put others
    logger.remove(0)


@contextmanager
def open_log(
    path: Path,
    clock: Callable[[], Nanos],
    run_id: str,
    level: str = "INFO",
    *,
    heard: Callable[[dict[str, Any]], None] = lambda record: None,
) -> Iterator["Logger"]:
    """Open the log of a run, overwriting, and yield the logger to hand to what runs; closed when the block ends.

    Args:
        path: the file, `log.jsonl` in the run directory.
        clock: the time of a record, ns since the epoch.
        run_id: stands in every record.
        level: the least level that is written.
        heard: told of each record as it is written, secrets hidden.

    Who logs never fails for a disk: what it does not take waits, the oldest goes first where there is no more room.
    Values of environment variables that look like secrets by their name are written as `<NAME>`; what is not yet in the
    environment when the log is opened is not known to it.
    """
    owner = object()
    secrets = _secrets()
    encoder = msgspec.json.Encoder(enc_hook=_plain)
    waiting: deque[bytes] = deque(maxlen=_MOST_WAITING)
    with path.open("wb", buffering=0) as file:  # a crash loses no record

        def write(message: "Message") -> None:
            record = _redact(_row(message.record, clock()), secrets)
            waiting.append(encoder.encode(record) + b"\n")
            with suppress(OSError):
                while waiting:
                    _write_whole(file, waiting[0])
                    waiting.popleft()
            heard(record)

        def is_ours(record: "Record") -> bool:
            return record["extra"].get(_OWNER) is owner

        handler = logger.add(write, level=level, format=_no_format, filter=is_ours, catch=False)
        try:
            yield logger.bind(**{_OWNER: owner, "run_id": run_id})
        finally:
            with suppress(ValueError):  # loguru takes all handlers out when the process ends
                logger.remove(handler)


def _write_whole(file: FileIO, line: bytes) -> None:
    """Write a line or nothing.

    Raises:
        OSError: nothing was written.
    """
    begin = file.tell()
    rest = memoryview(line)
    try:
        while rest:
            rest = rest[file.write(rest) :]
    except OSError:
        file.truncate(begin)
        file.seek(begin)
        raise


def _row(record: "Record", t_ns: Nanos) -> dict[str, Any]:
    row: dict[str, Any] = {"t_ns": t_ns, "level": record["level"].name, "message": record["message"]}
    raised = record["exception"]
    if raised is not None and raised.value is not None:
        row["error"] = describe(raised.value)
    for name, value in record["extra"].items():
        if name != _OWNER:
            row.setdefault(name, value)
    if raised is not None:
        row["traceback"] = [_place(frame) for frame in traceback.extract_tb(raised.traceback)]
    return row


def describe(error: BaseException) -> str:
    """Return an exception as it stands in the log and in crash reports: `ValueError: price 0 ...`."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _place(frame: traceback.FrameSummary) -> str:
    path = Path(frame.filename)
    # below the project as it is checked out, so that a log does not depend on where that lies
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else Path(path.name)
    return f"{shown.as_posix()}:{frame.lineno} in {frame.name}"


def _plain(value: Any) -> Any:
    """Give what JSON has no word for: numpy's scalars and arrays as Python's, everything else as text."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _no_format(record: "Record") -> str:
    return ""  # the sink reads the record itself; formatting the exception would cost a millisecond


def _secrets() -> list[tuple[str, str]]:
    found = [
        (value, f"<{name}>")
        for name, value in os.environ.items()
        if any(word in name.upper() for word in SECRET_NAMES) and len(value) >= SHORTEST_SECRET
    ]
    # the longest first: one secret may be part of another
    return sorted(found, key=lambda pair: (-len(pair[0]), pair[1]))


def _redact(value: Any, secrets: list[tuple[str, str]]) -> Any:
    if isinstance(value, str):
        for secret, name in secrets:
            value = value.replace(secret, name)
        return value
    if isinstance(value, dict):
        return {_redact(key, secrets): _redact(inner, secrets) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_redact(inner, secrets) for inner in value]
    if isinstance(value, bool | int | float | None):
        return value
    plain = _plain(value)
    return _redact(plain, secrets) if isinstance(plain, str) else plain
