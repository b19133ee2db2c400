"""`[[venue]]` of a live config: which network, with what orders."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import attrs

from sim.config import structured
from sim.exchange import VenueModel
from sim.paper import paper_model
from venues.connection import Network, VenueConnection
from venues.registry import venue_kind

Execution = Literal["live", "paper"]


@attrs.frozen
class LiveVenueSection:
    """One `[[venue]]`.

    Attributes:
        name: as in `venue:symbol`: bybit, binance-futures.
        network: mainnet, testnet, demo; or custom, with the addresses given here, such as an emulator's.
        execution: `live`; or `paper`: orders go to the simulated venue inside this process, on live market data.
        rest, sockets: addresses in place of the usual ones, such as https://127.0.0.1:9000; of sockets by their name,
            `default` for all.
        ca_file: certificates that are trusted besides the system's, relative to the config's folder.
        settings: how the venue is used, where it has something to be set (docs/venues.md): checked as strictly.
        batches: what is commanded at one instant shares a frame, where the venue has batches on its trade socket.
        paper: how orders on paper are matched: the keys of a simulated run's [[venue]].
    """

    name: str
    network: Network = attrs.field(
        default="mainnet", validator=attrs.validators.in_(("mainnet", "testnet", "demo", "custom"))
    )
    execution: Execution = attrs.field(default="live", validator=attrs.validators.in_(("live", "paper")))
    rest: str = ""
    sockets: dict[str, str] = attrs.field(factory=dict)
    ca_file: str = ""
    settings: dict[str, Any] = attrs.field(factory=dict)
    batches: bool = True
    paper: dict[str, Any] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        if self.paper and self.execution != "paper":
            raise ValueError(
                f"[[venue]] {self.name!r} has keys of [venue.paper], and its execution is {self.execution}"
            )
        self.connection(Path())  # what is wrong with it is said where the config is read
        self.model()
        self.venue_settings()

    def connection(self, folder: Path) -> VenueConnection:
        """Return where it is reached; `ca_file` is relative to `folder`."""
        ca_file = folder / self.ca_file if self.ca_file else None
        return VenueConnection(self.network, self.rest, self.sockets, ca_file)

    def venue_settings(self) -> object | None:
        """Return how the venue is used; None: as usual."""
        if not self.settings:
            return None
        wanted = venue_kind(self.name).settings
        if wanted is None:
            raise ValueError(f"[venue.settings] of {self.name}: this venue has nothing to be set")
        found: object = structured(self.settings, wanted, f"[venue.settings] of {self.name}")
        return found

    def model(self) -> VenueModel:
        """Return how orders on paper are matched."""
        if not self.paper:
            return paper_model(self.name)
        given: Mapping[str, Any] = {"name": self.name, **self.paper}
        model = structured(given, VenueModel, f"[venue.paper] of {self.name}")
        return model if "latency" in self.paper else attrs.evolve(model, latency=paper_model(self.name).latency)
