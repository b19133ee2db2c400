"""The recorder: a shell that takes what actors report and hands it to the writer of the run's tables."""

from typing import ClassVar, Protocol

from actors.runtime.actor import Actor
from market.messages import Declaration, EquityStamp, OrderRefused, Started


class TableSink(Protocol):
    """Writes the run's tables; it outlives a restart of the recorder."""

    def stamp(self, stamp: EquityStamp) -> None: ...

    def declare(self, declaration: Declaration) -> None: ...

    def refuse(self, refused: OrderRefused) -> None: ...


class Recorder(Actor):
    """In: `EquityStamp`, `Declaration`, `OrderRefused`.  Out: rows of tables."""

    ports: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str, sink: TableSink) -> None:
        super().__init__(name)
        self.on = {
            EquityStamp: sink.stamp,
            Declaration: sink.declare,
            OrderRefused: sink.refuse,
            Started: self._start,
        }

    def _start(self, started: Started) -> None:
        pass
