"""The shapes of WOO X's messages, API v3.  Fields that we do not read are passed over, so that new ones do no harm.

Numbers of orders come as JSON strings or as JSON numbers, and differ between recordings of one endpoint; `Number` takes
either, as the text that stands there.  Times are ms, of some endpoints also decimal texts of seconds.
"""

from decimal import Decimal
from typing import Annotated, Any, Final, TypeAlias, TypeVar

import msgspec

from market.units import MS, Nanos
from venues.wire import RemoteProtocolError, decode

T = TypeVar("T")

Millis: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=9_000_000_000_000)]  # in nanoseconds it is still an int64
Id: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Level: TypeAlias = tuple[str, str]  # price, size; the size "0" deletes
NAME: Final = "woox"
_MOST_DIGITS: Final = 19


class Number(str):
    """The decimal text of a JSON number or string; "" of null."""

    __slots__ = ()


_SECONDS_END: Final = 12  # more digits before the point are ms


def _number(kind: type, value: Any) -> Any:
    if kind is not Number:
        raise NotImplementedError(kind)
    if value is None:
        return Number()
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return Number(value)
    if isinstance(value, float):
        return Number(f"{Decimal(repr(value)):f}")
    raise ValueError(f"expected a number, got {value!r:.60}")


def decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    """Return a decoder of structs that may have `Number`s; ids, too, come as numbers or as their texts."""
    return msgspec.json.Decoder(kind, strict=False, dec_hook=_number)


# --- sockets ---------------------------------------------------------------------------------------------------------


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """Any frame of a socket: a message of a topic, or the answer to a command; `id` may be of either kind."""

    topic: str = ""
    ts: Millis = 0
    data: msgspec.Raw = msgspec.Raw()
    cmd: str = ""
    id: str | int | None = None
    success: bool | None = None
    time: Millis = 0


class BookChange(msgspec.Struct, frozen=True, gc=False):
    """Levels that have changed since the message that was generated at `previous`."""

    symbol: str = msgspec.field(name="s")
    ts: Millis
    previous: Millis = msgspec.field(name="prevTs")
    bids: list[Level]
    asks: list[Level]


class TradeEvent(msgspec.Struct, frozen=True, gc=False):
    """One public trade; `source` 1: matched here, 0: elsewhere."""

    symbol: str = msgspec.field(name="s")
    price: str = msgspec.field(name="px")
    size: str = msgspec.field(name="sx")
    side: str = msgspec.field(name="sd")
    source: int = msgspec.field(name="src")
    ts: Millis
    is_rpi: bool = msgspec.field(name="rpi", default=False)


class MarkEvent(msgspec.Struct, frozen=True, gc=False):
    symbol: str = msgspec.field(name="s")
    price: str = msgspec.field(name="px")
    ts: Millis


class FundingEvent(msgspec.Struct, frozen=True, gc=False):
    """The estimate of the next funding, due at `ts_funding`."""

    symbol: str = msgspec.field(name="s")
    rate: str = msgspec.field(name="r")
    ts_funding: Millis = msgspec.field(name="ft")
    ts: Millis


class ExecutionReport(msgspec.Struct, frozen=True, gc=False):
    """What became of an order: `kind` 0 is news of it, 1 an edit, 2 a cancel, 3 a cancel of all that was refused."""

    kind: int = msgspec.field(name="mt", default=0)
    symbol: str = msgspec.field(name="s", default="")
    order_id: Id = msgspec.field(name="oid", default=0)
    client_id: Id = msgspec.field(name="cid", default=0)
    type: str = msgspec.field(name="t", default="")
    side: str = msgspec.field(name="sd", default="")
    price: Number = msgspec.field(name="px", default=Number())
    size: Number = msgspec.field(name="sx", default=Number())
    trade_id: Id = msgspec.field(name="tid", default=0)
    executed_price: Number = msgspec.field(name="epx", default=Number())
    executed_size: Number = msgspec.field(name="esx", default=Number())
    total_executed: Number = msgspec.field(name="tesx", default=Number())
    fee: Number = msgspec.field(name="f", default=Number())
    fee_asset: str = msgspec.field(name="fa", default="")
    status: str = msgspec.field(name="ss", default="")
    reason: str = msgspec.field(name="rs", default="")
    is_maker: bool = msgspec.field(name="mk", default=False)
    is_reduce_only: bool = msgspec.field(name="ro", default=False)
    ts: Millis = 0


