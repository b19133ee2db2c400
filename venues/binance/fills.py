"""Fills, funding and order facts from what the venue says of them, the same by stream and by REST."""

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from typing import Final

from market.instrument import Instrument
from market.messages import Fill, OrderAccepted, OrderCancelled, OrderExpired, OrderRejected, Reason
from market.units import HOUR, MS, ClientOrderId, InstrumentId, Lots, Nanos
from venues.wire import InstrumentGrid, RemoteProtocolError, money_e12

StateFact = OrderAccepted | OrderCancelled | OrderExpired | OrderRejected

SIDES: Final = {"BUY": 1, "SELL": -1}
STANDING: Final = frozenset({"NEW", "PARTIALLY_FILLED"})
_E12: Final = 10**12
_ACCEPTED: Final = STANDING | {"FILLED", "NEW_INSURANCE", "NEW_ADL"}
_EXPIRED: Final = frozenset({"EXPIRED", "EXPIRED_IN_MATCH"})
_EXPIRY_REASONS: Final = {
    "2": Reason.REMAINDER_EXPIRED,
    "3": Reason.REMAINDER_EXPIRED,
    "4": Reason.REDUCE_ONLY,
    "9": Reason.REMAINDER_EXPIRED,
}
_EXPIRY_BY_TERMS: Final = {
    "IOC": Reason.REMAINDER_EXPIRED,
    "FOK": Reason.FOK_NOT_FILLABLE,
    "GTX": Reason.POST_ONLY_WOULD_TAKE,
}


class Symbols:
    """The instruments of the account by symbol, and what was seen of them that is worth knowing.

    Attributes:
        seen: how often something came that is skipped, or that documentation leaves open, by what it was.
    """

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self.grids = {each.symbol: InstrumentGrid(each) for each in instruments}
        self.by_id: dict[InstrumentId, InstrumentGrid] = {grid.instrument.id: grid for grid in self.grids.values()}
        self.seen: Counter[str] = Counter()

    def grid(self, symbol: str) -> InstrumentGrid | None:
        """Return the grid of a symbol; None, and counted, if we do not trade it."""
        found = self.grids.get(symbol)
        if found is None:
            self.seen["other symbol"] += 1
        return found

    def fee_e12(self, grid: InstrumentGrid, text: str | None, asset: str | None, fill: Fill) -> int:
        """Return a fee in 1e-12 of the settle asset.

        A fee in another asset (BNB, if the account pays so) is taken to be what the instrument's own schedule says, and
        counted; so is one that is not told.
        """
        instrument = grid.instrument
        if text and asset == instrument.settle:
            fee = money_e12(text, "fee", instrument.name)
            if fee < 0:
                self.seen["negative fee"] += 1
            return fee
        self.seen[f"fee in {asset}" if asset else "fee not told"] += 1
        return round(Fraction(instrument.fee(fill.price, fill.size, fill.is_maker)) * _E12)


def side_of(text: str, where: str) -> int:
    """Return +1 or -1.

    Raises:
        RemoteProtocolError: it is neither BUY nor SELL.
    """
    side = SIDES.get(text)
    if side is None:
        raise RemoteProtocolError(f"side {text!r} of {where} is neither BUY nor SELL")
    return side


def state_fact(
    status: str,
    terms: str,
    expiry_reason: str,
    client_id: ClientOrderId,
    instrument: InstrumentId,
    ts_venue: Nanos,
    ts_recv: Nanos,
    filled: Lots,
) -> StateFact | None:
    """Return what an order's status says, `filled` lots of it in all; None for one that we do not know.

    Fills are told apart.
    """
    filled = filled or -1
    stamps = (client_id, instrument, ts_venue, ts_recv)
    if status in _ACCEPTED:
        return OrderAccepted(*stamps)
    if status == "CANCELED":
        return OrderCancelled(*stamps, int(Reason.NONE), filled)
    if status in _EXPIRED:
        reason = _EXPIRY_REASONS.get(expiry_reason)
        if reason is None:
            # one that kept a trade with ourselves from happening, and the like, has a reason that we have no word for
            reason = _EXPIRY_BY_TERMS.get(terms, Reason.VENUE_OTHER) if expiry_reason == "0" else Reason.VENUE_OTHER
        return OrderExpired(*stamps, int(reason), filled)
    if status == "REJECTED":
        return OrderRejected(*stamps, int(Reason.VENUE_OTHER))
    return None


def payment_id(ts_ms: int) -> int:
    """Return the id of a funding payment: the whole hour it is nearest to, which stream and REST both tell."""
    return (ts_ms * MS + HOUR // 2) // HOUR
