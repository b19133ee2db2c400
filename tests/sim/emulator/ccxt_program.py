"""What programs that trade by ccxt share: how one runs, and how a refusal is told."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from ccxt.base.errors import BaseError


def run(make_client: Callable[[], Any], trade: Callable[[Any], Awaitable[dict[str, Any]]]) -> None:
    """Let a client trade; print what it saw as JSON."""
    print(json.dumps(asyncio.run(_trade(make_client, trade))))


async def refusal(call: Awaitable[Any]) -> str:
    """Return the name of the error that a call ends in."""
    try:
        await call
    except BaseError as error:
        return type(error).__name__
    return ""


async def _trade(make_client: Callable[[], Any], trade: Callable[[Any], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    client = make_client()
    try:
        return await trade(client)
    finally:
        await client.close()
