"""What a formula is made of: columns, constants and calls, in blocks that are joined to a model.

Every part knows its place in the formula's text, so that an error found later still points at it.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

Place = tuple[int, int]


@attrs.frozen
class Column:
    """A column of the frame."""

    name: str
    place: Place = attrs.field(eq=False)

    def __str__(self) -> str:
        return self.name if is_plain(self.name) else f"`{self.name}`"


@attrs.frozen
class Constant:
    """A number, written `const_x`."""

    value: float
    place: Place = attrs.field(eq=False)

    def __str__(self) -> str:
        return f"const_{number_text(self.value)}"


@attrs.frozen
class Call:
    """An operator with its parameters and arguments, such as `ls_25/75(x)`.

    Attributes:
        parameters: numbers, or the one word that the operator allows.
        expansion: what a pseudo operator stands for.
    """

    name: str
    parameters: tuple[float | str, ...]
    arguments: tuple[Node, ...]
    place: Place = attrs.field(eq=False)
    expansion: Node | None = attrs.field(default=None, eq=False)

    def __str__(self) -> str:
        riding = "/".join(p if isinstance(p, str) else number_text(p) for p in self.parameters)
        return f"{self.name}{'_' if riding else ''}{riding}({','.join(map(str, self.arguments))})"


Node = Column | Constant | Call


@attrs.frozen
class Formula:
    """A model: a response and the terms that explain it.

    Attributes:
        text: as it was written.
        blocks: each distinct block once; the response is the first, b0.
        terms: each a product of the blocks with these numbers, in the order of the formula.
    """

    text: str
    blocks: tuple[Node, ...]
    terms: tuple[tuple[int, ...], ...]

    @property
    def term_names(self) -> tuple[str, ...]:
        """The terms as `b1`, `b1:b2`, ..."""
        return tuple(":".join(f"b{block}" for block in term) for term in self.terms)


def number_text(value: float) -> str:
    """Return a number so that reading it gives the same number."""
    return str(int(value)) if value == int(value) else repr(value)


def is_plain(name: str) -> bool:
    """Tell whether a name can stand in a formula without backquotes."""
    return bool(name) and not any(c.isspace() or c in "(),~+*:`" for c in name)


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all below it."""
    yield node
    if isinstance(node, Call):
        for argument in node.arguments:
            yield from walk(argument)
