"""Where a venue is reached, and with what key."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

import attrs

Network = Literal["mainnet", "testnet", "demo", "custom"]

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_SECURE: Final = frozenset({"https", "wss"})
_PLAIN: Final = frozenset({"http", "ws"})


@attrs.frozen
class Addresses:
    """Scheme and host of the REST interface and of each socket; paths are the venue's."""

    rest: str
    sockets: Mapping[str, str]


_BYBIT_MAINNET: Final = "wss://stream.bybit.com"
_BYBIT_TESTNET: Final = "wss://stream-testnet.bybit.com"
_BINANCE_MAINNET: Final = "wss://fstream.binance.com"
_BINANCE_DEMO: Final = "wss://demo-fstream.binance.com"
_BINANCE_TESTNET: Final = "wss://fstream.binancefuture.com"
_BINANCE_TEST_ORDERS: Final = "wss://testnet.binancefuture.com"

DEFAULTS: Final[Mapping[tuple[str, str], Addresses]] = {
    ("binance-futures", "mainnet"): Addresses(
        "https://fapi.binance.com",
        {
            "public": _BINANCE_MAINNET,
            "market": _BINANCE_MAINNET,
            "private": _BINANCE_MAINNET,
            "trade": "wss://ws-fapi.binance.com",
        },
    ),
    ("binance-futures", "testnet"): Addresses(
        "https://testnet.binancefuture.com",
        {
            "public": _BINANCE_TESTNET,
            "market": _BINANCE_TESTNET,
            "private": _BINANCE_TESTNET,
            "trade": _BINANCE_TEST_ORDERS,
        },
    ),
    ("binance-futures", "demo"): Addresses(
        "https://demo-fapi.binance.com",
        {"public": _BINANCE_DEMO, "market": _BINANCE_DEMO, "private": _BINANCE_DEMO, "trade": _BINANCE_TEST_ORDERS},
    ),
    ("bybit", "mainnet"): Addresses(
        "https://api.bybit.com", {"public": _BYBIT_MAINNET, "private": _BYBIT_MAINNET, "trade": _BYBIT_MAINNET}
    ),
    ("bybit", "testnet"): Addresses(
        "https://api-testnet.bybit.com",
        {"public": _BYBIT_TESTNET, "private": _BYBIT_TESTNET, "trade": _BYBIT_TESTNET},
    ),
    **{
        ("paradex", network): Addresses(
            f"https://api.{name}.paradex.trade",
            dict.fromkeys(("public", "private"), f"wss://ws.api.{name}.paradex.trade"),
        )
        for network, name in (("mainnet", "prod"), ("testnet", "testnet"))
    },
    **{
        ("hyperliquid", network): Addresses(f"https://{host}", dict.fromkeys(("public", "private"), f"wss://{host}"))
        for network, host in (("mainnet", "api.hyperliquid.xyz"), ("testnet", "api.hyperliquid-testnet.xyz"))
    },
    **{
        (venue, network): Addresses(rest, dict.fromkeys(("public", "private"), sockets))
        for venue in ("woox", "woox-rpi")
        for network, rest, sockets in (
            ("mainnet", "https://api.woox.io", "wss://wss.woox.io"),
            ("testnet", "https://api.staging.woox.io", "wss://wss.staging.woox.io"),
        )
    },
    # paper money on real prices; it has no trade socket: orders go by REST
    ("bybit", "demo"): Addresses(
        "https://api-demo.bybit.com", {"public": _BYBIT_MAINNET, "private": "wss://stream-demo.bybit.com"}
    ),
}


def _is_address(instance: "VenueConnection", attribute: "attrs.Attribute[str]", address: str) -> None:
    _check_address(attribute.name, address)


def _are_addresses(
    instance: "VenueConnection", attribute: "attrs.Attribute[Mapping[str, str]]", addresses: Mapping[str, str]
) -> None:
    for socket, address in addresses.items():
        _check_address(f"{attribute.name}.{socket}", address)


