"""What an answer asks for besides telling who asked: a pause, the time anew, a new connection, or a person."""

from market.units import Nanos
from venues.bybit.gate import BybitGate
from venues.bybit.replies import Answer
from venues.bybit.structs import NAME
from venues.venue import Output, Reconnect
from venues.verdicts import Advice, person_for


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
        outputs += person_for(NAME, advice, words, now)
    return outputs
