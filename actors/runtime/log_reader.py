"""Read a structured log back, also one that is still being written or was cut by a crash."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

LogRecord = dict[str, Any]

LOG_NAME: Final = "log.jsonl"


class LogError(Exception):
    """The log is not there, or a line of it is not a record."""


def find_log(run: Path) -> Path:
    """Return the log of a run directory; the log's own path is taken as well.

    Raises:
        LogError: there is none.
    """
    path = run / LOG_NAME if run.is_dir() else run
    if not path.is_file():
        raise LogError(f"no log at {path}: give a run directory, such as scripts.run makes below --out")
    return path


class LogReader:
    """Yields the records of a log, and, each time it is asked again, those that were written since."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._n_lines = 0

    def records(self) -> Iterator[LogRecord]:
        """Yield the records after the last one that was yielded; a last line without its end waits for the rest.

        Raises:
            LogError: a whole line is not a record; the message names the file and the line.
        """
        with self._path.open("rb") as file:
            file.seek(self._offset)
            yield from self._rest(file)

    def _rest(self, file: BinaryIO) -> Iterator[LogRecord]:
        for line in file:
            if not line.endswith(b"\n"):
                return
            self._offset += len(line)
            self._n_lines += 1
            yield self._record(line)

    def _record(self, line: bytes) -> LogRecord:
        try:
            record = msgspec.json.decode(line, type=LogRecord)
            if type(record.get("t_ns")) is int and type(record.get("message")) is str:
                return record
            fault = "t_ns or message is missing"
        except msgspec.DecodeError as error:
            fault = str(error)
        raise LogError(f"{self._path}:{self._n_lines}: not a log record ({fault}); was the file edited?") from None
