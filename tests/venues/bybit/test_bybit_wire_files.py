"""Every recorded message of the venue is read, whether or not we have a use for it."""

import json
from pathlib import Path
from typing import Final

from market.units import MS
from tests.venues.bybit.bybit_wire import BTC, recorded
from venues.bybit.order_ids import OrderIds
from venues.bybit.requests import OrderRequests
from venues.bybit.settings import one_position_a_symbol, refuse_far_prices
from venues.bybit.signing import Signer
from venues.bybit.structs import read_frame, read_reply

# rows of the server's own or of our side: no frame that we would be given
_NOT_FRAMES: Final = {"ws_account_position_with_open_time"}


def test_every_recorded_message_is_a_frame_or_a_reply(shared: Path) -> None:
    n_frames, n_replies = 0, 0
    for path in sorted((shared / "data/wire/bybit_linear").glob("*.jsonl")):
        for line in recorded(shared, path.name.removesuffix(".jsonl")):
            message = line["msg"]
            if line.get("case") in _NOT_FRAMES or line.get("dir") == "connect":
                continue
            text = json.dumps(message).encode()
            if "retCode" in message and "op" not in message:
                assert read_reply(text).ret_code == 0, path
                n_replies += 1
            else:
                frame = read_frame(text)
                assert frame.topic or frame.op, path
                assert frame.topic == message.get("topic", ""), path
                n_frames += 1
    assert n_frames > 2000
    assert n_replies >= 35


def test_settings_of_the_account() -> None:
    requests = OrderRequests([BTC], OrderIds(), Signer("k", "s"))
    price = refuse_far_prices(requests, 5 * MS)
    mode = one_position_a_symbol(requests, "USDT", 5 * MS)
    assert (price.path, json.loads(price.body)) == (
        "/v5/account/set-limit-px-action",
        {"category": "linear", "modifyEnable": False},
    )
    assert (mode.path, json.loads(mode.body)) == (
        "/v5/position/switch-mode",
        {"category": "linear", "coin": "USDT", "mode": 0},
    )
