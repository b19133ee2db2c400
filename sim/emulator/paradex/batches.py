"""Several orders in one request of Paradex."""

from typing import Any, Final

from market.units import Nanos
from sim.emulator.orders import Order
from sim.emulator.paradex.accounts import Trader
from sim.emulator.paradex.codes import VenueError
from sim.emulator.paradex.entry import OrderEntry, Row
from sim.emulator.paradex.rows import number_text

_MOST: Final = 10


def create_batch(entry: OrderEntry, trader: Trader, orders: Any, now: Nanos) -> list[Row | VenueError]:
    """Take new orders; return of each how it has come, or why it is refused.

    Raises:
        VenueError: one of them is not in order by itself, so that none is taken.
    """
    if not isinstance(orders, list) or not 1 <= len(orders) <= _MOST:
        raise VenueError("BATCH_SIZE_OUT_OF_RANGE", f"a batch has 1 to {_MOST} orders")
    news = [entry.read(trader, each if isinstance(each, dict) else {}, now) for each in orders]
    came: list[Row | VenueError] = []
    for new in news:
        try:
            came.append(entry.submit(trader, new, now))
        except VenueError as error:
            came.append(error)
    return came


def cancel_batch(entry: OrderEntry, trader: Trader, fields: Row, now: Nanos) -> list[Row]:
    """Cancel the orders that `order_ids` and `client_order_ids` name; return of each what comes of it."""
    ids, client_ids = (map(str, fields.get(name) or []) for name in ("order_ids", "client_order_ids"))
    named = [({"id": text}, entry.find(trader, text)) for text in ids]
    named += [({"client_id": text}, trader.account.find(client_id=text)) for text in client_ids]
    return [_cancelled(entry, trader, row, order, now) for row, order in named]


def _cancelled(entry: OrderEntry, trader: Trader, row: Row, order: Order | None, now: Nanos) -> Row:
    if order is None:
        return {**row, "status": "NOT_FOUND"}
    named = {"id": number_text(order.number), "client_id": order.client_id, "market": order.instrument.symbol}
    try:
        entry.cancel(trader, order, now)
    except VenueError:
        return {**named, "status": "ALREADY_CLOSED"}
    return {**named, "status": "QUEUED_FOR_CANCELLATION"}
