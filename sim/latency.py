"""How long a message is under way: a constant, a seeded distribution, or as recorded.

A distribution is turned into a table of 1,025 quantiles, between which the kernel that draws is linear.  The table
comes from portable arithmetic, so a seed gives the same latencies on every machine.
"""

from collections.abc import Callable
from enum import IntEnum

import attrs
import numpy as np

from market.arithmetic_kernels import exp_, log_, norm_ppf
from market.units import MS
from sim.state_kernels import CONSTANT, DISTRIBUTION, N_QUANTILES, RECORDED, IntArray


class Channel(IntEnum):
    """The six ways of a message between us and a venue; public is market data and its requests, private is orders."""

    REQUEST_PUBLIC = 0
    REQUEST_PRIVATE = 1
    ACK_PUBLIC = 2
    ACK_PRIVATE = 3
    FEED_PUBLIC = 4
    FEED_PRIVATE = 5


def _not_negative(instance: object, attribute: "attrs.Attribute[float]", value: float) -> None:
    if not 0 <= value < 3_600_000:
        raise ValueError(f"{attribute.name} must be in [0, 3600000) ms, got {value}")


@attrs.frozen
class ConstantLatency:
    """Always `ms`."""

    ms: float = attrs.field(default=0.0, validator=_not_negative)


@attrs.frozen
class UniformLatency:
    """Evenly between `low_ms` and `high_ms`."""

    low_ms: float = attrs.field(validator=_not_negative)
    high_ms: float = attrs.field(validator=_not_negative)

    def __attrs_post_init__(self) -> None:
        if self.high_ms < self.low_ms:
            raise ValueError(f"high_ms {self.high_ms} is below low_ms {self.low_ms}")


@attrs.frozen
class LognormalLatency:
    """`base_ms` plus a lognormal with that median and log standard deviation `sigma`."""

    median_ms: float = attrs.field(validator=_not_negative)
    sigma: float = attrs.field(validator=[attrs.validators.ge(0), attrs.validators.le(5)])
    base_ms: float = attrs.field(default=0.0, validator=_not_negative)


@attrs.frozen
class ExponentialLatency:
    """`base_ms` plus an exponential with that mean."""

    mean_ms: float = attrs.field(validator=_not_negative)
    base_ms: float = attrs.field(default=0.0, validator=_not_negative)


@attrs.frozen
class RecordedLatency:
    """On the public feed: each row is delivered when it was recorded.  On any other channel: as long as the newest row
    that was delivered from this venue was under way."""


Latency = ConstantLatency | UniformLatency | LognormalLatency | ExponentialLatency | RecordedLatency


def model_code(latency: Latency) -> int:
    """Return the kernels' code of a latency model."""
    if isinstance(latency, RecordedLatency):
        return RECORDED
    return CONSTANT if isinstance(latency, ConstantLatency) else DISTRIBUTION


def quantiles(latency: Latency) -> IntArray:
    """Return the (1025,) quantiles of a distribution in ns, at 0, 1/1024, ... 1 (the ends at a quarter step inside)."""
    table = np.zeros(N_QUANTILES, np.int64)
    if isinstance(latency, RecordedLatency):
        return table
    if isinstance(latency, ConstantLatency):
        table[:] = round(latency.ms * MS)
        return table
    value = _value_at(latency)
    for k in range(N_QUANTILES):
        u = min(max(float(k), 0.25), N_QUANTILES - 1.25) / (N_QUANTILES - 1)
        table[k] = round(value(u) * MS)
    return table


def _value_at(latency: UniformLatency | LognormalLatency | ExponentialLatency) -> Callable[[float], float]:
    match latency:
        case UniformLatency(low, high):
            return lambda u: low + (high - low) * u
        case LognormalLatency(median, sigma, base):
            return lambda u: base + median * exp_(sigma * norm_ppf(u))
        case ExponentialLatency(mean, base):
            return lambda u: base - mean * log_(1.0 - u)
