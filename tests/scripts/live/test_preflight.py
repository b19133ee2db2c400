"""What must be right before a live run may trade, and what is said of it."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from market.units import SECOND
from scripts.live.config import LiveConfig, check_venues, make_live_config
from scripts.live.preflight import preflight, reasons_against, warnings
from scripts.live.real_venues import PreparedVenue, Talk, clock_text
from scripts.live.venue_section import LiveVenueSection
from sim.config import ConfigError, config_dict
from sim.fill_model import FillModel
from sim.generator import crash_market
from venues.binance.start import preparation
from venues.binance.venue import BinanceConfig
from venues.connection import Credentials, VenueConnection
from venues.venue import HttpAnswer, VenueSetup
from venues.wire import HttpRequest
from venues.woox.venue import WooxConfig

T0 = 1_700_000_000 * SECOND  # Tue, 14 Nov 2023 22:13:20 GMT


def config(bybit: dict[str, Any] | None = None, **more: Any) -> LiveConfig:
    venues = [{"name": "binance-futures"}, {"name": "bybit", **(bybit or {"network": "demo"})}]
    return make_live_config({"venue": venues, **more})


def prepared(of: LiveConfig) -> list[PreparedVenue]:
    instruments = list(crash_market(7, 1)[0])
    found = []
    for number, section in enumerate(of.venue):
        mine = [each for each in instruments if each.venue == section.name]
        is_traded = bool(of.quoted(section.name))
        key = Credentials("the-key", "the-secret") if is_traded and section.execution == "live" else None
        setup = VenueSetup(number, tuple(mine), section.connection(Path()), key)
        found.append(PreparedVenue(section, setup, is_traded, Talk([5_000_000], 0.2)))
    return found


def text(of: LiveConfig, halted: str = "") -> str:
    return "\n".join(f"{what}: {how}" for what, how in preflight(of, prepared(of), halted))


def test_demo_money_is_no_real_money() -> None:
    said = text(config())
    assert "binance-futures: mainnet, market data only, no real money: https://fapi.binance.com" in said
    assert "bybit: demo, orders live, no real money: https://api-demo.bybit.com" in said
    assert "the-key" not in said
    assert reasons_against(config(), prepared(config()), is_real_money_meant=False) == []


def test_orders_on_mainnet_must_be_meant() -> None:
    real = config({"network": "mainnet"})
    assert "bybit: mainnet, orders live, REAL MONEY" in text(real)
    (reason,) = reasons_against(real, prepared(real), is_real_money_meant=False)
    assert "bybit is mainnet" in reason
    assert "--yes-real-money" in reason
    assert reasons_against(real, prepared(real), is_real_money_meant=True) == []
    meant = config({"network": "mainnet"}, live={"real_money": True})
    assert reasons_against(meant, prepared(meant), is_real_money_meant=False) == []


def test_paper_on_mainnet_is_no_real_money() -> None:
    paper = config({"network": "mainnet", "execution": "paper"})
    assert "bybit: mainnet, orders on paper, no real money" in text(paper)
    assert "the key" not in text(paper)
    assert reasons_against(paper, prepared(paper), is_real_money_meant=False) == []


def test_a_clock_that_is_wrong_stops_it() -> None:
    venues = prepared(config())
    venues[1].talk.ahead_s = -3.2
    (reason,) = reasons_against(config(), venues, is_real_money_meant=False)
    assert reason.startswith("bybit: its clock is -3.2 s from ours")


def test_limits_guard_and_state_are_told() -> None:
    told = text(config(orders={"limits": {"max_position": 3}}, guard={"on_stale_data": "off"}), "PERSON: lunch")
    assert "limits bybit:SOLUSDT: position 3 and 1,000,000" in told
    assert "guard: halts at drawdown 500.00 from the peak" in told
    assert "guard: does not watch a book stale for 60 s" in told
    assert "HALTED (PERSON: lunch): nothing is traded until a person clears it" in told
    assert "fees 0 bps maker" in told


def test_more_orders_than_the_venue_takes_are_warned_of() -> None:
    (warning,) = warnings(config(), prepared(config()))
    assert "bybit takes 10 orders a second" in warning
    few = config(orders={"limits": {"max_order_rate": 5}})
    assert warnings(few, prepared(few)) == []
    paper = config({"execution": "paper"})
    assert warnings(paper, prepared(paper)) == []


@pytest.mark.parametrize(
    ("date", "ahead_s"),
    [
        ("Tue, 14 Nov 2023 22:13:20 GMT", 0.4),
        ("Tue, 14 Nov 2023 22:13:30 GMT", 10.4),
        ("rubbish", None),
        (None, None),
    ],
)
def test_a_talk_measures_clock_and_distance(date: str | None, ahead_s: float | None) -> None:
    def asking() -> Any:
        yield HttpRequest("GET", "/time")
        return "done"

    talk = Talk()
    conversation = talk.over(asking())
    next(conversation)
    headers = {} if date is None else {"date": date}
    with pytest.raises(StopIteration) as end:
        conversation.send(HttpAnswer(200, headers, b"", T0, T0 + SECOND // 5))
    assert end.value.value == "done"
    assert talk.ahead_s == (None if ahead_s is None else pytest.approx(ahead_s))
    assert talk.is_clock_wrong == (ahead_s is not None and abs(ahead_s) > 2)
    assert clock_text(talk).startswith("200.0 ms round trip")


def test_what_the_venue_would_not_tell_is_said_in_its_words() -> None:
    of = config(orders={"limits": {"max_order_rate": 5}})
    venues = prepared(of)
    talk = venues[1].talk.over(preparation(VenueSetup(0, (), VenueConnection("mainnet"), Credentials("k", "s")), T0))
    next(talk)
    talk.send(HttpAnswer(200, {}, b'{"serverTime":1}', T0, T0))
    talk.send(HttpAnswer(200, {}, b'{"dualSidePosition":false,"canTrade":true,"multiAssetsMargin":false}', T0, T0))
    with pytest.raises(StopIteration):
        talk.send(HttpAnswer(400, {}, b'{"code":-1,\n "msg":"not for this key"}', T0, T0))
    (warning,) = warnings(of, venues)
    assert 'GET /sapi/v1/account/apiRestrictions: HTTP 400 {"code":-1, "msg":"not for this key"}' in warning
    assert "see on the venue's own page that the key may trade and may not withdraw" in warning
    assert not any("may not withdraw" in how for _, how in preflight(of, venues, ""))


# --- [[venue]] -------------------------------------------------------------------------------------------------------


def test_paper_has_keys_of_a_simulated_venue() -> None:
    section = LiveVenueSection("bybit", execution="paper", paper={"fill_model": "touch"})
    assert section.model().fill_model is FillModel.TOUCH
    assert section.model().latency == LiveVenueSection("bybit", execution="paper").model().latency


@pytest.mark.parametrize(
    ("venue", "text"),
    [
        ({"paper": {"fill_model": "touch"}}, r"has keys of \[venue.paper\], and its execution is live"),
        ({"execution": "paper", "paper": {"fil_model": "touch"}}, "unknown key 'fil_model'"),
        ({"network": "custom"}, "needs `rest` and `sockets`"),
        ({"network": "demo", "ca_file": "x.pem"}, "ca_file .* is for custom"),
        ({"network": "custom", "rest": "http://example.com", "sockets": {"default": "ws://1.2.3.4"}}, "not encrypted"),
        ({"network": "moon"}, "must be one of mainnet, testnet, demo, custom, got 'moon'"),
        ({"execution": "dry"}, "must be one of live, paper, got 'dry'"),
    ],
)
def test_a_venue_that_cannot_be_is_refused(venue: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        config(venue)


BINANCE: dict[str, Any] = {"name": "binance-futures"}
SWITCH: dict[str, Any] = {"countdown_s": 60.0, "renew_every_s": 20}


def test_what_a_venue_can_be_told_stands_in_its_section() -> None:
    settings: dict[str, Any] = {
        "reserve": 0.2,
        "account": {"recv_window_ms": 3000, "switch": SWITCH},
        "market": {"dead_s": 20},
    }
    binance = LiveVenueSection(**BINANCE, settings=settings).venue_settings()
    assert isinstance(binance, BinanceConfig)
    assert (binance.reserve, binance.market.dead_s, binance.account.recv_window_ms) == (0.2, 20.0, 3000)
    assert binance.account.switch.countdown_s == 60.0
    of = config(venue=[{**BINANCE, "settings": settings}, {"name": "bybit", "network": "demo"}])
    assert make_live_config(config_dict(of)) == of
    assert "settings {'reserve': 0.2" in text(of)
    woox = LiveVenueSection("woox", settings={"limits": {"place": 20}, "switch": SWITCH}).venue_settings()
    assert isinstance(woox, WooxConfig)
    assert woox.limits == {"place": 20}


def test_the_settings_of_the_documentation_are_the_usual_ones() -> None:
    text = (Path(__file__).parents[3] / "docs" / "venues.md").read_text(encoding="utf-8")
    written = tomllib.loads(text.partition("```toml\n")[2].partition("```")[0])
    assert LiveVenueSection(**written["venue"][0]).venue_settings() == BinanceConfig()


@pytest.mark.parametrize(
    ("name", "settings", "text"),
    [
        ("binance-futures", {"resrve": 0.2}, "unknown key 'resrve'; allowed: market, account, reserve"),
        ("binance-futures", {"reserve": 1.5}, r"\[venue.settings\] of binance-futures: 'reserve' must be <= 0.9"),
        ("binance-futures", {"account": {"switch": {"countdown_s": 2}}}, r"'countdown_s' must be >= 5"),
        ("binance-futures", {"account": {"switch": {"countdown_s": 30, "renew_every_s": 20}}}, "at most half of"),
        ("binance-futures", {"account": {"recv_window_ms": 0}}, "'recv_window_ms' must be >= 1: 0"),
        (
            "binance-futures",
            {"account": {"private": {"form": "post"}}},
            "must be one of query, path, subscribe, got 'post'",
        ),
        ("binance-futures", {"market": {"n_levels": 999}}, "'n_levels' must be in"),
        ("binance-futures", {"market": {"books": {"silent_s": "1"}}}, "must be a number, got '1'"),
        ("hyperliquid", {"weight": 1}, "'weight' must be >= "),
        ("woox", {"limits": {"plaice": 9}}, "limit 9 of 'plaice': must be at least 1, of one of place, amend"),
        ("bybit", {"reserve": 0.2}, "this venue has nothing to be set"),
        ("okx", {"reserve": 0.2}, "no venue 'okx'"),
    ],
)
def test_settings_that_cannot_be_are_refused(name: str, settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        make_live_config({"venue": [{"name": name, "settings": settings}]})


def test_venues_that_are_used_are_those_that_are_configured() -> None:
    check_venues(config())
    with pytest.raises(ConfigError, match=r"uses binance-futures, and there is no \[\[venue\]\]"):
        check_venues(make_live_config({"venue": [{"name": "bybit", "network": "demo"}]}))
    with pytest.raises(ConfigError, match="'okx' is used by no quoter"):
        check_venues(make_live_config({"venue": [{"name": n} for n in ("binance-futures", "bybit", "okx")]}))
    quoter = [{"name": "q", "instruments": ["okx:SOLUSDT"]}]
    with pytest.raises(ConfigError, match="no venue 'okx'; there are binance-futures, bybit"):
        check_venues(make_live_config({"venue": [{"name": "okx"}], "quoter": quoter}))


def test_instruments_of_a_venue_are_counted_once() -> None:
    quoters = [
        {"name": "a", "instruments": ["bybit:SOLUSDT"], "references": ["bybit:BTCUSDT", "binance-futures:SOLUSDT"]},
        {"name": "b", "instruments": ["bybit:BTCUSDT", "bybit:SOLUSDT"]},
    ]
    of = config(quoter=quoters)
    assert of.symbols("bybit") == ("SOLUSDT", "BTCUSDT")
    assert of.quoted("bybit") == ("SOLUSDT", "BTCUSDT")
    assert of.quoted("binance-futures") == ()
