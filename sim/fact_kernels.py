"""How order facts are handed over."""

from market.jit import njit
from market.order_log_kernels import LOG_N, LOG_READ, log_fact
from sim.matching_kernels import AMENDED, EXPIRED
from sim.state_kernels import (
    AT_OUT,
    N_FACTS,
    N_RINGS,
    N_VENUES,
    NEXT_FACT,
    R_CLIENT_ID,
    R_DETAIL,
    R_DUE,
    R_INSTRUMENT,
    R_KIND,
    R_PRICE,
    R_SIZE,
    R_TS,
    RING_ACK_PUBLIC,
    RING_CAP,
    ROW_SIZE,
    IntArray,
    first_due,
    log_of,
    region,
    ring_end,
    ring_of,
)


@njit
def collect_facts(state: IntArray, due: int) -> tuple[int, bool]:
    """Move the facts that are due into the hand-over region, by venue and channel.

    It has room for all that can be under way: what falls due at one instant is one event.

    Returns:
        How many, and whether the log's rows of all can be made of what is known here: fees and payments are money,
        which is counted in decimals, and an answer is more than a row.
    """
    n = 0
    is_plain = True
    for venue in range(state[N_VENUES]):
        for ring in range(RING_ACK_PUBLIC, N_RINGS):
            ends = ring_end(state, venue, ring)
            rows = ring_of(state, venue, ring)
            while ends[0] < ends[1]:
                row = rows[ends[0] % state[RING_CAP]]
                if row[R_DUE] > due:
                    break
                region(state, AT_OUT, n, ROW_SIZE)[:] = row
                is_plain &= row[R_KIND] <= EXPIRED
                ends[0] += 1
                n += 1
    state[NEXT_FACT] = first_due(state, RING_ACK_PUBLIC, N_RINGS)
    state[N_FACTS] += n
    return n, is_plain


@njit
def log_facts(state: IntArray, facts: IntArray, n: int, now: int) -> None:
    """Log the facts that are handed over now."""
    log = log_of(state)
    for f in range(n):
        row = facts[f]
        is_amended = row[R_KIND] == AMENDED
        price = row[R_PRICE] if is_amended else 0
        size = row[R_SIZE] if is_amended else 0
        detail = 0 if is_amended else row[R_DETAIL]
        log_fact(log, row[R_KIND], now, row[R_TS], row[R_INSTRUMENT], row[R_CLIENT_ID], price, size, detail)
    log[LOG_READ] = log[LOG_N]
