"""A live process answers quickly, and still gives back what ends in cycles, such as lost connections."""

import gc
import sys
import weakref

from scripts.live.run import quick_process


class Loop:
    """Holds itself, as a connection holds the failure that ended it."""

    def __init__(self) -> None:
        self.itself = self


def test_what_ends_in_cycles_is_collected_though_much_stands() -> None:
    standing = [[number] for number in range(200_000)]
    with quick_process():
        connection = Loop()
        ended = weakref.ref(connection)
        churn(30_000)  # it grows old
        del connection
        churn(300_000)
        assert ended() is None
    assert len(standing) == 200_000


def churn(n: int) -> None:
    """Let things come and go that only the collector takes away."""
    for _ in range(n):
        Loop()


def test_the_interpreter_is_left_as_it_was() -> None:
    interval, n_frozen = sys.getswitchinterval(), gc.get_freeze_count()
    with quick_process():
        assert sys.getswitchinterval() < interval
        assert gc.get_freeze_count() > n_frozen
    assert sys.getswitchinterval() == interval
    assert gc.get_freeze_count() == 0
