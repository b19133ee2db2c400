"""How far a block looks in time: what makes the responses of neighbouring rows overlap.

A response made of prices from `back` rows before to `ahead` rows after its row, and up to `ahead_s` seconds after it,
shares part of its path with the response of every row inside that span.
"""

import attrs

from research.forward_prices import horizon_of
from research.regression.operators import OPERATORS
from research.regression.syntax import Call, Column, Node


@attrs.frozen
class Reach:
    """How far a block looks, around its own row.

    Attributes:
        back, ahead: rows.  ahead_s: seconds, by the longest forward price `t{h}`.
    """

    back: int = 0
    ahead: int = 0
    ahead_s: float = 0.0

    @property
    def rows(self) -> int:
        """The span in rows."""
        return self.back + self.ahead


def reach(node: Node) -> Reach:
    """Return how far a block looks."""
    if isinstance(node, Column):
        return Reach(ahead_s=horizon_of(node.name) or 0.0)
    if not isinstance(node, Call):
        return Reach()
    if node.expansion is not None:
        return reach(node.expansion)
    back, ahead = OPERATORS[node.name].reach(node.parameters)
    below = [reach(argument) for argument in node.arguments]
    # the shift of `forward_1(logret_25())` moves its whole window: 24 rows back, 1 ahead
    shift = ahead if node.name == "forward" else -back if node.name == "delay" else 0
    if shift:
        return Reach(
            max(0, *(b.back - shift for b in below)),
            max(0, *(b.ahead + shift for b in below)),
            max(b.ahead_s for b in below),
        )
    return Reach(
        max((b.back for b in below), default=0) + back,
        max((b.ahead for b in below), default=0) + ahead,
        max((b.ahead_s for b in below), default=0.0),
    )
