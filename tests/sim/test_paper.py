"""Orders on paper: matched as a simulation of the same market matches them, and never sent to anybody."""

from collections.abc import Iterator, Sequence
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.columns import NOT_STATED, BookColumns, TradeColumns
from market.instrument import InstrumentTable
from market.messages import (
    AccountSnapshot,
    AmendOrder,
    BookDelta,
    BookGap,
    BookSnapshot,
    CancelAll,
    CancelOrder,
    ClockOffset,
    Fill,
    FundingPayment,
    LevelArray,
    Mark,
    OrderAccepted,
    OrderFlag,
    PlaceOrder,
    RequestAccount,
    Trade,
)
from market.order_log import PACK, LogKind
from market.stream import Stream
from market.units import HOUR, MS, SECOND
from sim import matching_kernels as m
from sim.exchange import VenueModel
from sim.fill_model import FillModel
from sim.latency import Channel
from sim.paper import PaperExchange, paper_model
from tests.sim.market_script import Fact, MarketScript, latencies, ns, perpetual
from tests.sim.random_market import ALL_FLAGS, Step, markets, write

KINDS = {
    m.ACCEPTED: LogKind.ACCEPTED,
    m.REJECTED: LogKind.REJECTED,
    m.AMENDED: LogKind.AMENDED,
    m.AMEND_REJECTED: LogKind.AMEND_REJECTED,
    m.CANCELLED: LogKind.CANCELLED,
    m.CANCEL_REJECTED: LogKind.CANCEL_REJECTED,
    m.EXPIRED: LogKind.EXPIRED,
    m.FILL_MAKER: LogKind.FILL_MAKER,
    m.FILL_TAKER: LogKind.FILL_TAKER,
}
LEVELS = np.array([[100, 5]], np.int64)


def paper(*, n: int = 1, seed: int = 1, **fields: Any) -> PaperExchange:
    table = InstrumentTable(perpetual(i) for i in range(n))
    model = attrs.evolve(VenueModel("v", latency=latencies()), **fields)
    return PaperExchange(table, 0, model, "venue:v", seed=seed)


# --- the same as in a simulation -------------------------------------------------------------------------------------


def apart(steps: Sequence[Step]) -> list[Step]:
    """Let nothing happen at one instant with anything else: what comes one by one has no ties."""
    return [step._replace(wait=3 * step.wait + 1) for step in steps]


def messages(streams: Sequence[Stream]) -> Iterator[tuple[int, Any]]:
    """Yield what a connector would tell, by time."""
    for stream in streams:
        for columns in stream.chunks:
            for r in range(len(columns)):
                at = int(columns.ts_recv[r])
                if isinstance(columns, TradeColumns):
                    row = (int(each[r]) for each in (columns.ticks, columns.lots, columns.taker, columns.trade_id))
                    yield at, Trade(stream.instrument, at, at, *row)
                elif isinstance(columns, BookColumns):
                    begin, middle = int(columns.start[r]), int(columns.start[r] + columns.n_bids[r])
                    sides = columns.levels[begin:middle], columns.levels[middle : middle + int(columns.n_asks[r])]
                    seq, prev = int(columns.seq[r]), int(columns.prev_seq[r])
                    if columns.is_snapshot[r]:
                        yield at, BookSnapshot(stream.instrument, at, at, seq, *sides)
                    else:
                        yield at, BookDelta(stream.instrument, at, at, prev, seq, *sides)


def commands(steps: Sequence[Step]) -> Iterator[tuple[int, Any]]:
    """Yield the orders of steps as they are sent."""
    now = 10
    for wait, what, (*args, i) in steps:
        now += wait
        match what:
            case "place":
                yield now, PlaceOrder(args[0], i, *args[1:])
            case "amend":
                yield now, AmendOrder(args[0], i, *args[1:])
            case "cancel":
                yield now, CancelOrder(args[0], i)
            case "cancel_all":
                yield now, CancelAll(i)


def told_by(made: PaperExchange, told: Sequence[tuple[str, Any]]) -> list[tuple[int, ...]]:
    """Return facts as rows of a log: kind, told, happened, instrument, order, side, price, size, detail."""
    return [PACK[type(message)](message, message.ts_recv)[:9] for _, message in told]


