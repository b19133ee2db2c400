"""What a report says, before it is drawn: sections as plain rows, lines and pictures, without secrets.

The PDF and the HTML file are both drawn from this, so they say the same.
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import attrs
import pandas as pd
from PIL import Image

from research.code_listing import Span, listing
from research.redaction import Redactor, environment
from research.text_table import frame_rows, key_rows

Kind: TypeAlias = Literal["dict", "frame", "image", "figure", "text", "code"]
Section: TypeAlias = tuple[str, Any, Kind]

KINDS: Final = ("dict", "frame", "image", "figure", "text", "code")
CODE_TITLE: Final = "Strategy code"
PROVENANCE_TITLE: Final = "Provenance"


@attrs.frozen
class KeyTable:
    """Rows of (depth, key, value); one that opens a level has an empty value."""

    rows: tuple[tuple[int, str, str], ...]


@attrs.frozen
class FrameTable:
    """A header and rows of equally many cells; `shape` tells how large the frame was that they are of."""

    rows: tuple[tuple[str, ...], ...]
    shape: str


@attrs.frozen
class Picture:
    """A PNG; width and height in pixels."""

    png: bytes
    width: int
    height: int


@attrs.frozen
class Prose:
    """Paragraphs."""

    paragraphs: tuple[str, ...]


@attrs.frozen
class Code:
    """Numbered lines of coloured spans."""

    lines: tuple[tuple[int, tuple[Span, ...]], ...]


Body: TypeAlias = KeyTable | FrameTable | Picture | Prose | Code


@attrs.frozen
class Chapter:
    """A head and what stands below it."""

    title: str
    anchor: str
    bodies: tuple[Body, ...]


@attrs.frozen
class Report:
    """A whole report; `record` is what is embedded for machines."""

    title: str
    subtitle: str
    chapters: tuple[Chapter, ...]
    record: Mapping[str, Any]


def compose(
    sections: Sequence[Section],
    code_file: Path | str | None = None,
    include_comments: bool = True,
    provenance: Mapping[str, Any] | None = None,
    *,
    record: Mapping[str, Any] | None = None,
    title: str,
    subtitle: str = "",
) -> Report:
    """Make a report of sections; the arguments are those of `research.report.write_report`.

    Raises:
        ValueError: a section's kind is not one of `KINDS`.
        OSError: an image is not there.
    """
    everything = list(sections)
    if code_file is not None:
        source = Path(code_file)
        everything.append((f"{CODE_TITLE}: {source.name}", source.read_text(encoding="utf-8"), "code"))
    if provenance:
        everything.append((PROVENANCE_TITLE, provenance, "dict"))
    redact = Redactor(environment(), [*(data for _, data, kind in everything if kind == "dict"), record])
    chapters: list[Chapter] = []
    for number, (name, data, kind) in enumerate(everything):
        body = _body(data, kind, redact, include_comments=include_comments)
        head = redact(name)
        if chapters and chapters[-1].title == head:
            chapters[-1] = attrs.evolve(chapters[-1], bodies=(*chapters[-1].bodies, body))
        else:
            chapters.append(Chapter(head, f"section-{number}", (body,)))
    embedded = redact.tree({**({"provenance": provenance} if provenance else {}), **(record or {})})
    return Report(redact(title), redact(subtitle), tuple(chapters), embedded)


def _body(data: Any, kind: str, redact: Redactor, *, include_comments: bool) -> Body:
    if kind == "dict":
        return KeyTable(tuple((depth, key, redact(value)) for depth, key, value in key_rows(redact.tree(data))))
    if kind == "frame":
        frame = pd.DataFrame(data)
        rows = tuple(tuple(redact(cell) for cell in row) for row in frame_rows(frame))
        return FrameTable(rows, f"{len(frame)} rows × {frame.shape[1]} columns")
    if kind in ("image", "figure"):
        png = _drawn(data) if kind == "figure" else Path(data).read_bytes()
        with Image.open(io.BytesIO(png)) as image:
            return Picture(png, *image.size)
    if kind == "text":
        return Prose(tuple(redact(str(data)).split("\n\n")))
    if kind == "code":
        # tabs go first: a width of 4 is what both renderers show
        source = redact(str(data).expandtabs(4))
        found = listing(source, include_comments=include_comments)
        return Code(tuple((number, tuple(spans)) for number, spans in found))
    raise ValueError(f"section kind {kind!r} is not one of {', '.join(KINDS)}")


def _drawn(figure: Any) -> bytes:
    from research.plots.style import figure_png  # matplotlib: many reports come with their images

    return figure_png(figure)
