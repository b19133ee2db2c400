"""Stands before a real venue, behind the same ports as the simulated one."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final

from actors.runtime.nursery import Emit, Shell
from market.messages import (
    AccountSnapshot,
    AmendOrder,
    CancelAll,
    CancelOrder,
    ConnectionLost,
    PlaceOrder,
    QueryOrder,
    RequestAccount,
    RequestSnapshot,
    Started,
    Stop,
)
from venues.abandonment_shell import Abandonment
from venues.shell import OnFrame, OnSocket, ShellClock, ShellConfig, VenueShell
from venues.venue import Venue, VenueSetup

if TYPE_CHECKING:
    from loguru import Logger

# of one life: they begin anew in the next, and never at 0, which would say that there is nothing to recover
_EPOCHS_A_LIFE: Final = 1 << 20


class VenueConnector(Shell):
    """Gives a venue what is commanded at one instant as soon as all of it is there, and emits what it tells.

    A connector is born without a connection, and says so: nobody trades before the venue is up and the account known.

    Args:
        make: a fresh venue, as `VenueKind.make`.
        on_frame, on_socket: hear every frame, opening and loss before the venue does; they must not raise.
    """

    ports: ClassVar[tuple[str, ...]] = (
        "books",
        "trades",
        "marks",
        "facts",
        "fills",
        "connection",
        "clock",
        "halts",
        "limits",
    )

    def __init__(
        self,
        name: str,
        setup: VenueSetup,
        make: Callable[[VenueSetup], Venue],
        clock: ShellClock,
        *,
        seed: int = 0,
        on_frame: OnFrame | None = None,
        on_socket: OnSocket | None = None,
        config: ShellConfig | None = None,
        logger: "Logger | None" = None,
    ) -> None:
        super().__init__(name)
        self.venue = setup.venue
        self._can_trade, self._batches = setup.credentials is not None, setup.batches
        self._ready: list[Any] = []  # commands, in the order in which they came
        self._epoch = 1
        self._is_stopped = False
        self._emit: Emit
        self._shell = VenueShell(
            make(setup),
            setup.connection,
            clock,
            self._tell,
            number=setup.venue,
            seed=seed,
            on_frame=on_frame,
            on_socket=on_socket,
            gather=self._read,
            config=config,
            logger=logger,
        )
        self._abandonment = Abandonment(
            setup.venue, setup.instruments, clock.now_ns, self._shell.command, clock.now_ns()
        )
        self.on = {
            PlaceOrder: self._place,
            **dict.fromkeys((AmendOrder, CancelOrder, CancelAll, QueryOrder, RequestAccount), self._forward),
            RequestSnapshot: self._shell.command,
            Started: self._start,
            Stop: self._stop,
        }

    @property
    def n_unproven(self) -> int:
        """Return how many orders `abandon` has not yet seen the end of; 1 before the venue has answered."""
        return self._abandonment.n_unproven

    def abandon(self) -> None:
        """Cancel every order, by HTTP, until the account shows that none is left."""
        self.settle()
        if self._can_trade:
            self._abandonment.begin()

    async def run(self, emit: Emit) -> None:
        """Drive the venue; a life that ends while the run goes on has all orders cancelled on its way out.

        Nobody looks after them until those who do are started anew.
        """
        self._emit = emit
        await self._shell.run(self._epoch, self._abandonment.run, self._last_commands)

    def _start(self, started: Started) -> None:
        self._epoch = 1 + started.generation * _EPOCHS_A_LIFE
        self.out.append(("connection", ConnectionLost(self.venue, self.now, self._epoch, "not connected yet")))

    def _stop(self, message: Stop) -> None:
        self.settle()
        self._is_stopped = not message.run_goes_on

    def _place(self, order: PlaceOrder) -> None:
        self._abandonment.placed(self.now)
        self._forward(order)

    def _forward(self, command: Any) -> None:
        if not self._can_trade:
            raise ValueError(f"{self.name} reads market data alone, without a key, and was given {command!r}")
        self._ready.append(command)

    def settle(self) -> None:
        """Give the venue what has come."""
        if self._ready:
            ready, self._ready = self._ready, []
            self._shell.commands(ready, apart=not self._batches)

    def _last_commands(self) -> list[Any]:
        return self._abandonment.last_commands() if self._can_trade and not self._is_stopped else []

    def _read(self, work: Callable[[], None]) -> None:
        self.gather(work)

    def _tell(self, port: str, message: Any) -> None:
        if type(message) is AccountSnapshot:
            self._abandonment.saw(message)
        self._emit(port, message)