def as_row(fact: Fact) -> tuple[int, ...]:
    kind = KINDS[fact.kind]
    is_fill, is_amended = kind >= LogKind.FILL_MAKER, kind == LogKind.AMENDED
    side = fact.side if is_fill else 0
    price, size = (fact.price, fact.size) if is_fill or is_amended else (0, 0)
    detail = fact.detail if kind not in (LogKind.ACCEPTED, LogKind.AMENDED) else 0
    return kind, fact.due, fact.ts, fact.instrument, fact.client_id, side, price, size, detail


@settings(max_examples=150, deadline=None)
@given(
    markets(flags=ALL_FLAGS, amends=True, deltas=True, n_instruments=2),
    st.sampled_from(list(FillModel)),
    st.tuples(*[st.sampled_from((0, 1, 4, 9))] * 3),
    st.booleans(),
)
def test_orders_are_matched_as_a_simulation_matches_them(
    steps: list[Step], fill_model: FillModel, delays: tuple[int, int, int], partial_fills: bool
) -> None:
    request, ack, private = delays
    ways = latencies(request_private=request, ack_private=ack, feed_private=private)
    venue: dict[str, Any] = {"latency": ways, "fill_model": fill_model, "partial_fills": partial_fills}
    steps = apart(steps)
    script = write(MarketScript([perpetual(0), perpetual(1)], **venue), steps)
    wanted = [as_row(fact) for fact in script.run()]
    made = paper(n=2, **venue)
    told: list[tuple[str, Any]] = []
    happens = sorted([*messages(script.streams()), *commands(steps)], key=lambda one: one[0])
    for now, message in happens:
        if isinstance(message, BookSnapshot | BookDelta | Trade):
            made.take(message, now)
        else:
            told += made.advance(now)
            made.submit(message, now)
    told += made.advance(1 << 60)
    assert sorted(told_by(made, told)) == sorted(wanted)
    assert {port for port, _ in told} <= {"facts", "fills"}


# --- what is different live ------------------------------------------------------------------------------------------


def moved(levels: LevelArray, ticks: int) -> LevelArray:
    return levels + np.array([[ticks, 0]], np.int64)


def show(made: PaperExchange, now: int, price: int = 100, seq: int = 1, ts_venue: int | None = None) -> None:
    bids, asks = moved(LEVELS, price - 100), moved(LEVELS, price - 98)
    made.take(BookSnapshot(0, now if ts_venue is None else ts_venue, now, seq, bids, asks), now)


def test_an_order_arrives_when_we_see_what_the_venue_showed_then() -> None:
    """Feed 20 ms, measured by a clock that is 3 s ahead; requests take as long: it is 40 ms until the answer."""
    model = paper_model("v")
    made = PaperExchange(InstrumentTable([perpetual()]), 0, model, "venue:v", seed=1)
    made.take(ClockOffset(0, 0, 3 * SECOND, 1), 0)
    show(made, SECOND, ts_venue=4 * SECOND - 20 * MS)
    made.submit(PlaceOrder(1, 0, 1, 99, 5, 0), SECOND)
    assert made.advance(SECOND + 40 * MS - 1) == []
    [(port, accepted)] = made.advance(SECOND + 40 * MS)
    assert (port, accepted) == ("facts", OrderAccepted(1, 0, SECOND + 40 * MS, SECOND + 40 * MS))


def test_two_clocks_that_were_not_compared_are_no_latency_of_hours() -> None:
    made = PaperExchange(InstrumentTable([perpetual()]), 0, paper_model("v"), "venue:v", seed=1)
    show(made, 9 * HOUR, ts_venue=HOUR)
    made.submit(PlaceOrder(1, 0, 1, 99, 5, 0), 9 * HOUR)
    assert made.next_at == 9 * HOUR + 2 * SECOND


def test_a_broken_book_fills_nobody_and_orders_stand() -> None:
    made = paper()
    show(made, 10)
    made.submit(PlaceOrder(1, 0, 1, 100, 4, OrderFlag.POST_ONLY), 11)
    made.advance(12)
    made.take(BookGap(0, 13, "sequence"), 13)
    made.submit(PlaceOrder(2, 0, 1, 0, 4, OrderFlag.MARKET), 14)
    facts = told_by(made, made.advance(15))
    assert [(row[0], row[4]) for row in facts] == [(LogKind.ACCEPTED, 2), (LogKind.EXPIRED, 2)], "nothing is displayed"
    made.take(BookDelta(0, 16, 16, 1, 2, LEVELS, LEVELS[:0]), 16)  # of a book that nobody knows
    show(made, 17, price=97, seq=9)
    [fill] = told_by(made, made.advance(18))
    assert (fill[0], fill[4], fill[7]) == (LogKind.FILL_MAKER, 1, 4), "the market has gone through our price"


