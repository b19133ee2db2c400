"""The tutorial's market maker: quote around another venue's volume-adjusted mid, lean against inventory."""

import attrs

from actors.quoter import Quoter, QuoterContext
from market.arithmetic_kernels import tanh_
from market.book import Book
from market.units import Nanos

_ge0 = attrs.validators.ge(0.0)
_gt0 = attrs.validators.gt(0.0)


@attrs.frozen
class VampParams:
    """Parameters of `VampQuoter`.

    Attributes:
        notional: of each quote, quote currency.
        spread_bps: distance of each quote from the reference price when flat.
        skew_bps: how far inventory moves both quotes, at most; below `spread_bps`.
        n_trades: the reference VAMP is taken at the notional of the reference's last so many trades.
        default_notional: ... and at this before its first trade.
        basis: `none`, or `ewma`: multiply by the slow ratio of own mid to reference mid.
        basis_halflife_s: of that average.
        quote_touch: join the best prices of the own book instead (a check of queue models).
    """

    notional: float = attrs.field(default=200.0, validator=_gt0)
    spread_bps: float = attrs.field(default=6.0, validator=_ge0)
    skew_bps: float = attrs.field(default=4.0, validator=_ge0)
    n_trades: int = attrs.field(default=15, validator=attrs.validators.ge(1))
    default_notional: float = attrs.field(default=20_000.0, validator=_gt0)
    basis: str = attrs.field(default="none", validator=attrs.validators.in_(("none", "ewma")))
    basis_halflife_s: float = attrs.field(default=30.0, validator=_gt0)
    quote_touch: bool = False


class VampQuoter(Quoter):
    """On each update of the own book, one bid and one ask:

        q   = inventory value / notional
        bid = min(vamp * (1 - (spread + skew * tanh(q)) bps), second best bid)
        ask = max(vamp * (1 + (spread - skew * tanh(q)) bps), second best ask)

    Source: the tutorial of quantpylib, "Market Maker".
    """

    params_class = VampParams
    reads_orders = False

    def __init__(self, context: QuoterContext, params: VampParams) -> None:
        super().__init__(context, params)
        self.params: VampParams = params
        self._basis = 0.0
        self._basis_at: Nanos = 0

    def on_book(self, book: Book) -> None:
        p = self.params
        reference = self.books[self.reference.id]
        instrument = self.instrument
        mid = book.mid
        second_bid, second_ask = book.prices(1)
        traded = self.tapes[self.reference.id].notional(p.n_trades)
        fair = reference.vamp(traded if traded > 0.0 else p.default_notional)
        if not (fair > 0.0 and second_bid > 0.0 and second_ask > 0.0):  # NaN too: a book too thin, or none yet
            return
        if p.basis == "ewma":
            fair *= self._own_basis(mid / reference.mid)
        held = self._positions.get(instrument.id)
        lots = 0 if held is None else held.lots
        skew = p.skew_bps * tanh_(instrument.exposure(mid, lots) / p.notional) if lots else 0.0
        if p.quote_touch:
            bid, ask = book.prices()
        else:
            bid = min(fair - (p.spread_bps + skew) * 1e-4 * fair, second_bid)
            ask = max(fair + (p.spread_bps - skew) * 1e-4 * fair, second_ask)
        size = instrument.lots_of(p.notional, mid)
        self.quote(instrument, ((instrument.ticks(bid), size),), ((instrument.ticks(ask), size),))

    def _own_basis(self, ratio: float) -> float:
        """Return the slow ratio of own mid to reference mid, moved on to now."""
        elapsed_s = (self.now - self._basis_at) * 1e-9
        if self._basis == 0.0:
            self._basis = ratio
        else:
            # 1 - 2**(-t/h) to first order, the same arithmetic on every machine
            step = elapsed_s / (elapsed_s + self.params.basis_halflife_s / 0.6931471805599453)
            self._basis += step * (ratio - self._basis)
        self._basis_at = self.now
        return self._basis
