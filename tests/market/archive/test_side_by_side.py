"""Works side by side: all are done, in any number, and what one raises is raised."""

import threading

import pytest

from market.archive.side_by_side import side_by_side


@pytest.mark.parametrize("n", [0, 1, 2, 16, 17, 250])
def test_all_are_done_and_results_stand_in_order(n: int) -> None:
    assert side_by_side([lambda k=k: k * k for k in range(n)]) == [k * k for k in range(n)]  # type: ignore[misc]


def test_they_wait_at_the_same_time() -> None:
    meeting = threading.Barrier(8, timeout=30)
    assert len(side_by_side([meeting.wait] * 8)) == 8, "one after the other they would never meet"


def test_the_first_error_is_raised_when_all_have_ended() -> None:
    done: list[int] = []

    def fail(n: int) -> None:
        done.append(n)
        if n in (3, 5):
            raise OSError(f"work {n}")

    with pytest.raises(OSError, match=r"^work 3$"):
        side_by_side([lambda n=n: fail(n) for n in range(40)])  # type: ignore[misc]
    assert sorted(done) == list(range(40))