def test_positions_and_orders_are_kept_over_connections_and_what_was_under_way_is_lost() -> None:
    made = paper(latency=latencies(ack_private=5, feed_private=5, request_private=5))
    show(made, 10)
    made.submit(PlaceOrder(1, 0, 1, 102, 3, OrderFlag.IOC), 11)
    made.submit(PlaceOrder(2, 0, 1, 99, 7, 0), 12)
    assert len(made.advance(20)) == 0
    made.submit(CancelOrder(2, 0), 20)
    made.connect()
    made.desk.now = 30
    made.desk.handle(RequestAccount(0, 0))
    [(port, account)] = made.advance(100)
    assert port == "fills"
    assert isinstance(account, AccountSnapshot)
    assert account.positions == ((0, 3),)
    assert [(fill.client_id, fill.price, fill.size, fill.is_maker) for fill in account.fills] == [(1, 102, 3, False)]
    assert [order.client_id for order in account.open_orders] == [2], "the cancel was lost"
    made.submit(PlaceOrder(3, 0, -1, 0, 3, OrderFlag.MARKET), 101)
    show(made, 103, seq=2)
    told = dict(made.advance(200))
    assert isinstance(told["fills"], Fill)
    assert (told["fills"].fill_id, told["fills"].side) == (2, -1), "numbers go on"


def test_funding_is_paid_on_what_is_held() -> None:
    made = paper()
    show(made, 10)
    made.submit(PlaceOrder(1, 0, 1, 102, 3, OrderFlag.IOC), 11)
    made.advance(12)
    due = 200 * SECOND
    for second, rate in ((1, 10**9), (150, 2 * 10**9), (201, 3 * 10**9)):
        at = second * SECOND
        following = due if second < 200 else due + 8 * HOUR
        made.take(Mark(0, at, at, 100_000_000, NOT_STATED, rate, following, NOT_STATED), at)
    [(port, payment)] = made.advance(300 * SECOND)
    assert port == "fills"
    assert isinstance(payment, FundingPayment)
    assert payment.amount_e12 == -3 * 100 * 2 * 10**9, "longs pay 0.2 % of 300"


def test_other_venues_and_other_messages_are_passed_over() -> None:
    table = InstrumentTable([perpetual(), perpetual(1, venue="w")])
    made = PaperExchange(table, 1, paper_model("w"), "venue:w", seed=1)
    show(made, 10)
    made.take(Trade(0, 11, 11, 100, 1, 1, 1), 11)
    made.take("what else", 12)
    made.submit(PlaceOrder(1, 1, 1, 100, 1, 0), 13)
    assert [type(message) for _, message in made.advance(14)] == [OrderAccepted]


def test_many_orders_and_levels_find_room() -> None:
    made = paper(max_open_orders=5000)
    deep = np.array([[10_000 - k, 1] for k in range(3000)], np.int64)
    made.take(BookSnapshot(0, 1, 1, 1, deep, moved(deep[::-1], 4000)), 1)
    for n in range(1, 1001):
        made.submit(PlaceOrder(n, 0, 1, 10_000 - n, 1, 0), 2)
    assert len(made.advance(3)) == 1000
    made.take(Trade(0, 4, 4, 9_500, 2000, -1, 1), 4)
    fills = [message for port, message in made.advance(5) if port == "fills"]
    assert len(fills) == 500, "one print through all better prices, and what is left of it"


def test_the_default_latency_is_as_measured() -> None:
    assert paper_model("v").latency[Channel.REQUEST_PRIVATE] != ns(0)
    assert paper_model("v").latency[Channel.ACK_PRIVATE] == ns(0)


@pytest.mark.parametrize("command", [AmendOrder(1, 0, 99, 1), CancelOrder(1, 0), CancelAll(0)])
def test_a_command_for_nothing_is_answered(command: Any) -> None:
    made = paper()
    show(made, 10)
    made.submit(command, 11)
    told = made.advance(12)
    assert [port for port, _ in told] == ([] if isinstance(command, CancelAll) else ["facts"])
