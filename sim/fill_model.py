"""The rules by which a resting order is filled; their name stands in every result."""

from enum import Enum

from sim.state_kernels import PROBABILISTIC_LOG, PROBABILISTIC_POWER, RISK_AVERSE, STRICT_CROSS, TOUCH


class FillModel(Enum):
    """From the most pessimistic to the most optimistic; see sim.queue_kernels for the queue models between.

    STRICT_CROSS fills only when a print goes strictly through the price; TOUCH with any print at or through it.

    With a fixed schedule of orders (but reduce-only ones) and cancels, a later model of STRICT_CROSS, RISK_AVERSE,
    either PROBABILISTIC, TOUCH has at every time filled at least as much of every order.  What answers to fills breaks
    that: a quoter, a reduce-only order, an amend that is refused once its size is filled, the limit of open orders.
    """

    STRICT_CROSS = "strict_cross"
    RISK_AVERSE = "risk_averse"
    PROBABILISTIC_POWER = "probabilistic_power"
    PROBABILISTIC_LOG = "probabilistic_log"
    TOUCH = "touch"

    @property
    def code(self) -> int:
        """The kernels' number for it."""
        return _CODES[self]


_CODES = {
    FillModel.STRICT_CROSS: STRICT_CROSS,
    FillModel.RISK_AVERSE: RISK_AVERSE,
    FillModel.PROBABILISTIC_POWER: PROBABILISTIC_POWER,
    FillModel.PROBABILISTIC_LOG: PROBABILISTIC_LOG,
    FillModel.TOUCH: TOUCH,
}
