"""Which accounts a live config trades on, and how they are reached by REST: for who looks after them from outside."""

from pathlib import Path

import attrs

from sim.config import ConfigError, read_toml
from venues.connection import Credentials, VenueConnection, addresses_of, credentials_of


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


def accounts_of(config: Path, env_file: Path) -> tuple[list[Account], Path]:
    """Return the accounts of a live config that orders are sent to, and its state folder.

    Raises:
        ConfigError: there are none, or it is no config.
        ValueError: an address or a key is missing or malformed.
    """
    raw = read_toml(config)
    accounts = []
    quoted = {name.split(":")[0] for quoter in raw.get("quoter", ()) for name in quoter.get("instruments", ())}
    for section in raw.get("venue", ()):
        name = section.get("name", "")
        if name not in quoted or section.get("execution", "live") != "live":
            continue  # only read, or traded on paper: no order of ours can be there
        ca_file = config.parent / section["ca_file"] if section.get("ca_file") else None
        network = section.get("network", "mainnet")
        connection = VenueConnection(network, section.get("rest", ""), section.get("sockets", {}), ca_file)
        rest = addresses_of(name, connection).rest
        accounts.append(Account(name, rest, credentials_of(name, file=env_file), ca_file))
    if not accounts:
        raise ConfigError(f"{config}: no [[venue]] whose instruments are quoted with execution live: nothing to watch")
    return accounts, config.parent / raw.get("live", {}).get("state", "state")
