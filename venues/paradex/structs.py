"""The venue's JSON as typed structs; fields that are not read are left out.  Times are ms, as numbers or as texts."""

from typing import Annotated, Final

import msgspec

from market.units import MS, Nanos
from venues.wire import RemoteProtocolError, decode

NAME: Final = "paradex"
Time = int | str
_LAST_MS: Final = 9_000_000_000_000  # in ns it is still an int64
Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


def time_of(value: Time, field: str) -> Nanos:
    """Return a time of the venue's.

    Raises:
        RemoteProtocolError: it is none.
    """
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdigit() and len(value) < 18 else -1
    if not 0 <= value <= _LAST_MS:
        raise RemoteProtocolError(f"paradex: {field} is no time: {value!r:.40}")
    return value * MS


class Struct(msgspec.Struct, frozen=True, gc=False):
    """Base of what the venue sends."""


class MarketRow(Struct, frozen=True, gc=False):
    """A market of `GET /markets`."""

    symbol: str
    base_currency: str
    quote_currency: str
    settlement_currency: str
    order_size_increment: str
    price_tick_size: str
    min_notional: str
    asset_kind: str
    trading_mode: str = "STANDARD"
    max_order_size: str = ""
    fee_config: msgspec.Raw = msgspec.Raw(b"null")


class Markets(Struct, frozen=True, gc=False):
    results: list[MarketRow]


class ApiFee(Struct, frozen=True, gc=False):
    fee: str = "0"


class ApiFees(Struct, frozen=True, gc=False):
    maker_fee: ApiFee = ApiFee()
    taker_fee: ApiFee = ApiFee()


class FeeConfig(Struct, frozen=True, gc=False):
    """Fractions of the notional, of orders by API."""

    api_fee: ApiFees | None = None


class SystemConfig(Struct, frozen=True, gc=False):
    starknet_chain_id: str = ""


class SystemState(Struct, frozen=True, gc=False):
    """ok, maintenance, cancel_only or post_only."""

    status: str


class SystemTime(Struct, frozen=True, gc=False):
    server_time: Time


class Token(Struct, frozen=True, gc=False):
    jwt_token: str


class Refusal(Struct, frozen=True, gc=False):
    """Why a request was refused."""

    error: str = ""
    message: str | None = ""


class RpcError(Struct, frozen=True, gc=False):
    """Why a call was refused; `data` may name a code of the REST interface."""

    code: int
    message: str = ""
    data: msgspec.Raw = msgspec.Raw()


class Params(Struct, frozen=True, gc=False):
    channel: str
    data: msgspec.Raw


class Frame(Struct, frozen=True, gc=False):
    """A frame: the answer to a call, under its id, or a message of a channel."""

    id: int | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: RpcError | None = None
    method: str = ""
    params: Params | None = None


class Level(Struct, frozen=True, gc=False):
    side: str
    price: str
    size: str


class BookRow(Struct, frozen=True, gc=False):
    """A book ("s") or what has changed of it ("d"): empty lists are sent, and one that is missing is an error."""

    market: str
    seq_no: Count
    last_updated_at: Annotated[int, msgspec.Meta(ge=0, le=_LAST_MS)]
    update_type: str
    inserts: list[Level]
    updates: list[Level]
    deletes: list[Level]


class TradeRow(Struct, frozen=True, gc=False):
    id: str
    market: str
    side: str
    size: str
    price: str
    created_at: Time
    trade_type: str = "FILL"


class SummaryRow(Struct, frozen=True, gc=False):
    """Mark, index and funding of a market."""

    symbol: str
    mark_price: str = ""
    underlying_price: str = ""
    funding_rate: str = ""
    open_interest: str = ""
    created_at: Time | None = None


class RequestInfo(Struct, frozen=True, gc=False):
    """What became of an amend: SUCCESS or REJECTED."""

    id: str | None = None
    request_type: str | None = None
    status: str | None = None
    message: str | None = None


class OrderRow(Struct, frozen=True, gc=False):
    """An order, by answers, lists and the channel."""

    id: str
    market: str
    side: str
    type: str
    size: str
    remaining_size: str
    price: str
    status: str
    created_at: Time
    last_updated_at: Time
    client_id: str = ""
    cancel_reason: str | None = ""
    instruction: str = ""
    flags: list[str] | None = None
    request_info: RequestInfo | None = None
    published_at: Time = 0


class OrderAnswer(Struct, frozen=True, gc=False):
    order: OrderRow


class OrderRows(Struct, frozen=True, gc=False):
    results: list[OrderRow]
    next: str | None = None


class FillRow(Struct, frozen=True, gc=False):
    """An execution of ours; a positive fee is a cost.  `side` is said to be the taker's."""

    id: str
    order_id: str
    market: str
    side: str
    price: str
    size: str
    liquidity: str
    fee: str
    created_at: Time
    client_id: str = ""
    fee_currency: str = "USDC"
    fill_type: str = "FILL"


class FillRows(Struct, frozen=True, gc=False):
    results: list[FillRow]
    next: str | None = None


class PositionRow(Struct, frozen=True, gc=False):
    """A position; `size` is signed."""

    market: str
    size: str
    status: str = "OPEN"
    side: str = ""


class PositionRows(Struct, frozen=True, gc=False):
    results: list[PositionRow]


class PaymentRow(Struct, frozen=True, gc=False):
    id: str
    market: str
    payment: str
    created_at: Time


class PaymentRows(Struct, frozen=True, gc=False):
    results: list[PaymentRow]
    next: str | None = None


class Bust(Struct, frozen=True, gc=False):
    busted_fill_id: str


class AccountRow(Struct, frozen=True, gc=False):
    """ACTIVE or LIQUIDATION."""

    status: str = "ACTIVE"


class AccountMoney(Struct, frozen=True, gc=False):
    """What stands behind the positions of an account, in its settlement asset."""

    account_value: str | None = None
    free_collateral: str | None = None
    initial_margin_requirement: str | None = None


_FRAME = msgspec.json.Decoder(Frame)
_REFUSAL = msgspec.json.Decoder(Refusal)


def read_frame(frame: str | bytes) -> Frame:
    """Return a frame.

    Raises:
        RemoteProtocolError: it is none.
    """
    return decode(_FRAME, frame, "paradex frame")


def read_refusal(body: bytes) -> Refusal:
    """Return why a request was refused; an empty one where the body does not say."""
    try:
        return decode(_REFUSAL, body, "paradex refusal")
    except RemoteProtocolError:
        return Refusal(message=body[:120].decode(errors="replace"))
