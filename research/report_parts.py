"""The pieces that a report's pages are made of: headings, tables, images, code."""

import io
import textwrap
from pathlib import Path
from xml.sax.saxutils import escape

import matplotlib as mpl
from reportlab import rl_config
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Image, Paragraph, Table, TableStyle

from research.code_listing import COMMENT, KEYWORD, NUMBER, PLAIN, STRING, Span, wrapped
from research.sections import Body, Code, FrameTable, KeyTable, Picture, Prose
from research.text_table import fit_columns, is_text, wrap_value

PAGE = A4
MARGIN, FOOT, TOP = 42.0, 52.0, 46.0
WIDTH, HEIGHT = PAGE[0] - 2 * MARGIN, PAGE[1] - FOOT - TOP
INK, MUTED, RULE, SHADE = HexColor("#22262b"), HexColor("#6b7280"), HexColor("#d5d9df"), HexColor("#f3f5f8")
WHITE = HexColor("#ffffff")
CODE_COLOURS = {
    PLAIN: INK,
    KEYWORD: HexColor("#1f5fa8"),
    STRING: HexColor("#16784b"),
    COMMENT: HexColor("#868e99"),
    NUMBER: HexColor("#a3541b"),
}

# DejaVu comes with matplotlib, looks like the plots and has every sign that code and units need
SANS, BOLD, MONO = "DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono"
# PDF streams as bytes, not as text: the encoder is pure Python and took half of the report's time
rl_config.useA85 = 0
for _name in (SANS, BOLD, MONO):
    pdfmetrics.registerFont(TTFont(_name, str(Path(mpl.get_data_path()) / "fonts" / "ttf" / f"{_name}.ttf")))

TITLE = ParagraphStyle("title", fontName=BOLD, fontSize=19, leading=24, textColor=INK, spaceBefore=6)
SUBTITLE = ParagraphStyle("subtitle", fontName=SANS, fontSize=9.5, leading=14, textColor=MUTED, spaceAfter=22)
HEADING = ParagraphStyle(
    "heading", fontName=BOLD, fontSize=12.5, leading=16, textColor=INK, spaceBefore=8, spaceAfter=6
)
BODY = ParagraphStyle("body", fontName=SANS, fontSize=8.5, leading=12.5, textColor=INK, spaceAfter=5)
CAPTION = ParagraphStyle("caption", parent=BODY, fontSize=7.5, leading=10, textColor=MUTED, spaceBefore=2)
CONTENTS = ParagraphStyle("contents", fontName=SANS, fontSize=9.5, leading=17, textColor=INK)
KEY_SIZE, CELL_SIZE, CODE_SIZE, CODE_LEADING = 8.0, 7.0, 6.6, 8.8
HEADING_ROOM = 36.0
LINES_A_ROW = 20  # of a text in a table
LONG_LINE = 110
LEAST_SIZE = 5.0  # of a text that is made to fit
MAX_CELL, MAX_CELL_LINES = 190.0, 8
BROKEN_ROOM = 110.0  # of what may be broken over pages, at least this much stands below its head


def markup(text: str) -> str:
    """Return plain text as a paragraph's markup: newlines stay."""
    return escape(text).replace("\n", "<br/>")


def heading(text: str, anchor: str) -> Paragraph:
    """Return a section's head, which the contents link to."""
    made = Paragraph(markup(text), HEADING)
    made.anchor = anchor
    return made


def flowables(body: Body) -> list[Flowable]:
    """Return what draws a body; the first of them may stand alone at the end of a page."""
    match body:
        case KeyTable():
            return [key_table(body)]
        case FrameTable():
            return frame_table(body)
        case Picture():
            return [image(body)]
        case Prose(paragraphs):
            return [Paragraph(markup(text), BODY) for text in paragraphs]
        case Code():
            return [CodeBlock.of(body)]


def room_for(body: list[Flowable], *, with_heading: bool) -> float:
    """Return the height that must be left on a page for a body to begin there.

    A head is never stranded, and what takes less than three fifths of a page is not broken.
    """
    height = sum(part.wrap(WIDTH, HEIGHT)[1] for part in body)
    unbroken = isinstance(body[0], Image) or height < 0.6 * HEIGHT
    return (HEADING_ROOM if with_heading else 0.0) + (float(height) + 6.0 if unbroken else BROKEN_ROOM)


