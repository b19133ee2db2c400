"""Which commands share a frame: every one is sent, and what is about one order in its order."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from market.messages import AmendOrder, CancelAll, CancelOrder, PlaceOrder
from venues.hyperliquid.requests import kind_of
from venues.order_frames import in_frames

_ids = st.integers(1, 6)
_commands = st.lists(
    st.one_of(
        st.builds(PlaceOrder, _ids, st.just(0), st.just(1), st.integers(1, 99), st.just(1), st.sampled_from((0, 1, 4))),
        st.builds(AmendOrder, _ids, st.just(0), st.integers(1, 99), st.just(1)),
        st.builds(CancelOrder, _ids.flatmap(lambda n: st.sampled_from((n, -n))), st.just(0)),
        st.builds(CancelAll, st.just(0)),
    ),
    max_size=30,
)


def flat(frames: Sequence[Sequence[Any]]) -> list[Any]:
    return [command for frame in frames for command in frame]


@given(_commands, st.integers(1, 4))
def test_nothing_is_lost_doubled_or_overtaken_by_what_is_about_the_same(commands: list[Any], most: int) -> None:
    frames = in_frames(commands, kind_of, most)
    sent = flat(frames)
    assert sorted(map(repr, sent)) == sorted(map(repr, commands))
    for frame in frames:
        assert 1 <= len(frame) <= most
        assert len({type(each) for each in frame}) == 1
        assert len(frame) == 1 or len({kind_of(each) for each in frame}) == 1
    for client_id in {getattr(each, "client_id", 0) for each in commands}:

        def about(found: list[Any], who: int = client_id) -> list[Any]:
            # whatever cancels all is about every order
            return [each for each in found if isinstance(each, CancelAll) or each.client_id == who]

        assert about(sent) == about(commands)


def test_cancels_leave_first_but_for_those_of_orders_of_the_same_instant() -> None:
    first, second = PlaceOrder(1, 0, 1, 100, 5, 4), PlaceOrder(2, 0, -1, 101, 5, 4)
    taking, amend = PlaceOrder(3, 0, 1, 101, 5, 1), AmendOrder(8, 0, 99, 5)
    commands = [first, CancelOrder(7, 0), taking, second, CancelOrder(9, 0), amend, CancelOrder(2, 0)]
    assert in_frames(commands, kind_of, 40) == [
        [CancelOrder(7, 0), CancelOrder(9, 0)],
        [first, second],
        [taking],
        [amend],
        [CancelOrder(2, 0)],
    ]


def test_what_is_about_all_orders_keeps_its_place() -> None:
    order, later = PlaceOrder(1, 0, 1, 100, 5, 4), PlaceOrder(2, 0, 1, 100, 5, 4)
    commands = [order, CancelAll(0), CancelOrder(9, 0), later]
    assert flat(in_frames(commands, kind_of, 40)) == commands
