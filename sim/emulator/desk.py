"""One venue's desk, whichever protocol it speaks: its instruments by symbol, and its accounts by key."""

from collections.abc import Callable, Sequence
from typing import Any

from market.units import Nanos
from sim.emulator.account import Account
from sim.emulator.config import EmulatorConfig, VenueSection
from sim.emulator.engine import Engine
from sim.emulator.faults import Faults
from sim.emulator.orders import AccountEvent
from sim.emulator.outbox import Tally
from sim.emulator.public_view import PublicView


class Desk:
    """What the protocols have in common.

    Attributes:
        views: by symbol.
        accounts: by API key, in the order of the config.
        faults, tally: of the whole emulator.
    """

    def __init__(
        self, engine: Engine, config: EmulatorConfig, section: VenueSection, faults: Faults, tally: Tally
    ) -> None:
        self.section = section
        self.name = section.name
        self.seed = config.seed
        self.engine = engine
        self.faults = faults
        self.tally = tally
        self.views: dict[str, PublicView] = {
            view.instrument.symbol: view for view in engine.views.values() if view.instrument.venue == section.name
        }
        self._in_order = [Account(engine, section, a, place) for place, a in enumerate(config.account)]
        self.accounts: dict[str, Account] = {a.section.key: a for a in self._in_order}

    def catch_up(self, now: Nanos) -> None:
        """Bring the market up to `now`, the venue's clock, before something is done to it."""
        self.engine.play(self.engine.times[self.name].market(now))

    def take(self, place: int, facts: Sequence[Any]) -> tuple[Account, list[AccountEvent]]:
        """Take the engine's facts of an account into its books."""
        account = self._in_order[place]
        return account, account.take(facts)

    def named(self, name: str) -> Account:
        """Return an account by its name in the config.

        Raises:
            KeyError: there is none; the text lists those there are.
        """
        for account in self._in_order:
            if account.section.name == name:
                return account
        raise KeyError(f"no account {name!r}; known: {', '.join(a.section.name for a in self._in_order)}")


Tell = Callable[[Account, list[AccountEvent], Nanos], None]
