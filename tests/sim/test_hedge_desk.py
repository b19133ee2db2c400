"""The hedge desk in simulated runs: what it sends, what it says of it, and what holds it back."""

import re
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.runtime.planned_crash import PlannedCrash
from actors.runtime.wiring import GUARD
from market.messages import HaltCause, HedgeAnswered, OrderFlag, TradingState, TradingStateChanged
from market.order_log import LogKind
from market.units import MS, SECOND
from research.fill_check import check_run
from sim.config import RunConfig, make_config
from sim.market_data import open_market
from sim.simulation import Simulation
from tests.sim.crash_runs import CrashRun, market
from tests.sim.hedge_asker import HedgeAsker

BYBIT, BINANCE = "bybit:SOLUSDT", "binance-futures:SOLUSDT"
DESK = 1  # its place among the quoters


def config(*asks: dict[str, Any], at_s: tuple[float, ...] = (8.0,), **more: Any) -> RunConfig:
    """Return the config of a maker on one venue, a desk on both, and one who asks it."""
    desk = more.pop("desk", {})
    slow = {"request_private": 4, "ack_private": 6, "feed_private": 9}
    return make_config(
        {
            "data": {"preset": "crash", "seconds": 20.0},
            "venue": [
                {"latency": slow, **each}
                for each in more.pop("venue", [{"name": "bybit"}, {"name": "binance-futures"}])
            ],
            "quoter": [
                {
                    "name": "vamp",
                    "instruments": [BYBIT],
                    "references": [BINANCE],
                    "params": {"spread_bps": 0.5, "skew_bps": 0.1, "notional": 800.0},
                },
                {"name": "desk", "strategy": "portfolio", "instruments": [BINANCE, BYBIT], "params": desk},
                {
                    "name": "asker",
                    "strategy": "tests.sim.hedge_asker:HedgeAsker",
                    "instruments": [BYBIT],
                    "params": {"at_s": list(at_s), "asks": list(asks)},
                },
            ],
            **more,
        }
    )


class DeskRun(CrashRun):
    """A run with a desk; `held` is what we hold as the venues have it, lots by instrument."""

    def asked(self) -> list[HedgeAnswered]:
        actor = self.nursery.cells["quoter:asker"].actor
        assert isinstance(actor, HedgeAsker)
        return actor.answers

    def sent(self) -> list[Any]:
        """Return the rows of the log that placed the desk's orders."""
        return [row for row in self.log.rows() if row[0] == LogKind.PLACE and row[4] >> 27 & 127 == DESK]


def run(made: RunConfig, *crashes: PlannedCrash, seed: int = 7) -> DeskRun:
    done = DeskRun(crashes, config=made, data=market(seed)).run()
    assert [text for text in done.complaints() if "pulled" not in text] == []
    return done


def test_a_request_is_carried_out_once_and_answered() -> None:
    done = run(config({"request": "a", "base": "SOL", "on": {"binance-futures": 1}}))
    first, last = done.asked()
    assert (first.is_over, last.is_over) == (False, True)
    (asset,) = last.assets
    (leg,) = last.legs
    assert asset.before is not None
    assert asset.after is not None
    assert abs(asset.before) > 1.0, "or nothing is proven"
    assert (leg.instrument, leg.side) == (BINANCE, -1 if asset.before > 0 else 1)
    assert leg.filled == leg.lots == round(abs(asset.before) / 0.1)
    assert leg.text == "FILLED"
    assert abs(asset.after) < abs(asset.before)
    (row,) = done.sent()
    assert (row[7], row[8]) == (leg.lots, OrderFlag.IOC)


def test_it_is_shared_out_by_what_is_asked() -> None:
    done = run(config({"request": "a", "on": {BYBIT: 1, "binance-futures": 3}}))
    legs = {leg.instrument: leg for leg in done.asked()[-1].legs}
    whole = round(abs(done.asked()[-1].assets[0].before or 0.0) / 0.1)
    assert legs[BYBIT].lots + legs[BINANCE].lots == whole
    assert legs[BINANCE].lots == pytest.approx(0.75 * whole, abs=1.5)


