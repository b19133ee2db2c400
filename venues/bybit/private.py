"""The account's own stream to facts: what became of orders, fills, funding, positions, balances.

Nothing is told by a subscription itself: what happened before must be asked for, see `account`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from market import Instrument
from market.messages import (
    Fill,
    FundingPayment,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderRejected,
    PlaceOrder,
    Reason,
)
from market.units import MS, ClientOrderId, InstrumentId, Lots, Nanos, Ticks
from venues.bybit.errors import REJECT_REASONS
from venues.bybit.executions import Executions, milliseconds
from venues.bybit.holdings import BalanceReport, PositionReport, balances, signed_lots
from venues.bybit.order_ids import OrderIds
from venues.bybit.structs import Envelope, ExecutionRow, OrderRow, PositionRow, WalletRow, read_rows
from venues.wire import InstrumentGrid, decode

OrderFact = OrderAccepted | OrderAmended | OrderRejected | OrderCancelled | OrderExpired
PrivateMessage = OrderFact | Fill | FundingPayment | PositionReport | BalanceReport

TOPICS: Final = ("order", "execution", "position", "wallet")
_STANDING: Final = {"New", "PartiallyFilled"}
_CANCELLED: Final = {"Cancelled", "PartiallyFilledCanceled", "Deactivated"}
_SILENT: Final = {"Created", "Untriggered", "Triggered"}  # a conditional order, or one on its way
_MAX_KNOWN: Final = 20_000
_ORDERS: Final = msgspec.json.Decoder(list[OrderRow])
_EXECUTIONS: Final = msgspec.json.Decoder(list[ExecutionRow])
_POSITIONS: Final = msgspec.json.Decoder(list[PositionRow])
_WALLETS: Final = msgspec.json.Decoder(list[WalletRow])


class PrivateData:
    """Reads the frames of the private socket, and rows of orders by REST.

    It remembers the price and size of each live order: an event that says others tells of an amend, or of a price that
    the venue moved by itself.

    Attributes:
        n_skipped: what was passed over, by reason.
    """

    def __init__(self, instruments: Iterable[Instrument], ids: OrderIds) -> None:
        self._grids = {each.symbol: InstrumentGrid(each) for each in instruments}
        self._ids = ids
        self._executions = Executions(self._grids, ids)
        self.n_skipped: Counter[str] = self._executions.n_skipped
        # terms of live orders; whether they were told as accepted; their instrument
        self._known: dict[ClientOrderId, tuple[Ticks, Lots, bool, InstrumentId]] = {}
        self._readers = {
            "order": self._orders,
            "execution": self._fills,
            "position": self._positions,
            "wallet": self._balances,
        }

    def placed(self, order: PlaceOrder) -> None:
        """Remember what an order asks for that is being sent."""
        self._remember(order.client_id, order.price, order.size, order.instrument, is_told=False)

    def known_of(self, instrument: InstrumentId) -> list[ClientOrderId]:
        """Return the orders of an instrument that may be live, as far as this life has heard of them."""
        return [client_id for client_id, known in self._known.items() if known[3] == instrument]

    def receive(self, frame: Envelope, ts_recv: Nanos) -> Sequence[PrivateMessage]:
        """Return the messages of a frame of a topic.

        Raises:
            RemoteProtocolError: it breaks the documented form.
        """
        topic, _, category = frame.topic.partition(".")
        reader = self._readers.get(topic)
        if reader is None or category not in ("", "linear"):
            # execution.fast, too: it has no fees, and every fill of it comes by execution as well
            self.n_skipped["unknown topic"] += 1
            return ()
        return reader(frame, ts_recv)

    def order_rows(self, body: bytes, ts_recv: Nanos) -> list[OrderFact]:
        """Return what an answer of `/v5/order/realtime` or `/v5/order/history` says, as if the events had come.

        Raises:
            RemoteProtocolError: it failed or is malformed.
        """
        rows, _, _ = read_rows(body, _ORDERS, "orders")
        return [fact for row in rows for fact in self._order(row, ts_recv)]

    # --- orders ----------------------------------------------------------------------------------------------------

    def _orders(self, frame: Envelope, ts_recv: Nanos) -> Sequence[PrivateMessage]:
        rows = decode(_ORDERS, frame.data, frame.topic)
        return [fact for row in rows for fact in self._order(row, ts_recv)]

    def _order(self, row: OrderRow, ts_recv: Nanos) -> list[OrderFact]:
        grid = self._grids.get(row.symbol) if row.category == "linear" else None
        if grid is None:
            self.n_skipped["symbol that is not ours"] += 1
            return []
        status = row.order_status
        if status in _SILENT or row.reject_reason == "EC_OrigClOrdIDDoesNotExist":  # the latter: a lost cancel
            return []
        instrument = grid.instrument.id
        client_id = self._ids.client_id(row.order_link_id, row.order_id)
        ts_venue = milliseconds(row.updated_time, "updatedTime", grid) * MS
        if status in _STANDING:
            return self._standing(row, grid, client_id, ts_venue, ts_recv)
        if status == "Filled":  # fills say the rest; unless an amend and its fill came as one
            facts = self._standing(row, grid, client_id, ts_venue, ts_recv)
            self._known.pop(client_id, None)
            return [fact for fact in facts if isinstance(fact, OrderAmended)] if len(facts) == 1 else []
        reason = REJECT_REASONS.get(row.reject_reason, Reason.NONE)
        filled = grid.lots[row.cum_exec_qty or "0"]
        at = (client_id, instrument, ts_venue, ts_recv)
        if status == "Rejected" or (reason is Reason.POST_ONLY_WOULD_TAKE and status in _CANCELLED):
            self._known.pop(client_id, None)
            why = int(reason or Reason.VENUE_OTHER)
            return [OrderCancelled(*at, why, filled) if filled else OrderRejected(*at, why)]
        if status in _CANCELLED:
            self._known.pop(client_id, None)
            return [_ended(row, reason, at, filled or -1)]
        self.n_skipped[f"order status {status}"] += 1
        return []

    def _standing(
        self, row: OrderRow, grid: InstrumentGrid, client_id: ClientOrderId, ts_venue: Nanos, ts_recv: Nanos
    ) -> list[OrderFact]:
        known = self._known.get(client_id)
        size = grid.lots[row.qty]
        # the venue shows a market order at a bound of its own
        is_limit = row.order_type == "Limit"
        price = grid.ticks[row.price] if is_limit else known[0] if known else 0
        facts: list[OrderFact] = []
        if known is None or not known[2]:
            facts.append(OrderAccepted(client_id, grid.instrument.id, ts_venue, ts_recv))
        if is_limit and (known is None or known[:2] != (price, size)):
            # also of an order met for the first time: it may have been amended while we were away
            facts.append(OrderAmended(client_id, grid.instrument.id, ts_venue, ts_recv, price, size))
        self._remember(client_id, price, size, grid.instrument.id, is_told=True)
        return facts

    def _remember(
        self, client_id: ClientOrderId, price: Ticks, size: Lots, instrument: InstrumentId, *, is_told: bool
    ) -> None:
        if client_id not in self._known and len(self._known) >= _MAX_KNOWN:
            del self._known[next(iter(self._known))]  # one of long ago that was refused; at worst it is told again
        self._known[client_id] = (price, size, is_told, instrument)

    # --- the rest --------------------------------------------------------------------------------------------------

    def _fills(self, frame: Envelope, ts_recv: Nanos) -> Sequence[PrivateMessage]:
        read = self._executions.read
        rows = decode(_EXECUTIONS, frame.data, frame.topic)
        return [message for row in rows if (message := read(row, ts_recv)) is not None]

    def _positions(self, frame: Envelope, ts_recv: Nanos) -> Sequence[PrivateMessage]:
        reports = []
        for row in decode(_POSITIONS, frame.data, frame.topic):
            grid = self._grids.get(row.symbol) if row.category == "linear" else None
            if grid is None:
                self.n_skipped["symbol that is not ours"] += 1
                continue
            ts_venue = milliseconds(row.updated_time, "updatedTime", grid) * MS
            lots = signed_lots(row, grid)
            reports.append(PositionReport(grid.instrument.id, ts_venue, ts_recv, lots, row.seq, row.position_idx))
        return reports

    def _balances(self, frame: Envelope, ts_recv: Nanos) -> Sequence[PrivateMessage]:
        return balances(decode(_WALLETS, frame.data, frame.topic), frame.creation_time * MS, ts_recv)


def _ended(row: OrderRow, reason: Reason, at: tuple[ClientOrderId, int, Nanos, Nanos], filled: Lots) -> OrderFact:
    if row.cancel_type == "CancelByReduceOnly":
        return OrderExpired(*at, int(Reason.REDUCE_ONLY), filled)
    if row.cancel_type == "CancelByUser":
        return OrderCancelled(*at, int(Reason.NONE), filled)
    if row.time_in_force == "FOK":
        return OrderExpired(*at, int(Reason.FOK_NOT_FILLABLE), filled)
    if row.time_in_force == "IOC" or row.order_type == "Market":
        return OrderExpired(*at, int(reason if reason is Reason.NO_LIQUIDITY else Reason.REMAINDER_EXPIRED), filled)
    return OrderCancelled(*at, int(reason or Reason.VENUE_OTHER), filled)
