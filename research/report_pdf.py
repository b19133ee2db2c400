"""A report as a PDF: A4 pages with contents, outline, footers and the record attached."""

from pathlib import Path
from typing import Any

from reportlab.pdfbase import pdfdoc
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
from research.report_record import RECORD_FILE, encoded
from research.sections import Code, Report


def write_pdf(path: Path, report: Report) -> Path:
    """Draw a report; the file is complete or, after an error, not there."""
    story: list[Flowable] = [
        Paragraph(parts.markup(report.title), parts.TITLE),
        Paragraph(parts.markup(report.subtitle), parts.SUBTITLE),
        _contents(),
        Spacer(1, 20),
    ]
    for chapter in report.chapters:
        for place, body in enumerate(chapter.bodies):
            drawn = parts.flowables(body)
            room = parts.room_for(drawn, with_heading=place == 0)
            story.append(PageBreak() if isinstance(body, Code) else CondPageBreak(room))
            if place == 0:
                story.append(parts.heading(chapter.title, chapter.anchor))
            story += [*drawn, Spacer(1, 9)]
    half = path.with_name(path.name + ".part")
    try:
        _Document(half, report).multiBuild(story)
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
    return path


def _contents() -> TableOfContents:
    contents = TableOfContents()
    contents.levelStyles = [parts.CONTENTS]
    contents.dotsMinLevel = 0
    return contents


class _Document(BaseDocTemplate):  # type: ignore[misc]  # reportlab has no types
    """A4 pages with a footer; headings go to the contents and the outline."""

    def __init__(self, path: Path, report: Report) -> None:
        # invariant: no creation date and no random id, so that the bytes are a function of the content
        super().__init__(str(path), pagesize=parts.PAGE, title=report.title, author="", invariant=1, pageCompression=1)
        self._footer = report.title
        self._record = encoded(report.record)
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
        _attach(self.canv._doc, self._record)

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


def _attach(document: Any, content: bytes) -> None:
    """Attach the record as a file (PDF 32000-1, 7.11.4), which every viewer shows and saves."""
    stream = pdfdoc.PDFStream(content=content, filters=[pdfdoc.PDFZCompress])
    stream.dictionary["Type"] = pdfdoc.PDFName("EmbeddedFile")
    stream.dictionary["Subtype"] = pdfdoc.PDFName("application#2Fjson")  # a slash would begin another name
    stream.dictionary["Params"] = pdfdoc.PDFDictionary({"Size": len(content)})
    name = pdfdoc.PDFString(RECORD_FILE)
    file = pdfdoc.PDFDictionary(
        {
            "Type": pdfdoc.PDFName("Filespec"),
            "F": name,
            "UF": name,
            "EF": pdfdoc.PDFDictionary({"F": document.Reference(stream)}),
        }
    )
    leaf = pdfdoc.PDFDictionary({"Names": pdfdoc.PDFArray([name, document.Reference(file)])})
    document.Catalog.Names = pdfdoc.PDFDictionary({"EmbeddedFiles": leaf})
