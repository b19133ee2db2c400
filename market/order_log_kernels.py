"""The buffer of the run's own log: rows that are not yet on disk, where the exchange's kernels find the commands.

`log` is int64 (LOG_HEAD + capacity * LOG_ROW,): how many rows there are, how many of them the simulated exchange has
looked at, how many there is room for; then the rows, laid out as `market.order_log` says.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from market.jit import njit

IntArray = npt.NDArray[np.int64]

LOG_N: Final = 0
LOG_READ: Final = 1
LOG_CAP: Final = 2
LOG_HEAD: Final = 4
LOG_ROW: Final = 10

# columns of a row
L_KIND: Final = 0
L_TS: Final = 1
L_TS_VENUE: Final = 2
L_INSTRUMENT: Final = 3
L_CLIENT_ID: Final = 4
L_SIDE: Final = 5
L_PRICE: Final = 6
L_SIZE: Final = 7
L_DETAIL: Final = 8
L_FEE_E12: Final = 9


@njit
def log_room(log: IntArray) -> int:
    """Return how many rows more there is room for."""
    return int(log[LOG_CAP] - log[LOG_N])


@njit
def log_command(
    log: IntArray,
    kind: int,
    ts: int,
    instrument: int,
    client_id: int,
    side: int,
    price: int,
    size: int,
    flags: int,
) -> None:
    """Add the row of an order command; the caller has made sure of room."""
    at = LOG_HEAD + log[LOG_N] * LOG_ROW
    log[at + L_KIND] = kind
    log[at + L_TS] = ts
    log[at + L_TS_VENUE] = 0
    log[at + L_INSTRUMENT] = instrument
    log[at + L_CLIENT_ID] = client_id
    log[at + L_SIDE] = side
    log[at + L_PRICE] = price
    log[at + L_SIZE] = size
    log[at + L_DETAIL] = flags
    log[at + L_FEE_E12] = 0
    log[LOG_N] += 1


@njit
def log_fact(
    log: IntArray,
    kind: int,
    ts: int,
    ts_venue: int,
    instrument: int,
    client_id: int,
    price: int,
    size: int,
    detail: int,
) -> None:
    """Add the row of an order fact that is no fill; the caller has made sure of room."""
    at = LOG_HEAD + log[LOG_N] * LOG_ROW
    log[at + L_KIND] = kind
    log[at + L_TS] = ts
    log[at + L_TS_VENUE] = ts_venue
    log[at + L_INSTRUMENT] = instrument
    log[at + L_CLIENT_ID] = client_id
    log[at + L_SIDE] = 0
    log[at + L_PRICE] = price
    log[at + L_SIZE] = size
    log[at + L_DETAIL] = detail
    log[at + L_FEE_E12] = 0
    log[LOG_N] += 1
