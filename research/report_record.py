"""The record in a report: what a machine needs to make the same again and to compare.

JSON, `{"format": 1, "provenance": {...}, ...}`: in a PDF an attached file, in HTML a block of data.  For a run it has
`kind` ("run"), `config` (the full effective config), `result` (all of `result.json`), `strategies` (sha256 by file),
`drawn_by` (what drew it) and `options` (how).
"""

import html.parser
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from research.provenance import packages, sources_hash

FORMAT: Final = 1
RECORD_FILE: Final = "lockstep-record.json"  # in a PDF
RECORD_ID: Final = "lockstep-record"  # in HTML

_DRAW: Final = ("matplotlib", "numpy", "pandas", "pillow", "python", "reportlab")


class RecordError(ValueError):
    """A file that holds no record that can be read; the text says why."""


def encoded(record: Mapping[str, Any]) -> bytes:
    """Return a record as JSON, in the same bytes every time."""
    return json.dumps({"format": FORMAT, **record}, indent=1, ensure_ascii=False, default=str).encode()


def drawn_by() -> dict[str, Any]:
    """Return what a report's look depends on: where it is the same, the same run gives the same bytes."""
    installed = packages()
    return {
        "sources_sha256": sources_hash("market", "research"),
        "packages": {name: installed[name] for name in _DRAW if name in installed},
    }


def read_record(path: Path | str) -> dict[str, Any]:
    """Read the record of a PDF or an HTML file.

    Raises:
        RecordError: the file has none, or it is damaged or of an unknown format.
        OSError: the file cannot be read.
    """
    content = Path(path).read_bytes()
    found = _attached(content, path) if content.startswith(b"%PDF") else _data_block(content)
    if found is None:
        raise RecordError(f"{path} holds no {RECORD_FILE}: it was not written with provenance, or it was taken out")
    try:
        record = json.loads(found)
    except ValueError as error:
        raise RecordError(f"{path}: its {RECORD_FILE} is damaged: {error}") from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise RecordError(f"{path}: its {RECORD_FILE} is not of format {FORMAT}, the one that is known here")
    return record


def _attached(content: bytes, path: Path | str) -> str | None:
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        files = PdfReader(io.BytesIO(content)).attachments
        return files[RECORD_FILE][0].decode() if RECORD_FILE in files else None
    except (PyPdfError, ValueError, KeyError) as error:
        raise RecordError(f"{path} is a damaged PDF: {error}") from None


def _data_block(content: bytes) -> str | None:
    finder = _Finder()
    finder.feed(content.decode(errors="replace"))
    return finder.found


class _Finder(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: str | None = None
        self._is_inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_inside = tag == "script" and ("id", RECORD_ID) in attrs

    def handle_endtag(self, tag: str) -> None:
        self._is_inside = False

    def handle_data(self, data: str) -> None:
        if self._is_inside:
            self.found = (self.found or "") + data
