"""What a run is told about its quoters and orders: the part of the config that is the same live and simulated."""

import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import attrs
import cattrs

from actors.order_config import CancelPending, Policy, Resize, UnknownOrders
from actors.quoter import Quoter
from actors.risk import Limits


def is_market_name(instance: object, attribute: "attrs.Attribute[tuple[str, ...]]", value: tuple[str, ...]) -> None:
    """Validate names of instruments, `venue:symbol`."""
    for name in value:
        if name.count(":") != 1 or name.startswith(":") or name.endswith(":"):
            raise ValueError(f"{attribute.name}: {name!r} is not `venue:symbol`, such as bybit:SOLUSDT")


@attrs.frozen
class QuoterConfig:
    """One `[[quoter]]`.

    Attributes:
        name: unique in the run.
        strategy: a name in `actors.strategies.STRATEGIES`, `package.module:Class`, or `path/to/file.py:Class`.
        instruments: what it quotes, as `venue:symbol`.
        references: what it reads besides.
        params: the strategy's own parameters, checked against its `params_class`.
        policy, cancel_pending, resize, post_only: see actors.order_config.QuoterSpec.
    """

    name: str
    instruments: tuple[str, ...] = attrs.field(validator=[attrs.validators.min_len(1), is_market_name])
    strategy: str = "vamp"
    references: tuple[str, ...] = attrs.field(default=(), validator=is_market_name)
    params: dict[str, Any] = attrs.field(factory=dict)
    policy: Policy = "overlap"
    cancel_pending: CancelPending = "at_once"
    resize: Resize = "never"
    post_only: bool = True


@attrs.frozen
class OrdersConfig:
    """`[orders]`: what holds for all quoters; see actors.order_config.OrderManagerConfig.

    Attributes:
        limits: of every instrument.  limits_of: of those that differ, by `venue:symbol`; what one leaves out is the
            default of `Limits`, not of `limits`.
    """

    max_quote_age_s: float = attrs.field(default=60.0, validator=attrs.validators.ge(0))
    request_timeout_s: float = attrs.field(default=5.0, validator=attrs.validators.gt(0))
    account_every_s: float = attrs.field(default=0.0, validator=attrs.validators.ge(0))
    reconcile_at_start: bool = False
    unknown_orders: UnknownOrders = "cancel"
    keep_ended_s: float = attrs.field(default=60.0, validator=attrs.validators.gt(0))
    limits: Limits = attrs.field(factory=Limits)
    limits_of: dict[str, Limits] = attrs.field(factory=dict)


def register_choices(converter: cattrs.Converter) -> None:
    """Let a converter say in plain words what a key of few choices may be."""
    converter.register_structure_hook_func(_has_choices, _one_of)


def _has_choices(wanted: Any) -> bool:
    origin: Any = get_origin(wanted)
    return origin is Literal


def _one_of(value: Any, wanted: Any) -> Any:
    allowed = get_args(wanted)
    # by type too: 1 is no true
    if not any(type(value) is type(each) and value == each for each in allowed):
        raise ValueError(f"must be one of {', '.join(map(str, allowed))}, got {value!r}")
    return value


def find_strategy(name: str, folder: Path) -> type[Quoter]:
    """Return the strategy class of a config.

    Args:
        folder: that a `path/to/file.py:Class` is relative to.

    Raises:
        ValueError: there is none of that name; the message says what is allowed.
    """
    from actors.strategies import STRATEGIES

    if name in STRATEGIES:
        return STRATEGIES[name]
    module_name, colon, class_name = name.rpartition(":")
    if not colon:
        known = ", ".join(STRATEGIES)
        raise ValueError(
            f"strategy {name!r} is not known; use one of: {known}, or package.module:Class, or file.py:Class"
        )
    try:
        module = (
            _load_file(folder / module_name) if module_name.endswith(".py") else importlib.import_module(module_name)
        )
        found = getattr(module, class_name)
    except (ImportError, AttributeError, FileNotFoundError) as error:
        raise ValueError(f"strategy {name!r} cannot be loaded: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Quoter)):
        raise ValueError(f"strategy {name!r} is not a subclass of actors.quoter.Quoter")
    return found


def _load_file(path: Path) -> Any:
    # a name of its own: a strategy in random.py must not stand for the standard library's
    name = f"strategy_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # whoever asks for the source of its classes looks there
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
