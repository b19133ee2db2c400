"""Listings keep every character, know comments, and do without them."""

from hypothesis import given
from hypothesis import strategies as st

from research.code_listing import COMMENT, KEYWORD, PLAIN, STRING, Span, listing, wrapped

SOURCE = '''"""Doc # not a comment
on two lines."""

# all of a comment
def quote(bid):  # trailing
    return f"{bid} # inside" + '#'
'''


def text(spans: list[Span]) -> str:
    return "".join(part for part, _ in spans)


def test_every_line_stays_as_it_is() -> None:
    lines = listing(SOURCE)
    assert [number for number, _ in lines] == list(range(1, 7))
    assert [text(spans) for _, spans in lines] == SOURCE.splitlines()
    assert ("def", KEYWORD) in lines[4][1]
    assert ("# trailing", COMMENT) in lines[4][1]
    assert lines[0][1] == [('"""Doc # not a comment', STRING)]


def test_without_comments() -> None:
    lines = listing(SOURCE, include_comments=False)
    assert [number for number, _ in lines] == [1, 2, 5, 6]  # the file's own numbers
    assert [text(spans) for _, spans in lines] == [
        '"""Doc # not a comment',
        'on two lines."""',
        "def quote(bid):",
        "    return f\"{bid} # inside\" + '#'",
    ]


def test_what_is_not_python_comes_plain() -> None:
    lines = listing("name = 'unclosed\n  [[quoter]]\n")
    assert [text(spans) for _, spans in lines] == ["name = 'unclosed", "  [[quoter]]"]
    assert {kind for _, spans in lines for _, kind in spans} <= {PLAIN, STRING}


@given(st.text(alphabet="ab #'\"\n\t(:=1", max_size=60))
def test_any_text_survives(source: str) -> None:
    assert [text(spans) for _, spans in listing(source)] == source.splitlines()


@given(st.lists(st.text(alphabet="abc ", max_size=30)), st.integers(1, 12))
def test_wrapping_loses_nothing(parts: list[str], width: int) -> None:
    rows = wrapped([(part, PLAIN) for part in parts], width)
    assert "".join(text(row) for row in rows) == "".join(parts)
    assert all(len(text(row)) <= width for row in rows)