def test_equal_shares_and_room_that_limits_leave() -> None:
    equal = run(config({"request": "a", "by": "equal"})).asked()[-1]
    lots = [leg.lots for leg in equal.legs]
    assert abs(lots[0] - lots[1]) <= 1
    limits = {"limits": {"max_position_notional": 30_000}, "limits_of": {BINANCE: {"max_position_notional": 10_000}}}
    room = {leg.instrument: leg.lots for leg in run(config({"request": "a"}, orders=limits)).asked()[-1].legs}
    assert room[BYBIT] > 2 * room.get(BINANCE, 0)


def test_margin_of_simulated_accounts_shares_out() -> None:
    venue = [{"name": "bybit", "leverage": 2.0}, {"name": "binance-futures", "leverage": 20.0}]
    done = run(config({"request": "a", "by": "margin"}, orders={"account_every_s": 1.0}, venue=venue))
    shares = {leg.instrument: leg.lots for leg in done.asked()[-1].legs}
    whole = round(abs(done.asked()[-1].assets[0].before or 0.0) / 0.1)
    assert sum(shares.values()) == whole
    # the maker's position and quotes use margin on bybit alone, of which there is little at its leverage
    assert 0 < shares[BYBIT] < 0.48 * whole


def test_margin_that_nobody_asked_about_is_not_known() -> None:
    (answer,) = run(config({"request": "a", "by": "margin"})).asked()
    assert answer.text.startswith("no margin is known: binance-futures has told none; bybit has told none; [orders]")


def test_the_same_request_and_another_meanwhile_send_nothing_more() -> None:
    once = {"request": "a", "order": "limit"}
    # 9 ms after the first nothing can have come back
    done = run(config(once, once, {"request": "b"}, once, at_s=(8.0, 8.05, 8.05, 19.0), desk={"wait_s": 5.0}))
    answers = done.asked()
    assert [(each.request, each.is_over) for each in answers] == [
        ("a", False),
        ("a", False),
        ("b", True),
        ("a", True),
        ("a", True),
    ]
    assert answers[2].text == "request 'a' is under way: ask again when it is over"
    assert answers[3] == answers[4], "asked again after the end: what had come of it"
    assert len(done.sent()) == len(answers[3].legs)


def test_a_limit_order_rests_for_its_time_and_what_is_left_is_told() -> None:
    done = run(config({"request": "a", "order": "limit", "on": {BINANCE: 1}}, desk={"wait_s": 0.5}), seed=3)
    last = done.asked()[-1]
    (leg,) = last.legs
    (row,) = done.sent()
    assert row[8] == 0
    assert last.ts - row[1] >= 0.5 * SECOND or leg.filled == leg.lots
    assert last.is_over
    assert leg.text in ("FILLED", "CANCELLED")


def test_a_rest_below_a_lot_and_what_is_beyond_the_most_are_told() -> None:
    done = run(config({"request": "a", "on": {BINANCE: 1}}, desk={"max_notional": 200.0}))
    (asset,) = done.asked()[-1].assets
    (leg,) = done.asked()[-1].legs
    assert leg.lots == 10, "200 of quote currency at about 190"
    assert re.fullmatch(
        r"max_notional leaves [\d.]+ for another request; 0\.0\d* are left: lots, smallest orders and limits leave no"
        r" order for them",
        asset.text,
    )


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        ({"base": "BTC"}, "no 'BTC' among what the desk trades: SOL"),
        (
            {"on": {"woox": 1}},
            f"the desk does not trade on 'woox'; allowed: binance-futures, {BINANCE}, bybit, {BYBIT}",
        ),
        ({"on": {BYBIT: -1}}, f"the share of {BYBIT} must be above 0 and finite, got -1.0"),
        ({"order": "iceberg"}, "by 'room', order 'iceberg': allowed are room, equal, margin, and market, limit"),
    ],
)
def test_what_cannot_be_is_refused(ask: dict[str, Any], told: str) -> None:
    done = run(config({"request": "a", **ask}))
    (answer,) = done.asked()
    assert (answer.is_over, answer.text) == (True, told)
    assert done.sent() == []


