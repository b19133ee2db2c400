"""Scripts run by a virtual nursery over a line of toys."""

from typing import Any

from actors.runtime.nursery import Outcome
from actors.runtime.run_log import RunLog
from market.messages import (
    Position,
)
from sim.virtual import VirtualNursery
from tests.actors.runtime.toys import (
    Line,
    Script,
    ScriptedSource,
    position,
)

END = 1_000_000_000


def run(line: Line, script: Script, log: RunLog | None = None, **options: Any) -> tuple[VirtualNursery, Outcome]:
    nursery = VirtualNursery(RunLog() if log is None else log, 7, **options)
    line.wire(nursery)
    return nursery, nursery.run(ScriptedSource(nursery, script, END))


def books(*at_lots: tuple[int, int]) -> Script:
    return [(at, "venue", "books", position(lots)) for at, lots in at_lots]


def positions(line: Line, *names: str) -> list[tuple[str, int]]:
    return [(name, m.lots) for name, _, m in line.diary if isinstance(m, Position) and name in (names or line.names)]
