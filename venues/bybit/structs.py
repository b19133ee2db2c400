"""The shapes of Bybit's v5 messages.  Fields that we do not read are passed over, so that new ones do no harm."""

from typing import Annotated, Final, TypeVar

import msgspec

from venues.wire import RemoteProtocolError, decode

T = TypeVar("T")
NAME: Final = "bybit"
Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Millis = Annotated[int, msgspec.Meta(ge=0, le=9_000_000_000_000)]  # in nanoseconds it is still an int64
Levels = list[tuple[str, str]]  # price, size; the size "0" deletes


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """Any frame of any of the three sockets: a message of a topic, or the answer to an operation.

    Answers differ: public and private ones use `success`, `ret_msg`, `req_id`; those of the trade socket `retCode`,
    `retMsg`, `reqId`.
    """

    topic: str = ""
    type: str = ""
    ts: Millis = 0
    cts: Millis = 0
    creation_time: Millis = msgspec.field(default=0, name="creationTime")
    data: msgspec.Raw = msgspec.Raw()
    op: str = ""
    success: bool | None = None
    ret_msg: str = ""
    req_id: str = ""
    code: int | None = msgspec.field(default=None, name="retCode")
    message: str = msgspec.field(default="", name="retMsg")
    request: str = msgspec.field(default="", name="reqId")
    header: dict[str, str] = msgspec.field(default_factory=dict)
    extra: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="retExtInfo")


class BookData(msgspec.Struct, frozen=True, gc=False):
    """Levels of an order book; `u` counts the messages of one depth, `seq` is the engine's own count."""

    s: str
    b: Levels
    a: Levels
    u: Count
    seq: Count
    ts: Millis = 0  # by REST only
    cts: Millis = 0


class BookFrame(msgspec.Struct, frozen=True, gc=False):
    """A frame of a book's topic, read at once: nearly all frames are of these."""

    topic: str
    type: str
    data: BookData
    ts: Millis = 0
    cts: Millis = 0


class TradeRow(msgspec.Struct, frozen=True, gc=False):
    """One public trade: time, symbol, taker's side, size, price, id, whether it was a block trade."""

    T: Millis
    s: str
    S: str
    v: str
    p: str
    i: str
    BT: bool = False


class RecentTrade(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One public trade as REST tells it."""

    exec_id: str
    symbol: str
    price: str
    size: str
    side: str
    time: str
    is_block_trade: bool = False


class TickerData(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What has changed of a ticker; empty: it has not."""

    symbol: str
    mark_price: str = ""
    index_price: str = ""
    funding_rate: str = ""
    next_funding_time: str = ""
    open_interest: str = ""


class PriceFilter(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    tick_size: str


class LotSizeFilter(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """`min_notional_value` is empty on a few listings."""

    qty_step: str
    min_order_qty: str
    max_order_qty: str
    min_notional_value: str = ""


class InstrumentRow(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One row of instruments-info, category `linear`."""

    symbol: str
    contract_type: str
    status: str
    base_coin: str
    quote_coin: str
    settle_coin: str
    launch_time: str
    price_filter: PriceFilter
    lot_size_filter: LotSizeFilter


class FeeRow(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    symbol: str
    taker_fee_rate: str
    maker_fee_rate: str


class ExtraFee(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A local tax on an execution."""

    fee_coin: str = ""
    fee: str = "0"


class ExecutionRow(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One execution of the account, by stream (with `category`) or by REST; a funding payment is one, too."""

    symbol: str
    exec_id: str
    order_id: str
    side: str
    exec_price: str
    exec_qty: str
    exec_type: str
    exec_time: str
    exec_fee: str
    is_maker: bool
    category: str = "linear"
    order_link_id: str = ""
    fee_currency: str = ""
    fee_rate: str = ""
    exec_value: str = ""
    seq: Count = 0
    extra_fees: list[ExtraFee] | str | None = None


class OrderRow(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One order of the account, by stream (with `category`) or by REST."""

    symbol: str
    order_id: str
    side: str
    order_type: str
    price: str
    qty: str
    order_status: str
    time_in_force: str
    updated_time: str
    order_link_id: str = ""
    category: str = "linear"
    cum_exec_qty: str = "0"
    cancel_type: str = ""
    reject_reason: str = ""
    reduce_only: bool = False


class PositionRow(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One position: `side` is Buy, Sell or empty (flat); in hedge mode there are two rows a symbol."""

    symbol: str
    side: str
    size: str
    category: str = "linear"
    position_idx: int = 0
    updated_time: str = ""
    seq: Count = 0


class CoinRow(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    coin: str
    equity: str
    wallet_balance: str


class WalletRow(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The account's money; totals in USD, empty where the margin mode has none."""

    coin: list[CoinRow]
    total_equity: str | None = None
    total_available_balance: str | None = None
    total_initial_margin: str | None = None


class Listing(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The `result` of most REST calls: rows, to be decoded by who asked, and where the next page begins.

    An answer without a list says nothing: it must not be read as that nothing is held.
    """

    list: msgspec.Raw
    next_page_cursor: str | None = None


class Reply(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What every REST call answers; 0 is success."""

    ret_code: int
    ret_msg: str = ""
    result: msgspec.Raw = msgspec.Raw(b"{}")
    ret_ext_info: msgspec.Raw = msgspec.Raw(b"{}")
    time: Millis = 0


_OF_BOOK: Final = '{"topic":"orderbook.'
_BOOK_FRAME: Final = msgspec.json.Decoder(BookFrame)
_ENVELOPE: Final = msgspec.json.Decoder(Envelope)
_REPLY: Final = msgspec.json.Decoder(Reply)
_LISTING: Final = msgspec.json.Decoder(Listing)


def read_frame(frame: bytes | str) -> Envelope:
    """Return the outer parts of a frame.

    Raises:
        RemoteProtocolError: it is no JSON object of the documented shape.
    """
    return decode(_ENVELOPE, frame, "bybit frame")


def read_book_frame(frame: bytes | str) -> BookFrame | None:
    """Return a frame of a book; None: it is none, or not of the documented shape, as `read_frame` will tell."""
    if not isinstance(frame, str) or not frame.startswith(_OF_BOOK):
        return None
    try:
        return _BOOK_FRAME.decode(frame)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None


def read_reply(body: bytes) -> Reply:
    """Return the outer parts of a REST answer, whatever its code.

    Raises:
        RemoteProtocolError: it is no JSON object of the documented shape.
    """
    return decode(_REPLY, body, "bybit reply")


def read_result(body: bytes, decoder: msgspec.json.Decoder[T], what: str) -> tuple[T, int]:
    """Return the result of a REST read, and the venue's time of the answer, ms.

    Raises:
        RemoteProtocolError: it failed, or is not of the decoder's shape.
    """
    reply = read_reply(body)
    if reply.ret_code:
        raise RemoteProtocolError(f"bybit {what}: error {reply.ret_code}, {reply.ret_msg}")
    return decode(decoder, bytes(reply.result), f"bybit {what}"), reply.time


def read_rows(body: bytes, decoder: msgspec.json.Decoder[list[T]], what: str) -> tuple[list[T], str, int]:
    """Return the rows of one page of a REST read, the cursor of the next ("" for none), the venue's time, ms.

    Raises:
        RemoteProtocolError: it failed, or is not of the decoder's shape.
    """
    listing, time = read_result(body, _LISTING, what)
    return decode(decoder, bytes(listing.list), f"bybit {what}"), listing.next_page_cursor or "", time