def _change_at(done: DeskRun, at_s: float, state: TradingState) -> None:
    """Let the guard say something of its own accord."""
    at = done.world.start + round(at_s * SECOND)
    (edge,) = done.nursery.cells[GUARD].outlets["state"]
    news = TradingStateChanged(at, int(state), int(HaltCause.PERSON), "a test")
    done.nursery.agenda.schedule(at, done.nursery.put, edge, news)


@pytest.mark.parametrize(
    ("state", "refused"), [(TradingState.HALTED, "TRADING_HALTED"), (TradingState.REDUCING, "ONLY_REDUCING")]
)
def test_the_trading_state_holds_for_the_desk(state: TradingState, refused: str) -> None:
    # 7.5 s: nothing else opens or closes anything any more; on the other venue a hedge would open a position
    made = config({"request": "a", "on": {BINANCE: 1}}, guard={"max_drawdown": 1e9})
    done = DeskRun(config=made, data=market(7))
    _change_at(done, 7.5, state)
    done.run()
    (leg,) = done.asked()[-1].legs
    assert (leg.filled, leg.text) == (0, f"REJECTED: {refused}")
    assert done.sent() == []


def test_where_it_makes_a_position_smaller_a_hedge_passes_while_reducing() -> None:
    # smaller than what is held, less what the maker's own quotes may still close of it
    made = config({"request": "a", "on": {BYBIT: 1}}, guard={"max_drawdown": 1e9}, desk={"max_notional": 1000.0})
    done = DeskRun(config=made, data=market(7))
    _change_at(done, 7.5, TradingState.REDUCING)
    done.run()
    (leg,) = done.asked()[-1].legs
    assert leg.filled == leg.lots > 40


def test_a_desk_that_falls_answers_when_it_is_back_and_sends_nothing_again() -> None:
    ask = {"request": "a", "order": "limit", "on": {BINANCE: 1}}
    begun = market(7)
    made = config(ask, desk={"wait_s": 8.0})
    start = DeskRun(config=made, data=begun).world.start
    done = run(made, PlannedCrash("quoter:desk", at_ns=start + 8 * SECOND + 120 * MS))
    assert [(each.request, each.is_over) for each in done.asked()] == [("a", False), ("", True)]
    assert done.asked()[-1].text.startswith("the desk was restarted")
    assert len(done.sent()) == 1


def test_it_hedges_by_itself_at_a_period_in_either_way_of_delivery(tmp_path: Path) -> None:
    digests = []
    for deliver in ("mirrors", "all"):
        made = config(desk={"every_s": 3.0})
        made = attrs.evolve(made, run=attrs.evolve(made.run, deliver=deliver), quoter=made.quoter[:2])
        out = tmp_path / deliver
        out.mkdir()
        simulation = Simulation(made, open_market(made, Path()), out)
        result = simulation.finish(simulation.run(), 0.0)
        assert result["complete"]
        digests.append(result["digest"])
        net = result["positions_by_base"]["SOL"]
        assert net["net"] == pytest.approx(sum(net["positions"].values()))
        assert len(net["positions"]) == 2
    assert digests[0] == digests[1]


def test_one_desk_is_enough_and_nobody_hedges_the_same_beside_it() -> None:
    pair = {"name": "h", "strategy": "hedged", "instruments": [BYBIT, BINANCE], "params": {"max_unhedged": 1.0}}
    desk = {"name": "desk", "strategy": "portfolio", "instruments": [BINANCE]}
    for quoters, told in (
        ([pair, desk], "quoter 'desk': SOL is hedged by 'h' already; both would hedge the same"),
        ([desk, {**desk, "name": "other"}], "one hedge desk is enough, got 'desk', 'other'"),
    ):
        made = make_config({"data": {"preset": "crash", "seconds": 20.0}, "quoter": quoters})
        with pytest.raises(ValueError, match=f"^{re.escape(told)}$"):
            CrashRun(config=made)


