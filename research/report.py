"""The report: a PDF of configs, figures, frames, plots, text and code, the same bytes for the same content.

It holds no wall-clock time, and no value of an environment variable whose name looks like a secret.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pandas as pd
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
)
from reportlab.platypus.tableofcontents import TableOfContents

from research import report_parts as parts
from research.redaction import Redactor

Kind: TypeAlias = Literal["dict", "frame", "image", "text", "code"]
Section: TypeAlias = tuple[str, Any, Kind]

CODE_TITLE = "Strategy code"
PROVENANCE_TITLE = "Provenance"


def write_report(
    path: Path | str,
    sections: Sequence[Section],
    code_file: Path | str | None = None,
    include_comments: bool = True,
    provenance: Mapping[str, Any] | None = None,
    *,
    title: str = "Simulation report",
    subtitle: str = "",
) -> Path:
    """Write sections as a PDF with contents, code and provenance at the end.

    Args:
        sections: (title, data, kind); consecutive sections of one title share a heading.  `dict`: a mapping, nested or
            not; `frame`: a DataFrame, cut in the middle; `image`: the path of a PNG; `text`: a string, paragraphs apart
            by an empty line; `code`: Python source.
        code_file: source to append, with line numbers.
        include_comments: False strips comments and empty lines from all code.
        provenance: what the report was made from: hashes, versions, seed, command.
        title, subtitle: heading of the first page; the time window of the run belongs into the latter.

    Returns:
        `path`; the file is complete or, after an error, not there.

    Raises:
        ValueError: a section's kind is not one of the above.
    """
    target = Path(path)
    redact = Redactor(os.environ)
    everything = list(sections)
    if code_file is not None:
        source = Path(code_file)
        everything.append((f"{CODE_TITLE}: {source.name}", source.read_text(encoding="utf-8"), "code"))
    if provenance:
        everything.append((PROVENANCE_TITLE, provenance, "dict"))
    story: list[Flowable] = [
        Paragraph(parts.markup(redact(title)), parts.TITLE),
        Paragraph(parts.markup(redact(subtitle)), parts.SUBTITLE),
        _contents(),
        Spacer(1, 20),
    ]
    last = None
    for number, (name, data, kind) in enumerate(everything):
        body = _body(data, kind, redact, include_comments=include_comments)
        is_new = name != last
        story.append(PageBreak() if kind == "code" else CondPageBreak(parts.room_for(body, with_heading=is_new)))
        if is_new:
            story.append(parts.heading(redact(name), f"section-{number}"))
        story += [*body, Spacer(1, 9)]
        last = name
    half = target.with_name(target.name + ".part")
    try:
        _Document(half, redact(title)).multiBuild(story)
        half.replace(target)
    finally:
        half.unlink(missing_ok=True)
    return target


def _body(data: Any, kind: str, redact: Redactor, *, include_comments: bool) -> list[Flowable]:
    if kind == "dict":
        return [parts.key_table(data, redact)]
    if kind == "frame":
        return parts.frame_table(pd.DataFrame(data), redact)
    if kind == "image":
        return [parts.image(data)]
    if kind == "text":
        return [Paragraph(parts.markup(redact(text)), parts.BODY) for text in str(data).split("\n\n")]
    if kind == "code":
        return [parts.CodeBlock.of(redact(str(data)), include_comments=include_comments)]
    raise ValueError(f"section kind {kind!r} is not one of dict, frame, image, text, code")


def _contents() -> TableOfContents:
    contents = TableOfContents()
    contents.levelStyles = [parts.CONTENTS]
    contents.dotsMinLevel = 0
    return contents


class _Document(BaseDocTemplate):  # type: ignore[misc]  # reportlab has no types
    """A4 pages with a footer; headings go to the contents and the outline."""

    def __init__(self, path: Path, title: str) -> None:
        # invariant: no creation date and no random id, so that the bytes are a function of the content
        super().__init__(str(path), pagesize=parts.PAGE, title=title, author="", invariant=1, pageCompression=1)
        self._footer = title
        self._n_pages = 0
        self._n_passes = 0
        no_padding = dict.fromkeys(("leftPadding", "rightPadding", "topPadding", "bottomPadding"), 0)
        frame = Frame(parts.MARGIN, parts.FOOT, parts.WIDTH, parts.HEIGHT, **no_padding)
        self.addPageTemplates([PageTemplate("page", [frame], onPage=self._draw_footer)])

    @property
    def is_draft(self) -> bool:
        """Whether this pass only finds the pages of the headings; a document with headings always has another."""
        return self._n_passes <= 1

    def beforeDocument(self) -> None:  # noqa: N802 (reportlab's name)
        self._n_passes += 1

    def afterFlowable(self, flowable: Flowable) -> None:  # noqa: N802
        if anchor := getattr(flowable, "anchor", None):
            text = flowable.getPlainText()
            self.canv.bookmarkPage(anchor)
            self.canv.addOutlineEntry(text, anchor, 0)
            self.notify("TOCEntry", (0, parts.markup(text), self.page, anchor))

    def afterPage(self) -> None:  # noqa: N802
        # the passes of multiBuild: the last one knows the count of the one before
        self._n_pages = max(self._n_pages, self.page)

    def _draw_footer(self, canvas: Any, document: BaseDocTemplate) -> None:
        canvas.setFont(parts.SANS, 7.5)
        canvas.setFillColor(parts.MUTED)
        canvas.drawString(parts.MARGIN, parts.FOOT - 18, self._footer)
        canvas.drawRightString(
            parts.MARGIN + parts.WIDTH, parts.FOOT - 18, f"page {document.page} of {max(self._n_pages, document.page)}"
        )
