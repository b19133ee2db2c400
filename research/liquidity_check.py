"""Whether the recorded market had the liquidity that a run's fills used."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from market.units import Side
from research.run_fill import RunFill
from research.venue_side import MarketAt, Take
from research.violation import Violation


def has_printed(fill: RunFill, market: MarketAt, model: str) -> bool:
    """Tell whether a public trade at the fill's instant reached its price."""
    return any(_reaches(fill, price, taker, model) for price, _, taker in market.prints.get(fill.ts_venue, ()))


def has_crossed(fill: RunFill, market: MarketAt, model: str) -> bool:
    """Tell whether a book at the fill's instant has its opposite best at or beyond the price."""
    if model == "strict_cross":
        return False
    for bid, ask in market.touches.get(fill.ts_venue, ()):
        opposite = ask if fill.side == Side.BUY else bid
        if opposite > 0 and (fill.price - opposite) * fill.side >= 0:
            return True
    return False


def _reaches(fill: RunFill, price: int, taker: int, model: str) -> bool:
    """Tell whether a print may fill an order: strictly through its price, or at it.

    At the price it must have come from the other side, except under the optimistic rule `touch`; under the pessimistic
    `strict_cross` a print at the price does nothing.
    """
    beyond = (fill.price - price) * fill.side
    if beyond == 0:
        return model == "touch" or (model != "strict_cross" and taker == -fill.side)
    return beyond > 0


def check_prints(fills: Sequence[RunFill], market: MarketAt, model: str) -> Iterator[Violation]:
    """Find instants at which our orders were filled more than was printed for them.

    Prints can be shared out to the fills exactly if no group of fills that reaches the same prints is larger than these
    (Hall's condition); as a better order of a side reaches all that a worse one does, few groups need a look.
    """
    makers = [fill for fill in fills if fill.is_maker]
    for ts, same in groupby(makers, key=lambda fill: fill.ts_venue):
        # one that the book crossed too may be filled by that; one that nothing reached is another rule's matter
        printed = [fill for fill in same if has_printed(fill, market, model) and not has_crossed(fill, market, model)]
        prints = market.prints.get(ts, [])
        for side in (Side.BUY, Side.SELL):
            own = sorted((fill for fill in printed if fill.side == side), key=lambda fill: fill.price * side)
            total = 0
            for fill in own:
                total += fill.size
                room = sum(lots for price, lots, taker in prints if _reaches(fill, price, taker, model))
                if total > room:
                    yield fill.violation("print", "filled more than was printed", filled=total, printed=room)
                    break
        filled, room = sum(fill.size for fill in printed), sum(lots for _, lots, _ in prints)
        if filled > room and len({fill.side for fill in printed}) == 2:
            yield printed[-1].violation("print", "both sides filled more than printed", filled=filled, printed=room)


def check_takes(fills: Sequence[RunFill], market: MarketAt, *, is_consumed: bool) -> Iterator[Violation]:
    """Find fills as taker beyond what was displayed.

    Args:
        is_consumed: what prints and we took is gone until the next book; if not, every take sees all of it.
    """
    taken: dict[tuple[int, int, int], int] = {}
    for fill in fills:
        if fill.is_maker:
            continue
        display = market.displays[Take(fill.ts_venue, fill.side, fill.price)]
        level = (display.epoch, fill.side, fill.price)
        gone = taken.get(level, 0) + display.printed if is_consumed else 0
        if fill.size > display.lots - gone:
            yield fill.violation("taker", "took more than was displayed", displayed=display.lots, gone=gone)
        taken[level] = taken.get(level, 0) + fill.size