def test_without_a_desk_nobody_can_ask() -> None:
    made = config({"request": "a"})
    made = attrs.evolve(made, quoter=(made.quoter[0], made.quoter[2]))
    done = CrashRun(config=made).run()
    assert done.nursery.cells["quoter:asker"].generation > 0, "it raises"


def test_what_it_does_at_the_very_instant_of_a_stamp_is_no_violation(tmp_path: Path) -> None:
    made = config(desk={"every_s": 1.0})
    made = attrs.evolve(made, venue=(), quoter=made.quoter[:2])  # without latency: at once
    simulation = Simulation(made, open_market(made, Path()), tmp_path)
    simulation.finish(simulation.run(), 0.0)
    taken = [row for row in simulation.log.rows() if row[0] == LogKind.FILL_TAKER]
    assert any(row[1] % SECOND == 0 for row in taken), "or nothing is proven"
    data = open_market(made, Path())
    assert check_run(tmp_path, data.streams(), data.clock_shifts, instruments=data.instruments) == []


def test_an_order_whose_fate_is_unknown_keeps_the_request_under_way() -> None:
    made = config({"request": "a", "on": {BINANCE: 1}}, orders={"request_timeout_s": 0.5})
    done = DeskRun(config=made, data=market(7))
    venue = done.instruments.venues.index("binance-futures")

    def lose() -> None:
        done.world.source.history.keep_in_flight(done.world.exchange, venue)
        done.world.exchange.drop_in_flight(venue)

    for n in range(800):  # nothing goes through for four seconds
        done.nursery.agenda.schedule(done.world.start + 8 * SECOND + n * 5 * MS, lose)
    done.run()
    first, last = done.asked()
    assert first.legs[0].text == "PENDING_NEW"
    assert last.ts - first.ts > 3 * SECOND
    assert last.legs[0].text == "CANCELLED: NOT_FOUND_IN_SNAPSHOT", "the venue has never had it"
    assert len(done.sent()) == 1
    assert [text for text in done.complaints() if "pulled" not in text] == []


_asks = st.lists(
    st.fixed_dictionaries(
        {"order": st.sampled_from(("market", "limit")), "by": st.sampled_from(("room", "equal", "margin"))},
        optional={
            "on": st.dictionaries(st.sampled_from((BYBIT, BINANCE)), st.floats(0.1, 10.0), min_size=1),
            "base": st.just("SOL"),
        },
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(asks=_asks, seed=st.integers(1, 3), gap=st.floats(0.1, 2.0))
def test_whatever_is_asked_no_more_is_sent_than_there_is(asks: list[dict[str, Any]], seed: int, gap: float) -> None:
    named = [{"request": f"r{n}", **ask} for n, ask in enumerate(asks)]
    at_s = tuple(3.0 + gap * n for n in range(len(named)))
    made = config(*named, at_s=at_s, desk={"wait_s": 0.7}, orders={"account_every_s": 1.0})
    done = run(made, seed=seed)
    answers = {answer.request: answer for answer in done.asked() if answer.is_over}
    assert set(answers) == {ask["request"] for ask in named}
    sizes = {each.name: float(each.lot) for each in done.instruments}
    for answer in answers.values():
        for asset in answer.assets:
            assert asset.before is not None
            sent = sum(leg.lots * sizes[leg.instrument] for leg in answer.legs)
            assert sent <= abs(asset.before) + 1e-9
            assert {leg.side for leg in answer.legs} <= {-1 if asset.before > 0 else 1}
    assert len(done.sent()) == sum(len(answer.legs) for answer in answers.values())
