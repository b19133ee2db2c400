"""The account's own channels to facts: what became of orders, and fills.

An answer to an order says only that it came; its event says what became of it.  Events may be told twice: what was told
is remembered.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

import attrs
import msgspec

from market.instrument import Instrument
from market.messages import (
    AmendRejected,
    CancelRejected,
    Fill,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderFlag,
    OrderRejected,
    PlaceOrder,
    Reason,
)
from market.units import SECOND, ClientOrderId, InstrumentId, Lots, Nanos, Ticks
from venues.paradex.errors import REDUCE_ONLY, refusal_of
from venues.paradex.market_data import SIDES
from venues.paradex.order_ids import OrderIds, fill_id_of
from venues.paradex.structs import AccountRow, Bust, FillRow, OrderRow, Params, RequestInfo, time_of
from venues.wire import InstrumentGrid, RemoteProtocolError, decode, money_e12

Fact = (
    OrderAccepted | OrderRejected | OrderAmended | AmendRejected | OrderCancelled | CancelRejected | OrderExpired | Fill
)
At = tuple[ClientOrderId, InstrumentId, Nanos, Nanos]

Key = TypeVar("Key")

CHANNELS: Final = ("orders.ALL", "fills.ALL", "account", "tradebusts")
OPEN: Final = frozenset({"OPEN", "UNTRIGGERED"})
EXPIRING: Final = OrderFlag.IOC | OrderFlag.MARKET
# an order that has not been taken 5 s after it was signed is refused; lists may lag behind
ON_ITS_WAY: Final = 15 * SECOND
_MODIFY: Final = "MODIFY_ORDER"
_MOST_KNOWN: Final = 50_000
_ORDER: Final = msgspec.json.Decoder(OrderRow)
_FILL: Final = msgspec.json.Decoder(FillRow)
_BUST: Final = msgspec.json.Decoder(Bust)
_ACCOUNT: Final = msgspec.json.Decoder(AccountRow)


@attrs.define
class Live:
    """An order of ours that may stand.

    Attributes:
        order: as it was placed.
        is_cancelled: by us.
        ts: venue time of what was told last of it.
    """

    order: PlaceOrder
    price: Ticks
    size: Lots
    sent: Nanos
    is_told: bool = False
    is_cancelled: bool = False
    ts: Nanos = 0


class PrivateData:
    """Reads the messages of the private channels.

    Attributes:
        live: orders that may stand, by our id.
        skipped: what was passed over, or came unlooked for, by reason.
        is_doubted: something was told that no fact can say: the account is to be asked.
        alarm: what a person must look at; empty: nothing.
    """

    def __init__(self, instruments: Iterable[Instrument], ids: OrderIds) -> None:
        self._grids = {each.symbol: InstrumentGrid(each) for each in instruments}
        self._ids = ids
        self.live: dict[ClientOrderId, Live] = {}
        self.skipped: Counter[str] = Counter()
        self.is_doubted = False
        self.alarm = ""
        self._ended: dict[str, None] = {}
        self._sides: dict[ClientOrderId, int] = {}  # of orders that may have ended: fills may be told after the end
        self._tells_takers = False
        self._fills: dict[tuple[InstrumentId, int], None] = {}
        self._amends: dict[tuple[str, str, str], None] = {}

    def placed(self, order: PlaceOrder, now: Nanos) -> None:
        """An order is being sent."""
        self._keep_side(order.client_id, order.side)
        self.live[order.client_id] = Live(order, order.price, order.size, now)
        if len(self.live) > _MOST_KNOWN:
            del self.live[next(iter(self.live))]

    def receive(self, params: Params, ts_recv: Nanos) -> Sequence[Fact]:
        """Return the facts of a message.

        Raises:
            RemoteProtocolError: it breaks the documented form.
        """
        name = params.channel.partition(".")[0]
        if name == "orders":
            return self.news(decode(_ORDER, params.data, "paradex order"), ts_recv)
        if name == "fills":
            return self._fill(decode(_FILL, params.data, "paradex fill"), ts_recv)
        if name == "tradebusts":
            fill = decode(_BUST, params.data, "paradex trade bust").busted_fill_id
            self.alarm, self.is_doubted = f"fill {fill:.40} was taken back by the venue", True
        elif name == "account":
            status = decode(_ACCOUNT, params.data, "paradex account").status
            if status == "LIQUIDATION":
                self.alarm, self.is_doubted = "the account is being liquidated", True
        else:
            self.skipped["unknown channel"] += 1
        return ()

    def heard(self, row: OrderRow) -> ClientOrderId:
        """Remember whose an order is and which side it has; return its id here.

        Raises:
            RemoteProtocolError: it has no id of the venue, or no side.
        """
        side = SIDES.get(row.side)
        if side is None:
            raise RemoteProtocolError(f"order {row.id:.40} of {row.market:.40}: side {row.side!r:.20} is none")
        client_id = self._ids.note(row.id, row.client_id)
        self._keep_side(client_id, side)
        return client_id

    def _keep_side(self, client_id: ClientOrderId, side: int) -> None:
        self._sides[client_id] = side
        if len(self._sides) > _MOST_KNOWN:
            del self._sides[next(iter(self._sides))]

    # --- orders ------------------------------------------------------------------------------------------------------

    def news(self, row: OrderRow, ts_recv: Nanos) -> list[Fact]:
        """Return what an order's state means."""
        grid = self._grids.get(row.market)
        if grid is None:
            self.skipped["market that is not ours"] += 1
            return []
        client_id = self.heard(row)
        if row.id in self._ended:
            self.skipped["order told of after its end"] += 1
            return []
        live = self.live.get(client_id)
        ts_venue = max(time_of(row.last_updated_at, "last_updated_at"), live.ts if live is not None else 0)
        at = (client_id, grid.instrument.id, ts_venue, ts_recv)
        if row.status == "NEW":
            return []  # it has come, and that is all
        if row.status not in OPEN and row.status != "CLOSED":
            self.skipped[f"order in state {row.status[:24]}"] += 1
            self.is_doubted = True  # no state is guessed
            return []
        facts: list[Fact] = []
        if live is not None:
            live.ts = ts_venue
            if row.status in OPEN and not live.is_told:
                live.is_told = True
                facts.append(OrderAccepted(*at))
            facts += self._amended(row, live, at, grid)
        if row.status == "CLOSED":
            facts += self._closed(row, live, at, grid)
        return facts

    def _amended(self, row: OrderRow, live: Live, at: At, grid: InstrumentGrid) -> list[Fact]:
        info = row.request_info
        facts: list[Fact] = []
        if info is not None and info.request_type == _MODIFY and info.status == "REJECTED" and self._is_new(row, info):
            facts.append(AmendRejected(*at, int(Reason.VENUE_OTHER)))
        if row.status in OPEN:
            price, size = grid.ticks[row.price], grid.lots[row.size]
            if (price, size) != (live.price, live.size):
                live.price, live.size = price, size
                facts.append(OrderAmended(*at, price, size))
        return facts

    def _is_new(self, row: OrderRow, info: RequestInfo) -> bool:
        """An event may repeat what became of an amend."""
        key = (row.id, info.id or "", info.status or "")
        if key in self._amends:
            return False
        _keep(self._amends, key)
        return True

    def _closed(self, row: OrderRow, live: Live | None, at: At, grid: InstrumentGrid) -> list[Fact]:
        _keep(self._ended, row.id)
        self.live.pop(at[0], None)
        size, left = grid.lots[row.size], grid.lots[row.remaining_size]
        reason, filled = row.cancel_reason or "", size - left
        if not left and not reason:
            return []  # fills say it
        flags = live.order.flags if live is not None else 0
        refusal = refusal_of(reason)
        if flags & EXPIRING:
            return [OrderExpired(*at, int(Reason.REMAINDER_EXPIRED if filled else Reason.NO_LIQUIDITY), filled)]
        if refusal and not filled and (live is None or not live.is_told):
            return [OrderRejected(*at, int(refusal))]
        if REDUCE_ONLY in reason:
            return [OrderExpired(*at, int(Reason.REDUCE_ONLY), filled)]
        # of orders of earlier lives it is not known who ended them
        is_plain = live is None or live.is_cancelled or reason == "USER_CANCELED"
        return [OrderCancelled(*at, int(Reason.NONE if is_plain else refusal or Reason.VENUE_OTHER), filled)]

    # --- fills -------------------------------------------------------------------------------------------------------

    def _fill(self, row: FillRow, ts_recv: Nanos) -> list[Fact]:
        grid = self._grids.get(row.market)
        if grid is None:
            self.skipped["market that is not ours"] += 1
            return []
        key = (grid.instrument.id, fill_id_of(row.fill_type, row.id))
        if key in self._fills:
            self.skipped["fill told again"] += 1
            return []
        _keep(self._fills, key)
        return [self.fill(row, self._ids.note(row.order_id or f"none-{row.id}", row.client_id), grid, ts_recv)]

    def fill(self, row: FillRow, client_id: ClientOrderId, grid: InstrumentGrid, ts_recv: Nanos) -> Fill:
        """Return an execution; its side is that of the order, where that is known.

        Raises:
            RemoteProtocolError: it makes no sense.
        """
        name = grid.instrument.name
        side, lots = SIDES.get(row.side), grid.lots[row.size]
        if side is None or not lots or row.liquidity not in ("MAKER", "TAKER"):
            raise RemoteProtocolError(f"fill {row.id:.40} of {name}: {row.side!r:.20} {row.size:.40} is no deal")
        side = self._own_side(client_id, side, is_maker=row.liquidity == "MAKER")
        fee = 0
        if row.fee_currency == grid.instrument.settle:
            fee = money_e12(row.fee, "fee", name)
        elif row.fee.strip("0."):
            self.skipped[f"fee in {row.fee_currency[:12]}"] += 1
        if row.fill_type not in ("FILL", "RPI"):
            self.skipped[f"fill of type {row.fill_type[:24]}"] += 1
        at = (client_id, grid.instrument.id, time_of(row.created_at, "created_at"), ts_recv)
        return Fill(
            *at, fill_id_of(row.fill_type, row.id), side, grid.ticks[row.price], lots, row.liquidity == "MAKER", fee
        )

    def _own_side(self, client_id: ClientOrderId, told: int, *, is_maker: bool) -> int:
        """Return the side of the account.

        The documents call the side of a fill the taker's, others read it as the account's own: the first fill of a
        known order that contradicts it decides how those of unknown orders are read.
        """
        known = self._sides.get(client_id)
        if known is None:
            return -told if is_maker and self._tells_takers else told
        if known != told:
            self.skipped["fill whose side is not the order's"] += 1
            self._tells_takers |= is_maker
        return known


def _keep(known: dict[Key, None], key: Key) -> None:
    known[key] = None
    if len(known) > _MOST_KNOWN:
        del known[next(iter(known))]
