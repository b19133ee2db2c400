"""The market behind the venues: played along the clock, from any data, the same for every account."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from market.archive.instruments import write_instruments
from market.archive.writer import ArchiveWriter
from market.messages import OrderFlag, PlaceOrder
from market.units import HOUR, SECOND, Nanos
from sim.config import ConfigError, DataSection
from sim.emulator import AccountSection, EmulatorConfig, VenueSection, make_emulator_config
from sim.emulator.engine import Engine
from sim.emulator.public_view import Print, PublicView
from sim.emulator.times import TimeMap
from sim.generator import default_market, generate
from tests.sim.emulator.stage import ACCOUNTS, START


class Ear:
    """Notes what an engine tells."""

    def __init__(self) -> None:
        self.books: list[tuple[Nanos, str, Any]] = []
        self.prints: list[tuple[Nanos, str, int]] = []
        self.facts: list[tuple[int, Any]] = []

    def on_book(self, view: PublicView, now: Nanos) -> None:
        self.books.append((view.ts, view.instrument.name, (view.bids[0], view.asks[0], len(view.bids))))

    def on_trade(self, view: PublicView, printed: Print, now: Nanos) -> None:
        self.prints.append((printed.ts, view.instrument.name, printed.price))

    def on_facts(self, account: int, facts: Sequence[Any], now: Nanos) -> None:
        self.facts += [(account, fact) for fact in facts]


def played(config: EmulatorConfig, seconds: float, folder: Path = Path(), slices: int = 1) -> tuple[Engine, Ear]:
    engine, ear = Engine(config, START, folder), Ear()
    for section in config.venue:
        engine.listen(section.name, ear)
    begin = engine.played
    for n in range(1, slices + 1):
        while not engine.play(begin + round(seconds * SECOND * n / slices)):
            pass
    return engine, ear


def test_a_market_is_the_same_in_any_steps() -> None:
    config = EmulatorConfig()
    _, whole = played(config, 20)
    _, sliced = played(config, 20, slices=977)
    assert (whole.books, whole.prints) == (sliced.books, sliced.prints)
    assert {name for _, name, _ in whole.books} == {"bybit:SOLUSDT", "binance-futures:SOLUSDT"}
    assert len(whole.prints) > 50


def test_stamps_run_with_the_wall_clock_at_any_speed() -> None:
    plain, fast = (played(EmulatorConfig(speed=speed), 20)[1] for speed in (1.0, 10.0))
    assert [row[1:] for row in plain.books] == [row[1:] for row in fast.books]
    for (ts, _, _), (quick, _, _) in zip(plain.books, fast.books, strict=True):
        assert abs((quick - START) * 10 - (ts - START)) <= 10
    assert all(0 <= ts - START <= 20 * SECOND for ts, _, _ in plain.books)


def test_every_instrument_has_a_book_at_the_start() -> None:
    engine = Engine(EmulatorConfig(data=DataSection(preset="pair", seconds=100)), START)
    assert len(engine.views) == 4
    assert all(view.is_sound and view.bids and view.asks for view in engine.views.values())


def test_accounts_are_matched_by_themselves_and_alike() -> None:
    config = EmulatorConfig(account=ACCOUNTS)
    engine, ear = played(config, 1)
    view = engine.views[1]
    price = view.bids[0][0]
    for account in (0, 1):
        engine.submit(account, PlaceOrder(7, 1, 1, price, 5, OrderFlag.POST_ONLY), engine.played)
    end = engine.played + 60 * SECOND
    while not engine.play(end):
        pass
    told = [[fact for place, fact in ear.facts if place == account] for account in (0, 1)]
    assert told[0] == told[1] != []


def test_a_market_that_lags_takes_orders_all_the_same() -> None:
    engine, _ = played(EmulatorConfig(), 1)
    behind = engine.played
    assert not engine.play(behind + HOUR)  # others have a turn
    facts = engine.submit(0, PlaceOrder(7, 1, 1, engine.views[1].bids[0][0] - 100, 5, 0), behind + HOUR)
    assert [fact.client_id for fact in facts] == [7]
    assert behind < facts[0].ts_venue < behind + HOUR


def test_an_archive_is_served_like_a_generated_market(tmp_path: Path) -> None:
    instruments, generated = default_market(7, 30.0)
    for instrument in instruments:
        write_instruments(tmp_path / "archive", [instrument])
    for stream in generate(generated):
        with ArchiveWriter(tmp_path / "archive", instruments[stream.instrument], stream.kind) as writer:  # type: ignore[arg-type]
            for chunk in stream.chunks:
                writer.append(chunk)
    names = [f"{i.venue}:{i.symbol}" for i in instruments]
    hour = "2025-01-10:07"
    data = {"source": "archive", "root": "archive", "start": hour, "end": hour, "instruments": names}
    config = make_emulator_config({"data": data})
    engine, recorded = played(config, 40, tmp_path)
    assert engine.is_over
    _, made = played(EmulatorConfig(data=DataSection(seconds=30.0)), 40)
    shift = made.books[0][0] - recorded.books[0][0]
    assert [(ts + shift, *rest) for ts, *rest in recorded.books] == [tuple(row) for row in made.books]
    # books stand still, and orders are taken, when the data is over
    facts = engine.submit(0, PlaceOrder(7, 1, 1, engine.views[1].asks[0][0], 1, 0), engine.played + SECOND)
    assert [type(fact).__name__ for fact in facts] == ["OrderAccepted", "Fill"]


def test_times_are_turned_there_and_back() -> None:
    times = TimeMap(START, 5 * HOUR, 8.0)
    for after in (0, 1, 999, 123_456_789, 3 * HOUR):
        market = times.market(START + after)
        assert market == 5 * HOUR + 8 * after
        assert abs(times.wall(market) - (START + after)) <= 1
    with pytest.raises(ValueError, match="speed"):
        TimeMap(0, 0, 0.0)


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        ({"venue": [{"name": "kraken"}]}, "bybit"),
        ({"venue": []}, r"no \[\[venue\]\] to emulate; allowed: bybit, binance-futures"),
        ({"venue": [{"name": "bybit"}, {"name": "bybit"}]}, "'bybit' is listed twice"),
        ({"account": [{"name": "a"}, {"name": "b"}]}, "is listed twice"),
        ({"speed": 0}, "speed"),
        ({"nonsense": 1}, "unknown key 'nonsense'"),
        ({"proxied": False, "venue": [{"name": "bybit", "latency_ms": 5}]}, "latency_ms is made by proxies"),
        ({"data": {"source": "archive"}}, "an archive needs"),
    ],
)
def test_a_wrong_config_is_named(raw: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        make_emulator_config(raw)


def test_data_without_an_emulated_venue_is_refused() -> None:
    config = EmulatorConfig(data=DataSection(preset="calm", seconds=60), venue=(VenueSection("binance-futures"),))
    venues = {i.venue for i in default_market(7, 60)[0]}
    assert "binance-futures" in venues
    engine = Engine(config, START)
    assert {v.instrument.venue for v in engine.views.values()} <= {"binance-futures"}


def test_secrets_are_not_shown() -> None:
    account = AccountSection(secret="verySecretIndeed")
    assert "verySecretIndeed" not in repr(account)
    assert "verySecretIndeed" not in repr(EmulatorConfig(account=(account,)))
