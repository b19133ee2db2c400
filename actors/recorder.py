"""The recorder: a shell that takes what actors report and hands it to the writer of the run's tables."""

from typing import ClassVar, Protocol

from actors.runtime.actor import Actor
from market.messages import Declaration, EquityStamp, Started


class TableSink(Protocol):
    """Writes the run's tables; it outlives a restart of the recorder."""

    def stamp(self, stamp: EquityStamp) -> None: ...

    def declare(self, declaration: Declaration) -> None: ...


class Recorder(Actor):
    """In: `EquityStamp`, `Declaration`.  Out: rows of tables."""

    ports: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str, sink: TableSink) -> None:
        super().__init__(name)
        self.on = {EquityStamp: sink.stamp, Declaration: sink.declare, Started: self._start}

    def _start(self, started: Started) -> None:
        pass
