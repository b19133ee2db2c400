"""What an emulator serves: the market behind it, the venues' addresses and limits, the accounts that may trade."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import attrs

from sim.config import DataSection, RunConfig, RunSection, read_toml, structured
from sim.exchange import VenueModel
from sim.fill_model import FillModel
from sim.latency import Channel, ConstantLatency

VENUES: Final = ("bybit", "binance-futures", "woox", "hyperliquid", "paradex")
_WEEK_S: Final = 604_800.0
_DEFAULT_MARKET: Final = frozenset({"bybit", "binance-futures"})  # that the preset "default" has
_not_negative: Any = attrs.validators.ge(0)
_positive: Any = attrs.validators.gt(0)


def _secret(value: str) -> str:
    return value[:2] + "..." if value else ""


@attrs.frozen
class AccountSection:
    """`[[account]]`: one trader, with a key that holds at every venue; each account sees only its own orders.

    Attributes:
        name: for the control port.
        key, secret: of the API; throw-away values, but as hidden in a `repr` as real ones.
        can_withdraw: what the venue tells of the key's permissions.
        is_read_only: orders are refused.
        is_vip: it may use what a venue keeps for some accounts: the dead man's switch of WOO X and Hyperliquid.
    """

    name: str = "main"
    key: str = attrs.field(default="emulatorKey0000000001", validator=attrs.validators.min_len(1))
    secret: str = attrs.field(default="emulatorSecret00000001", repr=_secret, validator=attrs.validators.min_len(1))
    can_withdraw: bool = False
    is_read_only: bool = False
    is_vip: bool = False


@attrs.frozen
class VenueSection:
    """`[[venue]]`: one emulated venue.

    Attributes:
        name: one of `VENUES`.
        port: where it listens; 0: any free one.
        maker_fee, taker_fee: fractions, where the instruments of the data have none.
        balance: of every account at the start, USDT.
        leverage: of every position at the start.
        max_open_orders: per account.
        order_rate: orders that an account may send: per second and kind of request (Bybit, WOO X), in ten seconds
            (Binance), in a second of a minute that is all there is (Hyperliquid: actions without having traded).
        request_rate: requests of one address: per five seconds (Bybit), weight per minute (Binance), per second and
            public endpoint (WOO X).
        throttled: books go out at the venue's own pace; if not, at every change.
        depth: levels a side that are served at most.
        ping_s: Binance's server pings this often.  silence_s: a silent client is cut off.
        listen_key_s: a listenKey lives this long after its last renewal.
        lifetime_s: every socket is cut at this age.
        latency_ms: on the way to the venue and back, each way, made by its proxies.
        clock_offset_ms: how far the venue's clock is ahead of ours.
        fill_model, power, partial_fills, consume: as in the simulation.
    """

    name: str = attrs.field(validator=attrs.validators.in_(VENUES))
    port: int = attrs.field(default=0, validator=[_not_negative, attrs.validators.le(65535)])
    maker_fee: float = 0.0002
    taker_fee: float = 0.00055
    balance: float = attrs.field(default=100_000.0, validator=_positive)
    leverage: int = attrs.field(default=10, validator=attrs.validators.ge(1))
    max_open_orders: int = attrs.field(default=500, validator=attrs.validators.ge(1))
    order_rate: int = attrs.field(default=0, validator=_not_negative)
    request_rate: int = attrs.field(default=0, validator=_not_negative)
    throttled: bool = True
    depth: int = attrs.field(default=1000, validator=attrs.validators.ge(1))
    ping_s: float = attrs.field(default=180.0, validator=_positive)
    silence_s: float = attrs.field(default=600.0, validator=_positive)
    listen_key_s: float = attrs.field(default=3600.0, validator=_positive)
    lifetime_s: float = attrs.field(default=86_400.0, validator=_positive)
    latency_ms: float = attrs.field(default=0.0, validator=_not_negative)
    clock_offset_ms: float = 0.0
    fill_model: FillModel = FillModel.RISK_AVERSE
    power: int = 3
    partial_fills: bool = True
    consume: bool = True

    @property
    def fees(self) -> tuple[Decimal, Decimal]:
        """Maker's and taker's, as decimals."""
        return Decimal(str(self.maker_fee)), Decimal(str(self.taker_fee))

    def model(self) -> VenueModel:
        """Return the venue for the matching kernels: nothing is late there, time is lost on the way to it."""
        return VenueModel(
            self.name,
            self.fill_model,
            self.power,
            self.partial_fills,
            self.consume,
            {channel: ConstantLatency(0.0) for channel in Channel},
            self.max_open_orders,
        )


def _generated() -> DataSection:
    return DataSection(seconds=_WEEK_S)


@attrs.frozen
class EmulatorConfig:
    """A whole config.

    Attributes:
        data: the market, as in a simulation's config; a generated one is a week long where nothing is said.
        venue: what is served; each needs an instrument in the data.
        account: who may trade.
        seed: of ids, keys and random faults.
        speed: seconds of the market in a second.
        host: address to listen at.
        tls: serve https and wss, by a throw-away certificate.
        proxied: every address is that of a TCP proxy before the server, which faults below HTTP need.
        control_port: of the control over HTTP; 0: any free one.
        sent_log: file to which every market-data message is written as it is sent; empty for none.
    """

    data: DataSection = attrs.field(factory=_generated)
    venue: tuple[VenueSection, ...] = (VenueSection("bybit"), VenueSection("binance-futures", taker_fee=0.0005))
    account: tuple[AccountSection, ...] = (AccountSection(),)
    seed: int = attrs.field(default=7, validator=_not_negative)
    speed: float = attrs.field(default=1.0, validator=_positive)
    host: str = "127.0.0.1"
    tls: bool = False
    proxied: bool = True
    control_port: int = attrs.field(default=0, validator=[_not_negative, attrs.validators.le(65535)])
    sent_log: str = ""

    def __attrs_post_init__(self) -> None:
        names = [*(v.name for v in self.venue), *(a.name for a in self.account), *(a.key for a in self.account)]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name!r} is listed twice among venues, accounts and keys")
        for section in self.venue:
            if section.latency_ms and not self.proxied:
                raise ValueError(f"[[venue]] {section.name!r}: latency_ms is made by proxies, and proxied is false")
        if not self.venue:
            raise ValueError(f"no [[venue]] to emulate; allowed: {', '.join(VENUES)}")

    def run_config(self) -> RunConfig:
        """Return the simulation's config of the same market; the usual one has no more venues than need be."""
        data = self.data
        if (
            data.source == "generated"
            and data.preset == "default"
            and not {v.name for v in self.venue} <= _DEFAULT_MARKET
        ):
            data = attrs.evolve(data, preset="venues")
        return RunConfig(
            run=RunSection(seed=self.seed, depth=max(v.depth for v in self.venue)),
            data=data,
            venue=tuple(section.model() for section in self.venue),
            quoter=(),
        )


def load_emulator_config(path: Path) -> EmulatorConfig:
    """Read a config file.

    Raises:
        ConfigError: it is not TOML, or a key or value is wrong; the text names it and what is allowed.
    """
    return make_emulator_config(read_toml(path), str(path))


def make_emulator_config(raw: Mapping[str, Any], where: str = "config") -> EmulatorConfig:
    """Make a config of parsed TOML; errors as `load_emulator_config`."""
    if raw.get("data", {}).get("source", "generated") == "generated" and "data" in raw:
        raw = {**raw, "data": {"seconds": _WEEK_S, **raw["data"]}}
    return structured(raw, EmulatorConfig, where)
