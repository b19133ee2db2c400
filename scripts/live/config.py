"""The config of a live run: TOML into checked classes, as strictly as that of a simulated one."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from actors.book_keeper import BookKeeperConfig
from actors.config import OrdersConfig, QuoterConfig
from actors.guard_config import GuardConfig
from actors.record_config import RecordConfig
from scripts.live.venue_section import LiveVenueSection
from sim.config import ConfigError, read_toml, structured
from venues.registry import venue_kind

# what differs live where the config is silent: an account may hold orders and positions, and its news may be lost
_ORDERS: Final = {"reconcile_at_start": True, "account_every_s": 30.0}
_BOOKS: Final[dict[str, Any]] = {"distrust_crossed": True}
_STAMPS: Final = {"start_ns", "end_ns", "session", "halted", "hand"}  # what a run adds to its own `[run]`


@attrs.frozen
class LiveRunSection:
    """`[run]` of a live config.

    Attributes:
        seed: of the backoffs' jitter.
        capital: starting equity of each venue, report currency: figures are relative to it, margin on paper is counted
            from it.
        stamp_s: period of the `equity` table.
        depth: levels a side that actors see.
    """

    seed: int = attrs.field(default=7, validator=attrs.validators.ge(0))
    capital: float = attrs.field(default=10_000.0, validator=attrs.validators.gt(0))
    stamp_s: float = attrs.field(default=1.0, validator=attrs.validators.ge(0.001))
    depth: int = attrs.field(default=20, validator=[attrs.validators.ge(1), attrs.validators.le(1000)])


@attrs.frozen
class LiveSection:
    """`[live]`.

    Attributes:
        state: folder of the account's state, relative to the config's folder: session numbers, a halt, the heartbeat.
        drain_s: how long a stop may take to prove its cancels.
        journal: write the journal, by which the run can be replayed.
        sync_s: tables, log and journal reach the disk at this period; what a power cut may cost.
        status: show the status on the screen.
        metrics_port: serve metrics on this port of loopback; 0: do not.
        alert: a command and its arguments that is run for every alert.  alert_timeout_s: it may take so long.
        real_money: trade on mainnet without being asked.
    """

    state: str = attrs.field(default="state", validator=attrs.validators.min_len(1))
    drain_s: float = attrs.field(default=10.0, validator=[attrs.validators.gt(0), attrs.validators.le(600)])
    journal: bool = True
    sync_s: float = attrs.field(default=1.0, validator=[attrs.validators.ge(0.05), attrs.validators.le(60)])
    status: bool = True
    metrics_port: int = attrs.field(default=0, validator=[attrs.validators.ge(0), attrs.validators.lt(65_536)])
    alert: tuple[str, ...] = ()
    alert_timeout_s: float = attrs.field(default=10.0, validator=attrs.validators.gt(0))
    real_money: bool = False


@attrs.frozen
class LiveConfig:
    """A whole live config; `record` None: the market is not recorded."""

    run: LiveRunSection = attrs.field(factory=LiveRunSection)
    live: LiveSection = attrs.field(factory=LiveSection)
    orders: OrdersConfig = attrs.field(factory=lambda: OrdersConfig(**_ORDERS))  # type: ignore[arg-type]  # a bool and a float
    books: BookKeeperConfig = attrs.field(factory=lambda: BookKeeperConfig(**_BOOKS))
    guard: GuardConfig = attrs.field(factory=GuardConfig)
    record: RecordConfig | None = None
    venue: tuple[LiveVenueSection, ...] = ()
    quoter: tuple[QuoterConfig, ...] = (
        QuoterConfig("vamp", ("bybit:SOLUSDT",), references=("binance-futures:SOLUSDT",)),
    )

    def __attrs_post_init__(self) -> None:
        for what, names in (("venue", [v.name for v in self.venue]), ("quoter", [q.name for q in self.quoter])):
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"[[{what}]] {name!r} is listed twice")
        if not self.orders.reconcile_at_start:
            raise ValueError(
                "[orders] reconcile_at_start must be true live: the account may hold orders of earlier runs"
            )
        if not self.orders.account_every_s:
            raise ValueError("[orders] account_every_s must be above 0 live: a venue may fail to tell of a fill")

    def quoted(self, venue: str) -> tuple[str, ...]:
        """Return the symbols of a venue that are quoted, each once."""
        return _of_venue((name for quoter in self.quoter for name in quoter.instruments), venue)

    def symbols(self, venue: str) -> tuple[str, ...]:
        """Return the symbols of a venue that are quoted or read, each once."""
        return _of_venue((n for quoter in self.quoter for n in (*quoter.instruments, *quoter.references)), venue)


def _of_venue(names: Iterable[str], venue: str) -> tuple[str, ...]:
    pairs = dict.fromkeys(tuple(name.split(":")) for name in names)
    return tuple(symbol for place, symbol in pairs if place == venue)


def check_venues(config: LiveConfig) -> None:
    """See that every venue that is used is configured, and no other.

    Raises:
        ConfigError: the text names the venue.
    """
    names = (name for quoter in config.quoter for name in (*quoter.instruments, *quoter.references))
    used = dict.fromkeys(name.split(":")[0] for name in names)
    configured = [section.name for section in config.venue]
    for venue in used:
        if venue not in configured:
            raise ConfigError(f"[[quoter]] uses {venue}, and there is no [[venue]] of that name")
    for venue in configured:
        if venue not in used:
            raise ConfigError(f"[[venue]] {venue!r} is used by no quoter; used are: {', '.join(used)}")
        try:
            venue_kind(venue)
        except ValueError as error:
            raise ConfigError(f"[[venue]]: {error}") from None


def load_live_config(path: Path) -> LiveConfig:
    """Read a config file.

    Raises:
        ConfigError: it is not TOML, or a key or value is wrong; the text names it and what is allowed.
    """
    return make_live_config(read_toml(path), str(path))


def make_live_config(raw: Mapping[str, Any], where: str = "config") -> LiveConfig:
    """Make a config of parsed TOML: one that somebody wrote, or the `run.toml` of a live run.

    Raises:
        ConfigError: as `load_live_config`.
    """
    plain = dict(raw)
    section = plain.get("run")
    if isinstance(section, dict) and "start_ns" in section:
        plain.pop("instrument", None)
        plain["run"] = {key: value for key, value in section.items() if key not in _STAMPS}
    for section, defaults in (("orders", _ORDERS), ("books", _BOOKS)):
        given = plain.get(section, {})
        if isinstance(given, dict):
            plain[section] = {**defaults, **given}
    return structured(plain, LiveConfig, where)