class PositionEvent(msgspec.Struct, frozen=True, gc=False):
    symbol: str = msgspec.field(name="s")
    holding: Number = msgspec.field(name="h")
    version: int = msgspec.field(name="ver", default=0)
    side: str = msgspec.field(name="ps", default="BOTH")
    ts: Millis = 0


class PositionEvents(msgspec.Struct, frozen=True, gc=False):
    positions: list[PositionEvent]


class BalanceEvent(msgspec.Struct, frozen=True, gc=False):
    token: str = msgspec.field(name="t")
    holding: Number = msgspec.field(name="h")
    frozen: Number = msgspec.field(name="f", default=Number("0"))
    version: int = msgspec.field(name="ver", default=0)
    ts: Millis = 0


class BalanceEvents(msgspec.Struct, frozen=True, gc=False):
    balances: list[BalanceEvent]


# --- REST ------------------------------------------------------------------------------------------------------------


class Reply(msgspec.Struct, frozen=True, gc=False):
    """What every call answers; `success` alone says whether it was done, whatever the status of HTTP."""

    success: bool | None = None
    timestamp: Number = Number()
    data: msgspec.Raw = msgspec.Raw(b"null")
    code: Number = Number()
    message: str = ""


class Sent(msgspec.Struct, frozen=True, gc=False):
    """Orders are taken or on their way: `CANCEL_SENT` and the like are no states of an order."""

    order_id: Id = msgspec.field(name="orderId", default=0)
    client_id: Id = msgspec.field(name="clientOrderId", default=0)
    status: str = ""


class SystemInfo(msgspec.Struct, frozen=True, gc=False):
    """0: all works, 1: no trading, 2: nothing works."""

    status: int
    message: str = msgspec.field(name="msg", default="")
    until: Number = msgspec.field(name="estimatedEndTime", default=Number())


