"""What the guard decided in a run, as it stands in its result."""

from collections.abc import Iterable
from typing import Any

from market.messages import Flattened, HaltCause, NothingOpen, TradingState, TradingStateChanged


def safety_record(changes: Iterable[TradingStateChanged], events: Iterable[NothingOpen | Flattened]) -> dict[str, Any]:
    """Return `trading_states`, the changes in their order, and `halts`, what came of them."""
    return {
        "trading_states": [
            {
                "t_ns": each.ts,
                "state": TradingState(each.state).name,
                "cause": HaltCause(each.cause).name,
                "reason": each.text,
            }
            for each in changes
        ],
        "halts": [_event(each) for each in events],
    }


def _event(event: NothingOpen | Flattened) -> dict[str, Any]:
    if isinstance(event, NothingOpen):
        return {"t_ns": event.ts, "nothing_open": event.venue}
    return {"t_ns": event.ts, "instrument": event.instrument, "lots_left": event.lots, "reason": event.text}
