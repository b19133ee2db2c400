"""Which accounts a live config trades on, and how they are reached by REST: for who looks after them from outside."""

from pathlib import Path

import attrs

from scripts.live.config import load_live_config
from sim.config import ConfigError
from venues.connection import Credentials, addresses_of, credentials_of


@attrs.frozen
class Account:
    """An account that orders are sent to.

    Attributes:
        venue: its name.  rest: scheme and host of its REST interface.
        ca_file: certificates that are trusted besides the system's.
    """

    venue: str
    rest: str
    credentials: Credentials
    ca_file: Path | None = None


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
        rest = addresses_of(section.name, connection).rest
        accounts.append(Account(section.name, rest, credentials_of(section.name, file=env_file), connection.ca_file))
    if not accounts:
        raise ConfigError(f"{path}: no [[venue]] whose instruments are quoted with execution live: nothing to watch")
    return accounts, path.parent / config.live.state
