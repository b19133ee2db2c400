"""The words of orders: flags, states, reasons."""

from enum import IntEnum, IntFlag


class OrderFlag(IntFlag):
    """What an order asks of the venue besides its price, as one int in commands and in the run's log."""

    NONE = 0
    IOC = 1
    FOK = 2
    POST_ONLY = 4
    REDUCE_ONLY = 8
    MARKET = 16


class OrderState(IntEnum):
    """Where an order stands.  `0 < filled < size` is partly filled, which is not a state of its own."""

    PENDING_NEW = 0
    OPEN = 1
    PENDING_CANCEL = 2
    PENDING_AMEND = 3
    FILLED = 4
    CANCELLED = 5
    REJECTED = 6
    EXPIRED = 7
    UNKNOWN = 8

    @property
    def is_final(self) -> bool:
        return OrderState.FILLED <= self <= OrderState.EXPIRED


class Reason(IntEnum):
    """Why an order, an amend or a cancel was refused, ended, or was pulled."""

    NONE = 0
    # the venue's
    POST_ONLY_WOULD_TAKE = 1
    INVALID_PRICE = 2
    INVALID_SIZE = 3
    BELOW_MIN_SIZE = 4
    BELOW_MIN_NOTIONAL = 5
    ABOVE_MAX_SIZE = 6
    REDUCE_ONLY = 7
    UNKNOWN_ORDER = 8
    TOO_MANY_ORDERS = 9
    NO_LIQUIDITY = 10
    REMAINDER_EXPIRED = 11
    FOK_NOT_FILLABLE = 12
    DUPLICATE_ID = 13
    CANCEL_ALL = 14
    VENUE_OTHER = 19
    # our own, before anything is sent
    LIMIT_ORDER_SIZE = 20
    LIMIT_ORDER_NOTIONAL = 21
    LIMIT_POSITION = 22
    LIMIT_OPEN_ORDERS = 23
    LIMIT_ORDER_RATE = 24
    PRICE_COLLAR = 25
    STALE_BOOK = 26
    NO_BOOK = 27
    DRAINING = 28
    QUOTER_DOWN = 29
    QUOTER_SILENT = 30
    NOT_CONNECTED = 31
    NO_ANSWER = 32
    NOT_FOUND_IN_SNAPSHOT = 33
    TRADING_HALTED = 34
    ONLY_REDUCING = 35
    INVALID_TERMS = 36  # sides and flags that contradict each other
