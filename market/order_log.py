"""The run's own log: every order command, order fact and fill, as rows of ints, and the digest over them.

A row is ten little-endian int64: kind, ts, ts_venue, instrument, client_id, side, price, size, detail, fee_e12.  `ts`
is when the command was sent or the fact delivered, our clock.  `detail` is the order flags of a PLACE, the reason code
of a refusal or an end, the fill id of a fill, the payment id of a funding payment, the id of an adjustment; `size` and
`fee_e12` of a FUNDING row are 0 and the amount, `size` of an ADJUSTMENT is signed.  The digest of a run is the sha256
of all rows.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final

from market.messages import (
    Adjustment,
    AmendOrder,
    AmendRejected,
    CancelAll,
    CancelOrder,
    CancelRejected,
    Fill,
    FundingPayment,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderRejected,
    PlaceOrder,
)
from market.units import Nanos

Row = tuple[int, int, int, int, int, int, int, int, int, int]
ROW_INTS: Final = 10
FIELDS: Final = (
    "kind",
    "ts",
    "ts_venue",
    "instrument",
    "client_id",
    "side",
    "price",
    "size",
    "detail",
    "fee_e12",
)


class LogKind(IntEnum):
    """What a row of the log is."""

    PLACE = 0
    AMEND = 1
    CANCEL = 2
    CANCEL_ALL = 3
    ACCEPTED = 4
    REJECTED = 5
    AMENDED = 6
    AMEND_REJECTED = 7
    CANCELLED = 8
    CANCEL_REJECTED = 9
    EXPIRED = 10
    FILL_MAKER = 11
    FILL_TAKER = 12
    FUNDING = 13
    ADJUSTMENT = 14


PACK: Final[dict[type, Callable[[Any, Nanos], Row]]] = {
    PlaceOrder: lambda m, now: (0, now, 0, m.instrument, m.client_id, m.side, m.price, m.size, m.flags, 0),
    AmendOrder: lambda m, now: (1, now, 0, m.instrument, m.client_id, 0, m.price, m.size, 0, 0),
    CancelOrder: lambda m, now: (2, now, 0, m.instrument, m.client_id, 0, 0, 0, 0, 0),
    CancelAll: lambda m, now: (3, now, 0, m.instrument, 0, 0, 0, 0, 0, 0),
    OrderAccepted: lambda m, now: (4, now, m.ts_venue, m.instrument, m.client_id, 0, 0, 0, 0, 0),
    OrderRejected: lambda m, now: (5, now, m.ts_venue, m.instrument, m.client_id, 0, 0, 0, m.reason, 0),
    OrderAmended: lambda m, now: (6, now, m.ts_venue, m.instrument, m.client_id, 0, m.price, m.size, 0, 0),
    AmendRejected: lambda m, now: (7, now, m.ts_venue, m.instrument, m.client_id, 0, 0, 0, m.reason, 0),
    OrderCancelled: lambda m, now: (8, now, m.ts_venue, m.instrument, m.client_id, 0, 0, 0, m.reason, 0),
    CancelRejected: lambda m, now: (9, now, m.ts_venue, m.instrument, m.client_id, 0, 0, 0, m.reason, 0),
    OrderExpired: lambda m, now: (10, now, m.ts_venue, m.instrument, m.client_id, 0, 0, 0, m.reason, 0),
    Fill: lambda m, now: (
        11 if m.is_maker else 12,
        now,
        m.ts_venue,
        m.instrument,
        m.client_id,
        m.side,
        m.price,
        m.size,
        m.fill_id,
        m.fee_e12,
    ),
    FundingPayment: lambda m, now: (13, now, m.ts_venue, m.instrument, 0, 0, 0, 0, m.payment_id, m.amount_e12),
    # an adjustment's reason is text, and no part of the digest
    Adjustment: lambda m, now: (14, now, m.ts_venue, m.instrument, 0, 0, m.price, m.lots, m.adjustment_id, 0),
}


def unpack(row: Row) -> Any:
    """Return the message that `row` was made from; received times are the row's `ts`."""
    kind, ts, ts_venue, instrument, client_id, side, price, size, detail, fee_e12 = row
    if kind == LogKind.PLACE:
        return PlaceOrder(client_id, instrument, side, price, size, detail)
    if kind == LogKind.AMEND:
        return AmendOrder(client_id, instrument, price, size)
    if kind == LogKind.CANCEL:
        return CancelOrder(client_id, instrument)
    if kind == LogKind.CANCEL_ALL:
        return CancelAll(instrument)
    if kind == LogKind.ACCEPTED:
        return OrderAccepted(client_id, instrument, ts_venue, ts)
    if kind == LogKind.AMENDED:
        return OrderAmended(client_id, instrument, ts_venue, ts, price, size)
    if kind in (LogKind.FILL_MAKER, LogKind.FILL_TAKER):
        is_maker = kind == LogKind.FILL_MAKER
        return Fill(client_id, instrument, ts_venue, ts, detail, side, price, size, is_maker, fee_e12)
    if kind == LogKind.FUNDING:
        return FundingPayment(instrument, ts_venue, ts, detail, fee_e12)
    if kind == LogKind.ADJUSTMENT:
        return Adjustment(instrument, ts, ts_venue, detail, size, price, "from the run's own log")
    return _REFUSALS[kind](client_id, instrument, ts_venue, ts, detail)


_REFUSALS: Final[dict[int, Callable[..., Any]]] = {
    LogKind.REJECTED: OrderRejected,
    LogKind.AMEND_REJECTED: AmendRejected,
    LogKind.CANCELLED: OrderCancelled,
    LogKind.CANCEL_REJECTED: CancelRejected,
    LogKind.EXPIRED: OrderExpired,
}