def _check_address(what: str, address: str) -> None:
    if not address:
        return
    parts = urlsplit(address)
    if parts.scheme not in _SECURE | _PLAIN or not parts.hostname:
        raise ValueError(f"{what}: {address!r} is no address; it reads scheme://host[:port], such as wss://host")
    if parts.scheme in _PLAIN and parts.hostname not in _LOOPBACK:
        raise ValueError(f"{what}: {address} is not encrypted; only loopback is reached so, use https or wss")
    if parts.path not in ("", "/") or parts.query or parts.username:
        raise ValueError(f"{what}: {address} has more than scheme, host and port; paths are the venue's")


@attrs.frozen
class VenueConnection:
    """Which of a venue's networks, and where it is.

    Attributes:
        network: "custom": all addresses are given here, as of an emulator; else those given replace the usual ones.
        rest: scheme and host, such as https://127.0.0.1:8443.
        sockets: by the venue's name for the socket; `default` stands for all that are not named.
        ca_file: certificates that are trusted besides the system's; for "custom" only.
    """

    network: Network = attrs.field(
        default="mainnet", validator=attrs.validators.in_(("mainnet", "testnet", "demo", "custom"))
    )
    rest: str = attrs.field(default="", validator=_is_address)
    sockets: Mapping[str, str] = attrs.field(factory=dict, validator=_are_addresses)
    ca_file: Path | None = attrs.field(default=None, converter=attrs.converters.optional(Path))

    def __attrs_post_init__(self) -> None:
        if self.network == "custom" and not (self.rest and self.sockets):
            raise ValueError("network custom: needs `rest` and `sockets`, the addresses of the venue")
        if self.network != "custom" and self.ca_file is not None:
            raise ValueError(f"network {self.network}: ca_file {self.ca_file} is for custom; real venues need none")


def addresses_of(venue: str, connection: VenueConnection) -> Addresses:
    """Return where a venue is reached.

    Raises:
        ValueError: its usual addresses are not known.
    """
    usual = DEFAULTS.get((venue, connection.network))
    if usual is None and connection.network != "custom":
        raise ValueError(f"{venue} has no network {connection.network!r} that is known; use custom with its addresses")
    sockets = dict(usual.sockets) if usual is not None else {}
    if (default := connection.sockets.get("default")) is not None:
        known = next((each.sockets for (name, _), each in DEFAULTS.items() if name == venue), {})
        sockets = dict.fromkeys((*known, *sockets), default)
    sockets.update({name: each for name, each in connection.sockets.items() if name != "default"})
    rest = connection.rest or (usual.rest if usual is not None else "")
    return Addresses(rest.rstrip("/"), {name: each.rstrip("/") for name, each in sockets.items()})


@attrs.frozen
class Credentials:
    """A key of a venue and its secret; neither is ever shown."""

    key: str = attrs.field(repr=False)
    secret: str = attrs.field(repr=False)

    def __attrs_post_init__(self) -> None:
        for name, text in (("key", self.key), ("secret", self.secret)):
            if not text or not text.isascii() or not text.isprintable() or " " in text:
                raise ValueError(f"the {name} is empty or has blanks or other strange characters; copy it anew")

    def __str__(self) -> str:
        return "Credentials(...)"


def credentials_of(venue: str, environment: Mapping[str, str] | None = None, file: Path | None = None) -> Credentials:
    """Return the key of a venue: `LOCKSTEP_<VENUE>_KEY`, `_SECRET` of the environment, or else of a `.env` file.

    Raises:
        ValueError: there is none, or the file is malformed; no value is quoted.
    """
    found = read_env_file(file) if file is not None and file.exists() else {}
    found.update(os.environ if environment is None else environment)
    stem = f"LOCKSTEP_{venue.upper().replace('-', '_')}"
    names = (f"{stem}_KEY", f"{stem}_SECRET")
    missing = [name for name in names if not found.get(name)]
    if missing:
        where = f"the environment or {file}" if file is not None else "the environment"
        raise ValueError(f"no key for {venue}: set {' and '.join(missing)} in {where}")
    return Credentials(*(found[name] for name in names))


def read_env_file(path: Path) -> dict[str, str]:
    """Return the `NAME=value` lines of a file; blank lines and those that begin with # are passed over.

    A value may stand in quotes; nothing in it is replaced.

    Raises:
        ValueError: a line is none of these; its number is told, its text is not.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.removeprefix("export ").partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not name.isidentifier():
            raise ValueError(f"{path}, line {number}: expected NAME=value")
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        found[name] = value
    return found
