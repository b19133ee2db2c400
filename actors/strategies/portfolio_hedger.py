"""The hedge desk: brings the net exposure to an asset over all venues to nothing, when it is asked to."""

import math
from collections.abc import Iterable
from typing import Any, ClassVar, Final, Literal

import attrs

from actors.hedge_room import affordable, largest_order, opening, position_room
from actors.hedge_split import Place, split
from actors.known_margins import KnownMargins
from actors.quoter import Quoter, QuoterContext
from market.instrument import Instrument
from market.messages import (
    CountedPosition,
    HedgeAnswered,
    HedgedAsset,
    HedgeLeg,
    HedgeRequested,
    OrderState,
    OrderUpdate,
    Reason,
    VenueMargin,
)
from market.portfolio import Held, NetBase, positions_by_base
from market.units import SECOND, InstrumentId, Lots, Nanos, Side

_CHECK: Final = 1  # timer tokens
_PERIOD: Final = 2
_REMEMBERED: Final = 64  # answers
_OWN: Final = "periodic"
_RESTARTED: Final = "the desk was restarted: its orders are cancelled; look at the positions, then ask again"
_SHARES: Final = ("room", "equal", "margin")
_gt0 = attrs.validators.gt(0.0)


@attrs.frozen
class PortfolioParams:
    """Parameters of `PortfolioHedger`.

    Attributes:
        slippage_bps: farthest that an order which takes at once goes behind the touch.
        wait_s: how long a limit order rests before it is cancelled.
        max_notional: of one request and asset, quote currency; what is beyond is left, and said so.
        every_s: it hedges all assets by itself at this period; 0: only when it is asked.
        by: how it shares out where a request does not say: `room` that the position limits leave, `equal`, or `margin`
            that is available on each venue.
        max_margin_age_s: margin that a venue told longer ago is not used.
        max_leverage: notional that is opened by `margin` on a venue, for each unit of what is available there.
    """

    slippage_bps: float = attrs.field(default=20.0, validator=[attrs.validators.ge(0.0), attrs.validators.lt(10_000.0)])
    wait_s: float = attrs.field(default=10.0, validator=_gt0)
    max_notional: float = attrs.field(default=50_000.0, validator=_gt0)
    every_s: float = attrs.field(default=0.0, validator=attrs.validators.ge(0.0))
    by: Literal["room", "equal", "margin"] = attrs.field(default="room", validator=attrs.validators.in_(_SHARES))
    max_margin_age_s: float = attrs.field(default=90.0, validator=_gt0)
    max_leverage: float = attrs.field(default=1.0, validator=_gt0)


@attrs.define
class _Leg:
    instrument: Instrument
    side: Side
    lots: Lots
    filled: Lots = 0
    state: OrderState = OrderState.PENDING_NEW
    reason: Reason = Reason.NONE

    def told(self) -> HedgeLeg:
        text = self.state.name + (f": {self.reason.name}" if self.reason else "")
        return HedgeLeg(self.instrument.name, int(self.side), self.lots, self.filled, text)


@attrs.define
class _Request:
    wish: HedgeRequested
    cancel_at: Nanos
    opened_before: dict[str, float]  # notional by venue, by requests that its margin does not show yet
    assets: list[tuple[str, float | None, str]] = attrs.field(
        factory=list
    )  # base, net before, what is to be said of it
    legs: dict[tuple[InstrumentId, int], _Leg] = attrs.field(factory=dict)  # by instrument and tag


