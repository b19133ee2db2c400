"""The private stream: order and account events to facts.

Fills come from here, each with its trade id; what `TRADE_LITE` tells earlier has no fee, and is not used.  An event of
an order that is not ours gives facts, too: its id is negative.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec

from market.instrument import Instrument
from market.messages import Fill, FundingPayment, OrderAccepted, OrderAmended
from market.units import MS, InstrumentId, Lots, Nanos
from venues.binance.account_structs import (
    AccountUpdate,
    OrderReport,
    OrderTradeUpdate,
    PrivateEvent,
    PrivateFrame,
)
from venues.binance.client_ids import client_id_of
from venues.binance.fills import STANDING, StateFact, Symbols, payment_id, side_of, state_fact
from venues.binance.order_index import OrderIndex
from venues.binance.structs import AnyFrame
from venues.wire import InstrumentGrid, RemoteProtocolError, money_e12

_FRAMES: Final = msgspec.json.Decoder(PrivateFrame)
_EVENTS: Final = msgspec.json.Decoder(PrivateEvent)
_ANY: Final = msgspec.json.Decoder(AnyFrame)
_USED: Final = ("ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "listenKeyExpired")
_TRADES: Final = ("TRADE", "CALCULATED")


class KeyExpired(msgspec.Struct, frozen=True, gc=False):
    """The listen key has ended and with it the stream: a new one is needed, then the account."""

    ts_recv: Nanos


class AccountInDoubt(msgspec.Struct, frozen=True, gc=False):
    """The stream told of something that no message of ours can say: ask for the account."""

    ts_recv: Nanos
    reason: str


PrivateMessage = StateFact | OrderAmended | Fill | FundingPayment | KeyExpired | AccountInDoubt


class PrivateStream:
    """Decodes the frames of the private stream of one account.

    Attributes:
        symbols: what was seen and skipped is counted there.
        positions: signed lots by instrument, as last told; only what has changed since the start is in it.
        wallet: balance by asset, as last told.
    """

    def __init__(self, instruments: Iterable[Instrument], orders: OrderIndex) -> None:
        self.symbols = Symbols(instruments)
        self.positions: dict[InstrumentId, Lots] = {}
        self.wallet: dict[str, Decimal] = {}
        self._orders = orders

    def decode(self, frame: bytes, ts_recv: Nanos) -> list[PrivateMessage]:
        """Return the facts in a frame, wrapped in the name of its stream or not.

        Raises:
            RemoteProtocolError: it is none of what the venue documents.  The frame is not shown: it may hold the key.
        """
        event: PrivateEvent
        try:
            event = _FRAMES.decode(frame).data if frame.startswith(b'{"stream"') else _EVENTS.decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            other = self._other(frame)
            if other is None:
                return []
            event = other
        if isinstance(event, OrderTradeUpdate):
            return self._order(event.order, ts_recv)
        if isinstance(event, AccountUpdate):
            return self._account(event, ts_recv)
        return [KeyExpired(ts_recv)]

    # --- orders ------------------------------------------------------------------------------------------------------

    def _order(self, report: OrderReport, ts_recv: Nanos) -> list[PrivateMessage]:
        grid = self.symbols.grid(report.symbol)
        if grid is None:
            return []
        instrument = grid.instrument.id
        side = side_of(report.side, f"order {report.order_id} of {grid.instrument.name}")
        client_id = client_id_of(report.client_id, report.order_id)
        self._orders.note_id(instrument, report.order_id, client_id)
        self._orders.note_side(client_id, side)
        ts_venue = report.ts_trade * MS
        if report.execution in _TRADES:
            return self._fill(report, grid, Fill(client_id, instrument, ts_venue, ts_recv, 0, side, 0, 0, False, 0))
        if report.execution == "AMENDMENT" and report.status in STANDING:
            price, size = grid.ticks[report.price], grid.lots[report.quantity]
            return [OrderAmended(client_id, instrument, ts_venue, ts_recv, price, size)]
        stamps = (client_id, instrument, ts_venue, ts_recv)
        filled = grid.lots[report.filled]
        fact = state_fact(report.status, report.time_in_force, str(report.expiry_reason), *stamps, filled)
        if fact is not None:
            return [fact]
        self.symbols.seen["status not known"] += 1
        return [AccountInDoubt(ts_recv, f"order {client_id} has execution {report.execution!r}, {report.status!r}")]

    def _fill(self, report: OrderReport, grid: InstrumentGrid, blank: Fill) -> list[PrivateMessage]:
        size = grid.lots[report.last_quantity]
        if size == 0:  # a liquidation that has only begun
            self.symbols.seen["trade of nothing"] += 1
            return [OrderAccepted(blank.client_id, blank.instrument, blank.ts_venue, blank.ts_recv)]
        if report.trade_id == 0:
            raise RemoteProtocolError(f"fill of order {report.order_id} of {grid.instrument.name} has no trade id")
        price = grid.ticks[report.last_price]
        fill = msgspec.structs.replace(blank, fill_id=report.trade_id, price=price, size=size, is_maker=report.is_maker)
        fee = self.symbols.fee_e12(grid, report.fee, report.fee_asset, fill)
        return [msgspec.structs.replace(fill, fee_e12=fee)]

    # --- the account -------------------------------------------------------------------------------------------------

    def _account(self, event: AccountUpdate, ts_recv: Nanos) -> list[PrivateMessage]:
        report = event.account
        for balance in report.balances:
            self.wallet[balance.asset] = Decimal(money_e12(balance.wallet, "balance", balance.asset)).scaleb(-12)
        told: dict[InstrumentId, Lots] = {}
        for position in report.positions:
            grid = self.symbols.grid(position.symbol)
            if grid is not None:
                # in hedge mode an instrument has several rows, of which not all need to be told
                instrument = grid.instrument.id
                told[instrument] = told.get(instrument, 0) + grid.lots.signed(position.amount)
        self.positions.update(told)
        if report.reason == "FUNDING_FEE":
            return self._funding(event, ts_recv)
        return []

    def _funding(self, event: AccountUpdate, ts_recv: Nanos) -> list[PrivateMessage]:
        report = event.account
        names = [report.symbol] if report.symbol else list(dict.fromkeys(each.symbol for each in report.positions))
        if len(names) != 1:
            # of a cross position the oldest form of the message does not say whose funding it is
            return [AccountInDoubt(ts_recv, "funding was paid for an instrument that is not named")]
        grid = self.symbols.grid(names[0])
        if grid is None:
            return []
        instrument = grid.instrument
        amount = sum(
            money_e12(each.change, "funding", instrument.name)
            for each in report.balances
            if each.asset == instrument.settle
        )
        ts = event.ts_engine
        return [FundingPayment(instrument.id, ts * MS, ts_recv, payment_id(ts), amount)]

    # --- the rest ----------------------------------------------------------------------------------------------------

    def _other(self, frame: bytes) -> PrivateEvent | None:
        """Take an answer, an event of another kind, or a frame whose keys stand in another order than usual."""
        try:
            found = _ANY.decode(frame)
            name = found.event or (found.data.name if found.data is not None else "")
            if name in _USED:
                return _FRAMES.decode(frame).data if found.stream is not None else _EVENTS.decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RemoteProtocolError(
                f"the private stream of Binance: {error}; a frame of {len(frame)} bytes"
            ) from None
        if found.error is not None:
            raise RemoteProtocolError(
                f"the private stream of Binance was refused: {found.error.code} {found.error.message}"
            )
        if not name and found.id is None:
            raise RemoteProtocolError("the private stream of Binance sent neither event nor answer")
        self.symbols.seen[f"event {name}" if name else "answer"] += 1
        return None
