"""A venue in plain Python, slow and obvious: the rules of the design once more, to hold the kernels against."""

from collections.abc import Iterable
from math import inf
from typing import Any

import attrs

from market.arithmetic_kernels import log_
from market.messages import OrderFlag, Reason
from sim.fill_model import FillModel
from tests.sim.market_script import Level
from tests.sim.random_market import Step

TAKES_ONLY = OrderFlag.IOC | OrderFlag.FOK | OrderFlag.MARKET
PROBABILISTIC = (FillModel.PROBABILISTIC_POWER, FillModel.PROBABILISTIC_LOG)

Told = tuple[Any, ...]


@attrs.define(eq=False)
class Order:
    client_id: int
    side: int
    price: int
    size: int
    flags: int
    filled: int = 0
    ahead: int | None = None  # 1024ths of a lot
    shown: int = 0
    prints: int = 0

    @property
    def rest(self) -> int:
        return self.size - self.filled


class NaiveVenue:
    """One instrument; `answers` and `news` are what goes out on the two private channels, as `said` puts it."""

    def __init__(self, model: FillModel, *, partial: bool, consume: bool, power: int) -> None:
        self.model, self.partial, self.consume, self.power = model, partial, consume, power
        self.display: dict[int, dict[int, int]] = {1: {}, -1: {}}
        self.taken: dict[tuple[int, int], int] = {}
        self.orders: list[Order] = []  # by arrival
        self.position = 0
        self.answers: list[Told] = []
        self.news: list[Told] = []

    def play(self, steps: Iterable[Step]) -> None:
        """Let everything happen: at one instant first the prints, then the books, then the requests."""
        classes = {"trade": 0, "book": 1, "delta": 1}
        now = 0
        timed = []
        for wait, what, (*args, _) in steps:
            now += wait
            timed.append((now, classes.get(what, 2), what, args))
        for _, _, what, args in sorted(timed, key=lambda row: row[:2]):
            getattr(self, what)(*args)

    # --- the display -------------------------------------------------------------------------------------------------

    def left(self, side: int) -> list[Level]:
        """Return the levels of a side from which not all is taken, best first."""
        levels = sorted(self.display[side].items(), key=lambda level: -side * level[0])
        return [(p, s - self.taken.get((side, p), 0)) for p, s in levels if s > self.taken.get((side, p), 0)]

    def best(self, side: int) -> float:
        levels = self.left(side)
        return levels[0][0] if levels else -side * inf

    def shown_at(self, side: int, price: int) -> int | None:
        """Return what is displayed at a price; None beyond the worst displayed."""
        levels = self.display[side]
        if not levels or all((price - p) * side < 0 for p in levels):
            return None
        return max(0, levels.get(price, 0) - self.taken.get((side, price), 0))

    def take(self, side: int, price: int, lots: int) -> None:
        if self.consume:
            self.taken[side, price] = self.taken.get((side, price), 0) + lots

    # --- the market --------------------------------------------------------------------------------------------------

    def book(self, bids: list[Level], asks: list[Level]) -> None:
        self.display = {1: dict(bids), -1: dict(asks)}
        self._see_book()

    def delta(self, bids: list[Level], asks: list[Level]) -> None:
        for side, levels in ((1, bids), (-1, asks)):
            self.display[side].update(levels)
            self.display[side] = {p: s for p, s in self.display[side].items() if s}
        self._see_book()

    def _see_book(self) -> None:
        self.taken.clear()
        for order in list(self.orders):
            reached = (order.price - self.best(-order.side)) * order.side >= 0
            shown = self.shown_at(order.side, order.price)
            if reached and self.model is not FillModel.STRICT_CROSS:
                self._make(order, order.size)
            elif shown is not None:
                self._move_up(order, shown)
        self._expire()

    def _move_up(self, order: Order, shown: int) -> None:
        if order.ahead is None:
            order.ahead = shown * 1024
        elif self.model in PROBABILISTIC:
            front, before = order.ahead / 1024, order.shown - order.prints
            gone, back = before - shown, max(0.0, before - front)
            if gone > 0 and front > 0:
                f, b = self._weight(front), self._weight(back)
                front = max(0.0, front - max(gone * (f / (f + b)), gone - back))
            order.ahead = min(int(front * 1024), shown * 1024)
        else:
            order.ahead = min(order.ahead, shown * 1024)
        order.shown, order.prints = shown, 0

    def _weight(self, lots: float) -> float:
        return log_(1.0 + lots) if self.model is FillModel.PROBABILISTIC_LOG else lots**self.power

    def trade(self, price: int, lots: int, taker: int) -> None:
        budget = lots
        by_price = sorted(self.orders, key=lambda order: -order.side * order.price)  # stable: then by arrival
        for side in (taker, -taker):
            for order in by_price:
                if order.side == side and (order.price - price) * side > 0:
                    budget -= min(budget, self._make(order, budget))
        queue = [order for order in self.orders if order.price == price]
        for order in [order for order in queue if order.side == -taker]:
            order.prints += lots
            past = 0
            if order.ahead is not None:
                past = max(0, lots * 1024 - order.ahead) // 1024
                order.ahead = max(0, order.ahead - lots * 1024)
            reached = {FillModel.TOUCH: lots, FillModel.STRICT_CROSS: 0}.get(self.model, past)
            budget = self._serve(order, reached, budget)
        if self.model is FillModel.TOUCH:
            for order in [order for order in queue if order.side == taker]:
                budget = self._serve(order, lots, budget)
        self._expire()
        self.take(-taker, price, lots)

    def _serve(self, order: Order, reached: int, budget: int) -> int:
        may_fill = self._may_fill(order)
        filled = self._make(order, min(reached, budget))
        return max(0, budget - filled) if filled == may_fill else 0

    # --- requests ----------------------------------------------------------------------------------------------------

    def place(self, client_id: int, side: int, price: int, size: int, flags: int) -> None:
        order = Order(client_id, side, price, size, flags)
        reason = Reason.NONE
        may_fill = self._may_fill(order)
        limit = side * inf if flags & OrderFlag.MARKET else price
        takeable = sum(s for p, s in self.left(-side) if (limit - p) * side >= 0)
        if may_fill == 0:
            reason = Reason.REDUCE_ONLY
        elif flags & OrderFlag.POST_ONLY and takeable:
            reason = Reason.POST_ONLY_WOULD_TAKE
        elif flags & OrderFlag.FOK and min(takeable, may_fill) < size:
            reason = Reason.FOK_NOT_FILLABLE
        if reason:
            self.answers.append(("rejected", client_id, reason))
            return
        self.answers.append(("accepted", client_id))
        self.orders.append(order)
        self._walk(order, limit, may_fill)
        if order in self.orders and flags & TAKES_ONLY:
            reason = Reason.REMAINDER_EXPIRED if order.filled else Reason.NO_LIQUIDITY
            self._end(order, reason)
        elif order in self.orders:
            self._queue_up(order)
        self._expire()

    def amend(self, client_id: int, price: int, size: int) -> None:
        order = self._find(client_id)
        if order is None:
            self.answers.append(("amend rejected", client_id, Reason.UNKNOWN_ORDER))
        elif size <= order.filled:
            self.answers.append(("amend rejected", client_id, Reason.INVALID_SIZE))
        elif order.flags & OrderFlag.POST_ONLY and (price - self.best(-order.side)) * order.side >= 0:
            self.answers.append(("amend rejected", client_id, Reason.POST_ONLY_WOULD_TAKE))
        else:
            self.answers.append(("amended", client_id, price, size))
            keeps = price == order.price and size <= order.size
            order.price, order.size = price, size
            if not keeps:
                self._walk(order, price, self._may_fill(order))
                if order in self.orders:
                    self.orders.remove(order)
                    self.orders.append(order)
                    self._queue_up(order)
                self._expire()

    def cancel(self, client_id: int) -> None:
        order = self._find(client_id)
        if order is None:
            self.answers.append(("cancel rejected", client_id, Reason.UNKNOWN_ORDER))
        else:
            self.answers.append(("cancelled", client_id, order.rest, Reason.NONE))
            self.orders.remove(order)

    def cancel_all(self) -> None:
        self.answers += [("cancelled", order.client_id, order.rest, Reason.CANCEL_ALL) for order in self.orders]
        self.orders.clear()

    # --- orders ------------------------------------------------------------------------------------------------------

    def _find(self, client_id: int) -> Order | None:
        return next((order for order in self.orders if order.client_id == client_id), None)

    def _may_fill(self, order: Order) -> int:
        if order.flags & OrderFlag.REDUCE_ONLY:
            return min(order.rest, max(0, -self.position * order.side))
        return order.rest

    def _queue_up(self, order: Order) -> None:
        shown = self.shown_at(order.side, order.price)
        order.ahead = None if shown is None else shown * 1024
        order.shown, order.prints = shown or 0, 0

    def _walk(self, order: Order, limit: float, lots: int) -> None:
        for price, size in self.left(-order.side):
            if lots and (limit - price) * order.side >= 0:
                part = min(lots, size)
                lots -= part
                self.take(-order.side, price, part)
                self._fill(order, "taker", price, part)

    def _make(self, order: Order, lots: int) -> int:
        may_fill = self._may_fill(order)
        lots = min(lots, may_fill) if self.partial or lots <= 0 else may_fill
        if lots > 0:
            self._fill(order, "maker", order.price, lots)
        return lots

    def _fill(self, order: Order, word: str, price: int, lots: int) -> None:
        order.filled += lots
        self.position += order.side * lots
        self.news.append((word, order.client_id, price, lots))
        if not order.rest:
            self.orders.remove(order)

    def _expire(self) -> None:
        for order in list(self.orders):
            if order.flags & OrderFlag.REDUCE_ONLY and self._may_fill(order) == 0:
                self._end(order, Reason.REDUCE_ONLY)

    def _end(self, order: Order, reason: Reason) -> None:
        self.news.append(("expired", order.client_id, order.rest, reason))
        self.orders.remove(order)
