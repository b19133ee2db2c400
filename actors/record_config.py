"""What is recorded while a run goes on."""

import attrs

from actors.config import is_market_name


@attrs.frozen
class RecordConfig:
    """`[record]`.

    Attributes:
        root: the archive, relative to the config's folder; made if it is not there.
        instruments: which, as `venue:symbol`; where none is named, all that the run uses.
        raw: the frames of the market data are kept as well, as they came.
        most_mb: memory that may wait for the disk; what is more is lost, counted and marked in the archive.
    """

    root: str = attrs.field(validator=attrs.validators.min_len(1))
    instruments: tuple[str, ...] = attrs.field(default=(), validator=is_market_name)
    raw: bool = False
    most_mb: float = attrs.field(default=256.0, validator=attrs.validators.gt(0))
