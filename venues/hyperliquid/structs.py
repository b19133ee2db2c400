"""The venue's JSON as typed structs; fields that are not read are left out."""

from typing import Any, Final

import msgspec

from venues.wire import decode

NAME: Final = "hyperliquid"


class Rows(msgspec.Struct, frozen=True, gc=False):
    """Base of what the venue sends."""


class UniverseRow(Rows, frozen=True, gc=False, rename="camel"):
    """An asset of `meta`."""

    name: str
    sz_decimals: int
    max_leverage: int = 1
    is_delisted: bool | None = None
    only_isolated: bool | None = None


class Meta(Rows, frozen=True, gc=False):
    """The answer to `meta`."""

    universe: list[UniverseRow]


class UserFees(Rows, frozen=True, gc=False):
    """Fractions of the notional; `add_rate`: of orders that rest, negative for a rebate."""

    cross_rate: str = msgspec.field(name="userCrossRate")
    add_rate: str = msgspec.field(name="userAddRate")


class UserRole(Rows, frozen=True, gc=False):
    """Whose an address is: user, agent, vault, subAccount, missing."""

    role: str
    data: dict[str, str] | None = None


class Budget(Rows, frozen=True, gc=False):
    """Actions that the account has sent, and may send in all."""

    volume: str = msgspec.field(name="cumVlm")
    used: int = msgspec.field(name="nRequestsUsed")
    cap: int = msgspec.field(name="nRequestsCap")
    surplus: int = msgspec.field(name="nRequestsSurplus", default=0)


class Level(Rows, frozen=True, gc=False):
    px: str
    sz: str


class Book(Rows, frozen=True, gc=False):
    """A whole book: bids from the highest down, asks from the lowest up."""

    coin: str
    time: int
    levels: tuple[list[Level], list[Level]]


class TradeRow(Rows, frozen=True, gc=False):
    """A trade; `side` B: the buyer took, A: the seller did."""

    coin: str
    side: str
    px: str
    sz: str
    time: int
    tid: int


class AssetContext(Rows, frozen=True, gc=False, rename="camel"):
    """Mark, index and funding of an asset."""

    mark_px: str
    oracle_px: str
    funding: str
    open_interest: str = "0"


class ActiveContext(Rows, frozen=True, gc=False):
    """What `activeAssetCtx` tells."""

    coin: str
    ctx: AssetContext


class Frame(Rows, frozen=True, gc=False):
    """A frame of either socket."""

    channel: str
    data: msgspec.Raw = msgspec.Raw(b"null")


class OrderTerms(Rows, frozen=True, gc=False, rename="camel"):
    """An order as lists and streams tell of it; `sz` is what remains."""

    coin: str
    side: str
    limit_px: str
    sz: str
    oid: int
    timestamp: int
    orig_sz: str = ""
    cloid: str | None = None
    reduce_only: bool = False
    tif: str | None = None
    is_trigger: bool = False


class OrderNews(Rows, frozen=True, gc=False, rename="camel"):
    """An order and its state."""

    order: OrderTerms
    status: str
    status_timestamp: int


class OrderAnswer(Rows, frozen=True, gc=False):
    """The answer to `orderStatus`: status "order" or "unknownOid"."""

    status: str
    order: OrderNews | None = None


class FillRow(Rows, frozen=True, gc=False, rename="camel"):
    """An execution of ours; `crossed`: we took.  A negative fee is a rebate."""

    coin: str
    px: str
    sz: str
    side: str
    time: int
    oid: int
    crossed: bool
    fee: str
    tid: int
    fee_token: str = "USDC"
    start_position: str = ""
    cloid: str | None = None


class UserFills(Rows, frozen=True, gc=False, rename="camel"):
    """What `userFills` tells: first those of late, then each."""

    user: str
    fills: list[FillRow]
    is_snapshot: bool = False


class SystemCancel(Rows, frozen=True, gc=False):
    """An order that the venue has cancelled by itself."""

    coin: str
    oid: int


class UserEvent(Rows, frozen=True, gc=False):
    """What `userEvents` tells; one of these."""

    fills: list[FillRow] | None = None
    funding: dict[str, Any] | None = None
    liquidation: dict[str, Any] | None = None
    cancels: list[SystemCancel] | None = msgspec.field(name="nonUserCancel", default=None)


class Position(Rows, frozen=True, gc=False):
    """A position; `szi` is signed."""

    coin: str
    szi: str


class AssetPosition(Rows, frozen=True, gc=False):
    position: Position


class AccountState(Rows, frozen=True, gc=False, rename="camel"):
    """The answer to `clearinghouseState`, but for its money; `time` in ms."""

    asset_positions: list[AssetPosition]
    time: int = 0


class MarginSummary(Rows, frozen=True, gc=False, rename="camel"):
    """Of all positions, USDC."""

    account_value: str | None = None
    total_margin_used: str | None = None


class AccountMoney(Rows, frozen=True, gc=False, rename="camel"):
    """The money in the answer to `clearinghouseState`, read apart: positions are known without it, too."""

    margin_summary: MarginSummary = MarginSummary()
    withdrawable: str | None = None


class FundingDelta(Rows, frozen=True, gc=False):
    """Funding that was paid (negative) or received."""

    coin: str
    usdc: str


class FundingRow(Rows, frozen=True, gc=False):
    time: int
    delta: FundingDelta


class Resting(Rows, frozen=True, gc=False):
    oid: int
    cloid: str | None = None


class Filled(Rows, frozen=True, gc=False, rename="camel"):
    oid: int
    total_sz: str = ""
    cloid: str | None = None


class ItemStatus(Rows, frozen=True, gc=False):
    """What became of one item of an action."""

    resting: Resting | None = None
    filled: Filled | None = None
    error: str | None = None


class Statuses(Rows, frozen=True, gc=False):
    statuses: list[ItemStatus | str] = msgspec.field(default_factory=list)


class ActionResult(Rows, frozen=True, gc=False):
    type: str
    data: Statuses = Statuses()


class ActionAnswer(Rows, frozen=True, gc=False):
    """The answer to an action: `status` ok with a result, or err with a text."""

    status: str
    response: msgspec.Raw = msgspec.Raw(b"null")


class PostPayload(Rows, frozen=True, gc=False):
    """The response to a post: of type action, info or error."""

    type: str
    payload: msgspec.Raw = msgspec.Raw(b"null")


class PostAnswer(Rows, frozen=True, gc=False):
    """The answer to a post on the socket, under the number that we gave it."""

    id: int
    response: PostPayload


_FRAME = msgspec.json.Decoder(Frame)
HELLO = "Websocket connection established."  # the one text that is no JSON


def read_frame(frame: str | bytes) -> Frame | None:
    """Return a frame; None: a greeting.

    Raises:
        RemoteProtocolError: it is none.
    """
    if frame in (HELLO, HELLO.encode()):
        return None
    return decode(_FRAME, frame, "hyperliquid frame")
