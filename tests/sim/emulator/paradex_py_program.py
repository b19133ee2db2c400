"""What programs share that run the venue's own SDK of Paradex, on Python 3.10.

Nothing of ours is imported by them, as that Python has none of it.
"""

import asyncio
import contextlib
import json
import logging
import sys
import time
from collections.abc import Callable
from typing import Any

from paradex_py import Paradex
from paradex_py.api.generated import responses
from paradex_py.api.ws_client import ParadexWebsocketChannel as Channel
from paradex_py.api.ws_client import ParadexWebsocketClient, WsRpcError
from paradex_py.api.ws_message_models import PriceBookUpdate
from pydantic import BaseModel

TASK = json.loads(sys.argv[1])
MARKET = "SOL-USD-PERP"
PUBLIC = (Channel.ORDER_BOOK, Channel.BBO, Channel.TRADES, Channel.MARKETS_SUMMARY)
# what the SDK has a model of; its socket checks none of it by itself
MODELS: dict[str, type[BaseModel]] = {
    "account": responses.AccountSummaryResponse,
    "bbo": responses.BBOResp,
    "fills": responses.FillResult,
    "markets_summary": responses.MarketSummaryResp,
    "order_book": PriceBookUpdate,
    "orders": responses.OrderResp,
    "positions": responses.PositionResp,
    "trades": responses.TradeResult,
}


class Complaints(logging.Handler):
    """What the SDK warns of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage()[:300])


class Heard:
    """What came on a socket, by kind of channel.

    Args:
        models: what the SDK reads each kind by; of the rest it has made models already.
    """

    def __init__(self, models: dict[str, type[BaseModel]]) -> None:
        self._models = models
        self.by_kind: dict[str, list[Any]] = {kind: [] for kind in MODELS}

    async def take(self, channel: Channel, message: dict[str, Any]) -> None:
        kind = channel.name.lower()
        data = message["params"]["data"]
        if kind in self._models:
            self._models[kind].model_validate(data)
        self.by_kind[kind].append(data)

    def n_public(self) -> int:
        return sum(len(self.by_kind[each.name.lower()]) for each in PUBLIC)

    async def of_order(self, number: str, is_it: Callable[[Any], Any]) -> bool:
        """Wait for an event of an order."""
        return await self.until(lambda by: [o for o in by["orders"] if o["id"] == number and is_it(o)])

    async def until(self, is_it: Callable[[dict[str, list[Any]]], Any], seconds: float = 30) -> bool:
        """Wait until something has been heard."""
        end = time.monotonic() + seconds
        while not is_it(self.by_kind):
            if time.monotonic() > end:
                return False
            await asyncio.sleep(0.02)
        return True


def sdk_of(**more: Any) -> Paradex:
    """Return the SDK, its addresses set to the emulator's."""
    return Paradex(
        env="testnet",
        api_base_url=TASK["rest"],
        ws_url_override=TASK["socket"],
        ws_direct_url_override=TASK["socket"],
        **more,
    )


async def hear_public(socket: ParadexWebsocketClient, heard: Heard) -> None:
    """Subscribe to the public channels, to summaries as the SDK does by itself: of all markets."""
    for channel in PUBLIC:
        await socket.subscribe(channel, heard.take, {} if channel is Channel.MARKETS_SUMMARY else {"market": MARKET})


async def hush(socket: ParadexWebsocketClient) -> None:
    """End all subscriptions: its reader, while more comes, may miss on this Python that it is to end."""
    for name in list(socket.callbacks):
        await socket.unsubscribe_by_name(name)
    with contextlib.suppress(WsRpcError):  # whatever its answer is, it comes last
        await socket.cancel_on_disconnect(enabled=False)
