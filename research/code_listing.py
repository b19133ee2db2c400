"""Source code as coloured spans, line by line."""

import io
import keyword
import token
import tokenize
from typing import TypeAlias

PLAIN, KEYWORD, STRING, COMMENT, NUMBER = "plain", "keyword", "string", "comment", "number"
Span: TypeAlias = tuple[str, str]  # text, kind

_FSTRING_PARTS = ("FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END")  # they come in pieces since Python 3.12
_KINDS = {
    token.STRING: STRING,
    token.NUMBER: NUMBER,
    tokenize.COMMENT: COMMENT,
    **{getattr(token, name): STRING for name in _FSTRING_PARTS if hasattr(token, name)},
}


def listing(source: str, *, include_comments: bool = True) -> list[tuple[int, list[Span]]]:
    """Return (line number, spans) of each line; text that is not Python comes plain.

    Args:
        include_comments: False leaves out comments and every line that is empty then; numbers stay the file's own.
    """
    lines = source.splitlines()
    marks: list[list[tuple[int, int, str]]] = [[] for _ in lines]
    try:
        for found in tokenize.generate_tokens(io.StringIO(source).readline):
            kind = _KINDS.get(found.type)
            if found.type == token.NAME and keyword.iskeyword(found.string):
                kind = KEYWORD
            if kind is None:
                continue
            (first, begin), (last, end) = found.start, found.end
            for row in range(first, last + 1):
                width = len(lines[row - 1])
                marks[row - 1].append((begin if row == first else 0, end if row == last else width, kind))
    except (tokenize.TokenError, SyntaxError, IndexError):
        marks = [[] for _ in lines]
    numbered = []
    for number, (line, spans) in enumerate(zip(lines, marks, strict=True), start=1):
        coloured = _spans(line, spans, include_comments=include_comments)
        if include_comments or any(text.strip() for text, _ in coloured):
            numbered.append((number, coloured))
    return numbered


def wrapped(spans: list[Span], width: int) -> list[list[Span]]:
    """Cut a line's spans into rows of at most `width` characters; an empty line is one empty row."""
    rows: list[list[Span]] = [[]]
    room = width
    for text, kind in spans:
        while len(text) > room:
            rows[-1].append((text[:room], kind))
            text, room = text[room:], width
            rows.append([])
        if text:
            rows[-1].append((text, kind))
            room -= len(text)
    return rows


def _spans(line: str, marks: list[tuple[int, int, str]], *, include_comments: bool) -> list[Span]:
    found: list[Span] = []
    at = 0
    for begin, end, kind in marks:
        if begin > at:
            found.append((line[at:begin], PLAIN))
        if kind != COMMENT or include_comments:
            found.append((line[begin:end], kind))
        at = max(at, end)
    if at < len(line):
        found.append((line[at:], PLAIN))
    if not include_comments and found:
        found[-1] = (found[-1][0].rstrip(), found[-1][1])
    return found
