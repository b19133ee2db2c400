"""One fill of a run, as its table has it."""

import attrs
import numpy as np

from market.units import ClientOrderId, InstrumentId, Lots, Nanos, Ticks
from research.run_data import Run
from research.violation import Violation


@attrs.frozen
class RunFill:
    """A row of the table `fills`; see market.tables."""

    ts: Nanos
    ts_venue: Nanos
    instrument: InstrumentId
    client_id: ClientOrderId
    fill_id: int
    side: int
    price: Ticks
    size: Lots
    is_maker: bool
    fee: float

    def violation(self, rule: str, text: str, **numbers: float) -> Violation:
        """Return what is to be said against this fill."""
        numbers = {"side": self.side, "price": self.price, "size": self.size, **numbers}
        return Violation(rule, self.instrument, self.ts_venue, text, self.client_id, self.fill_id, numbers)


def run_fills(run: Run) -> list[RunFill]:
    """Return the fills in the order in which they happened: by venue time, then by fill id."""
    table = run.table("fills")
    order = np.lexsort((table["fill_id"], table["ts_venue"]))
    columns = [table[field.name][order].tolist() for field in attrs.fields(RunFill)]
    return [RunFill(*row) for row in zip(*columns, strict=True)]
