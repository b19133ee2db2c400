"""What we hold: what the venue says of it, and what the position tracker makes of it."""

import msgspec

from market.messages._orders import Fill
from market.units import ClientOrderId, InstrumentId, Lots, Nanos, Ticks, VenueId


class FundingPayment(msgspec.Struct, frozen=True, gc=False):
    """Cash we were paid (positive) or paid, in 1e-12 of the settle asset; `payment_id` unique per instrument."""

    instrument: InstrumentId
    ts_venue: Nanos
    ts_recv: Nanos
    payment_id: int
    amount_e12: int


class RequestAccount(msgspec.Struct, frozen=True, gc=False):
    """Ask the venue for open orders, positions, and fills and funding with a venue time >= `fills_since`."""

    venue: VenueId
    fills_since: Nanos


class OpenOrder(msgspec.Struct, frozen=True, gc=False):
    """An order as the venue has it, inside an `AccountSnapshot`."""

    client_id: ClientOrderId
    instrument: InstrumentId
    side: int
    price: Ticks
    size: Lots
    filled: Lots
    flags: int


class Margin(msgspec.Struct, frozen=True, gc=False):
    """What stands behind all positions of an account, in millionths of what its venue counts in (USDT, USDC or USD).

    What a venue does not tell is None, and never taken for 0.

    Attributes:
        equity_e6: cash and what open positions have made.
        available_e6: what new orders may use; the venue may say that it is below 0.
        used_e6: initial margin of positions and open orders, as far as the venue counts these.
    """

    equity_e6: int | None
    available_e6: int | None
    used_e6: int | None


class AccountSnapshot(msgspec.Struct, frozen=True, gc=False):
    """The venue's answer to `RequestAccount`, true at `ts_venue`; facts of a later venue time win over it.

    Attributes:
        ts_request: when we asked, our clock.
        open_orders: all that are open.
        fills: those since `fills_since`, by venue time.
        positions: (instrument, signed lots) of every instrument of the venue that we know.
        payments: of funding, since `fills_since`.
        balances: (asset, what is in the wallet, e-8), without what open positions have made; empty: it is not told.
        margin: None: nothing of it is told.
    """

    venue: VenueId
    ts_request: Nanos
    ts_venue: Nanos
    ts_recv: Nanos
    fills_since: Nanos
    open_orders: tuple[OpenOrder, ...]
    fills: tuple[Fill, ...]
    positions: tuple[tuple[InstrumentId, Lots], ...]
    payments: tuple[FundingPayment, ...] = ()
    balances: tuple[tuple[str, int], ...] = ()
    margin: Margin | None = None


class Adjustment(msgspec.Struct, frozen=True, gc=False):
    """A recorded change of position that no fill explains, with its reason.

    Attributes:
        ts: when it was made, our clock.
        ts_venue: the account was as it makes our position at this time; what was filled until then is in it.
        adjustment_id: unique per instrument, over restarts too.
        lots: signed.
        price: at which it is booked; 0: at the first mid that is known.
    """

    instrument: InstrumentId
    ts: Nanos
    ts_venue: Nanos
    adjustment_id: int
    lots: Lots
    price: Ticks
    reason: str


class PositionInDoubt(msgspec.Struct, frozen=True, gc=False):
    """The account shows `lots` more than our fills make, and a second look has not yet agreed; 0: doubt no more."""

    instrument: InstrumentId
    ts: Nanos
    lots: Lots


class PositionsCompared(msgspec.Struct, frozen=True, gc=False):
    """The positions of the snapshot asked for at `ts_request` were held against ours; doubts were told before."""

    venue: VenueId
    ts_request: Nanos


class WalletCompared(msgspec.Struct, frozen=True, gc=False):
    """By how much a wallet has changed since it was known to be ours, and by how much our own count (tracker -> guard).

    Attributes:
        asset: that instruments of the venue are settled in.
        wallet_e8: by the venue's word, 1e-8 of the asset.  counted_e8: by fills, fees and funding.
    """

    venue: VenueId
    ts: Nanos
    asset: str
    wallet_e8: int
    counted_e8: int


class Position(msgspec.Struct, frozen=True, gc=False):
    """Our net position after a change; `average_entry` in quote currency, NaN when flat."""

    instrument: InstrumentId
    ts: Nanos
    lots: Lots
    average_entry: float


class CountedPosition(msgspec.Struct, frozen=True, gc=False):
    """Our position as the order manager counts it (order manager -> a quoter that has asked by `CountsWish`).

    It comes by the way of the order updates, before the update and the fill that it counts: who reads it beside them
    sees no fill twice and none too late, as may be with `Position`, which comes by another way.

    Attributes:
        lots: signed.
        doubt: lots that the account may hold beyond that, signed; see `PositionInDoubt`.
        is_known: the account has been compared since the order manager began; before that there may be more.
    """

    instrument: InstrumentId
    ts: Nanos
    lots: Lots
    doubt: Lots
    is_known: bool = True


class VenueMargin(msgspec.Struct, frozen=True, gc=False):
    """The margin that a venue has told last (order manager -> a quoter that has asked by `CountsWish`).

    Attributes:
        ts_request: when it was asked for, our clock: it is as old as that.
    """

    venue: VenueId
    ts_request: Nanos
    margin: Margin


class EquityStamp(msgspec.Struct, frozen=True, gc=False):
    """One row of the `equity` table (see market.tables): money in the instrument's settle asset."""

    ts: Nanos
    instrument: InstrumentId
    position: Lots
    average_entry: float
    cash: float
    fees: float
    funding: float
    mid: float
    pnl: float