class Drawing(Image):  # type: ignore[misc]  # reportlab has no types
    """An image that takes its room in a draft pass, but is read and packed only in the last one."""

    def draw(self) -> None:
        if not self.canv._doctemplate.is_draft:
            super().draw()


def image(picture: Picture) -> Drawing:
    """Return a picture scaled to the width of the page, and to nine tenths of its height at most."""
    scale = min(WIDTH / picture.width, 0.9 * HEIGHT / picture.height)
    return Drawing(io.BytesIO(picture.png), width=picture.width * scale, height=picture.height * scale)


def key_table(table: KeyTable) -> Table | Paragraph:
    """Return keys and values side by side, what is nested indented; a value of several lines goes below its key."""
    if not table.rows:
        return Paragraph("empty", CAPTION)
    keys = ["\u2003" * depth + key for depth, key, _ in table.rows]
    left = min(0.42 * WIDTH, max(_width(key, BOLD, KEY_SIZE) for key in keys) + 14)
    cells: list[list[str]] = []
    style = [*_PLAIN_TABLE, ("TEXTCOLOR", (0, 0), (0, -1), MUTED), ("LINEBELOW", (0, 0), (-1, -1), 0.25, RULE)]
    style.append(("FONT", (0, 0), (0, -1), SANS, KEY_SIZE, KEY_SIZE + 2.6))
    style.append(("FONT", (1, 0), (1, -1), MONO, KEY_SIZE - 0.5, KEY_SIZE + 2.6))
    for key, (_, _, value) in zip(keys, table.rows, strict=True):
        row = len(cells)
        beside = wrap_value(value, _mono_width, WIDTH - left - 8)
        if beside.count("\n") >= LINES_A_ROW and "\n" not in value:
            value = "\n".join(textwrap.wrap(value, LONG_LINE))
        if not value or "\n" in value:
            style.append(("FONT", (0, row), (0, row), BOLD, KEY_SIZE, KEY_SIZE + 2.6))
            style.append(("TEXTCOLOR", (0, row), (0, row), INK))
        key = wrap_value(key, lambda t: _width(t, BOLD, KEY_SIZE), left - 8)
        if "\n" not in value:
            cells.append([key, beside])
            continue
        size, lines = _fitted(value)
        style.append(("LINEBELOW", (0, row), (-1, row), 0, WHITE))
        cells.append([key, ""])
        # one row for each part of it, since a row is never broken over pages
        for begin in range(0, len(lines), LINES_A_ROW):
            place = len(cells)
            cells.append(["\n".join(lines[begin : begin + LINES_A_ROW]), ""])
            style.append(("SPAN", (0, place), (1, place)))
            style.append(("FONT", (0, place), (0, place), MONO, size, 1.3 * size))
            style.append(("TEXTCOLOR", (0, place), (0, place), INK))
            if begin + LINES_A_ROW < len(lines):
                style.append(("LINEBELOW", (0, place), (-1, place), 0, WHITE))
    return Table(cells, colWidths=[left, WIDTH - left], style=TableStyle(style), hAlign="LEFT")


def frame_table(table: FrameTable) -> list[Flowable]:
    """Return a frame as a table; columns that do not fit are cut from the middle, and the shape stands below."""
    header = [_broken(name) for name in table.rows[0]]
    rows = [header, *([_wrapped_cell(cell) for cell in row] for row in table.rows[1:])]
    widths = [
        max(_width(row[i], BOLD if row is rows[0] else SANS, CELL_SIZE) for row in rows) + 11
        for i in range(len(header))
    ]
    dots = _width("…", SANS, CELL_SIZE) + 11
    chosen = fit_columns(widths, WIDTH, dots) if widths else []
    cells = [["…" if i is None else row[i] for i in chosen] for row in rows]
    shape = Paragraph(table.shape, CAPTION)
    if not chosen:
        return [shape]
    texts = [k for k, i in enumerate(chosen) if i is not None and is_text([row[i] for row in rows[1:]])]
    style = [
        *_PLAIN_TABLE,
        ("FONT", (0, 0), (-1, -1), SANS, CELL_SIZE, CELL_SIZE + 2),
        ("FONT", (0, 0), (-1, 0), BOLD, CELL_SIZE, CELL_SIZE + 2),
        ("ALIGN", (0, 0), (-1, -1), "RIGHT"),
        *(("ALIGN", (k, 0), (k, -1), "LEFT") for k in texts),
        ("LINEBELOW", (0, 0), (-1, 0), 0.6, MUTED),
        ("ROWBACKGROUNDS", (0, 1), (-1, -1), (None, SHADE)),
    ]
    fitted = [dots if i is None else widths[i] for i in chosen]
    spare = min(0.5 * WIDTH, max(0.0, WIDTH - sum(fitted)))
    fitted = [w + spare / len(fitted) for w in fitted]
    return [Table(cells, colWidths=fitted, style=TableStyle(style), repeatRows=1, hAlign="LEFT"), shape]


