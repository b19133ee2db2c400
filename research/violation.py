"""What a checker has to say against a run."""

from collections.abc import Mapping

import attrs

from market.units import Nanos


@attrs.frozen
class Violation:
    """One broken rule.

    Attributes:
        rule: its name, see `research.fill_check.RULES`.
        instrument: id in the run's table.
        ts: venue time of the fill, or the stamp of the equity table, ns.
        text: what is wrong, for people.
        client_id, fill_id: of the order and the fill; -1 where the rule is about neither.
        numbers: what the rule compared.
    """

    rule: str
    instrument: int
    ts: Nanos
    text: str
    client_id: int = -1
    fill_id: int = -1
    numbers: Mapping[str, float] = attrs.field(factory=dict)

    def __str__(self) -> str:
        whose = f" order {self.client_id}" if self.client_id >= 0 else ""
        which = f" fill {self.fill_id}" if self.fill_id >= 0 else ""
        numbers = ", ".join(f"{name} {number:.10g}" for name, number in self.numbers.items())
        return f"{self.rule}: instrument {self.instrument}{whose}{which} at {self.ts}: {self.text} ({numbers})"
