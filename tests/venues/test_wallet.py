"""What a wallet holds: whatever it is, it can be told."""

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from market.messages import AccountSnapshot
from venues.wallet import wallet_of

_amounts = st.one_of(
    st.decimals(allow_nan=False, allow_infinity=False),
    st.sampled_from([Decimal("1e999999"), Decimal("-1e999999"), Decimal("92233720368.54775807"), Decimal(0)]),
)


@given(st.lists(st.tuples(st.text(max_size=8), _amounts), max_size=8))
def test_whatever_is_held_stands_in_a_journal(amounts: list[tuple[str, Decimal]]) -> None:
    held = wallet_of(amounts)
    snapshot = AccountSnapshot(0, 0, 0, 0, 0, (), (), (), (), held)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(snapshot), type=AccountSnapshot) == snapshot
    assert all(e8 for _, e8 in held)


def test_what_cannot_be_told_is_left_out_alone() -> None:
    """A billion of a cheap coin once broke whoever wrote the account down."""
    amounts = [("USDT", Decimal("25000000.5")), ("PEPE", Decimal("123456789012345")), ("BTC", Decimal("0.00000001"))]
    assert wallet_of(amounts) == (("USDT", 2_500_000_050_000_000), ("BTC", 1))
