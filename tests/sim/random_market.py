"""Small markets at random, as steps of a script: books that move and cross, prints, orders, cancels, amends.

Hypothesis draws a seed and a length, and so shrinks to the shortest beginning of a market that fails: lists that it
draws itself are mostly short, and hold few orders that ever meet a print.
"""

import random
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

from market.messages import OrderFlag
from tests.sim.market_script import BUY, SELL, Level, MarketScript

LOWEST: Final = 97
HIGHEST: Final = 103
MIDDLES: Final = (*[100] * 12, 99, 101, 98, 102)
PRINTS: Final = (*range(LOWEST, HIGHEST + 1), *[99] * 6, *[100] * 6, *[101] * 6)

PLAIN_FLAGS: Final = (
    OrderFlag.NONE,
    OrderFlag.NONE,
    OrderFlag.POST_ONLY,
    OrderFlag.POST_ONLY,
    OrderFlag.IOC,
    OrderFlag.FOK,
    OrderFlag.MARKET,
)
ALL_FLAGS: Final = (*PLAIN_FLAGS, *(flag | OrderFlag.REDUCE_ONLY for flag in PLAIN_FLAGS))


class Step(NamedTuple):
    """One thing that happens, `wait` after the one before."""

    wait: int
    what: str
    args: tuple[Any, ...]


def markets(
    *, flags: Sequence[OrderFlag] = PLAIN_FLAGS, amends: bool = False, deltas: bool = False, n_instruments: int = 1
) -> st.SearchStrategy[list[Step]]:
    """Return a strategy of steps, the first of which is a book of each instrument."""

    def make(seed: int, n_steps: int) -> list[Step]:
        return _market(random.Random(seed), n_steps, flags, amends, deltas, n_instruments)

    return st.builds(make, st.integers(0, 1 << 30), st.integers(20, 150))


def _market(
    rng: random.Random, n_steps: int, flags: Sequence[OrderFlag], amends: bool, deltas: bool, n_instruments: int
) -> list[Step]:
    steps = [Step(1, "book", (*_book(rng), i)) for i in range(n_instruments)]
    kinds = ["place"] * 5 + ["trade"] * 5 + ["delta" if deltas else "book"] * 4 + ["book", "cancel"]
    kinds += ["amend", "cancel_all"] * amends
    n_placed = 0
    for _ in range(n_steps):
        what = rng.choice(kinds)
        i = rng.randrange(n_instruments)
        args: tuple[Any, ...]
        match what:
            case "book":
                args = _book(rng)
            case "delta":
                args = _changes(rng), _changes(rng)
            case "trade":
                # mostly a print of the side that the price is on
                price = rng.choice(PRINTS)
                likely = SELL if price < 100 or (price == 100 and rng.random() < 0.5) else BUY
                args = price, rng.randint(1, 15), likely if rng.random() < 0.8 else -likely
            case "place":
                n_placed += 1
                side = rng.choice((BUY, SELL))
                flag = rng.choice(flags)
                price = 0 if flag & OrderFlag.MARKET else 100 - side * rng.choice((2, 1, 1, 0, 0, -1))
                args = n_placed, side, price, rng.randint(1, 15), flag
            case "cancel":
                args = (rng.randint(1, n_placed + 1),)
            case "amend":
                args = rng.randint(1, n_placed + 1), rng.randint(LOWEST, HIGHEST), rng.randint(1, 15)
            case _:
                args = ()
        steps.append(Step(rng.choice((0, 1, 1, 2, 7)), what, (*args, i)))
    return steps


def _book(rng: random.Random) -> tuple[list[Level], list[Level]]:
    """Return two sides about one price; now and then they cross, have holes, or one is empty."""
    middle = rng.choice(MIDDLES)
    depth = rng.choice((0, 1, 2, 3, 3, 3, 3))
    below = rng.choice((*[0] * 5, *[1] * 5, -1))
    bids = [(middle - below - n, rng.randint(0, 12)) for n in range(depth)]
    asks = [(middle + 1 + n, rng.randint(0, 12)) for n in range(3)]
    return [level for level in bids if level[1]], [level for level in asks if level[1]]


def _changes(rng: random.Random) -> list[Level]:
    return [(price, rng.choice((0, rng.randint(1, 12)))) for price in rng.sample(range(94, 107), rng.randint(0, 3))]


def write(script: MarketScript, steps: Sequence[Step]) -> MarketScript:
    """Write steps into a script; each book follows the last of its instrument."""
    now = 10
    seqs: dict[int, int] = {}
    for wait, what, (*args, i) in steps:
        now += wait
        match what:
            case "book":
                seqs[i] = seqs.get(i, 0) + 1
                script.book(now, *args, seq=seqs[i], i=i)
            case "delta":
                seqs[i] += 1
                script.book(now, *args, seq=seqs[i], prev_seq=seqs[i] - 1, i=i)
            case _:
                getattr(script, what)(now, *args, i=i)
    return script
