"""Which accounts a live config trades on, and how they are reached by REST: for who looks after them from outside."""

from pathlib import Path

import attrs

from scripts.live.config import load_live_config
from sim.config import ConfigError
from venues.connection import Credentials, VenueConnection, addresses_of, credentials_of


@attrs.frozen
class Account:
    """An account that orders are sent to.

    Attributes:
        venue: its name.
        connection: where it is reached.
    """

    venue: str
    connection: VenueConnection
    credentials: Credentials

    @property
    def rest(self) -> str:
        """Return scheme and host of its REST interface."""
        return addresses_of(self.venue, self.connection).rest


def accounts_of(path: Path, env_file: Path) -> tuple[list[Account], Path]:
    """Return the accounts of a live config that orders are sent to, and its state folder.

    Raises:
        ConfigError: there are none, or it is no live config.
        ValueError: a key is missing.
    """
    config = load_live_config(path)
    accounts = []
    for section in config.venue:
        if section.execution != "live" or not config.quoted(section.name):
            continue  # on paper, or only read: no order of ours can be there
        connection = section.connection(path.parent)
        accounts.append(Account(section.name, connection, credentials_of(section.name, file=env_file)))
    if not accounts:
        raise ConfigError(f"{path}: no [[venue]] whose instruments are quoted with execution live: nothing to watch")
    return accounts, path.parent / config.live.state