class PortfolioHedger(Quoter):
    """In: `HedgeRequested`.  Out, by port `hedged`: `HedgeAnswered`, at once and when the last order has ended.

    It counts every instrument of the run, whoever trades it, and trades those of its own config.  One request is under
    way at a time; another that comes meanwhile is refused, the same one again is told how it stands.  The order
    manager's limits and the trading state hold for its orders as for any other's.
    """

    ports: ClassVar[tuple[str, ...]] = (*Quoter.ports, "hedged")
    params_class = PortfolioParams
    is_desk: ClassVar[bool] = True

    def __init__(self, context: QuoterContext, params: PortfolioParams) -> None:
        super().__init__(context, params)
        self.params: PortfolioParams = params
        self._counted: dict[InstrumentId, CountedPosition] = {}
        self._margins = KnownMargins(context.instruments.venues, params.max_margin_age_s)
        self._request: _Request | None = None
        self._answers: dict[str, HedgeAnswered] = {}
        self._n_own = 0
        self.on[HedgeRequested] = self._on_request

    @classmethod
    def check(cls, context: QuoterContext, params: Any) -> None:
        for base in sorted({each.base for each in context.quoted}):
            unpriced = [
                each.name
                for each in context.instruments
                if each.base == base and each.inverse and each not in (*context.quoted, *context.references)
            ]
            if unpriced:
                raise ValueError(f"{', '.join(unpriced)} is inverse: what it comes to needs its book; add `references`")
        if params.by == "margin" and not 0.0 < context.account_every_s <= params.max_margin_age_s:
            raise ValueError(
                f'by = "margin" needs the accounts asked about: [orders] account_every_s = {context.account_every_s:g}'
                f" must be above 0 and at most max_margin_age_s = {params.max_margin_age_s:g}"
            )

    # --- what it hears -----------------------------------------------------------------------------------------------

    def on_start(self, generation: int) -> None:
        self.count_positions()
        self.every(0.25, _CHECK)
        if self.params.every_s:
            self.every(self.params.every_s, _PERIOD)
        if generation > 0:
            self._margins.begin_again(self.now)
            self.out.append(("hedged", HedgeAnswered(self.now, "", True, _RESTARTED)))

    def on_counted(self, position: CountedPosition) -> None:
        self._counted[position.instrument] = position

    def on_margin(self, margin: VenueMargin) -> None:
        self._margins.take(margin)

    def on_timer(self, token: int) -> None:
        if token == _PERIOD and self._request is None:
            self._n_own += 1
            self._on_request(HedgeRequested(self.now, f"{_OWN} {self.now}-{self._n_own}"))
        elif self._request is not None and self.now >= self._request.cancel_at:
            for instrument, tag in self._request.legs:
                self.cancel(self.context.instruments[instrument], tag)

    def on_order(self, order: OrderUpdate) -> None:
        request = self._request
        leg = request.legs.get((order.instrument, order.tag)) if request is not None else None
        if leg is not None:
            leg.filled, leg.state, leg.reason = order.filled, OrderState(order.state), Reason(order.reason)
            self._end()

    def _on_request(self, wish: HedgeRequested) -> None:
        if wish.request in self._answers:
            self.out.append(("hedged", self._answers[wish.request]))
        elif self._request is not None and self._request.wish.request == wish.request:
            self._tell(is_over=False)
        elif self._request is not None:
            self._refuse(wish, f"request {self._request.wish.request!r} is under way: ask again when it is over")
        elif refusal := self._refusal(wish):
            self._refuse(wish, refusal)
        else:
            self._begin(wish)

    # --- a request ---------------------------------------------------------------------------------------------------

    def _refusal(self, wish: HedgeRequested) -> str:
        table = self.context.instruments
        bases = {each.base for each in self.context.quoted}
        names = {name for each in self.context.quoted for name in (each.venue, each.name)}
        if self._is_draining:
            return "the run ends"
        if not wish.request:
            return "a request needs a name"
        if wish.base and wish.base not in bases:
            return f"no {wish.base!r} among what the desk trades: {', '.join(sorted(bases))}"
        for name, share in wish.on:
            if name not in names:
                return f"the desk does not trade on {name!r}; allowed: {', '.join(sorted(names))}"
            if not 0.0 < share < math.inf:
                return f"the share of {name} must be above 0 and finite, got {share}"
        if wish.by not in ("", *_SHARES) or wish.order not in ("market", "limit"):
            return f"by {self._by(wish)!r}, order {wish.order!r}: allowed are {', '.join(_SHARES)}, and market, limit"
        if len(self._counted) < len(table) or not all(each.is_known for each in self._counted.values()):
            return "the positions are not known yet: ask again"
        doubts = [table[i].name for i, each in sorted(self._counted.items()) if each.doubt]
        if doubts:
            return f"the account shows other than our fills make: {', '.join(doubts)}; it is being looked at, ask again"
        if self._by(wish) == "margin":
            where = [
                each.venue for each in self.context.quoted if self._share(wish, each) and wish.base in ("", each.base)
            ]
            if lacks := self._margins.lacks(where, self.now):
                return f"no margin is known: {'; '.join(lacks)}; [orders] account_every_s is how often it is asked for"
        return ""

    def _by(self, wish: HedgeRequested) -> str:
        return wish.by or self.params.by

    def _share(self, wish: HedgeRequested, instrument: Instrument) -> float:
        """Return the share that a request gives an instrument, 1 where it names none; 0: it is not to be traded."""
        shares = dict(wish.on)
        return shares.get(instrument.name, shares.get(instrument.venue, 0.0)) if shares else 1.0

    def _begin(self, wish: HedgeRequested) -> None:
        wait_s = self.params.wait_s if wish.order == "limit" else math.inf
        cancel_at = self.now + round(wait_s * SECOND) if wish.order == "limit" else 1 << 62
        opened = {venue: self._margins.opened(venue) for venue in self.context.instruments.venues}
        self._request = _Request(wish, cancel_at, opened)
        bases = [wish.base] if wish.base else sorted({each.base for each in self.context.quoted})
        nets = {each.base: each for each in self.nets()}
        for base in bases:
            self._hedge_asset(self._request, base, nets.get(base))
        self._end()
        if self._request is not None:
            self._tell(is_over=False)

    def nets(self) -> list[NetBase]:
        """Return the net exposures by asset, as counted."""
        table = self.context.instruments
        return positions_by_base(
            Held(table[i], each.lots, self.books[i].mid if i in self.books else math.nan)
            for i, each in sorted(self._counted.items())
        )

    def _hedge_asset(self, request: _Request, base: str, net: NetBase | None) -> None:
        before = net.net if net is not None else 0.0
        if math.isnan(before):
            request.assets.append((base, None, "not hedged: an inverse contract has no price"))
            return
        side = Side.SELL if before > 0.0 else Side.BUY
        places, notes = self._places(request.wish, base, side)
        amount = abs(before)
        if amount and places:
            most = self.params.max_notional / places[0].price
            if amount > most:
                notes.append(f"max_notional leaves {amount - most:.6g} for another request")
            lots, left = split(min(amount, most), places)
            for place, n in zip(places, lots, strict=True):
                if n:
                    self._send(request, place, side, n)
            if left > 1e-9:
                notes.append(f"{left:.6g} are left: lots, smallest orders and limits leave no order for them")
        request.assets.append((base, before, "; ".join(notes)))

    def _send(self, request: _Request, place: Place, side: Side, lots: Lots) -> None:
        instrument = place.instrument
        if request.wish.order == "limit":
            tag = self.limit(instrument, side, instrument.round_price(place.price, side), lots)
        else:
            tag = self.hedge(instrument, side, lots, instrument.round_price(place.price, side))
        request.legs[instrument.id, tag] = _Leg(instrument, side, lots)
        held = self._counted[instrument.id].lots
        self._margins.opens(instrument.venue, opening(instrument, held, side, place.price, lots), self.now)

    # --- where -------------------------------------------------------------------------------------------------------

    def _places(self, wish: HedgeRequested, base: str, side: Side) -> tuple[list[Place], list[str]]:
        """Return where an asset may be hedged, and what is to be said of where it may not."""
        found: list[Place] = []
        notes: list[str] = []
        by = self._by(wish)
        for instrument in self._wanted(wish, base):
            price = self._order_price(instrument, side, wish.order)
            if not price:
                notes.append(f"{instrument.name} has no sound book")
                continue
            limits, held = self.context.limits[instrument.id], self._counted[instrument.id].lots
            room = position_room(instrument, limits, held, side, price)
            most = min(int(room / instrument.exposure(price, 1) + 1e-9), largest_order(instrument, limits, price))
            weight = self._share(wish, instrument) if wish.on or by != "room" else room
            if by == "margin":
                margin, lack = self._margin(wish, instrument)
                if lack:
                    notes.append(lack)
                    continue
                weight *= margin
                most = min(most, affordable(instrument, held, side, price, self._openable(wish, instrument, margin)))
            if most <= 0:
                notes.append(f"{instrument.name} has no room within its limits")
                continue
            found.append(Place(instrument, price, weight, most))
        if not found and not notes:
            notes.append("the desk may trade none of it there")
        return found, notes

    def _wanted(self, wish: HedgeRequested, base: str) -> list[Instrument]:
        """Return what a request wants traded of an asset, of all assets if that is empty."""
        return [each for each in self.context.quoted if base in ("", each.base) and self._share(wish, each)]

    def _margin(self, wish: HedgeRequested, instrument: Instrument) -> tuple[float, str]:
        """Return an instrument's part of what is available at its venue, > 0, or why there is none."""
        venue = instrument.venue
        if lack := self._margins.lack(venue, self.now):
            return 0.0, f"no margin is known: {lack}"
        available = self._margins.available(venue, self.now)
        if not available or available < 0.0:
            return 0.0, f"{venue} has no margin available"
        return available / self._n_wanted_at(wish, venue), ""

    def _n_wanted_at(self, wish: HedgeRequested, venue: str) -> int:
        return sum(each.venue == venue for each in self._wanted(wish, wish.base))

    def _openable(self, wish: HedgeRequested, instrument: Instrument, margin: float) -> float:
        """Return the notional that an instrument's part of margin carries, less its part of what requests before
        this one have opened since it was told."""
        before = self._request.opened_before.get(instrument.venue, 0.0) if self._request is not None else 0.0
        return max(0.0, margin * self.params.max_leverage - before / self._n_wanted_at(wish, instrument.venue))

    def _order_price(self, instrument: Instrument, side: Side, order: str) -> float:
        """Return the worst price of an order that takes, or where one rests; 0 without a sound book."""
        book = self.books[instrument.id]
        if self.is_stale(instrument) or not book.is_two_sided:
            return 0.0
        takes = order == "market"
        touch = book.best_ask if (side is Side.BUY) == takes else book.best_bid
        slip = self.params.slippage_bps * 1e-4 if takes else 0.0
        return instrument.price(touch) * (1.0 + side * slip)

    # --- answers -----------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        request = self._request
        if request is not None and all(leg.state.is_final for leg in request.legs.values()):
            self._tell(is_over=True)
            self._request = None

    def _tell(self, *, is_over: bool) -> None:
        request = self._request
        assert request is not None, "there is nothing to tell of"
        nets = {each.base: each.net for each in self.nets()}
        assets = tuple(
            HedgedAsset(base, before, None if math.isnan(net := nets.get(base, 0.0)) else net, text)
            for base, before, text in request.assets
        )
        text = "" if request.legs else "nothing to hedge: see the assets"
        legs = tuple(leg.told() for leg in request.legs.values())
        self._answer(HedgeAnswered(self.now, request.wish.request, is_over, text, assets, legs))

    def _refuse(self, wish: HedgeRequested, text: str) -> None:
        # not kept: asked again by the same name, it may be another matter
        self.out.append(("hedged", HedgeAnswered(self.now, wish.request, True, text)))

    def _answer(self, answer: HedgeAnswered) -> None:
        self.out.append(("hedged", answer))
        if answer.is_over:
            self._answers[answer.request] = answer
            for old in _beyond(self._answers, _REMEMBERED):
                del self._answers[old]


def _beyond(names: Iterable[str], n: int) -> list[str]:
    """Return the oldest names, so that `n` are left."""
    known = list(names)
    return known[: max(0, len(known) - n)]
