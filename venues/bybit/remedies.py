"""What an answer asks for besides telling who asked: a pause, the time anew, a new connection, or a person."""

from typing import Final

from market.messages import TradingState
from market.units import Nanos
from venues.bybit.errors import Advice
from venues.bybit.gate import BybitGate
from venues.bybit.replies import Answer
from venues.bybit.structs import NAME
from venues.ports import ask_for_person
from venues.venue import Output, Reconnect

_STATES: Final = {
    Advice.HALT: TradingState.HALTED,
    Advice.PAUSE_HTTP: TradingState.HALTED,
    Advice.HALT_SYMBOL: TradingState.REDUCING,
    Advice.STOP_OPENING: TradingState.REDUCING,
}


def see_to(answer: Answer, gate: BybitGate, now: Nanos) -> list[Output]:
    """Do what an answer to commands advises, and learn the limit that it states."""
    gate.limits.learn(answer.bucket, answer.headers)
    outputs: list[Output] = []
    for advice, words in answer.advice:
        if advice is Advice.SLOW_DOWN:
            gate.limits.refused(answer.bucket, answer.headers, gate.clock.offset, now)
        elif advice is Advice.PAUSE_HTTP:
            gate.limits.banned(now)
        elif advice is Advice.RESYNC_CLOCK:
            gate.doubt_clock(now)
        elif advice is Advice.RECONNECT:
            outputs.append(Reconnect("trade", words))
        if advice in _STATES:
            outputs += ask_for_person(NAME, _STATES[advice], f"{advice.value} ({words})", now)
    return outputs
