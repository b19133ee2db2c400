"""The venue on real sockets against the emulated Binance: what both sides believe is the same, whatever goes wrong."""

from decimal import Decimal
from functools import partial

import attrs
import pytest
import trio

from actors.runtime.live_clock import LiveClock
from market.messages import (
    AmendOrder,
    BookDelta,
    BookGap,
    BookSnapshot,
    CancelAll,
    CancelOrder,
    ConnectionLost,
    ConnectionUp,
    Fill,
    Mark,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderFlag,
    OrderRejected,
    OrderState,
    OrderStatus,
    PlaceOrder,
    QueryOrder,
    Reason,
    Trade,
)
from market.units import SECOND
from sim.emulator import EmulatorConfig, VenueSection, open_emulator
from sim.emulator.config import AccountSection
from sim.emulator.faults import Fault
from tests.venues.binance.emulated import SYMBOL, VENUE, connection_of, trader
from venues.binance.venue import KIND
from venues.connection import Credentials
from venues.shell import converse
from venues.venue import VenueSetup

pytestmark = [pytest.mark.realtime, pytest.mark.slow]

POST_ONLY, IOC = int(OrderFlag.POST_ONLY), int(OrderFlag.IOC)


async def test_both_sides_believe_the_same() -> None:
    async with trader() as one:
        await one.until_up()
        price = await one.price()
        assert (one.instrument.maker_fee, one.instrument.taker_fee) == (Decimal("0.0002"), Decimal("0.0005"))
        one.shell.command(PlaceOrder(1, 0, 1, price - 200, 10, POST_ONLY))
        await one.until(lambda: one.all_of(OrderAccepted))
        one.shell.command(AmendOrder(1, 0, price - 201, 11))
        await one.until(lambda: one.all_of(OrderAmended))
        one.shell.command(PlaceOrder(2, 0, 1, price + 200, 10, IOC))
        await one.until(lambda: sum(fill.size for fill in one.all_of(Fill)) == 10)
        one.shell.command(PlaceOrder(3, 0, 1, price + 200, 10, POST_ONLY))
        await one.until(lambda: one.all_of(OrderRejected))
        one.shell.command(QueryOrder(1, 0))
        await one.until(lambda: one.all_of(OrderStatus))
        snapshot = await one.account()
        truth = one.truth
        one.shell.command(CancelOrder(1, 0))
        await one.until(lambda: one.all_of(OrderCancelled))
        await one.until(lambda: one.all_of(Trade) and one.all_of(Mark) and one.all_of(BookDelta))

    assert one.all_of(OrderAmended)[-1].price == price - 201
    assert one.all_of(OrderRejected)[0].reason == Reason.POST_ONLY_WOULD_TAKE
    (status,) = one.all_of(OrderStatus)
    assert (status.state, status.price, status.size, status.filled) == (OrderState.OPEN, price - 201, 11, 0)
    assert [each.client_id for each in snapshot.open_orders] == [1]
    assert snapshot.positions == ((0, 10),)
    told = [(fill.fill_id, fill.price, fill.size, fill.fee_e12) for fill in one.all_of(Fill)]
    assert told == [(fill.trade_id, fill.price, fill.size, fill.fee_e12) for fill in truth.fills]
    assert [fill.fill_id for fill in snapshot.fills] == [fill.trade_id for fill in truth.fills]
    assert one.venue.seen["private stream opened by query"] == 1
    text = "".join(one.words) + repr(one.told)
    account = one.emulator.config.account[0]
    assert account.key not in text
    assert account.secret not in text


async def test_what_is_lost_is_made_whole_again() -> None:
    async with trader() as one:
        await one.until_up()
        price = await one.price()

        one.emulator.inject(Fault("lose", VENUE, "public", topic="solusdt@depth"))
        await one.until(lambda: one.all_of(BookGap) and len(one.all_of(BookSnapshot)) >= 2)

        # an order that gets in and is not answered; the stream tells of it all the same
        one.emulator.inject(Fault("timeout", VENUE, "trade"))
        one.shell.command(PlaceOrder(1, 0, 1, price - 200, 10, POST_ONLY))
        await one.until(lambda: one.all_of(OrderAccepted))

        # the account is read again until all of it is there
        one.emulator.inject(Fault("unavailable", VENUE, "rest", count=2, of="all"))
        assert [each.client_id for each in (await one.account()).open_orders] == [1]

        # the last is noticed by pings alone: a private stream may be silent by right
        for kind, where, n in (("drop", "trade", 2), ("sever", "private", 3), ("half_open", "private", 4)):
            one.emulator.inject(Fault(kind, VENUE, where))
            await one.until_up(n)
            assert len(one.all_of(ConnectionLost)) == n - 1

        one.shell.command(CancelAll(0))
        await one.until(lambda: one.all_of(OrderCancelled))
        assert one.truth.open_orders == ()


async def test_connections_that_grow_old_are_replaced_without_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("venues.binance.connection_age.REPLACE_AFTER", SECOND)
    async with trader() as one:
        await one.until_up()
        price = await one.price()
        one.shell.command(PlaceOrder(1, 0, 1, price - 200, 10, POST_ONLY))
        n_replaced = 0
        with trio.fail_after(60):
            while n_replaced < 8:
                await one.until(lambda: one.all_of(BookDelta))
                n_replaced = sum("socket is replaced" in line for line in one.words)
                one.told["books"].clear()
        one.shell.command(PlaceOrder(2, 0, 1, price - 201, 10, POST_ONLY))
        await one.until(lambda: {each.client_id for each in one.all_of(OrderAccepted)} == {1, 2})
        one.shell.command(CancelAll(0))
        await one.until(lambda: {each.client_id for each in one.all_of(OrderCancelled)} == {1, 2})
    assert not one.all_of(ConnectionLost, BookGap)
    assert len(one.all_of(ConnectionUp)) == 1


async def test_a_key_that_may_withdraw_is_refused() -> None:
    clock = LiveClock()
    asked = EmulatorConfig(venue=(VenueSection(VENUE),), account=(AccountSection(can_withdraw=True),))
    async with open_emulator(asked) as emulator:
        account, connection = asked.account[0], connection_of(emulator)
        talk = partial(converse, venue=VENUE, connection=connection, clock=clock)
        with pytest.raises(ValueError, match=r"^binance-futures has no symbol 'SOLUSD'; did you mean SOLUSDT\?$"):
            await talk(KIND.instruments(["SOLUSD"], 0, clock.now_ns()))
        (plain,) = await talk(KIND.instruments([SYMBOL], 4, clock.now_ns()))
        assert plain.id == 4
        setup = VenueSetup(0, (plain,), connection, Credentials(account.key, account.secret))
        with pytest.raises(ValueError, match=r"^binance-futures: the key may withdraw; make one that may not"):
            await talk(KIND.preparation(setup, clock.now_ns()))
        wrong = attrs.evolve(setup, credentials=Credentials("another", account.secret))
        with pytest.raises(ValueError, match=r"look at the key, its permissions and its addresses$"):
            await talk(KIND.preparation(wrong, clock.now_ns()))