class InstrumentRow(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Rules of a symbol; a ratio that does not bind is null."""

    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    quote_min: str
    quote_max: str
    quote_tick: str
    base_min: str
    base_max: str
    base_tick: str
    min_notional: str
    base_asset_multiplier: Number = Number("1")
    bid_cap_ratio: str | None = None
    ask_floor_ratio: str | None = None
    order_mode: str = "NORMAL"
    is_allowed_rpi: bool = False


class InstrumentRows(msgspec.Struct, frozen=True, gc=False):
    rows: list[InstrumentRow]


class BookLevel(msgspec.Struct, frozen=True, gc=False):
    price: str
    quantity: str


class BookRows(msgspec.Struct, frozen=True, gc=False):
    bids: list[BookLevel]
    asks: list[BookLevel]


class TradeRow(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    symbol: str
    side: str
    source: int
    executed_price: str
    executed_quantity: str
    executed_timestamp: Number
    rpi: bool = False


class TradeRows(msgspec.Struct, frozen=True, gc=False):
    rows: list[TradeRow]


class FutureRow(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    symbol: str
    mark_price: str = ""
    index_price: str = ""
    est_funding_rate: str = ""
    next_funding_time: Millis = 0
    open_interest: str = ""


class FutureRows(msgspec.Struct, frozen=True, gc=False):
    rows: list[FutureRow]


class FundingRow(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    symbol: str
    est_funding_rate: str = ""
    next_funding_time: Millis = 0
    est_funding_interval_hours: int = 8


class FundingRows(msgspec.Struct, frozen=True, gc=False):
    rows: list[FundingRow]


class TradingFee(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """Fees in hundredths of a percent."""

    symbol: str
    taker_fee: Number
    maker_fee: Number


class ListenKey(msgspec.Struct, frozen=True, gc=False):
    """What opens the private socket; the schema calls it `authKey`."""

    auth_key: str = msgspec.field(name="authKey", default="")
    listen_key: str = msgspec.field(name="listenKey", default="")
    expires: Number = msgspec.field(name="expiredTime", default=Number())


class OrderRow(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One order of the account."""

    order_id: Id
    symbol: str
    side: str
    status: str
    type: str
    quantity: Number = Number()
    price: Number = Number()
    executed: Number = Number("0")
    client_order_id: Id = 0
    reduce_only: bool = False
    created_time: Number = Number()


class Meta(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    total: int = 0
    records_per_page: int = 0
    current_page: int = 0


class OrderRows(msgspec.Struct, frozen=True, gc=False):
    rows: list[OrderRow]
    meta: Meta = Meta()


class PositionRow(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One position; in hedge mode there are two of a symbol."""

    symbol: str
    holding: Number
    position_side: str = "BOTH"
    timestamp: Number = Number()


class PositionRows(msgspec.Struct, frozen=True, gc=False):
    positions: list[PositionRow]


class FillRow(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One execution of the account."""

    id: Id
    symbol: str
    order_id: Id
    executed_price: Number
    executed_quantity: Number
    executed_timestamp: Number
    side: str
    is_maker: bool = False
    fee: Number = Number("0")
    fee_asset: str = ""


class FillRows(msgspec.Struct, frozen=True, gc=False):
    rows: list[FillRow]
    meta: Meta = Meta()


class PaymentRow(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One payment of funding; `payment_type` says who paid."""

    id: Id
    symbol: str
    funding_fee: Number
    payment_type: str = ""
    status: str = ""
    created_time: Number = Number()
    updated_time: Number = Number()


class PaymentRows(msgspec.Struct, frozen=True, gc=False):
    rows: list[PaymentRow]
    meta: Meta = Meta()


class BalanceRow(msgspec.Struct, frozen=True, gc=False):
    """An asset of the wallet, what is bound in orders included."""

    token: str
    holding: Number


class BalanceRows(msgspec.Struct, frozen=True, gc=False):
    holding: list[BalanceRow]


class AccountInfo(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The modes of an account."""

    account_mode: str = ""
    position_mode: str = ""


class AccountMoney(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What stands behind the positions of an account, USDT: collateral is what its assets are worth as margin."""

    total_collateral: Number = Number()
    free_collateral: Number = Number()
    total_account_value: Number = Number()


class KeyRow(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What a key of the account may do: READ, TRADE, WITHDRAWAL."""

    api_key: str
    permissions: list[str] = []


class KeyRows(msgspec.Struct, frozen=True, gc=False):
    rows: list[KeyRow]


_ENVELOPE: Final = msgspec.json.Decoder(Envelope)
_REPLY: Final = decoder(Reply)


def read_frame(frame: bytes | str) -> Envelope:
    """Return the outer parts of a frame.

    Raises:
        RemoteProtocolError: it is no JSON object of the documented shape.
    """
    return decode(_ENVELOPE, frame, "woox frame")


def read_reply(body: bytes) -> Reply:
    """Return the outer parts of an answer, whatever it says.

    Raises:
        RemoteProtocolError: it is no JSON object of the documented shape.
    """
    return decode(_REPLY, body, "woox reply")


def read_data(body: bytes, shape: msgspec.json.Decoder[T], what: str) -> tuple[T, Nanos]:
    """Return what a success says, and the venue's time of it (0: it does not tell).

    Raises:
        RemoteProtocolError: it is none, or not of the decoder's shape.
    """
    reply = read_reply(body)
    if reply.success is not True:
        raise RemoteProtocolError(f"woox {what}: error {reply.code or 'without a code'}, {reply.message:.200}")
    return decode(shape, bytes(reply.data), f"woox {what}"), reply_time(reply)


def reply_time(reply: Reply) -> Nanos:
    """Return the venue's time of an answer; 0: it does not tell."""
    return time_of(reply.timestamp, "timestamp", "an answer of woox") if reply.timestamp else 0


def time_of(text: str, field: str, where: str) -> Nanos:
    """Return a time told in ms, or in seconds with a fraction.

    Raises:
        RemoteProtocolError: it is neither.
    """
    whole, point, fraction = text.partition(".")
    if whole.isascii() and whole.isdigit() and len(whole) <= _MOST_DIGITS and (not point or fraction.isdigit()):
        if point and len(whole) < _SECONDS_END and len(fraction) <= _MOST_DIGITS:
            return int(whole) * 1_000 * MS + int(f"{fraction[:9]:0<9}")
        if len(whole) <= 12 + (whole < "9"):  # beyond, it is no int64 of ns
            return int(whole) * MS
    raise RemoteProtocolError(f"{field} {text!r:.60} of {where} is no time in ms, or in seconds with a fraction")
