"""The account as it stands, by REST: open orders, positions, and what was filled and paid since a time.

Several questions, each in pages, asked at once; a snapshot is made when the last is answered.  It is true at the
earliest time at which the venue answered about orders or positions: facts of a later venue time win over it.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from market import Instrument
from market.messages import AccountSnapshot, Fill, FundingPayment, Margin, OpenOrder, OrderFlag, RequestAccount
from market.units import DAY, MS, InstrumentId, Lots, Nanos
from venues.actions import SendRequest
from venues.bybit.errors import verdict_on_status
from venues.bybit.executions import SIDES, Executions
from venues.bybit.holdings import signed_lots, wallet_balances
from venues.bybit.order_ids import OrderIds
from venues.bybit.requests import OrderRequests
from venues.bybit.structs import ExecutionRow, OrderRow, PositionRow, read_rows
from venues.wallet import wallet_of
from venues.wire import InstrumentGrid, RemoteProtocolError

_ORDERS: Final = "/v5/order/realtime"
_POSITIONS: Final = "/v5/position/list"
_EXECUTIONS: Final = "/v5/execution/list"
_WALLET: Final = "/v5/account/wallet-balance"
_PAGE: Final = {_ORDERS: "50", _POSITIONS: "200", _EXECUTIONS: "100"}
_MAX_PAGES: Final = 1000  # of one question; a cursor that leads nowhere must end
_WINDOW: Final = 7 * DAY  # of executions in one question
_HISTORY: Final = 730 * DAY  # older ones are not kept
_OPEN: Final = {"New", "PartiallyFilled"}
_FLAGS: Final = {"PostOnly": OrderFlag.POST_ONLY, "IOC": OrderFlag.IOC, "FOK": OrderFlag.FOK}
_ORDER_ROWS: Final = msgspec.json.Decoder(list[OrderRow])
_POSITION_ROWS: Final = msgspec.json.Decoder(list[PositionRow])
_EXECUTION_ROWS: Final = msgspec.json.Decoder(list[ExecutionRow])


class AccountQuery:
    """One answer to `RequestAccount` in the making; `snapshot` is None until it is whole."""

    def __init__(
        self, command: RequestAccount, instruments: Iterable[Instrument], requests: OrderRequests, ids: OrderIds
    ) -> None:
        self._command = command
        self._requests = requests
        self._ids = ids
        self._grids = {each.symbol: InstrumentGrid(each) for each in instruments}
        self._executions = Executions(self._grids, ids)
        self._questions: dict[int, tuple[str, dict[str, str]]] = {}  # in flight, by token
        self._n_sent = 0
        self._ts_request: Nanos = 0
        self._ts_venue: Nanos | None = None
        self._orders: dict[str, OpenOrder] = {}
        self._positions: dict[tuple[InstrumentId, int], Lots] = {}
        self._fills: dict[tuple[InstrumentId, int], tuple[int, Fill]] = {}
        self._payments: dict[tuple[InstrumentId, int], FundingPayment] = {}
        self._balances: tuple[tuple[str, int], ...] = ()
        self._margin: Margin | None = None
        self.snapshot: AccountSnapshot | None = None

    def start(self, now: Nanos, offset: Nanos) -> list[SendRequest]:
        """Return the first questions; `now` is our time, `offset` what the venue's clock is ahead."""
        self._ts_request = now
        coins = dict.fromkeys(grid.instrument.settle for grid in self._grids.values())
        sent = [
            self._ask(path, {"category": "linear", "settleCoin": coin, "limit": _PAGE[path]}, now + offset)
            for path in (_ORDERS, _POSITIONS)
            for coin in coins
        ]
        sent.append(self._ask(_WALLET, {"accountType": "UNIFIED"}, now + offset))
        begin = max(self._command.fills_since, now + offset - _HISTORY)
        while True:
            query = {"category": "linear", "startTime": str(begin // MS), "limit": _PAGE[_EXECUTIONS]}
            if begin + _WINDOW < now + offset:
                query["endTime"] = str((begin + _WINDOW) // MS - 1)
            sent.append(self._ask(_EXECUTIONS, query, now + offset))
            begin += _WINDOW
            if begin >= now + offset:
                return sent

    def receive(self, token: int, status: int, body: bytes, now: Nanos, offset: Nanos) -> list[SendRequest]:
        """Take an answer; return the questions that follow from it.

        Raises:
            RemoteProtocolError: it failed or is malformed: the query is lost, begin a new one.
        """
        path, query = self._questions.pop(token)
        if path == _WALLET:
            self._read_wallet(status, body, now)
            self.snapshot = self._whole(now) if not self._questions else None
            return []
        verdict = verdict_on_status(status)
        if verdict is not None:
            raise RemoteProtocolError(f"bybit answered {path} by HTTP status {status}: {verdict.advice.value}")
        cursor, n_rows = self._READERS[path](self, body, now)
        sent = []
        # a full page without rows would be asked for for ever
        if cursor and n_rows:
            if self._n_sent >= _MAX_PAGES:
                raise RemoteProtocolError(f"bybit {path} has not ended after {_MAX_PAGES} pages")
            sent = [self._ask(path, query | {"cursor": cursor}, now + offset)]
        if not self._questions:
            self.snapshot = self._whole(now)
        return sent

    def _ask(self, path: str, query: dict[str, str], venue_now: Nanos) -> SendRequest:
        token = self._n_sent
        self._n_sent += 1
        self._questions[token] = (path, query)
        return SendRequest(self._requests.get(path, query, venue_now), token)

    # --- pages -----------------------------------------------------------------------------------------------------

    def _read_orders(self, body: bytes, now: Nanos) -> tuple[str, int]:
        rows, cursor, time = read_rows(body, _ORDER_ROWS, "open orders")
        self._was_true_at(time)
        for row in rows:
            grid = self._grids.get(row.symbol)
            if grid is not None and row.order_status in _OPEN:
                self._orders[row.order_id] = _open_order(row, grid, self._ids)
        return cursor, len(rows)

    def _read_positions(self, body: bytes, now: Nanos) -> tuple[str, int]:
        rows, cursor, time = read_rows(body, _POSITION_ROWS, "positions")
        self._was_true_at(time)
        for row in rows:
            grid = self._grids.get(row.symbol)
            if grid is not None:
                self._positions[grid.instrument.id, row.position_idx] = signed_lots(row, grid)
        return cursor, len(rows)

    def _read_executions(self, body: bytes, now: Nanos) -> tuple[str, int]:
        rows, cursor, _ = read_rows(body, _EXECUTION_ROWS, "executions")
        for row in rows:
            message = self._executions.read(row, now)
            if message is None or message.ts_venue < self._command.fills_since:
                continue
            # pages overlap when something is filled meanwhile
            if isinstance(message, Fill):
                self._fills.setdefault((message.instrument, message.fill_id), (row.seq, message))
            else:
                self._payments.setdefault((message.instrument, message.payment_id), message)
        return cursor, len(rows)

    def _read_wallet(self, status: int, body: bytes, now: Nanos) -> None:
        """Take balances and margin; an account without them, or of another kind, is none the less whole."""
        try:
            told, margin = wallet_balances(body, now) if status == 200 else ([], None)
        except RemoteProtocolError:
            return
        self._margin = margin
        self._balances = wallet_of((each.asset, each.wallet) for each in told)

    _READERS: Final = {_ORDERS: _read_orders, _POSITIONS: _read_positions, _EXECUTIONS: _read_executions}

    def _was_true_at(self, time_ms: int) -> None:
        if not time_ms:
            raise RemoteProtocolError("bybit answered about the account without saying when")
        ts = time_ms * MS
        self._ts_venue = ts if self._ts_venue is None else min(ts, self._ts_venue)

    def _whole(self, now: Nanos) -> AccountSnapshot:
        assert self._ts_venue is not None, "no page of orders or positions was read"
        lots: dict[InstrumentId, Lots] = {grid.instrument.id: 0 for grid in self._grids.values()}
        for (instrument, _), size in self._positions.items():
            lots[instrument] += size
        fills = sorted(self._fills.values(), key=lambda each: (each[1].ts_venue, each[0], each[1].fill_id))
        payments = sorted(self._payments.values(), key=lambda each: (each.ts_venue, each.payment_id))
        return AccountSnapshot(
            self._command.venue,
            self._ts_request,
            self._ts_venue,
            now,
            self._command.fills_since,
            tuple(self._orders.values()),
            tuple(fill for _, fill in fills),
            tuple(lots.items()),
            tuple(payments),
            self._balances,
            self._margin,
        )


def _open_order(row: OrderRow, grid: InstrumentGrid, ids: OrderIds) -> OpenOrder:
    side = SIDES.get(row.side)
    if side is None:
        raise RemoteProtocolError(f"order {row.order_id} of {grid.instrument.name}: side {row.side!r} is no side")
    flags = _FLAGS.get(row.time_in_force, OrderFlag.NONE)
    if row.reduce_only:
        flags |= OrderFlag.REDUCE_ONLY
    return OpenOrder(
        ids.client_id(row.order_link_id, row.order_id),
        grid.instrument.id,
        side,
        grid.ticks[row.price],
        grid.lots[row.qty],
        grid.lots[row.cum_exec_qty or "0"],
        int(flags),
    )
