import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.messages import NO_QUOTER, first_client_id, quoter_of


@given(st.integers(0, (1 << 20) - 1), st.integers(0, 511), st.integers(0, 127), st.integers(0, (1 << 27) - 1))
def test_the_owner_is_read_from_the_id(session: int, generation: int, quoter: int, counter: int) -> None:
    client_id = first_client_id(session, generation, quoter) + counter
    assert 0 <= client_id < 1 << 63
    assert quoter_of(client_id) == quoter


@given(st.integers(-(1 << 63), -1))
def test_nobody_owns_what_somebody_else_placed(client_id: int) -> None:
    assert quoter_of(client_id) == NO_QUOTER


def test_a_part_that_is_too_large_is_named() -> None:
    with pytest.raises(ValueError, match=r"^quoter 128 does not fit a client order id"):
        first_client_id(0, 0, 128)
