"""What a live run trades on: the real venues, or anything that stands in their place."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from actors.runtime.actor import Actor
from actors.runtime.children import Hooks
from actors.runtime.live import LiveNursery
from actors.runtime.live_clock import LiveClock
from actors.runtime.run_log import RunLog
from market.instrument import InstrumentTable
from market.units import Nanos

if TYPE_CHECKING:
    from loguru import Logger


class SocketEars(Protocol):
    """Who hears what goes on at the sockets of the venues, before the venues do; it must not raise."""

    def on_frame(self, venue: str, socket: str, frame: str | bytes, ts_recv: Nanos) -> None:
        """A frame came."""
        ...

    def on_socket(self, venue: str, socket: str, is_open: bool, at: Nanos) -> None:
        """A socket has opened, or is gone."""
        ...


class Venues(Protocol):
    """The venues of a run.

    Attributes:
        instruments: the run's table; ids are places.
        sockets: by venue, those whose frames may be kept as they come.
        late: venues that tell the trades of an outage after it.
    """

    instruments: InstrumentTable
    sockets: Mapping[str, Sequence[str]]
    late: Sequence[str]

    @property
    def hooks(self) -> Hooks:
        """What the nursery must tell."""
        ...

    def connectors(
        self, log: RunLog, clock: LiveClock, logger: "Logger", ears: SocketEars | None
    ) -> Sequence[Callable[[], Actor]]:
        """Return what starts each venue's connector, in the order of `instruments.venues`.

        Args:
            ears: hears the sockets; None: nobody does.
        """
        ...

    def bind(self, nursery: LiveNursery, clock: LiveClock) -> None:
        """Learn who runs the actors; all is wired then."""
        ...

    async def serve(self) -> None:
        """Do what is to be done beside the actors; cancelled when they have ended."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return what the result says of the venues."""
        ...

    @property
    def execution(self) -> dict[str, str]:
        """Where orders go, by venue that is traded on: `live` or `paper`."""
        ...
