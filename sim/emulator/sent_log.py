"""What was sent, as a file: one line of JSON a message, for who compares a recording with it."""

from pathlib import Path

from market.units import Nanos


class SentFile:
    """Writes `{"ts":ns,"venue":...,"topic":...,"payload":...}` lines; buffered, whole after `close`."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")

    def write(self, venue: str, topic: str, payload: bytes, now: Nanos) -> None:
        """Add a message; its payload is JSON already."""
        self._file.write(b'{"ts":%d,"venue":"%b","topic":"%b","payload":' % (now, venue.encode(), topic.encode()))
        self._file.write(payload)
        self._file.write(b"}\n")

    def close(self) -> None:
        """Write what is buffered, and close."""
        self._file.close()
