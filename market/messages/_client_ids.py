"""Client order ids: who placed an order is readable from its id.

Ours are positive.  An order that somebody else placed on the account has a negative one, made by the venue's codec from
the venue's own id, and nobody among our quoters owns it.
"""

from market.units import ClientOrderId

_COUNTER_BITS, _QUOTER_BITS, _GENERATION_BITS, _SESSION_BITS = 27, 7, 9, 20
NO_QUOTER = (1 << _QUOTER_BITS) - 1


def first_client_id(session: int, generation: int, quoter: int) -> ClientOrderId:
    """Return the id with counter 0; the counter is added.  The layout makes an order's owner readable from its id.

    Raises:
        ValueError: a part does not fit its bits.
    """
    for name, value, bits in (
        ("session", session, _SESSION_BITS),
        ("generation", generation, _GENERATION_BITS),
        ("quoter", quoter, _QUOTER_BITS),
    ):
        if not 0 <= value < 1 << bits:
            raise ValueError(f"{name} {value} does not fit a client order id: must be in [0, {1 << bits})")
    return ((session << _GENERATION_BITS | generation) << _QUOTER_BITS | quoter) << _COUNTER_BITS


def quoter_of(client_id: ClientOrderId) -> int:
    """Return the place of the quoter that owns an order; NO_QUOTER for none."""
    return client_id >> _COUNTER_BITS & NO_QUOTER if client_id >= 0 else NO_QUOTER
