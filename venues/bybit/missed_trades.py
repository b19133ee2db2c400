"""Trades of a time in which nobody listened: asked for when the public socket is back, told late and once.

The venue tells the last thousand of an instrument.  They are asked for when the live ones come again, so that nothing
is between the two; whether they reach back to the last one that was heard is told with them.  They leave by the port
`marks`, for who records: who acts on trades would take a minute's worth that comes at once for the flow of now.
"""

from collections.abc import Iterable
from typing import Final

from market.instrument import Instrument
from market.messages import Trade, TradesCaughtUp
from market.units import InstrumentId, Nanos
from venues.bybit.gate import BybitGate
from venues.bybit.limits import HTTP
from venues.bybit.market_data import MOST_RECENT, MarketData
from venues.ports import told
from venues.venue import HttpAnswer, Output, Tell
from venues.wire import HttpRequest, RemoteProtocolError

_PATH: Final = "/v5/market/recent-trade"


class MissedTrades:
    """Sees to one public feed."""

    def __init__(self, instruments: Iterable[Instrument], data: MarketData, gate: BybitGate) -> None:
        self._symbols = {each.id: each.symbol for each in instruments}
        self._data, self._gate = data, gate
        self._heard_to: dict[InstrumentId, Nanos] = {}  # venue's time of the last trade, or of when we began to listen
        self._is_caught_up = False
        self._n_lost = 0

    def heard(self, trades: Iterable[object]) -> None:
        """Note what was told as it happened; what comes before the others are asked for leaves their begin alone."""
        if self._is_caught_up:
            self._note(trades)

    def _note(self, trades: Iterable[object]) -> None:
        for each in trades:
            if type(each) is Trade:
                self._heard_to[each.instrument] = max(each.ts_venue, self._heard_to.get(each.instrument, 0))

    def lost(self) -> None:
        """Nobody listens."""
        self._is_caught_up = False
        self._n_lost += 1

    def listening(self, now: Nanos) -> list[Output]:
        """The live ones come again: ask for those of the time between, once."""
        if self._is_caught_up:
            return []
        self._is_caught_up = True
        outputs: list[Output] = []
        for instrument, symbol in self._symbols.items():
            since = self._heard_to.get(instrument)
            if since is None:  # nobody has listened before
                self._heard_to[instrument] = self._gate.at(now)
                outputs += told([TradesCaughtUp(instrument, now, False)])
            else:
                outputs += self._ask(instrument, symbol, since, now)
        return outputs

    def _ask(self, instrument: InstrumentId, symbol: str, since: Nanos, now: Nanos) -> list[Output]:
        n_lost = self._n_lost

        def answered(answer: HttpAnswer | None, at: Nanos) -> list[Output]:
            trades: list[Trade] = []
            is_whole = False
            if answer is not None and answer.status == 200:
                try:
                    trades, is_whole = self._data.recent_trades(answer.body, at, since)
                except RemoteProtocolError:
                    self._data.n_skipped["recent trades that make no sense"] += 1
            self._note(trades)
            self._data.n_skipped["trade told after an outage"] += len(trades)
            caught_up = TradesCaughtUp(instrument, at, is_whole and self._n_lost == n_lost)
            return [Tell("marks", each) for each in (*trades, caught_up)]

        if self._gate.free_at(HTTP, now) > now:
            return told([TradesCaughtUp(instrument, now, False)])
        request = HttpRequest("GET", _PATH, f"category=linear&symbol={symbol}&limit={MOST_RECENT}")
        return [self._gate.send(request, answered, HTTP, now)]
