"""The words and signs of a formula."""

import re
from collections.abc import Iterator
from typing import Final

import attrs

from research.regression.formula_error import FormulaError

# a word is anything else: parameters bring -, / and . with them
_TOKEN: Final = re.compile(
    r"(?P<space>\s+)|(?P<sign>[(),~+*:])|`(?P<quoted>[^`]*)`|(?P<word>[^\s(),~+*:`]+)|(?P<open>`)"
)
END: Final = ""


@attrs.frozen
class Token:
    """A word, a sign or the end of a formula.

    Attributes:
        kind: `word`, `quoted` (a column in backquotes), `sign` or `end`.
    """

    kind: str
    text: str
    start: int
    end: int


def tokens(formula: str) -> Iterator[Token]:
    """Yield the tokens of a formula, and the end as the last.

    Raises:
        FormulaError: a backquote is not closed.
    """
    for match in _TOKEN.finditer(formula):
        kind = str(match.lastgroup)
        if kind == "open":
            raise FormulaError("this backquote is never closed", formula, match.start(), match.end())
        if kind != "space":
            yield Token(kind, match.group(kind), match.start(), match.end())
    yield Token("end", END, len(formula), len(formula))
