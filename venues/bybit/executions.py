"""Executions of the account to fills and funding payments, however they came."""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from market.messages import Fill, FundingPayment
from market.units import MS, Nanos
from venues.bybit.order_ids import OrderIds
from venues.bybit.structs import ExecutionRow
from venues.wire import InstrumentGrid, RemoteProtocolError, money_e12, number_of

SIDES: Final = {"Buy": 1, "Sell": -1}
# what changes a position; also what the venue does of its own: auto-deleveraging, take-over in a liquidation
_FILLS: Final = {"Trade", "AdlTrade", "BustTrade", "BlockTrade", "MovePosition", "FutureSpread"}
_FUNDING: Final = "Funding"


class Executions:
    """Reads rows.  `n_skipped` counts what was passed over, by reason."""

    def __init__(self, grids: Mapping[str, InstrumentGrid], ids: OrderIds) -> None:
        self._grids = grids
        self._ids = ids
        self.n_skipped: Counter[str] = Counter()

    def read(self, row: ExecutionRow, ts_recv: Nanos) -> Fill | FundingPayment | None:
        """Return what a row says; None for one that does not concern our instruments or positions.

        Raises:
            RemoteProtocolError: a number of it makes no sense.
        """
        grid = self._grids.get(row.symbol) if row.category == "linear" else None
        if grid is None:
            self.n_skipped["symbol that is not ours"] += 1
            return None
        ts_venue = milliseconds(row.exec_time, "execTime", grid) * MS
        number = number_of(row.exec_id)
        if row.exec_type == _FUNDING:
            # a fee that is paid is positive there, and a payment that is received is so here
            amount = -money_e12(row.exec_fee, "funding", grid.instrument.name)
            return FundingPayment(grid.instrument.id, ts_venue, ts_recv, number, amount)
        if row.exec_type not in _FILLS:
            self.n_skipped[f"execution of type {row.exec_type}"] += 1
            return None
        side = SIDES.get(row.side)
        lots = grid.lots[row.exec_qty]
        if side is None or not lots:
            raise RemoteProtocolError(
                f"execution {row.exec_id} of {grid.instrument.name}: {row.side!r} {row.exec_qty} is no deal"
            )
        return Fill(
            self._ids.client_id(row.order_link_id, row.order_id),
            grid.instrument.id,
            ts_venue,
            ts_recv,
            number,
            side,
            grid.ticks[row.exec_price],
            lots,
            row.is_maker,
            self._fee_e12(row, grid),
        )

    def _fee_e12(self, row: ExecutionRow, grid: InstrumentGrid) -> int:
        name, settle = grid.instrument.name, grid.instrument.settle
        if row.fee_currency in ("", settle):
            fee = money_e12(row.exec_fee or "0", "fee", name)
        else:
            # paid in another asset, as by a discount: what it would be in ours
            self.n_skipped[f"fee in {row.fee_currency}"] += 1
            try:
                fee = money_e12(str(Decimal(row.fee_rate) * Decimal(row.exec_value)), "fee", name)
            except ArithmeticError:
                what = f"rate {row.fee_rate!r}, value {row.exec_value!r}"
                raise RemoteProtocolError(f"the fee of execution {row.exec_id} of {name}: {what}") from None
        for extra in row.extra_fees if isinstance(row.extra_fees, list) else ():
            if extra.fee_coin in ("", settle):
                fee += money_e12(extra.fee or "0", "extra fee", name)
        return fee


def milliseconds(text: str, field: str, grid: InstrumentGrid) -> int:
    """Return a time of the venue, ms.

    Raises:
        RemoteProtocolError: it is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 12 + (text < "9")):  # beyond, it is no int64 of ns
        raise RemoteProtocolError(f"{field} {text!r} of {grid.instrument.name} is not a time in milliseconds")
    return int(text)
