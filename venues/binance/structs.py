"""What Binance sends, as typed structs.  Fields that we do not read are left out and skipped.

Times are ms since the Unix epoch, prices and quantities decimal texts.  Bounds keep what a damaged frame says within
the ints of our arrays.
"""

from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta, field

VENUE: Final = "binance-futures"

Millis: TypeAlias = Annotated[int, Meta(ge=0, le=9_000_000_000_000)]
Id: TypeAlias = Annotated[int, Meta(ge=0, le=9_223_372_036_854_775_807)]
Level: TypeAlias = tuple[str, str]  # price, quantity

# --- market streams ----------------------------------------------------------------------------------------------


class DepthUpdate(msgspec.Struct, tag_field="e", tag="depthUpdate", gc=False):
    """Changed levels: updates `first` to `last`; `previous` is `last` of the event before it in this stream."""

    ts_event: Millis = field(name="E")
    ts_engine: Millis = field(name="T")
    symbol: str = field(name="s")
    first: Id = field(name="U")
    last: Id = field(name="u")
    previous: Id = field(name="pu")
    bids: list[Level] = field(name="b")
    asks: list[Level] = field(name="a")


class AggregateTrade(msgspec.Struct, tag_field="e", tag="aggTrade", gc=False):
    """Fills of one taker order at one price within 100 ms, trades `first` to `last`."""

    symbol: str = field(name="s")
    trade_id: Id = field(name="a")
    price: str = field(name="p")
    quantity: str = field(name="q")
    ts_trade: Millis = field(name="T")
    is_buyer_maker: bool = field(name="m")


class SingleTrade(msgspec.Struct, tag_field="e", tag="trade", gc=False):
    """One fill.  The stream is not documented; `kind` is MARKET but for insurance fund, deleveraging and the like."""

    symbol: str = field(name="s")
    trade_id: Id = field(name="t")
    price: str = field(name="p")
    quantity: str = field(name="q")
    ts_trade: Millis = field(name="T")
    is_buyer_maker: bool = field(name="m")
    kind: str = field(name="X", default="MARKET")


class BookTicker(msgspec.Struct, tag_field="e", tag="bookTicker", gc=False):
    """The touch after update `last`, whose numbers are those of the book."""

    symbol: str = field(name="s")
    last: Id = field(name="u")
    ts_engine: Millis = field(name="T")
    bid: str = field(name="b")
    bid_quantity: str = field(name="B")
    ask: str = field(name="a")
    ask_quantity: str = field(name="A")


class MarkPriceUpdate(msgspec.Struct, tag_field="e", tag="markPriceUpdate", gc=False):
    """Mark and index price; `rate` is empty and `ts_funding` 0 for what pays no funding."""

    ts_event: Millis = field(name="E")
    symbol: str = field(name="s")
    mark: str = field(name="p")
    index: str = field(name="i", default="")
    rate: str = field(name="r", default="")
    ts_funding: Millis = field(name="T", default=0)


MarketEvent: TypeAlias = DepthUpdate | AggregateTrade | SingleTrade | BookTicker | MarkPriceUpdate


class MarketFrame(msgspec.Struct, gc=False):
    """A payload with the name of its stream around it."""

    stream: str
    data: MarketEvent


class VenueError(msgspec.Struct, gc=False):
    """What is refused, and why, in the venue's words."""

    code: int
    message: str = field(name="msg", default="")


class EventName(msgspec.Struct, gc=False):
    """The first look at an event that is not one of those above."""

    name: str = field(name="e", default="")


class AnyFrame(msgspec.Struct, gc=False):
    """Whatever else may come on a stream connection: answers to SUBSCRIBE, events of other kinds."""

    id: int | str | None = None
    error: VenueError | None = None
    code: int | None = None
    message: str = field(name="msg", default="")
    stream: str | None = None
    data: EventName | None = None
    event: str = field(name="e", default="")


class Depth(msgspec.Struct, gc=False):
    """The book by REST, 1,000 levels a side at the most."""

    last: Id = field(name="lastUpdateId")
    ts_engine: Millis = field(name="T")
    bids: list[Level]
    asks: list[Level]


# --- instruments and limits --------------------------------------------------------------------------------------


class PriceFilter(msgspec.Struct, tag_field="filterType", tag="PRICE_FILTER"):
    tick: str = field(name="tickSize")
    least: str = field(name="minPrice")
    most: str = field(name="maxPrice")


class LotSize(msgspec.Struct, tag_field="filterType", tag="LOT_SIZE"):
    step: str = field(name="stepSize")
    least: str = field(name="minQty")
    most: str = field(name="maxQty")


class MinNotional(msgspec.Struct, tag_field="filterType", tag="MIN_NOTIONAL"):
    notional: str


class FilterName(msgspec.Struct):
    name: str = field(name="filterType")


class SymbolRules(msgspec.Struct):
    """One symbol; its filters are told apart later, as new kinds of them may come at any time."""

    symbol: str
    status: str
    contract: str = field(name="contractType")
    base: str = field(name="baseAsset")
    quote: str = field(name="quoteAsset")
    settle: str = field(name="marginAsset")
    filters: list[msgspec.Raw]


class RateLimit(msgspec.Struct, frozen=True):
    """At most `limit` in `n` intervals; `count` is how much is used, in the answers that say so."""

    kind: str = field(name="rateLimitType")
    interval: str
    n: int = field(name="intervalNum")
    limit: int
    count: int | None = None


class ExchangeInfo(msgspec.Struct):
    rate_limits: list[RateLimit] = field(name="rateLimits")
    symbols: list[SymbolRules]


class CommissionRate(msgspec.Struct):
    """Fees of this account, as fractions of the notional."""

    symbol: str
    maker: str = field(name="makerCommissionRate")
    taker: str = field(name="takerCommissionRate")
