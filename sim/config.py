"""The config of a simulated run: TOML into checked classes, and back into the full effective config."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import attrs
import cattrs
from cattrs.errors import ClassValidationError

from actors.book_keeper import BookKeeperConfig
from actors.config import OrdersConfig, QuoterConfig, is_market_name, register_choices
from actors.guard_config import GuardConfig
from sim.exchange import VenueModel
from sim.fill_model import FillModel
from sim.latency import (
    Channel,
    ConstantLatency,
    ExponentialLatency,
    Latency,
    LognormalLatency,
    RecordedLatency,
    UniformLatency,
)


class ConfigError(ValueError):
    """A config that cannot be run; the text names the key, the value and what is allowed."""


@attrs.frozen
class RunSection:
    """`[run]`.

    Attributes:
        seed: of everything random: latencies, backoffs.
        capital: starting equity of each venue, report currency: returns are relative to it, margin is counted from it.
        stamp_s: period of the `equity` table.
        depth: levels a side that actors see.
        deliver: `mirrors`: books and trades go as messages only to those who act on them; `all`: everything does.
        deliveries: write the table `deliveries`, one row for every message that an actor handles; costs time.
        service_us: virtual time that a message takes to handle, by kind of actor (keeper, tracker, manager, quoter).
    """

    seed: int = attrs.field(default=7, validator=attrs.validators.ge(0))
    capital: float = attrs.field(default=10_000.0, validator=attrs.validators.gt(0))
    stamp_s: float = attrs.field(default=1.0, validator=attrs.validators.ge(0.001))
    depth: int = attrs.field(default=20, validator=[attrs.validators.ge(1), attrs.validators.le(1000)])
    deliver: Literal["mirrors", "all"] = attrs.field(
        default="mirrors", validator=attrs.validators.in_(("mirrors", "all"))
    )
    deliveries: bool = False
    service_us: dict[str, float] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        for kind, us in self.service_us.items():
            if kind not in ("keeper", "tracker", "manager", "quoter"):
                raise ValueError(f"service_us: no kind of actor {kind!r}; allowed: keeper, tracker, manager, quoter")
            if not 0 <= us < 1e9:
                raise ValueError(f"service_us: {kind} must be in [0, 1e9), got {us}")


@attrs.frozen
class DataSection:
    """`[data]`: the built-in generated market, or an archive.

    Attributes:
        source: `generated` or `archive`.
        preset: of the generated market: default, calm, deltas, pair, crash, venues.
        seconds: its length.  seed: its seed.
        root: of the archive, relative to the config's folder.
        start, end: first and last hour of the archive, `YYYY-MM-DD:HH`, both included.
        instruments: what to read of the archive, as `venue:symbol`; where none is named, what the quoters use.
        clock_shift_ms: venue -> shift of its clock; measured from the data where it is not given.
    """

    source: Literal["generated", "archive"] = attrs.field(
        default="generated", validator=attrs.validators.in_(("generated", "archive"))
    )
    preset: str = attrs.field(
        default="default", validator=attrs.validators.in_(("default", "calm", "deltas", "pair", "crash", "venues"))
    )
    seconds: float = attrs.field(default=3600.0, validator=attrs.validators.gt(0))
    seed: int = attrs.field(default=7, validator=attrs.validators.ge(0))
    root: str = ""
    start: str = ""
    end: str = ""
    instruments: tuple[str, ...] = attrs.field(default=(), validator=is_market_name)
    clock_shift_ms: dict[str, float] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        if self.source == "archive" and not (self.root and self.start and self.end):
            raise ValueError("an archive needs `root`, `start` and `end` (YYYY-MM-DD:HH, both hours included)")


@attrs.frozen
class RunConfig:
    """A whole config; `guard` None: there is none."""

    run: RunSection = attrs.field(factory=RunSection)
    data: DataSection = attrs.field(factory=DataSection)
    orders: OrdersConfig = attrs.field(factory=OrdersConfig)
    books: BookKeeperConfig = attrs.field(factory=BookKeeperConfig)
    guard: GuardConfig | None = None
    venue: tuple[VenueModel, ...] = ()
    quoter: tuple[QuoterConfig, ...] = (
        QuoterConfig("vamp", ("bybit:SOLUSDT",), references=("binance-futures:SOLUSDT",)),
    )

    def __attrs_post_init__(self) -> None:
        for what, names in (("venue", [v.name for v in self.venue]), ("quoter", [q.name for q in self.quoter])):
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"[[{what}]] {name!r} is listed twice")

    def venue_model(self, name: str) -> VenueModel:
        """Return the model of a venue: as configured, or the default."""
        return next((v for v in self.venue if v.name == name), VenueModel(name))


T = TypeVar("T")

_LATENCIES: Mapping[str, type] = {
    "constant": ConstantLatency,
    "uniform": UniformLatency,
    "lognormal": LognormalLatency,
    "exponential": ExponentialLatency,
    "recorded": RecordedLatency,
}
_LATENCY_NAMES = {cls: name for name, cls in _LATENCIES.items()}
_STAMPS = {"start_ns", "end_ns"}  # what a run adds to its own `[run]`


def load_config(path: Path) -> RunConfig:
    """Read a config file.

    Raises:
        ConfigError: it is not TOML, or a key or value is wrong; the text names it and what is allowed.
    """
    return make_config(read_toml(path), str(path))


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        ConfigError: there is no such file, or it is not TOML.
    """
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        raise ConfigError(f"no config file {path}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None


def make_config(raw: Mapping[str, Any], where: str = "config") -> RunConfig:
    """Make a config of parsed TOML: one that somebody wrote, or the `run.toml` of a run, to run the same again.

    What a `run.toml` states besides (`[[instrument]]`, `start_ns` and `end_ns` of the run) follows from the data and is
    passed over; without both stamps it is no `run.toml`, and an unknown key like any other.

    Raises:
        ConfigError: as `load_config`.
    """
    section = raw.get("run")
    if isinstance(section, dict) and section.keys() >= _STAMPS:
        raw = {key: value for key, value in raw.items() if key != "instrument"}
        raw["run"] = {key: value for key, value in section.items() if key not in _STAMPS}
    return structured(raw, RunConfig, where)


def structured(raw: Mapping[str, Any], wanted: type[T], where: str = "config") -> T:
    """Make a config of another class of parsed TOML, as strictly.

    Raises:
        ConfigError: a key or value is wrong; the text names it and what is allowed.
    """
    try:
        return _CONVERTER.structure(raw, wanted)
    except (ClassValidationError, ValueError, TypeError, KeyError) as error:
        raise ConfigError("\n".join(f"{where}: {text}" for text in _complaints(error, ""))) from None


def config_dict(config: attrs.AttrsInstance) -> dict[str, Any]:
    """Return the full effective config as plain data, fit for TOML."""
    plain: dict[str, Any] = _CONVERTER.unstructure(config)
    return {key: value for key, value in plain.items() if value is not None}


def _complaints(error: BaseException, place: str) -> list[str]:
    """Flatten what cattrs found wrong into lines that name the key."""
    from cattrs import transform_error

    if isinstance(error, ClassValidationError | cattrs.IterableValidationError | cattrs.BaseValidationError):
        return [
            text.replace(" @ $", ", at ").replace("at .", "at ")
            for text in transform_error(error, format_exception=_say)
        ]
    return [f"{place}{error}"]


def _say(error: BaseException, wanted: type | None) -> str:
    if isinstance(error, cattrs.ForbiddenExtraKeysError):
        known = ", ".join(f.name for f in attrs.fields(error.cl) if f.init)
        return f"unknown key {', '.join(sorted(map(repr, error.extra_fields)))}; allowed: {known}"
    if isinstance(error, KeyError):
        return f"required key {error.args[0]!r} is missing"
    if isinstance(error, ValueError | TypeError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)

    def number(value: Any, wanted: type) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"must be a number, got {value!r}")
        return float(value)

    def whole(value: Any, wanted: type) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"must be a whole number, got {value!r}")
        return value

    def text(value: Any, wanted: type) -> str:
        if not isinstance(value, str):
            raise ValueError(f"must be text, got {value!r}")
        return value

    def truth(value: Any, wanted: type) -> bool:
        if not isinstance(value, bool):
            raise ValueError(f"must be true or false, got {value!r}")
        return value

    def texts(value: Any, wanted: Any) -> tuple[str, ...]:
        if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
            raise ValueError(f"must be a list of texts, got {value!r}")
        return tuple(value)

    converter.register_structure_hook_func(lambda t: t == tuple[str, ...], texts)
    for kind, hook in ((float, number), (int, whole), (str, text), (bool, truth)):
        converter.register_structure_hook(kind, hook)

    register_choices(converter)

    def fill_model(value: Any, wanted: type) -> FillModel:
        try:
            return FillModel(value)
        except ValueError:
            allowed = ", ".join(m.value for m in FillModel)
            raise ValueError(f"fill_model {value!r} is not known; allowed: {allowed}") from None

    converter.register_structure_hook(FillModel, fill_model)

    def latency(value: Any, wanted: Any) -> Latency:
        if value == "recorded":
            return RecordedLatency()
        if isinstance(value, int | float) and not isinstance(value, bool):
            return ConstantLatency(float(value))
        if isinstance(value, dict) and value.get("model") in _LATENCIES:
            rest = {key: v for key, v in value.items() if key != "model"}
            made: Latency = converter.structure(rest, _LATENCIES[value["model"]])
            return made
        raise ValueError(
            f'latency {value!r} is not known; allowed: ms, "recorded", or {{model = "{"|".join(_LATENCIES)}", ...}}'
        )

    def plain_latency(value: Latency) -> Any:
        if isinstance(value, RecordedLatency):
            return "recorded"
        if isinstance(value, ConstantLatency):
            return value.ms
        return {"model": _LATENCY_NAMES[type(value)], **attrs.asdict(value)}

    def channels(value: Any, wanted: Any) -> dict[Channel, Latency]:
        if not isinstance(value, dict):
            raise ValueError(f"latency must be a table of channels, got {value!r}")
        made = dict(VenueModel("").latency)
        for key, spec in value.items():
            if not (isinstance(key, str) and key.upper() in Channel.__members__):
                allowed = ", ".join(c.name.lower() for c in Channel)
                raise ValueError(f"latency: no channel {key!r}; allowed: {allowed}")
            made[Channel[key.upper()]] = latency(spec, None)
        return made

    converter.register_structure_hook_func(lambda t: t == dict[Channel, Latency], channels)
    converter.register_unstructure_hook(FillModel, lambda model: model.value)
    converter.register_unstructure_hook_func(
        lambda t: t == dict[Channel, Latency],
        lambda table: {c.name.lower(): plain_latency(spec) for c, spec in table.items()},
    )
    converter.register_unstructure_hook_func(
        lambda t: t == dict[str, Any], lambda table: {key: table[key] for key in table}
    )
    return converter


_CONVERTER = _converter()
