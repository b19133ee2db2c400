"""Every setting of the order manager, from the config to the actor."""

import attrs
import pytest

from actors.order_config import OrderManagerConfig
from sim.config import ConfigError, make_config
from tests.sim.crash_runs import CrashRun, market

OTHER = {
    "max_quote_age_s": 11.0,
    "request_timeout_s": 12.0,
    "account_every_s": 13.0,
    "reconcile_at_start": True,
    "unknown_orders": "adopt",
    "keep_ended_s": 14.0,
    "limits": {"max_open_orders": 15},
    "limits_of": {"bybit:SOLUSDT": {"max_open_orders": 16}},
}


def test_every_setting_reaches_the_order_manager() -> None:
    settings = {field.name for field in attrs.fields(OrderManagerConfig)} - {"session", "guard"}
    assert settings == set(OTHER)
    run = CrashRun(config=make_config({"data": {"preset": "crash"}, "orders": OTHER}), data=market(seconds=2)).run()
    config = run.manager.ledger.config
    given = {name: getattr(config, name) for name in settings if not name.startswith("limits")}
    assert given == {name: value for name, value in OTHER.items() if not name.startswith("limits")}
    assert config.limits.max_open_orders == 15
    assert {limits.max_open_orders for limits in config.limits_of.values()} == {16}


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [("unknown_orders", "keep", "cancel"), ("keep_ended_s", 0.0, "keep_ended_s"), ("reconcile_at_start", 1, "true")],
)
def test_wrong_settings_are_named(key: str, value: object, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make_config({"orders": {key: value}})
