"""How requests leave for the venues, and the answers that are more than a row come back."""

from typing import Final

from market.jit import njit
from market.order_log_kernels import (
    L_CLIENT_ID,
    L_DETAIL,
    L_INSTRUMENT,
    L_KIND,
    L_PRICE,
    L_SIDE,
    L_SIZE,
    L_TS,
    LOG_HEAD,
    LOG_N,
    LOG_READ,
    LOG_ROW,
)
from sim.state_kernels import (
    I_VENUE,
    NOW,
    REQUEST_PRIVATE,
    REQUEST_PUBLIC,
    RING_REQUEST_PRIVATE,
    RING_REQUEST_PUBLIC,
    IntArray,
    arrival,
    instrument_of,
    log_of,
    push,
    ring_room,
)

# kinds of requests: market.order_log.LogKind for the first four
PLACE: Final = 0
AMEND: Final = 1
CANCEL: Final = 2
CANCEL_ALL: Final = 3
ACCOUNT: Final = 4
SNAPSHOT: Final = 5


@njit
def submit(
    state: IntArray,
    now: int,
    venue: int,
    kind: int,
    client_id: int,
    instrument: int,
    side: int,
    price: int,
    size: int,
    flags: int,
) -> bool:
    """Send a request at `now`; False: no room, grow first."""
    ring = RING_REQUEST_PUBLIC if kind == SNAPSHOT else RING_REQUEST_PRIVATE
    if ring_room(state, venue, ring) == 0:
        return False
    channel = REQUEST_PUBLIC if kind == SNAPSHOT else REQUEST_PRIVATE
    due = arrival(state, venue, channel, now)
    push(state, venue, ring, due, kind, client_id, instrument, now, side, price, size, flags)
    return True


@njit
def take_commands(state: IntArray) -> bool:
    """Send the commands that stand in the run's log and were not sent; False: no room, grow first and go on."""
    log = log_of(state)
    while log[LOG_READ] < log[LOG_N]:
        at = LOG_HEAD + log[LOG_READ] * LOG_ROW
        row = log[at : at + LOG_ROW]
        if row[L_KIND] <= CANCEL_ALL:
            i = row[L_INSTRUMENT]
            if not submit(
                state,
                row[L_TS],
                instrument_of(state, i)[I_VENUE],
                row[L_KIND],
                row[L_CLIENT_ID],
                i,
                row[L_SIDE],
                row[L_PRICE],
                row[L_SIZE],
                row[L_DETAIL],
            ):
                return False
        log[LOG_READ] += 1
    return True


@njit
def answer_payload(state: IntArray, venue: int, ring: int, channel: int, kind: int, number: int) -> bool:
    """Send an answer whose content the caller keeps under `number`; False: no room, grow first."""
    if ring_room(state, venue, ring) == 0:
        return False
    now = state[NOW]
    push(state, venue, ring, arrival(state, venue, channel, now), kind, 0, -1, now, 0, 0, 0, number)
    return True
