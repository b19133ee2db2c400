"""The hidden price of a generated market, on a fixed grid of steps.

A market's own price is a diffusion with self-exciting jumps (Hawkes, exponential kernel) that reverts to its start
over `reversion`.  Not all of it shows at once: a part of every move is *news* that only the informed takers know, and
that enters the price over `reveal`.  What is left to enter is the gap; takers trade in its direction, so their trades
are followed by moves in their favour.  A market that follows another adds the leader's path of some steps ago to its
own.  Everything is relative: a path of 0.01 is a price 1% above the start.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from market.arithmetic_kernels import log_, norm_ppf, uniform
from market.jit import njit

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

SHOWN, GAP, JUMP = 0, 1, 2  # rows of a path
N_ROWS = 3
FULL, HIDDEN, HEAT = 0, 1, 2  # entries of its state
N_STATE = 3
DIFFUSION, JUMP_TIME, JUMP_SIGN, JUMP_SIZE = 0, 1, 2, 3  # streams of draws
N_SEEDS = 4


class PathSpec(NamedTuple):
    """One market's own moves, per step of the grid.

    Attributes:
        sigma: standard deviation of the diffusion.
        reversion: share of the path that is lost.
        reveal: share of the gap that enters the shown price.
        shown_diffusion, shown_jump: share of a move that shows at once.
        jump_base: probability of a jump without excitement.
        jump_kick: what a jump adds to that probability.
        jump_cooling: share of the excitement that is lost.
        jump_size: mean absolute jump.
        beta: weight of the leader's path.
    """

    sigma: float
    reversion: float
    reveal: float
    shown_diffusion: float
    shown_jump: float
    jump_base: float
    jump_kick: float
    jump_cooling: float
    jump_size: float
    beta: float


@njit
def advance_path(
    first: int, spec: PathSpec, seeds: IntArray, state: FloatArray, leader: FloatArray, path: FloatArray
) -> None:
    """Fill `path` for steps [first, first + n) and move `state` on.

    Args:
        first: number of the first step; draws are numbered by step, so slicing changes nothing.
        spec: the market's own moves.
        seeds: (4,) one per stream of draws.
        state: (3,) what is carried from slice to slice; zeros at the start.
        leader: (3, n) the leader's path over the delayed steps; zeros where there is none.
        path: (3, n) filled with the shown price, the gap still to enter it, and the jump that shows at the step.
    """
    for k in range(path.shape[1]):
        step = first + k
        move = spec.sigma * norm_ppf(uniform(seeds[DIFFUSION], step))
        jump = 0.0
        state[HEAT] -= state[HEAT] * spec.jump_cooling
        if uniform(seeds[JUMP_TIME], step) < spec.jump_base + state[HEAT]:
            # half of the mean is certain: many jumps that matter, and still a tail
            jump = 0.5 * spec.jump_size * (1.0 - log_(uniform(seeds[JUMP_SIZE], step)))
            if uniform(seeds[JUMP_SIGN], step) < 0.5:
                jump = -jump
            state[HEAT] += spec.jump_kick
        state[FULL] += move + jump - state[FULL] * spec.reversion
        state[HIDDEN] += (1.0 - spec.shown_diffusion) * move + (1.0 - spec.shown_jump) * jump
        state[HIDDEN] -= state[HIDDEN] * spec.reveal
        path[SHOWN, k] = state[FULL] - state[HIDDEN] + spec.beta * leader[SHOWN, k]
        path[GAP, k] = state[HIDDEN] + spec.beta * leader[GAP, k]
        path[JUMP, k] = spec.shown_jump * jump + spec.beta * leader[JUMP, k]
