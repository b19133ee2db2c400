"""What is used of the venue's limits is told, as the account's budget is by the venue's own word."""

import json

from market.units import MINUTE
from tests.venues.hyperliquid.hyperliquid_wire import BTC
from venues.connection import Credentials, VenueConnection
from venues.hyperliquid.venue import HyperliquidVenue
from venues.venue import HttpAnswer, SendRequest, VenueSetup

ADDRESS = "0x1719884eb866cb12b2287399b15f7db5e7d775ea"
NOW = 1_700_000_000 * 10**9


def test_limits_are_counted_and_the_budget_is_read() -> None:
    connection = VenueConnection("custom", "http://127.0.0.1:1", {"default": "ws://127.0.0.1:1"})
    venue = HyperliquidVenue(VenueSetup(0, (BTC,), connection, Credentials(ADDRESS, "0x" + "01" * 32)))
    answers = {
        "clearinghouseState": {"assetPositions": [], "time": NOW // 10**6},
        "userRateLimit": {"cumVlm": "12.5", "nRequestsUsed": 40, "nRequestsCap": 10_012},
        "meta": {"universe": [{"name": "BTC", "szDecimals": 5}]},
    }
    waiting = [each for each in venue.begin(NOW) if isinstance(each, SendRequest)]
    while waiting:
        request = waiting.pop()
        kind = json.loads(request.request.body)["type"]
        answer = HttpAnswer(200, {}, json.dumps(answers[kind]).encode(), NOW, NOW + 10)
        waiting += [each for each in venue.answered(request.token, answer, NOW + 10) if isinstance(each, SendRequest)]
    assert venue.limits(NOW + 10) == {"weight": (42, 1200), "messages": (0, 2000), "actions": (40, 10_012)}
    venue.opened("public", NOW + 20)
    assert venue.limits(NOW + 20)["messages"] == (3, 2000)
    assert venue.limits(NOW + 2 * MINUTE)["weight"] == (0, 1200)
