"""Commands of one instant: which of them share a frame, and in what order the frames leave."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from market.messages import AmendOrder, CancelOrder, PlaceOrder
from market.units import ClientOrderId

OrderCommand = PlaceOrder | AmendOrder | CancelOrder

_OF_ONE_ORDER = (PlaceOrder, AmendOrder, CancelOrder)


def in_frames(commands: Iterable[Any], kind_of: Callable[[OrderCommand], Hashable], most: int) -> list[Sequence[Any]]:
    """Return the commands as those of one frame each, in the order in which the frames are to leave.

    Cancels leave first, so that they never wait for new orders.  Nothing overtakes what is about the same order, nor
    what is about more than one order, which goes alone.

    Args:
        kind_of: commands of one kind may share a frame.
        most: commands of a frame.
    """
    frames: list[Sequence[Any]] = []
    apart: list[OrderCommand] = []  # about different orders, so that any may go before any other
    ids: set[ClientOrderId] = set()
    for command in commands:
        is_of_one = isinstance(command, _OF_ONE_ORDER)
        if not is_of_one or command.client_id in ids:
            frames += _shared(apart, kind_of, most)
            apart, ids = [], set()
        if is_of_one:
            apart.append(command)
            ids.add(command.client_id)
        else:
            frames.append((command,))
    return frames + _shared(apart, kind_of, most)


def _shared(
    commands: Sequence[OrderCommand], kind_of: Callable[[OrderCommand], Hashable], most: int
) -> list[Sequence[OrderCommand]]:
    by_kind: dict[Hashable, list[OrderCommand]] = {}
    for command in sorted(commands, key=lambda each: not isinstance(each, CancelOrder)):
        by_kind.setdefault(kind_of(command), []).append(command)
    return [kind[at : at + most] for kind in by_kind.values() for at in range(0, len(kind), most)]
