"""Private frames that are damaged are read or refused, and never break the venue otherwise."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.venues.hyperliquid.test_hyperliquid_orders import ACCOUNT, ORDER, Hyperliquid, amend
from venues.hyperliquid.structs import read_frame
from venues.wire import RemoteProtocolError

pytestmark = pytest.mark.slow

TERMS = {"coin": "BTC", "side": "B", "limitPx": "65000", "sz": "0.001", "origSz": "0.001", "oid": 9001, "timestamp": 1}
NEWS = {"order": TERMS | {"cloid": f"0x{ORDER.client_id:032x}"}, "status": "canceled", "statusTimestamp": 1}
FILL = {"coin": "BTC", "px": "65000", "sz": "0.001", "side": "B", "time": 1, "oid": 9001, "crossed": False, "fee": "0"}
RESULT = {"type": "order", "data": {"statuses": [{"resting": {"oid": 9002}}]}}
FRAMES: list[dict[str, Any]] = [
    {"channel": "orderUpdates", "data": [NEWS]},
    {"channel": "userFills", "data": {"user": ACCOUNT, "fills": [FILL | {"tid": 5}]}},
    {"channel": "user", "data": {"nonUserCancel": [{"coin": "BTC", "oid": 9001}]}},
    {
        "channel": "post",
        "data": {"id": 2, "response": {"type": "action", "payload": {"status": "ok", "response": RESULT}}},
    },
]
STRANGE: st.SearchStrategy[Any] = st.sampled_from(
    ["", "0", "-1", "1e400", "NaN", "²", "x" * 40, -1, 0, 1 << 70, None, True, [], {}, 0.5]
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of each value within a frame."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for step, inner in steps for found in places(inner, (*path, step)))]


def replaced(frame: dict[str, Any], path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    frame = copy.deepcopy(frame)
    inner: Any = frame
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return frame


@settings(deadline=None, max_examples=400)
@given(data=st.data())
def test_a_damaged_frame_is_read_or_refused(data: st.DataObject) -> None:
    venue = Hyperliquid().stand()
    venue.send(amend())
    for _ in range(3):
        frame = data.draw(st.sampled_from(FRAMES))
        text = json.dumps(replaced(frame, data.draw(st.sampled_from(places(frame))), data.draw(STRANGE)))
        text = text[: data.draw(st.sampled_from([len(text), len(text), len(text) // 2]))]
        try:
            read = read_frame(text)
            if read is not None and read.channel == "post":
                venue.exchange.receive(read, venue.now)
            elif read is not None:
                venue.private.receive(read, venue.now)
        except RemoteProtocolError:
            continue
