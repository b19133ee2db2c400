"""What Binance says of our account, by its private stream and by REST.  Types as in `structs`."""

from typing import TypeAlias

import msgspec
from msgspec import field

from venues.binance.structs import Id, Millis, RateLimit, VenueError

# --- the private stream ------------------------------------------------------------------------------------------


class OrderReport(msgspec.Struct, gc=False):
    """An order after one happening, `execution`; `last_*`, fee and `trade_id` are of that."""

    symbol: str = field(name="s")
    client_id: str = field(name="c")
    side: str = field(name="S")
    time_in_force: str = field(name="f")
    quantity: str = field(name="q")
    price: str = field(name="p")
    execution: str = field(name="x")
    status: str = field(name="X")
    order_id: Id = field(name="i")
    last_quantity: str = field(name="l")
    last_price: str = field(name="L")
    filled: str = field(name="z")
    ts_trade: Millis = field(name="T")
    trade_id: Id = field(name="t")
    is_maker: bool = field(name="m")
    fee: str | None = field(name="n", default=None)
    fee_asset: str | None = field(name="N", default=None)
    expiry_reason: int | str = field(name="er", default=0)


class OrderTradeUpdate(msgspec.Struct, tag_field="e", tag="ORDER_TRADE_UPDATE", gc=False):
    order: OrderReport = field(name="o")


class BalanceReport(msgspec.Struct, gc=False):
    """Balance of an asset; `change` is what neither profit nor fees explain, such as funding."""

    asset: str = field(name="a")
    wallet: str = field(name="wb")
    change: str = field(name="bc", default="0")


class PositionReport(msgspec.Struct, gc=False):
    symbol: str = field(name="s")
    amount: str = field(name="pa")
    side: str = field(name="ps", default="BOTH")


class AccountReport(msgspec.Struct, gc=False):
    """What has changed, and by what reason; `symbol` is told with funding only."""

    reason: str = field(name="m")
    balances: list[BalanceReport] = field(name="B", default_factory=list)
    positions: list[PositionReport] = field(name="P", default_factory=list)
    symbol: str = field(name="S", default="")


class AccountUpdate(msgspec.Struct, tag_field="e", tag="ACCOUNT_UPDATE", gc=False):
    ts_engine: Millis = field(name="T")
    account: AccountReport = field(name="a")


class ListenKeyExpired(msgspec.Struct, tag_field="e", tag="listenKeyExpired", gc=False):
    """The stream will say no more."""


PrivateEvent: TypeAlias = OrderTradeUpdate | AccountUpdate | ListenKeyExpired


class PrivateFrame(msgspec.Struct, gc=False):
    """A payload with the name of its stream, the listen key, around it."""

    data: PrivateEvent


# --- answers -----------------------------------------------------------------------------------------------------


class OrderAnswer(msgspec.Struct, gc=False):
    """An order as the answer to a command or a question tells of it.  What queries alone say is left out."""

    order_id: Id = field(name="orderId")
    symbol: str
    status: str
    client_id: str = field(name="clientOrderId")
    side: str
    price: str
    quantity: str = field(name="origQty")
    ts_update: Millis = field(name="updateTime")
    filled: str = field(name="executedQty", default="0")
    time_in_force: str = field(name="timeInForce", default="GTC")
    type: str = "LIMIT"
    is_reduce_only: bool = field(name="reduceOnly", default=False)


class SocketAnswer(msgspec.Struct, gc=False):
    """An answer of the WebSocket API, matched by `id`."""

    status: int
    id: int | str | None = None
    result: msgspec.Raw = msgspec.Raw(b"null")
    error: VenueError | None = None
    rate_limits: list[RateLimit] = field(name="rateLimits", default_factory=list)


class AccountTrade(msgspec.Struct, gc=False):
    """A fill of ours, which names its order by the venue's id alone."""

    symbol: str
    trade_id: Id = field(name="id")
    order_id: Id = field(name="orderId")
    side: str
    price: str
    quantity: str = field(name="qty")
    fee: str = field(name="commission")
    fee_asset: str = field(name="commissionAsset")
    is_maker: bool = field(name="maker")
    ts_trade: Millis = field(name="time")


class PositionAnswer(msgspec.Struct, gc=False):
    symbol: str
    amount: str = field(name="positionAmt")
    side: str = field(name="positionSide", default="BOTH")


class Income(msgspec.Struct, gc=False):
    """A change of balance; a funding payment here."""

    symbol: str
    amount: str = field(name="income")
    asset: str
    ts: Millis = field(name="time")
    transfer_id: int | str = field(name="tranId")


class AccountConfig(msgspec.Struct, gc=False):
    """The modes of the account: hedge mode is not for us, and neither is an account that cannot trade."""

    is_hedged: bool = field(name="dualSidePosition")
    can_trade: bool = field(name="canTrade")
    is_multi_asset: bool = field(name="multiAssetsMargin", default=False)


class BalanceAnswer(msgspec.Struct, gc=False):
    asset: str
    balance: str
    available: str = field(name="availableBalance")


class ListenKey(msgspec.Struct, gc=False):
    """The credential of the private stream: never shown."""

    key: str = field(name="listenKey")


class ServerTime(msgspec.Struct, gc=False):
    ts: Millis = field(name="serverTime")


class AccountTotals(msgspec.Struct, gc=False):
    """Money of the whole account in USDT, or in USD where several assets are margin."""

    equity: str | None = field(name="totalMarginBalance", default=None)
    available: str | None = field(name="availableBalance", default=None)
    used: str | None = field(name="totalInitialMargin", default=None)


class ConditionalOrder(msgspec.Struct, gc=False):
    """An order that waits for a trigger; we place none, and open orders do not show them."""

    algo_id: Id = field(name="algoId")
    symbol: str
    side: str
    status: str = field(name="algoStatus")
