"""The guard decides what may be traded: it takes readings of what can go wrong, and restricts when they stay bad.

One bad reading may be a slip of the data; so many in a row are none.  A halt stays until a person clears it, whatever
becomes of its cause; a mere reduction ends with its cause.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from math import isnan
from typing import ClassVar, Final

import attrs

from actors.guard_config import Action, GuardConfig
from actors.risk import Limits
from actors.runtime.actor import Actor
from market.instrument import InstrumentTable
from market.messages import (
    ActorCrashed,
    ActorDown,
    ClockOffset,
    EquityStamp,
    Fresh,
    GuardMemory,
    HaltCause,
    HaltCleared,
    HaltRequested,
    HeartbeatAsked,
    Stale,
    Started,
    Stop,
    TimerFired,
    TradingState,
    TradingStateChanged,
    VenueRefused,
    WalletCompared,
)
from market.units import MS, SECOND, InstrumentId, Nanos

_CHECK: Final = 1  # timer token
_E8: Final = 10**8
_ACTIVE, _REDUCING, _HALTED = (int(state) for state in TradingState)
_STATES: Final[Mapping[Action, int]] = {"halt": _HALTED, "reduce": _REDUCING}


@attrs.define(eq=False)
class Readings:
    """One check: so many bad readings in a row trip it, as many good ones in a row release it."""

    cause: HaltCause
    action: Action
    n_needed: int
    n_bad: int = 0
    n_good: int = 0
    is_tripped: bool = False
    text: str = ""

    def take(self, text: str) -> bool:
        """Take a reading, bad if it has a text; True if the check has tripped or been released by it."""
        if text:
            self.n_bad, self.n_good, self.text = self.n_bad + 1, 0, text
        else:
            self.n_bad, self.n_good = 0, self.n_good + 1
        was_tripped = self.is_tripped
        if max(self.n_bad, self.n_good) >= self.n_needed:
            self.is_tripped = self.n_bad > 0
        return self.is_tripped != was_tripped

    def forget(self) -> None:
        """Begin anew."""
        self.n_bad = self.n_good = 0
        self.is_tripped = False


class Guard(Actor):
    """In: equity, stale books, refusals, crashes, clocks, people's wishes.  Out: `TradingStateChanged`.

    Ports: `state` (to the order manager, and to the hand, which writes a halt down), `beat` (a heartbeat's question
    passed on to the order manager), `control`.

    Args:
        traded: instruments that get equity stamps.  used: whose books are quoted or read.
        limits: of every traded instrument.
        halted: why the account is halted from the start; empty: it is not.
    """

    ports: ClassVar[tuple[str, ...]] = ("state", "beat")

    def __init__(
        self,
        name: str,
        instruments: InstrumentTable,
        traded: Sequence[InstrumentId],
        used: Sequence[InstrumentId],
        limits: Mapping[InstrumentId, Limits],
        config: GuardConfig | None = None,
        halted: str = "",
    ) -> None:
        super().__init__(name)
        self.config = c = config or GuardConfig()
        self._instruments = instruments
        self._used = tuple(used)
        self._limits = {i: limits[i] for i in traded}
        self._halted = halted
        self.state = _ACTIVE
        self._wanted = (_ACTIVE, int(HaltCause.NONE), "")  # by people and venues; kept until a person clears it
        self._peak = self._start = 0.0
        self._pnl = 0.0
        self._has_news = False
        self._stamps: dict[InstrumentId, EquityStamp] = {}
        self._stale: dict[InstrumentId, Nanos] = {}  # since when
        self._refused: deque[Nanos] = deque()
        self._crashed: deque[Nanos] = deque()
        checks = (
            (HaltCause.DRAWDOWN, c.on_drawdown),
            (HaltCause.POSITION, c.on_position),
            (HaltCause.STALE_DATA, c.on_stale_data),
            (HaltCause.REJECTS, c.on_refusals),
            (HaltCause.CRASHES, c.on_crashes),
        )
        self._checks = {cause: Readings(cause, action, c.n_bad) for cause, action in checks if action != "off"}
        self._clocks: dict[int, Readings] = {}
        self._wallets: dict[tuple[int, str], Readings] = {}
        self.on = {
            EquityStamp: self._on_stamp,
            Stale: self._on_book,
            Fresh: self._on_fresh,
            ActorDown: self._on_actor_down,
            ActorCrashed: self._on_crash,
            VenueRefused: self._on_refusal,
            ClockOffset: self._on_clock,
            WalletCompared: self._on_wallet,
            HaltRequested: self._on_request,
            HaltCleared: self._on_cleared,
            HeartbeatAsked: lambda m: self.out.append(("beat", m)),
            GuardMemory: self._recall,
            TradingStateChanged: self._on_told,
            TimerFired: self._on_timer,
            Started: self._on_started,
            Stop: lambda m: None,
        }

    # --- readings ----------------------------------------------------------------------------------------------------

    def _on_stamp(self, stamp: EquityStamp) -> None:
        if any(each.ts != stamp.ts for each in self._stamps.values()):
            self._stamps.clear()
        self._stamps[stamp.instrument] = stamp
        if len(self._stamps) < len(self._limits):
            return
        self._pnl = sum(self._in_report_currency(each) for each in self._stamps.values())
        if not isnan(self._pnl):  # without a mark there is no reading; that is what stale data are for
            if self._pnl > self._peak:
                self._peak = self._pnl
                self._remember()
            self._read(HaltCause.DRAWDOWN, self._drawdown())
        self._read(HaltCause.POSITION, self._positions())
        self._decide()

    def _drawdown(self) -> str:
        top = self._peak if self.config.drawdown_from == "peak" else self._start
        if top - self._pnl <= self.config.max_drawdown:
            return ""
        return f"PnL {self._pnl:.2f} is {top - self._pnl:.2f} below {top:.2f}, limit {self.config.max_drawdown:g}"

    def _positions(self) -> str:
        beyond = 1 + self.config.position_tolerance
        for i, stamp in self._stamps.items():
            instrument, limits = self._instruments[i], self._limits[i]
            size = abs(stamp.position) * float(instrument.lot)
            per_unit = 1.0 if instrument.inverse else stamp.mid
            notional = size * float(instrument.multiplier) * per_unit
            for what, held, limit in (
                ("position", size, limits.max_position),
                ("position's notional", notional, limits.max_position_notional),
            ):
                if held > limit * beyond:
                    return f"{instrument.name}: {what} {held:g} is beyond its limit {limit:g}"
        return ""

    def _on_book(self, message: Stale) -> None:
        if message.is_thin:  # as it is on a thin market: there are no quotes, and nothing is wrong
            self._stale.pop(message.instrument, None)
        else:
            self._on_stale(message.instrument)

    def _on_stale(self, instrument: InstrumentId) -> None:
        if instrument in self._used:
            self._stale.setdefault(instrument, self.now)

    def _on_fresh(self, message: Fresh) -> None:
        self._stale.pop(message.instrument, None)

    def _on_actor_down(self, message: ActorDown) -> None:
        if message.kind == "keeper":
            venue = self._instruments.venues[message.index]
            for i in self._used:
                if self._instruments[i].venue == venue:
                    self._on_stale(i)

    def _on_crash(self, message: ActorCrashed) -> None:
        if message.kind != "recorder":
            self._crashed.append(self.now)
            self._remember()

    def _on_refusal(self, message: VenueRefused) -> None:
        self._refused.append(self.now)
        self._has_news = True

    def _on_clock(self, measured: ClockOffset) -> None:
        if self.config.on_clock_skew == "off":
            return
        readings = self._clocks.get(measured.venue)
        if readings is None:
            readings = Readings(HaltCause.CLOCK_SKEW, self.config.on_clock_skew, self.config.n_bad)
            self._clocks[measured.venue] = readings
        surely_ms = (abs(measured.offset_ns) - measured.uncertainty_ns) / MS
        text = ""
        if surely_ms > self.config.max_clock_skew_ms:
            ahead_ms, error_ms = measured.offset_ns / MS, measured.uncertainty_ns / MS
            venue = self._instruments.venues[measured.venue]
            text = f"{venue}: its clock is {ahead_ms:.0f} ms ahead of ours, give or take {error_ms:.0f}"
        readings.take(text)
        self._decide()

    def _on_wallet(self, compared: WalletCompared) -> None:
        if self.config.on_wallet == "off":
            return
        key = compared.venue, compared.asset
        readings = self._wallets.get(key)
        if readings is None:
            readings = Readings(HaltCause.WALLET, self.config.on_wallet, self.config.n_bad)
            self._wallets[key] = readings
        difference, text = (compared.wallet_e8 - compared.counted_e8) / _E8, ""
        if abs(difference) > self.config.max_wallet_difference:
            venue = self._instruments.venues[compared.venue]
            text = (
                f"{venue}: the wallet is {difference:+g} {compared.asset} from what fills, fees and funding make of it"
            )
        readings.take(text)
        self._decide()

    def _on_timer(self, message: TimerFired) -> None:
        self._set_timer()
        c = self.config
        since = min(self._stale.values(), default=self.now)
        text = ""
        if self.now - since > c.stale_s * SECOND:
            name = self._instruments[next(i for i, at in self._stale.items() if at == since)].name
            text = f"{name}: no fresh book for {(self.now - since) / SECOND:.0f} s, limit {c.stale_s:g}"
        self._read(HaltCause.STALE_DATA, text)
        n = _count_since(self._refused, self.now - round(c.refusals_window_s * SECOND))
        over = f"{n} refusals in {c.refusals_window_s:g} s, limit {c.max_refusals}" if n > c.max_refusals else ""
        self._read(HaltCause.REJECTS, over)
        n = _count_since(self._crashed, self.now - round(c.crashes_window_s * SECOND))
        over = f"{n} crashes in {c.crashes_window_s:g} s, limit {c.max_crashes}" if n > c.max_crashes else ""
        self._read(HaltCause.CRASHES, over)
        if self._has_news:
            self._remember()
        self._decide()

    def _readings(self) -> Iterator[Readings]:
        return chain(self._checks.values(), self._clocks.values(), self._wallets.values())

    def _read(self, cause: HaltCause, text: str) -> None:
        readings = self._checks.get(cause)
        if readings is not None:
            readings.take(text)

    # --- people, venues ----------------------------------------------------------------------------------------------

    def _on_request(self, wish: HaltRequested) -> None:
        if wish.state > self._wanted[0]:
            self._wanted = wish.state, wish.cause, wish.text
            self._remember()
        self._decide()

    def _on_cleared(self, message: HaltCleared) -> None:
        """Begin anew, from the PnL of now."""
        self._wanted = _ACTIVE, int(HaltCause.NONE), ""
        for readings in self._readings():
            readings.forget()
        self._refused.clear()
        self._crashed.clear()
        self._peak = self._start = 0.0 if isnan(self._pnl) else self._pnl
        self._remember()
        self._tell(_ACTIVE, int(HaltCause.NONE), message.text)

    # --- verdicts ----------------------------------------------------------------------------------------------------

    def _decide(self) -> None:
        """Restrict as far as the worst of all causes says; out of a halt there is no way but a person."""
        if self.state == _HALTED:
            return
        state, cause, text = self._wanted
        for readings in self._readings():
            if readings.is_tripped and _STATES[readings.action] > state:
                state, cause, text = _STATES[readings.action], int(readings.cause), readings.text
        if state == _HALTED:
            self._wanted = state, cause, text
        if state != self.state:
            self._tell(state, cause, text or "the cause is gone")

    def _tell(self, state: int, cause: int, text: str) -> None:
        self.state = state
        news = TradingStateChanged(self.now, state, cause, text)
        self.out += [("state", news), ("control", news)]

    # --- life --------------------------------------------------------------------------------------------------------

    def _on_started(self, message: Started) -> None:
        self._set_timer()
        if message.generation > 0:
            return  # the nursery tells what the last life knew and decided
        if self._halted:
            self._wanted = _HALTED, int(HaltCause.EARLIER_RUN), self._halted
        self._tell(*self._wanted)

    def _on_told(self, news: TradingStateChanged) -> None:
        """A new life: what the last one decided stands, and a person's or a venue's wish with it."""
        readings = self._checks.get(HaltCause(news.cause))
        if news.state == _REDUCING and readings is not None:
            readings.is_tripped, readings.text = True, news.text
        elif news.state:
            self._wanted = news.state, news.cause, news.text
        self._tell(news.state, news.cause, news.text)

    def _remember(self) -> None:
        """Let the nursery keep what a next life must know; refusals come in bursts, and are kept once a check."""
        self._has_news = False
        refused, crashed = tuple(self._refused), tuple(self._crashed)
        memory = GuardMemory(self.now, self._peak, self._start, self._wanted, refused, crashed)
        self.out.append(("control", memory))

    def _recall(self, memory: GuardMemory) -> None:
        self._peak, self._start, self._wanted = memory.peak, memory.start, memory.wanted
        self._refused.extend(memory.refused)
        self._crashed.extend(memory.crashed)

    def _set_timer(self) -> None:
        period = round(self.config.check_s * SECOND)
        self.set_timer(self.now - self.now % period + period, _CHECK)

    def _in_report_currency(self, stamp: EquityStamp) -> float:
        # settled in the base currency where it is inverse; a flat one that never traded needs no mid
        return stamp.pnl * stamp.mid if stamp.pnl and self._instruments[stamp.instrument].inverse else stamp.pnl


def _count_since(times: deque[Nanos], since: Nanos) -> int:
    while times and times[0] < since:
        times.popleft()
    return len(times)
