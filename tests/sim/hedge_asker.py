"""A strategy that quotes nothing and asks the hedge desk by a script: for checks of whole runs."""

from typing import Any, ClassVar

import attrs

from actors.quoter import Quoter, QuoterContext
from market.messages import HedgeAnswered


@attrs.frozen
class AskerParams:
    """`at_s`: when it asks, s from its start; each time what `asks` has at that place, arguments by name."""

    at_s: list[float] = attrs.field(factory=list)
    asks: list[dict[str, Any]] = attrs.field(factory=list)


class HedgeAsker(Quoter):
    """Asks, and keeps what it is answered."""

    params_class: ClassVar[type | None] = AskerParams

    def __init__(self, context: QuoterContext, params: AskerParams) -> None:
        super().__init__(context, params)
        self.answers: list[HedgeAnswered] = []
        self._asked = 0
        self._begun = 0

    def on_start(self, generation: int) -> None:
        self._begun = self.now
        self.every(0.05)

    def on_timer(self, token: int) -> None:
        p = self.params
        while self._asked < len(p.asks) and self.now >= self._begun + p.at_s[self._asked] * 1e9:
            asked = dict(p.asks[self._asked])
            asked["on"] = [(name, float(share)) for name, share in asked.pop("on", {}).items()]
            self._asked += 1
            self.hedge_portfolio(**asked)

    def on_hedged(self, answer: HedgeAnswered) -> None:
        self.answers.append(answer)
