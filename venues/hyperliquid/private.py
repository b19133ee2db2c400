"""The account's own streams to facts: what became of orders, and fills.

What a subscription tells at once, of the time before it, is passed over: the account is asked for that.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

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
    Reason,
)
from market.units import MS, ClientOrderId, InstrumentId, Lots, Nanos
from venues.hyperliquid.errors import reason_of
from venues.hyperliquid.market_data import SIDES
from venues.hyperliquid.order_ids import client_id_of, fill_id_of
from venues.hyperliquid.orders import Live, Orders
from venues.hyperliquid.session import Subscription
from venues.hyperliquid.structs import FillRow, Frame, OrderNews, OrderTerms, UserEvent, UserFills
from venues.wire import InstrumentGrid, RemoteProtocolError, decode, money_e12

Fact = (
    OrderAccepted | OrderRejected | OrderAmended | AmendRejected | OrderCancelled | CancelRejected | OrderExpired | Fill
)
At = tuple[ClientOrderId, InstrumentId, Nanos, Nanos]

STANDING: Final = frozenset({"open", "accepted", "triggered"})
EXPIRING: Final = OrderFlag.IOC | OrderFlag.MARKET
_MOST_KNOWN: Final = 50_000
_NEWS: Final = msgspec.json.Decoder(list[OrderNews])
_FILLS: Final = msgspec.json.Decoder(UserFills)
_EVENT: Final = msgspec.json.Decoder(UserEvent)


def is_cancelled(status: str) -> bool:
    """Tell whether a state says that an order was cancelled, by whom ever."""
    return status.lower().endswith("canceled") or status == "scheduledCancel"


def is_rejected(status: str) -> bool:
    """Tell whether a state says that an order never stood."""
    return status.lower().endswith("rejected")


class PrivateData:
    """Reads the frames of the private socket.

    Args:
        grids: by the venue's symbol.

    Attributes:
        skipped: what was passed over, or came unlooked for, by reason.
        is_doubted: something was told that no fact can say: the account is to be asked.
        alarm: what a person must look at; empty: nothing.
    """

    def __init__(self, account: str, grids: dict[str, InstrumentGrid], orders: Orders) -> None:
        self._account, self._grids, self._orders = account.lower(), grids, orders
        self.skipped: Counter[str] = Counter()
        self.is_doubted = False
        self.alarm = ""
        self._fills: dict[tuple[InstrumentId, int], None] = {}

    def subscriptions(self) -> list[Subscription]:
        return [{"type": name, "user": self._account} for name in ("orderUpdates", "userFills", "userEvents")]

    def receive(self, frame: Frame, ts_recv: Nanos) -> Sequence[Fact]:
        """Return the facts of a frame.

        Raises:
            RemoteProtocolError: it breaks the documented form.
        """
        if frame.channel == "orderUpdates":
            rows = decode(_NEWS, frame.data, "hyperliquid order updates")
            return [fact for row in rows for fact in self.news(row, ts_recv)]
        if frame.channel == "userFills":
            return self._user_fills(decode(_FILLS, frame.data, "hyperliquid fills"), ts_recv)
        if frame.channel == "user":
            self._event(decode(_EVENT, frame.data, "hyperliquid event"))
        else:
            self.skipped["unknown channel"] += 1
        return ()

    # --- orders ------------------------------------------------------------------------------------------------------

    def news(self, row: OrderNews, ts_recv: Nanos) -> list[Fact]:
        """Return what an order's state means."""
        grid = self._grids.get(row.order.coin)
        if grid is None:
            self.skipped["coin that is not ours"] += 1
            return []
        oid, status = row.order.oid, row.status
        client_id = client_id_of(row.order.cloid, oid)
        if self._orders.has_ended(oid):
            self.skipped["order told of after its end"] += 1
            return []
        if self._orders.is_replaced(oid):
            return self._replaced_one(row, client_id, grid, ts_recv)
        at = (client_id, grid.instrument.id, row.status_timestamp * MS, ts_recv)
        live = self._orders.live.get(client_id)
        if live is not None and live.amending is not None and status not in STANDING:
            # is it the end of the order, or of that which the amend replaces?  The answer to the amend tells
            live.amending.ended.append(row)
            return []
        if live is not None and live.oid and oid != live.oid and is_rejected(status):
            return []  # an amend was refused: whether the old one stands, its own news tell
        if live is not None and live.doubt is not None and live.oid:
            if oid != live.oid and status in STANDING:
                self._orders.doubted(live, oid, grid.ticks[row.order.limit_px], _size_of(row.order, grid))
                live.ts = max(live.ts, at[2])
                return [OrderAmended(*at, live.price, live.size)]
            if oid == live.oid and is_cancelled(status):
                self.skipped["end of an order that may have been amended"] += 1
                self.is_doubted = True  # another may stand in its place
                return []
        if status in STANDING:
            if live is not None and live.amending is not None and live.oid and oid != live.oid:
                return []  # the new one: the answer tells of it
            self._orders.note(oid, client_id)
            return self.accepted(at)
        self._orders.note(oid, client_id)
        return self.end(row, at, grid)

    def accepted(self, at: At) -> list[Fact]:
        """Return that an order stands, once."""
        live = self._orders.live.get(at[0])
        if live is None or live.is_told:
            return []
        live.is_told = True
        live.ts = max(live.ts, at[2])
        return [OrderAccepted(*at)]

    def end(self, row: OrderNews, at: At, grid: InstrumentGrid) -> list[Fact]:
        """Return how an order ended, by news of its state."""
        status = row.status
        if status != "filled" and not is_cancelled(status) and not is_rejected(status):
            self.skipped[f"order in state {status[:24]}"] += 1
            self.is_doubted = True  # no state is guessed
            return []
        live = self._orders.ended(at[0], row.order.oid)
        if status == "filled" or (live is None and is_rejected(status)):
            return []  # fills say it, or the answer to the order has
        filled = (live.base if live is not None else 0) + _filled_of(row.order, grid)
        at = (at[0], at[1], max(at[2], live.ts if live is not None else 0), at[3])
        return [_end_of(status, live, at, filled)]

    def _replaced_one(
        self, row: OrderNews, client_id: ClientOrderId, grid: InstrumentGrid, ts_recv: Nanos
    ) -> list[Fact]:
        """The end of an order that an amend has replaced tells exactly what was filled of it."""
        live = self._orders.live.get(client_id)
        if row.status in STANDING or live is None:
            return []
        self._orders.ended(-1, row.order.oid)
        return self.settle(live, live.base + _filled_of(row.order, grid), row.status_timestamp * MS, ts_recv)

    def settle(self, live: Live, base: Lots, ts_venue: Nanos, ts_recv: Nanos) -> list[Fact]:
        """Take what was filled before the last amend; the size that stands now is that and what was asked for then."""
        more = base - live.base
        if more <= 0:
            return []
        remaining = live.size - live.base
        live.base, live.size = base, base + remaining
        self.skipped["amend that a fill had come before"] += 1
        at = (live.order.client_id, live.order.instrument, ts_venue, ts_recv)
        return [OrderAmended(*at, live.price, live.size)]

    # --- fills -------------------------------------------------------------------------------------------------------

    def _user_fills(self, told: UserFills, ts_recv: Nanos) -> list[Fact]:
        if told.is_snapshot:
            self.skipped["fills told at subscription"] += len(told.fills)
            return []
        return [fact for row in told.fills for fact in self._fill(row, ts_recv)]

    def _fill(self, row: FillRow, ts_recv: Nanos) -> list[Fact]:
        grid = self._grids.get(row.coin)
        if grid is None:
            self.skipped["coin that is not ours"] += 1
            return []
        key = (grid.instrument.id, fill_id_of(row.oid, row.tid))
        if key in self._fills:
            self.skipped["fill told again"] += 1
            return []
        client_id = client_id_of(row.cloid, row.oid) if row.cloid else self._orders.find(row.oid)
        if client_id is None:
            if self._orders.unnumbered(grid.instrument.id):
                # whose it is will be known by asking
                self.skipped["fill of an order that is not known yet"] += 1
                self.is_doubted = True
                return []
            client_id = client_id_of(None, row.oid)
        self._fills[key] = None
        if len(self._fills) > _MOST_KNOWN:
            del self._fills[next(iter(self._fills))]
        fill = self.fill(row, client_id, grid, ts_recv)
        live = self._orders.live.get(client_id)
        if live is not None:
            live.count(fill.fill_id, fill.size)
        return [fill]

    def fill(self, row: FillRow, client_id: ClientOrderId, grid: InstrumentGrid, ts_recv: Nanos) -> Fill:
        """Return an execution.

        Raises:
            RemoteProtocolError: it makes no sense.
        """
        name = grid.instrument.name
        side, lots = SIDES.get(row.side), grid.lots[row.sz]
        if side is None or not lots:
            raise RemoteProtocolError(f"fill {row.tid} of {name}: {row.side!r:.20} {row.sz:.40} is no deal")
        at = (client_id, grid.instrument.id, row.time * MS, ts_recv)
        fee = 0
        if row.fee_token == grid.instrument.settle:
            fee = money_e12(row.fee, "fee", name)
        else:
            self.skipped[f"fee in {row.fee_token[:12]}"] += 1
        return Fill(*at, fill_id_of(row.oid, row.tid), side, grid.ticks[row.px], lots, not row.crossed, fee)

    # --- the rest ----------------------------------------------------------------------------------------------------

    def _event(self, event: UserEvent) -> None:
        if event.liquidation is not None:
            self.alarm = "the account is being liquidated"
            self.is_doubted = True
        if event.cancels:
            self.skipped["order cancelled by the venue"] += len(event.cancels)


def _filled_of(order: OrderTerms, grid: InstrumentGrid) -> Lots:
    """Return what was filled of an order, by its size and what remains."""
    return _size_of(order, grid) - grid.lots[order.sz]


def _size_of(order: OrderTerms, grid: InstrumentGrid) -> Lots:
    return grid.lots[order.orig_sz or order.sz]


def _end_of(status: str, live: Live | None, at: At, filled: Lots) -> Fact:
    """Return how an order ended that was not filled up."""
    flags = live.order.flags if live is not None else 0
    is_asked = live is not None and live.is_cancelled
    if flags & EXPIRING:
        return OrderExpired(*at, int(Reason.REMAINDER_EXPIRED if filled else Reason.NO_LIQUIDITY), filled)
    if is_rejected(status):
        return OrderRejected(*at, int(reason_of(status)))
    if status == "reduceOnlyCanceled":
        return OrderExpired(*at, int(Reason.REDUCE_ONLY), filled)
    # of orders of earlier lives it is not known who ended them
    is_plain = is_asked or live is None
    return OrderCancelled(*at, int(Reason.NONE if is_plain else Reason.VENUE_OTHER), filled)
