"""How much of the queue stands before a resting order.

Assumptions, common to all models: the venue serves a price first come, first served; at arrival what is displayed at
the price stands ahead; a print at the price is served from the front.  What no message tells is where in the queue the
size that vanished without a print stood:

- risk averse: behind us, always; we move up only when less is displayed than stood ahead;
- probabilistic: in front of us with probability f(front) / (f(front) + f(back)), f(x) = x**n or log(1 + x), so that a
  cancel is likelier on the longer side.  Source: the family of models documented by hftbacktest ("Probability Queue
  Position Models"), with our own treatment of prints and of what the back cannot give.

Both are bounded by what is displayed, so risk averse never stands before probabilistic.
"""

from market.arithmetic_kernels import log_
from market.jit import njit
from sim.state_kernels import (
    AHEAD_SCALE,
    O_AHEAD,
    O_PRINTS,
    O_SHOWN,
    PROBABILISTIC_LOG,
    PROBABILISTIC_POWER,
    UNKNOWN_AHEAD,
    IntArray,
)


@njit
def weight(model: int, power: int, lots: float) -> float:
    """Return f(lots) of a probabilistic model."""
    if model == PROBABILISTIC_LOG:
        return log_(1.0 + lots)
    f = 1.0
    for _ in range(power):
        f *= lots
    return f


@njit
def move_up(order: IntArray, model: int, power: int, shown: int) -> None:
    """Let a resting order whose price is within the displayed depth see a new book that shows `shown` lots there."""
    if order[O_AHEAD] == UNKNOWN_AHEAD:
        order[O_AHEAD] = shown * AHEAD_SCALE
    elif model in (PROBABILISTIC_POWER, PROBABILISTIC_LOG):
        front = order[O_AHEAD] / AHEAD_SCALE
        before = order[O_SHOWN] - order[O_PRINTS]
        gone = before - shown
        if gone > 0 and front > 0:
            back = max(0.0, before - front)
            f = weight(model, power, front)
            b = weight(model, power, back)
            from_front = gone * (f / (f + b)) if f + b > 0.0 else float(gone)
            from_front = max(from_front, gone - back)
            front = max(0.0, front - from_front)
        order[O_AHEAD] = min(int(front * AHEAD_SCALE), shown * AHEAD_SCALE)
    else:
        order[O_AHEAD] = min(order[O_AHEAD], shown * AHEAD_SCALE)
    order[O_SHOWN] = shown
    order[O_PRINTS] = 0
