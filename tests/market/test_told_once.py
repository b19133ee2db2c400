"""What was told before is known for as long as memory lasts, and nothing older is ever new again."""

from hypothesis import given
from hypothesis import strategies as st

from market.told_once import ToldOnce


def test_nothing_is_new_twice_and_memory_is_bounded() -> None:
    told = ToldOnce(kept=3)
    assert [told.is_new(number, 10 + number) for number in range(8)] == [True] * 8
    assert [told.is_new(number, 10 + number) for number in range(8)] == [False] * 8
    assert (len(told), told.n_told) == (3, 8)


def test_what_comes_late_is_new_while_it_is_younger_than_what_is_forgotten() -> None:
    told = ToldOnce(kept=2)
    for number, ts in ((1, 10), (2, 20), (3, 30)):
        told.is_new(number, ts)
    assert told.is_new(4, 15)
    assert not told.is_new(5, 10)


def test_a_stamp_of_the_future_makes_nothing_old() -> None:
    told = ToldOnce(kept=2)
    assert all(told.is_new(number, ts) for number, ts in enumerate((10, 1 << 62, 12, 13, 14, 15)))


@given(
    st.lists(st.tuples(st.integers(0, 3), st.lists(st.integers(0, 60), max_size=3)), max_size=60), st.integers(6, 12)
)
def test_none_is_counted_twice(told_in_turn: list[tuple[int, list[int]]], kept: int) -> None:
    """However far back things are told again, where stamps lie out of order by less than is remembered."""
    told = ToldOnce(kept)
    stamps = [100 + number - late for number, (late, _) in enumerate(told_in_turn)]
    for number, (_, again) in enumerate(told_in_turn):
        told.is_new(number, stamps[number])
        assert not any(told.is_new(old, stamps[old]) for old in again if old <= number)
    assert len(told) <= kept
