"""A report as one HTML file: pictures inside, no script, nothing from outside; to be read on a screen or printed."""

import base64
import json
from collections.abc import Iterator
from html import escape
from pathlib import Path

from research.code_listing import PLAIN
from research.html_style import POLICY, STYLE
from research.report_record import RECORD_ID, encoded
from research.sections import Body, Code, FrameTable, KeyTable, Picture, Prose, Report
from research.text_table import is_text


def write_page(path: Path, report: Report) -> Path:
    """Write a report; the file is complete or, after an error, not there."""
    half = path.with_name(path.name + ".part")
    try:
        half.write_text("\n".join(_page(report)) + "\n", encoding="utf-8", newline="\n")
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
    return path


def _page(report: Report) -> Iterator[str]:
    title = escape(report.title)
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>"
    yield f'<h1>{title}</h1>\n<p class="subtitle">{_lines(report.subtitle)}</p>'
    yield '<nav aria-label="Contents">'
    for chapter in report.chapters:
        yield f'<a href="#{chapter.anchor}">{escape(chapter.title)}</a>'
    yield "</nav>"
    for chapter in report.chapters:
        yield f'<section>\n<h2 id="{chapter.anchor}">{escape(chapter.title)}</h2>'
        for body in chapter.bodies:
            yield from _body(body, chapter.title)
        yield "</section>"
    yield "</main>"
    # in a block of data "</script>" would end it
    record = json.dumps(json.loads(encoded(report.record)), ensure_ascii=False, indent=1).replace("<", "\\u003c")
    yield f'<script type="application/json" id="{RECORD_ID}">\n{record}\n</script>\n</body>\n</html>'


def _body(body: Body, title: str) -> Iterator[str]:
    match body:
        case KeyTable():
            yield from _keys(body)
        case FrameTable():
            yield from _frame(body)
        case Picture():
            data = base64.b64encode(body.png).decode()
            size = f'width="{body.width}" height="{body.height}"'
            yield f'<figure><img {size} alt="{escape(title)}" src="data:image/png;base64,{data}"></figure>'
        case Prose():
            yield from (f"<p>{_lines(text)}</p>" for text in body.paragraphs)
        case Code():
            yield '<div class="code" translate="no">'
            for number, spans in body.lines:
                line = "".join(
                    escape(text) if kind == PLAIN else f'<span class="{kind}">{escape(text)}</span>'
                    for text, kind in spans
                )
                yield f'<code data-n="{number}">{line or "&nbsp;"}</code>'
            yield "</div>"


def _keys(table: KeyTable) -> Iterator[str]:
    yield '<table class="keys"><colgroup><col><col></colgroup>'
    for depth, key, value in table.rows:
        indent = f' style="padding-left: {0.7 + 1.3 * depth:.1f}rem"'
        if "\n" in value:
            yield f'<tr><th class="opens"{indent} colspan="2">{escape(key)}<pre>{escape(value)}</pre></th></tr>'
        else:
            opens = "" if value else ' class="opens"'
            yield f'<tr><th scope="row"{opens}{indent}>{escape(key)}</th><td>{escape(value)}</td></tr>'
    yield "</table>"


def _frame(table: FrameTable) -> Iterator[str]:
    header, *rows = table.rows
    words = [' class="words"' if is_text([row[i] for row in rows]) else "" for i in range(len(header))]
    yield '<div class="wide"><table class="frame"><thead><tr>'
    yield "".join(f"<th{kind}>{escape(name)}</th>" for name, kind in zip(header, words, strict=True))
    yield "</tr></thead><tbody>"
    for row in rows:
        cells = "".join(f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(row, words, strict=True))
        yield f"<tr>{cells}</tr>"
    yield f'</tbody></table></div>\n<p class="shape">{escape(table.shape)}</p>'


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br>")
