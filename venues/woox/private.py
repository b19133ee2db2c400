"""The account's own stream to facts: what became of orders, fills, positions, balances.

Nothing is told by a subscription itself: what happened before must be asked for, see `account`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, Final

import attrs
import msgspec

from market.instrument import Instrument
from market.messages import (
    AmendRejected,
    CancelAll,
    CancelRejected,
    Fill,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderExpired,
    OrderRejected,
    PlaceOrder,
    Reason,
)
from market.units import MS, ClientOrderId, InstrumentId, Lots, Nanos, Ticks
from venues.wire import InstrumentGrid, RemoteProtocolError, decode, money_e12
from venues.woox.errors import reason_of
from venues.woox.market_data import SIDES
from venues.woox.order_ids import fill_id_of
from venues.woox.order_index import OrderIndex
from venues.woox.structs import BalanceEvents, Envelope, ExecutionReport, PositionEvents, decoder

TOPICS: Final = ("executionreport", "position", "balance")
STANDING: Final = frozenset({"NEW", "PARTIAL_FILLED", "REPLACED"})
EXPIRING: Final = frozenset({"IOC", "FOK", "MARKET"})
_CANCELLED: Final = "CANCELLED"
_FINAL: Final = frozenset({"FILLED", _CANCELLED, "REJECTED"})
_MOST_KNOWN: Final = 20_000
_REPORT: Final = decoder(ExecutionReport)
_POSITIONS: Final = decoder(PositionEvents)
_BALANCES: Final = decoder(BalanceEvents)
_NEWS, _EDIT, _CANCEL, _CANCEL_ALL = range(4)

Fact = (
    OrderAccepted | OrderRejected | OrderAmended | AmendRejected | OrderCancelled | CancelRejected | OrderExpired | Fill
)


class PositionReport(msgspec.Struct, frozen=True, gc=False):
    """A position after a change, signed."""

    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    lots: Lots


class BalanceReport(msgspec.Struct, frozen=True, gc=False):
    """An asset of the account: all of it, and what is bound in orders."""

    asset: str
    ts_venue: Nanos
    ts_recv: Nanos
    total: Decimal
    frozen: Decimal


@attrs.define
class _Live:
    """What we know of an order that may stand."""

    instrument: InstrumentId
    price: Ticks
    size: Lots
    is_told: bool = False
    is_cancelled: bool = False  # by us
    ts_venue: Nanos = 0  # of the last news


class PrivateData:
    """Reads the frames of the private socket.

    It remembers the price and size of each live order: news that says others tells of an amend.

    Attributes:
        skipped: what was passed over, or came unlooked for, by reason.
        is_doubted: something was told that no fact can say: the account is to be asked.
    """

    def __init__(self, instruments: Iterable[Instrument], orders: OrderIndex) -> None:
        self._grids = {each.symbol: InstrumentGrid(each) for each in instruments}
        self._orders = orders
        self.skipped: Counter[str] = Counter()
        self.is_doubted = False
        self._live: dict[ClientOrderId, _Live] = {}
        self._done: dict[tuple[str, int], None] = {}  # fills and ends that were told
        self._versions: dict[tuple[str, str], int] = {}
        self._readers: dict[str, Callable[[Envelope, Nanos], Sequence[Any]]] = {
            "executionreport": self._execution_report,
            "position": self._position,
            "balance": self._balance,
        }

    # --- what we do ---------------------------------------------------------------------------------------------------

    def placed(self, order: PlaceOrder) -> None:
        """Remember what an order asks for that is being sent."""
        _keep(self._live, order.client_id, _Live(order.instrument, order.price, order.size))

    def cancelling(self, client_id: ClientOrderId) -> None:
        """A cancel of ours is being sent."""
        live = self._live.get(client_id)
        if live is not None:
            live.is_cancelled = True

    def cancelling_all(self, command: CancelAll) -> None:
        """A cancel of all is being sent."""
        for live in self._live.values():
            if live.instrument == command.instrument:
                live.is_cancelled = True

    # --- what is told -------------------------------------------------------------------------------------------------

    def receive(self, frame: Envelope, ts_recv: Nanos) -> Sequence[Any]:
        """Return the messages of a frame of a topic.

        Raises:
            RemoteProtocolError: it breaks the documented form.
        """
        reader = self._readers.get(frame.topic)
        if reader is None:
            self.skipped["unknown topic"] += 1
            return ()
        return reader(frame, ts_recv)

    def _execution_report(self, frame: Envelope, ts_recv: Nanos) -> Sequence[Fact]:
        report = decode(_REPORT, frame.data, frame.topic)
        if report.kind == _CANCEL_ALL:
            self.skipped["cancel of all that was refused"] += 1
            self.is_doubted = True
            return ()
        grid = self._grids.get(report.symbol)
        if grid is None:
            self.skipped["symbol that is not ours"] += 1
            return ()
        client_id = self._orders.note(report.order_id, report.client_id)
        at = (client_id, grid.instrument.id, report.ts * MS, ts_recv)
        if report.kind in (_EDIT, _CANCEL):
            return self._refused(report, at)
        if report.kind != _NEWS:
            raise RemoteProtocolError(f"woox tells of order {client_id} by a report of the unknown kind {report.kind}")
        facts = [*self._fill(report, grid, at), *self._news(report, grid, at)]
        # an order that is accepted and filled in one breath is accepted first
        return sorted(facts, key=lambda fact: type(fact) is not OrderAccepted)

    def _refused(self, report: ExecutionReport, at: tuple[ClientOrderId, InstrumentId, Nanos, Nanos]) -> list[Fact]:
        reason = reason_of(report.reason)
        if report.kind == _EDIT:
            return [AmendRejected(*at, int(reason or Reason.VENUE_OTHER))]
        live = self._live.get(at[0])
        if live is not None:
            live.is_cancelled = False
        if report.status in _FINAL:
            reason = Reason.UNKNOWN_ORDER
        return [CancelRejected(*at, int(reason or Reason.VENUE_OTHER))]

    def _fill(
        self, report: ExecutionReport, grid: InstrumentGrid, at: tuple[ClientOrderId, InstrumentId, Nanos, Nanos]
    ) -> list[Fact]:
        lots = grid.lots[report.executed_size or "0"]
        if not report.trade_id or not lots:
            return []
        fill_id = fill_id_of(report.order_id, report.trade_id)
        if ("fill", fill_id) in self._done:
            self.skipped["fill told again"] += 1
            return []
        name = grid.instrument.name
        side = SIDES.get(report.side)
        if side is None:
            raise RemoteProtocolError(f"fill {report.trade_id} of {name}: side {report.side!r} is no side")
        _keep(self._done, ("fill", fill_id), None)
        fee = self.fee_e12(report.fee, report.fee_asset, grid)
        return [Fill(*at, fill_id, side, grid.ticks[report.executed_price], lots, report.is_maker, fee)]

    def fee_e12(self, fee: str, asset: str, grid: InstrumentGrid) -> int:
        """Return a fee in 1e-12 of the settle asset; 0 of one in another, which is counted."""
        if asset in ("", grid.instrument.settle) or not fee.strip("0."):
            return money_e12(fee or "0", "fee", grid.instrument.name)
        self.skipped[f"fee in {asset[:12]}"] += 1
        return 0

    def _news(
        self, report: ExecutionReport, grid: InstrumentGrid, at: tuple[ClientOrderId, InstrumentId, Nanos, Nanos]
    ) -> list[Fact]:
        client_id, status = at[0], report.status
        if ("end", report.order_id or client_id) in self._done:
            self.skipped["order told of after its end"] += 1
            return []
        if status in STANDING or status == "FILLED":
            return self._standing(report, grid, at)
        if status not in (_CANCELLED, "REJECTED"):
            self.skipped[f"order in state {status[:20]}"] += 1
            self.is_doubted = True  # no state is guessed
            return []
        _keep(self._done, ("end", report.order_id or client_id), None)
        live = self._live.pop(client_id, None)
        filled = grid.lots[report.total_executed or "0"]
        return [_end(report, live, at, filled)]

    def _standing(
        self, report: ExecutionReport, grid: InstrumentGrid, at: tuple[ClientOrderId, InstrumentId, Nanos, Nanos]
    ) -> list[Fact]:
        client_id, instrument, ts_venue, _ = at
        live = self._live.get(client_id)
        size = grid.lots[report.size] if report.size else 0
        price = grid.ticks[report.price] if report.price.strip("0.") else 0
        if live is None:
            live = _Live(instrument, price, size)
            _keep(self._live, client_id, live)
        if ts_venue < live.ts_venue:
            self.skipped["older news of an order"] += 1
            return []
        live.ts_venue = ts_venue
        facts: list[Fact] = []
        if not live.is_told and report.status != "FILLED":
            facts.append(OrderAccepted(*at))
        # a market order has no price there
        if (live.is_told or report.status != "FILLED") and price and size and (price, size) != (live.price, live.size):
            facts.append(OrderAmended(*at, price, size))
            live.price, live.size = price, size
        live.is_told = True
        if report.status == "FILLED":  # fills say the rest
            del self._live[client_id]
            _keep(self._done, ("end", report.order_id or client_id), None)
        return facts

    # --- the rest -----------------------------------------------------------------------------------------------------

    def _position(self, frame: Envelope, ts_recv: Nanos) -> Sequence[PositionReport]:
        reports = []
        for row in decode(_POSITIONS, frame.data, frame.topic).positions:
            grid = self._grids.get(row.symbol)
            if grid is None:
                self.skipped["symbol that is not ours"] += 1
            elif self._is_newer(f"position {row.side}", row.symbol, row.version):
                lots = grid.lots.signed(row.holding)
                reports.append(PositionReport(grid.instrument.id, row.ts * MS, ts_recv, lots))
        return reports

    def _balance(self, frame: Envelope, ts_recv: Nanos) -> Sequence[BalanceReport]:
        reports = []
        for row in decode(_BALANCES, frame.data, frame.topic).balances:
            if self._is_newer("balance", row.token, row.version):
                total, frozen = (_amount(each, row.token) for each in (row.holding, row.frozen))
                reports.append(BalanceReport(row.token, row.ts * MS, ts_recv, total, frozen))
        return reports

    def _is_newer(self, kind: str, name: str, version: int) -> bool:
        if version and version <= self._versions.get((kind, name), 0):
            self.skipped[f"older {kind.partition(' ')[0]}"] += 1
            return False
        self._versions[kind, name] = version
        return True


def _end(
    report: ExecutionReport, live: _Live | None, at: tuple[ClientOrderId, InstrumentId, Nanos, Nanos], filled: Lots
) -> Fact:
    """Return how an order ended that was not filled up."""
    reason = reason_of(report.reason)
    is_asked = live is not None and live.is_cancelled
    if report.status == "REJECTED":
        if not reason and report.type == "POST_ONLY" and not filled:
            reason = Reason.POST_ONLY_WOULD_TAKE
        return OrderRejected(*at, int(reason or Reason.VENUE_OTHER))
    if report.type == "POST_ONLY" and not filled and live is not None and not is_asked:
        if not live.is_told:  # it would have taken: it never stood
            return OrderRejected(*at, int(Reason.POST_ONLY_WOULD_TAKE))
        return OrderCancelled(*at, int(reason or Reason.VENUE_OTHER), filled)
    if report.type in EXPIRING:
        if report.type == "FOK":
            return OrderExpired(*at, int(Reason.FOK_NOT_FILLABLE), filled)
        return OrderExpired(*at, int(Reason.REMAINDER_EXPIRED if filled else Reason.NO_LIQUIDITY), filled)
    if report.is_reduce_only and not is_asked and live is not None:
        return OrderExpired(*at, int(Reason.REDUCE_ONLY), filled)
    # of orders of earlier lives it is not known who ended them
    return OrderCancelled(*at, int(Reason.NONE if is_asked or live is None else reason or Reason.VENUE_OTHER), filled)


def _keep(known: dict[Any, Any], key: Any, value: Any) -> None:
    known[key] = value
    if len(known) > _MOST_KNOWN:
        del known[next(iter(known))]


def _amount(text: str, asset: str) -> Decimal:
    try:
        amount = Decimal(text or "0")
    except ArithmeticError:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise RemoteProtocolError(f"balance {text!r:.60} of {asset!r:.20} is not a number")
    return amount
