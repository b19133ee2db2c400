"""Trading on paper over real sockets: the venue sends its market and hears of no order."""

from functools import partial

import attrs
import pytest
import trio

from actors.connector import VenueConnector
from actors.runtime.live import LiveNursery
from actors.runtime.live_clock import LiveClock
from actors.runtime.nursery import Outcome
from actors.runtime.run_log import RunLog
from actors.runtime.wiring import connector_name, wire
from market.instrument import Instrument, InstrumentTable
from market.messages import CancelAll, PlaceOrder
from market.order_log import LogKind, Row
from sim.config import RunConfig
from sim.emulator import Emulator, EmulatorConfig, Fault, VenueSection, open_emulator
from sim.fill_model import FillModel
from sim.market_world import trading_of
from sim.paper import PaperExchange, paper_model
from sim.paper_shell import paper_connector
from tests.sim.crash_runs import NoTables
from venues.connection import VenueConnection
from venues.registry import venue_kind
from venues.shell import converse
from venues.venue import VenueSetup

pytestmark = pytest.mark.realtime

VENUES = ("bybit", "binance-futures")
SECONDS = 4.0
PATIENCE_S = 60.0


@attrs.frozen
class OnPaper:
    """What a run on paper came to, and what the emulator was asked."""

    outcome: Outcome
    rows: list[Row]
    papers: list[PaperExchange]
    requests: set[str]
    n_orders: list[int]


async def trade() -> OnPaper:
    config = EmulatorConfig(venue=tuple(VenueSection(venue) for venue in VENUES), speed=5.0)
    async with open_emulator(config) as emulator:
        clock = LiveClock()
        reach = {v: VenueConnection("custom", a.rest, {"default": a.public}) for v, a in emulator.addresses.items()}
        listed: list[Instrument] = []
        for venue in VENUES:
            talk = venue_kind(venue).instruments(["SOLUSDT"], len(listed), clock.now_ns())
            listed += await converse(talk, venue, reach[venue], clock)
        instruments = InstrumentTable(listed)
        log = RunLog()
        nursery = LiveNursery(log, 7, clock)
        papers, starts = [], []
        for v, venue in enumerate(VENUES):
            name = connector_name(venue)
            setup = VenueSetup(v, (instruments[v],), reach[venue])
            model = attrs.evolve(paper_model(venue), fill_model=FillModel.TOUCH)
            papers.append(PaperExchange(instruments, v, model, name, seed=7))
            make = partial(VenueConnector, name, setup, venue_kind(venue).make, clock)
            starts.append(paper_connector(name, make, papers[-1], clock))
        wire(nursery, trading_of(RunConfig(), instruments), starts, NoTables())
        async with trio.open_nursery() as tasks:
            tasks.start_soon(trouble_and_stop, emulator, nursery, log)
            outcome = await nursery.run()
            tasks.cancel_scope.cancel()
        n_orders = [emulator.truth(venue).n_orders for venue in VENUES]
        return OnPaper(outcome, list(log.rows()), papers, {each for _, each in emulator.tally.requests}, n_orders)


async def trouble_and_stop(emulator: Emulator, nursery: LiveNursery, log: RunLog) -> None:
    await trio.sleep(SECONDS / 2)
    emulator.inject(Fault("drop", venue="bybit", where="public"))
    await trio.sleep(SECONDS / 2)
    with trio.move_on_after(PATIENCE_S):  # on a busy machine quotes come late, and are filled later
        while not fills_of(list(log.rows())):  # noqa: ASYNC110  # a log rings no bell
            await trio.sleep(0.1)
    nursery.request_stop()


def fills_of(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row[0] in (LogKind.FILL_MAKER, LogKind.FILL_TAKER)]


def test_a_run_on_paper_over_real_sockets() -> None:
    done = trio.run(trade)
    assert (done.outcome.kind, done.outcome.unproven) == ("done", 0)
    kinds = {row[0] for row in done.rows}
    assert {LogKind.PLACE, LogKind.ACCEPTED, LogKind.CANCEL, LogKind.CANCELLED} <= kinds
    fills = fills_of(done.rows)
    assert fills, "it must have traded, or nothing is shown"
    for v, paper in enumerate(done.papers):
        assert paper.positions() == ((v, sum(row[5] * row[7] for row in fills if row[3] == v)),)
        assert paper.open_orders() == ()
    # the venue was asked for its rules, its time and its books, and for nothing of an account
    assert done.n_orders == [0, 0]
    private = ("order", "position", "account", "auth", "listen", "wallet", "execution", "user", "balance")
    assert not [each for each in done.requests if any(word in each.lower() for word in private)]
    assert len(done.requests) >= 4


@pytest.mark.parametrize("venue", VENUES)
async def test_a_venue_without_a_key_takes_no_order(venue: str) -> None:
    """And if one came so far all the same, it crashes before a byte has left."""
    async with open_emulator(EmulatorConfig(venue=(VenueSection(venue),))) as emulator:
        address, clock = emulator.addresses[venue], LiveClock()
        reach = VenueConnection("custom", address.rest, {"default": address.public})
        listed = await converse(venue_kind(venue).instruments(["SOLUSDT"], 0, clock.now_ns()), venue, reach, clock)
        connector = VenueConnector("inside", VenueSetup(0, listed, reach), venue_kind(venue).make, clock)
        for command in (PlaceOrder(1, 0, 1, 100, 1, 0), CancelAll(0)):
            with pytest.raises(ValueError, match=r"market data"):
                connector.handle(command)
