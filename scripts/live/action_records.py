"""What is written to log.jsonl of orders, refusals, connections and books: a constant text, and the facts as fields.

Fields: `venue`, `instrument`, and of orders `client_id`, `quoter`, `side`, `price`, `size` (for people: in the
instrument's own units), `ts` (when it was sent or came, ns; the record's own `t_ns` is when it was written).
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from market.instrument import Instrument, InstrumentTable
from market.messages import (
    NO_QUOTER,
    ConnectionLost,
    ConnectionUp,
    Fresh,
    HaltRequested,
    OrderFlag,
    OrderRefused,
    Reason,
    Stale,
    quoter_of,
)
from market.order_log import LogKind, Row
from market.units import SECOND, Nanos

if TYPE_CHECKING:
    from loguru import Logger

_TEXTS: Final = {
    LogKind.PLACE: "order sent",
    LogKind.AMEND: "amend sent",
    LogKind.CANCEL: "cancel sent",
    LogKind.CANCEL_ALL: "cancel of all sent",
    LogKind.ACCEPTED: "order accepted",
    LogKind.REJECTED: "order rejected",
    LogKind.AMENDED: "order amended",
    LogKind.AMEND_REJECTED: "amend rejected",
    LogKind.CANCELLED: "order cancelled",
    LogKind.CANCEL_REJECTED: "cancel rejected",
    LogKind.EXPIRED: "order expired",
    LogKind.FILL_MAKER: "order filled",
    LogKind.FILL_TAKER: "order filled",
    LogKind.FUNDING: "funding paid",
    LogKind.ADJUSTMENT: "position adjusted",
}
_FILLS: Final = (LogKind.FILL_MAKER, LogKind.FILL_TAKER)
_REFUSALS: Final = (LogKind.REJECTED, LogKind.AMEND_REJECTED, LogKind.CANCEL_REJECTED)
_REASONED: Final = (*_REFUSALS, LogKind.CANCELLED, LogKind.EXPIRED)
# a touch that moved meanwhile, an order that was filled before its cancel came
_ROUTINE: Final = (Reason.POST_ONLY_WOULD_TAKE, Reason.UNKNOWN_ORDER)
_REFUSED_EVERY: Final = SECOND  # a limit that holds back each wish anew is told of so often, with the count


class ActionRecords:
    """Writes the records.

    Args:
        quoters: their names, by place.
    """

    def __init__(self, logger: "Logger", instruments: InstrumentTable, quoters: Sequence[str]) -> None:
        self._logger = logger
        self._instruments = instruments
        self._quoters = tuple(quoters)
        self._refused: dict[tuple[int, int, int], tuple[Nanos, int]] = {}  # when it was told last, and how many since

    def row(self, row: Row) -> None:
        """Write a row of the run's own log."""
        kind, ts, ts_venue, number, client_id, side, price, size, detail, fee_e12 = row
        instrument = self._instruments[number]
        facts: dict[str, Any] = {"venue": instrument.venue, "instrument": instrument.symbol, "ts": ts}
        if ts_venue:
            facts["ts_venue"] = ts_venue
        if client_id:
            facts |= {"client_id": client_id, "quoter": self._owner(client_id)}
        if side:
            facts["side"] = _side(side)
        if price or size:
            facts |= {"price": _price(instrument, price), "size": _size(instrument, size)}
        if kind == LogKind.PLACE:
            facts["flags"] = [flag.name for flag in OrderFlag(detail) if flag]
        elif kind in _REASONED:
            facts["reason"] = Reason(detail).name
        elif kind in _FILLS:
            facts |= {"fill_id": detail, "is_maker": kind == LogKind.FILL_MAKER, "fee": fee_e12 / 1e12}
        elif kind == LogKind.FUNDING:
            facts["amount"] = fee_e12 / 1e12
        is_odd = kind == LogKind.ADJUSTMENT or (kind in _REFUSALS and detail not in _ROUTINE)
        log = self._logger.bind(**facts)
        (log.warning if is_odd else log.info)(_TEXTS[LogKind(kind)])

    def take(self, message: Any) -> None:
        """Write what a message says, if anything is to be written of it."""
        match message:
            case ConnectionUp(venue, ts, epoch):
                self._logger.bind(venue=self._venue(venue), ts=ts, epoch=epoch).info("connection up")
            case ConnectionLost(venue, ts, epoch, reason):
                lost = self._logger.bind(venue=self._venue(venue), ts=ts, epoch=epoch, reason=reason)
                lost.warning("connection lost")
            case Stale(number, ts, reason, is_thin):
                log = self._of(number).bind(ts=ts, reason=reason)
                log.info("book thin") if is_thin else log.warning("book stale")
            case Fresh(number, ts):
                self._of(number).bind(ts=ts).info("book fresh")
            case OrderRefused():
                self._on_refused(message)
            case HaltRequested(ts, _, _, text):
                self._logger.bind(ts=ts, reason=text).error("halt requested")

    def _on_refused(self, refused: OrderRefused) -> None:
        key = refused.quoter, refused.instrument, refused.reason
        told, n_since = self._refused.get(key, (0, 0))
        if told and refused.ts - told < _REFUSED_EVERY:
            self._refused[key] = told, n_since + 1
            return
        self._refused[key] = refused.ts, 0
        instrument = self._instruments[refused.instrument]
        self._of(refused.instrument).bind(
            ts=refused.ts,
            quoter=self._quoters[refused.quoter] if refused.quoter < len(self._quoters) else "",
            side=_side(refused.side),
            price=_price(instrument, refused.price),
            size=_size(instrument, refused.size),
            reason=Reason(refused.reason).name,
            n_before=n_since,
        ).info("order held back")

    def _of(self, number: int) -> "Logger":
        instrument = self._instruments[number]
        return self._logger.bind(venue=instrument.venue, instrument=instrument.symbol)

    def _venue(self, venue: int) -> str:
        return self._instruments.venues[venue]

    def _owner(self, client_id: int) -> str:
        place = quoter_of(client_id)
        return self._quoters[place] if place < min(NO_QUOTER, len(self._quoters)) else ""


def _side(side: int) -> str:
    return "buy" if side > 0 else "sell" if side < 0 else ""


def _price(instrument: Instrument, ticks: int) -> str:
    return _plain(instrument.tick * ticks)


def _size(instrument: Instrument, lots: int) -> str:
    return _plain(instrument.lot * lots)


def _plain(value: Decimal) -> str:
    return f"{value:f}"
