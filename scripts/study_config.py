"""The config of a fair-price study: TOML into checked classes, and back."""

from pathlib import Path
from typing import Any, Literal

import attrs

from actors.config import is_market_name
from research.forward_prices import HORIZONS_S, MAX_AGE_S
from research.vamp_study import NOTIONALS
from sim.config import ConfigError, DataSection, RunConfig, RunSection, config_dict, read_toml, structured


@attrs.frozen
class StudySection:
    """`[study]`.

    Attributes:
        instrument: whose fair price, as `venue:symbol`.
        notionals: of the VAMPs, quote currency, ascending.
        horizons_s: how far ahead; 0 is the mid at the declaration, against which all is measured.
        depth: levels a side that are looked at: a VAMP whose notional is beyond them is unknown.
        max_age_s: a book that is older is no price.
        loss: `squared` or `absolute` errors are tested.
        split: share of the period on which the best estimator is chosen; the rest tests it.
        level: of the tests.
        n_resamples, seed: of the block bootstrap.
    """

    instrument: str = attrs.field(default="binance-futures:SOLUSDT")
    notionals: tuple[float, ...] = NOTIONALS
    horizons_s: tuple[float, ...] = attrs.field(default=tuple(float(horizon) for horizon in HORIZONS_S))
    depth: int = attrs.field(default=20, validator=[attrs.validators.ge(1), attrs.validators.le(1000)])
    max_age_s: float = attrs.field(default=MAX_AGE_S, validator=attrs.validators.gt(0))
    loss: Literal["squared", "absolute"] = attrs.field(
        default="squared", validator=attrs.validators.in_(("squared", "absolute"))
    )
    split: float = attrs.field(default=0.5, validator=[attrs.validators.gt(0), attrs.validators.lt(1)])
    level: float = attrs.field(default=0.05, validator=[attrs.validators.gt(0), attrs.validators.lt(1)])
    n_resamples: int = attrs.field(default=1000, validator=attrs.validators.ge(100))
    seed: int = attrs.field(default=0, validator=attrs.validators.ge(0))

    @instrument.validator
    def _is_name(self, attribute: "attrs.Attribute[Any]", value: str) -> None:
        is_market_name(self, attribute, (value,))

    @horizons_s.validator
    def _has_now(self, attribute: "attrs.Attribute[tuple[float, ...]]", value: tuple[float, ...]) -> None:
        if 0.0 not in value or min(value) < 0.0:
            raise ValueError(f"horizons_s must hold 0 and nothing below, got {list(value)}")


@attrs.frozen
class StudyConfig:
    """A whole config; `[data]` is that of a run, and of an archive the study's instrument is read."""

    data: DataSection = attrs.field(factory=DataSection)
    study: StudySection = attrs.field(factory=StudySection)

    def market(self) -> RunConfig:
        """Return the config of the market."""
        data = attrs.evolve(self.data, instruments=self.data.instruments or (self.study.instrument,))
        return RunConfig(run=RunSection(depth=self.study.depth), data=data)


def load_study(path: Path | None) -> StudyConfig:
    """Read a config file, its archive's path relative to it; without one, the tutorial's study.

    Raises:
        ConfigError: it is not TOML, or a key or value is wrong; the text names it and what is allowed.
    """
    if path is None:
        return StudyConfig()
    config = structured(read_toml(path), StudyConfig, str(path))
    if config.data.root:
        root = str((path.parent / config.data.root).resolve())
        config = attrs.evolve(config, data=attrs.evolve(config.data, root=root))
    return config


def study_dict(config: StudyConfig) -> dict[str, Any]:
    """Return the full effective config as plain data, fit for TOML."""
    return config_dict(config)


__all__ = ["ConfigError", "StudyConfig", "StudySection", "load_study", "study_dict"]
