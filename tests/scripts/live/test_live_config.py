"""A live config: what is asked for where it differs from a simulated one, and what is refused."""

from pathlib import Path

import pytest

from actors.runtime.run_log import RunLog
from scripts.live.config import LiveConfig, load_live_config, make_live_config
from scripts.live.trading import wire_like
from sim.config import ConfigError
from sim.journal_replay import JournalReplay


def test_what_is_silent_is_ready_for_a_real_account() -> None:
    config = make_live_config({})
    assert config.orders.reconcile_at_start is True
    assert config.orders.account_every_s == 30.0
    assert (config.live.journal, config.live.real_money, config.live.metrics_port) == (True, False, 0)
    assert config == LiveConfig()


def test_other_keys_of_a_section_keep_the_live_defaults() -> None:
    config = make_live_config({"orders": {"max_quote_age_s": 5.0}})
    assert (config.orders.max_quote_age_s, config.orders.account_every_s) == (5.0, 30.0)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ({"orders": {"reconcile_at_start": False}}, "reconcile_at_start must be true live"),
        ({"orders": {"account_every_s": 0}}, "account_every_s must be above 0 live"),
        ({"data": {}}, "unknown key 'data'; allowed: run, live, "),
        ({"run": {"deliver": "all"}}, "unknown key 'deliver'; allowed: seed, capital, stamp_s, depth"),
        ({"live": {"metrics_port": 70_000}}, "metrics_port"),
        ({"live": {"drain_s": 0}}, "drain_s"),
        ({"live": {"alert": "mail"}}, "must be a list of texts, got 'mail', at live.alert"),
        ({"quoter": [{"name": "a", "instruments": ["x:y"]}, {"name": "a", "instruments": ["x:y"]}]}, "listed twice"),
    ],
)
def test_a_wrong_key_or_value_is_named(raw: dict[str, object], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        make_live_config(raw)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[live")
    with pytest.raises(ConfigError, match=r"a\.toml: not TOML"):
        load_live_config(tmp_path / "a.toml")
    with pytest.raises(ConfigError, match="no config file"):
        load_live_config(tmp_path / "b.toml")


def test_a_simulated_runs_config_is_not_followed() -> None:
    with pytest.raises(ValueError, match=r"\[run\] has no session"):
        wire_like(JournalReplay(RunLog()), "[run]\nseed = 3\n", "run.toml")


def test_a_crossed_book_is_not_trusted_unless_that_is_said() -> None:
    assert make_live_config({}).books.distrust_crossed
    assert make_live_config({"books": {"ask_again_s": 2.0}}).books.distrust_crossed
    assert not make_live_config({"books": {"distrust_crossed": False}}).books.distrust_crossed