_PLAIN_TABLE = [
    ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ("TEXTCOLOR", (0, 0), (-1, -1), INK),
    ("TOPPADDING", (0, 0), (-1, -1), 1.6),
    ("BOTTOMPADDING", (0, 0), (-1, -1), 2.2),
    ("LEFTPADDING", (0, 0), (-1, -1), 4),
    ("RIGHTPADDING", (0, 0), (-1, -1), 4),
]


class CodeBlock(Flowable):  # type: ignore[misc]  # reportlab has no types
    """Numbered, lightly coloured lines of code, which break over pages between lines.

    Drawn by hand: reportlab's own preformatted text costs a parser pass per line and knows no line numbers.
    """

    GUTTER = 30.0

    def __init__(self, rows: list[tuple[int | None, list[Span]]]) -> None:
        super().__init__()
        self._rows = rows

    @classmethod
    def of(cls, code: Code) -> "CodeBlock":
        """Lay out source code; a line too long for the page goes on in a row without a number."""
        columns = int((WIDTH - cls.GUTTER) / _width("0", MONO, CODE_SIZE))
        rows: list[tuple[int | None, list[Span]]] = []
        for number, spans in code.lines:
            for place, part in enumerate(wrapped(list(spans), columns)):
                rows.append((number if place == 0 else None, part))
        return cls(rows)

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        return width, len(self._rows) * CODE_LEADING

    def split(self, width: float, height: float) -> list["CodeBlock"]:
        n = int(height / CODE_LEADING)
        return [CodeBlock(self._rows[:n]), CodeBlock(self._rows[n:])] if n else []

    def draw(self) -> None:
        top = len(self._rows) * CODE_LEADING
        for place, (number, spans) in enumerate(self._rows):
            y = top - (place + 1) * CODE_LEADING + 2
            line = self.canv.beginText(self.GUTTER, y)
            line.setFont(MONO, CODE_SIZE)
            for text, kind in spans:
                line.setFillColor(CODE_COLOURS[kind])
                line.textOut(text)
            self.canv.drawText(line)
            if number is not None:
                self.canv.setFont(MONO, CODE_SIZE)
                self.canv.setFillColor(MUTED)
                self.canv.drawRightString(self.GUTTER - 8, y, str(number))


def _broken(name: str) -> str:
    """Break a long column name (`venue:symbol`, names that share a column) where it may be broken."""
    if _width(name, BOLD, CELL_SIZE) <= 90:
        return name
    return name.replace(" = ", " =\n").replace(":", ":\n")


def _wrapped_cell(text: str) -> str:
    """Break a long text within its cell; of one beyond all measure the beginning is shown."""
    if len(text) <= 40 or (width := _width(text, SANS, CELL_SIZE)) <= MAX_CELL:
        return text
    most = int(len(text) * MAX_CELL / width) * MAX_CELL_LINES
    return wrap_value(text if len(text) <= most else text[:most] + "…", lambda t: _width(t, SANS, CELL_SIZE), MAX_CELL)


def _fitted(text: str) -> tuple[float, list[str]]:
    """Return a size at which the lines of a preformatted text fit, and the lines, broken only where none does."""
    lines = text.expandtabs(4).split("\n")
    longest = max(map(len, lines))
    size = min(KEY_SIZE - 0.5, max(LEAST_SIZE, (WIDTH - 8) / (longest * _width("0", MONO, 1.0))))
    columns = int((WIDTH - 8) / _width("0", MONO, size) + 1e-6)
    return size, [line[at : at + columns] for line in lines for at in range(0, max(1, len(line)), columns)]


def _width(text: str, font: str, size: float) -> float:
    return float(max((pdfmetrics.stringWidth(line, font, size) for line in text.split("\n")), default=0.0))


def _mono_width(text: str) -> float:
    return _width(text, MONO, KEY_SIZE - 0.5)
