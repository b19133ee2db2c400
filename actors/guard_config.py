"""`[guard]`: when trading is restricted, how far, and what a halt does besides cancelling."""

from typing import Final, Literal

import attrs

Action = Literal["halt", "reduce", "off"]


def _positive(instance: object, attribute: "attrs.Attribute[float]", value: float) -> None:
    if not 0 < value < float("inf"):
        raise ValueError(
            f"{attribute.name} must be above 0 and finite, got {value}; a check is turned off by its on_..."
        )


def _amount(default: float) -> float:
    return attrs.field(default=default, converter=float, validator=_positive)


def _count(default: int) -> int:
    return attrs.field(default=default, validator=attrs.validators.ge(1))


_IS_ACTION: Final = attrs.validators.in_(("halt", "reduce", "off"))


@attrs.frozen
class GuardConfig:
    """What the guard watches.

    Every check is a row of readings, and `n_bad` bad ones in a row count.  `halt` lasts until a person clears it;
    `reduce` ends by itself with `n_bad` good readings in a row; `off`: the check is not made.

    Attributes:
        check_s: a reading of stale data, refusals and crashes is taken at this period; of drawdown and positions with
            every equity stamp (`stamp_s`), of a clock whenever it is measured.
        max_drawdown: report currency; how far the run's PnL may be below its peak, or its start (0), at the mid.
        position_tolerance: a position is beyond its limit when it is by more than this share of `max_position` or
            `max_position_notional` of its instrument.
        stale_s: a quoted or read book may be stale, or its keeper down, for so long.
        max_refusals, refusals_window_s: so many refusals of a venue in so long are borne, requests without an answer
            included; not counted are post-only orders that would take, and what came too late for an order.
        max_clock_skew_ms: how far a venue's clock may surely be from ours.
        max_crashes, crashes_window_s: so many crashes of actors in so long are borne; the recorder's do not count.
        max_wallet_difference: settle asset; how far what the venue says is in the wallet may have gone from what fills,
            fees and funding make of it, with `n_bad` snapshots of the account in a row.  It is alarmed of in any case.
        flatten: once a halt has been proven, positions are closed.
        flatten_orders: at most so many reduce-only orders for each instrument.
        flatten_collar_bps: their prices are at most so far beyond the touch.
    """

    check_s: float = _amount(1.0)
    n_bad: int = _count(3)
    on_drawdown: Action = attrs.field(default="halt", validator=_IS_ACTION)
    max_drawdown: float = _amount(500.0)
    drawdown_from: Literal["peak", "start"] = attrs.field(
        default="peak", validator=attrs.validators.in_(("peak", "start"))
    )
    on_position: Action = attrs.field(default="reduce", validator=_IS_ACTION)
    position_tolerance: float = attrs.field(default=0.05, converter=float, validator=attrs.validators.ge(0))
    on_stale_data: Action = attrs.field(default="halt", validator=_IS_ACTION)
    stale_s: float = _amount(60.0)
    on_refusals: Action = attrs.field(default="halt", validator=_IS_ACTION)
    max_refusals: int = _count(20)
    refusals_window_s: float = _amount(10.0)
    on_clock_skew: Action = attrs.field(default="halt", validator=_IS_ACTION)
    max_clock_skew_ms: float = _amount(500.0)
    on_crashes: Action = attrs.field(default="halt", validator=_IS_ACTION)
    max_crashes: int = _count(5)
    crashes_window_s: float = _amount(300.0)
    on_wallet: Action = attrs.field(default="off", validator=_IS_ACTION)
    max_wallet_difference: float = _amount(5.0)
    flatten: bool = False
    flatten_orders: int = _count(10)
    flatten_collar_bps: float = attrs.field(
        default=50.0, converter=float, validator=[_positive, attrs.validators.lt(5000)]
    )
