"""What drives a simulation: the market and the venues, as the nursery sees them."""

from typing import Protocol

from market.units import Nanos


class EventSource(Protocol):
    """Gives events in the order of their time."""

    @property
    def end(self) -> Nanos:
        """When the run is over; final as soon as `finished`."""
        ...

    @property
    def finished(self) -> bool:
        """Tell whether no event is left; a request of an actor may bring one again."""
        ...

    def advance(self, until: Nanos) -> Nanos | None:
        """Run the market to its next event that an actor must hear of, if before or at `until`.

        Calls the nursery's `at`, then `emit` or `post`.  Returns the event's time; None: there is none up to `until`.
        """
        ...
