"""The account by REST: what stands behind the positions, and what is told of it when it makes no sense."""

from pathlib import Path
from typing import Any

import pytest

from market.messages import AccountSnapshot, Margin, RequestAccount
from market.units import SECOND
from tests.venues.hyperliquid.hyperliquid_wire import recorded
from tests.venues.hyperliquid.test_hyperliquid_venue import Hyperliquid
from venues.wire import RemoteProtocolError


def account(state: Any) -> AccountSnapshot:
    """Return the snapshot that an answer to `clearinghouseState` makes."""
    venue = Hyperliquid().up()
    venue.answers |= {"clearinghouseState": state, "userFillsByTime": [], "userFunding": []}
    venue.told.clear()
    venue.take(venue.venue.command(RequestAccount(0, venue.now - SECOND), venue.now))
    (snapshot,) = venue.of(AccountSnapshot)
    assert isinstance(snapshot, AccountSnapshot)
    return snapshot


def test_the_margin_that_was_recorded(shared: Path) -> None:
    (line,) = recorded(shared, "rest_info_get_user_state")
    assert account(line["msg"]).margin == Margin(1_182_312_496, 1_010_571_730, 171_740_766)
    (line,) = recorded(shared, "http_clearinghouse_state_negative_total_raw_usd.nautilus")
    assert account(line["msg"]).margin == Margin(None, 772_232_111, None), "its totals of all positions are left out"


@pytest.mark.parametrize(
    ("money", "margin"),
    [
        ({}, None),
        ({"withdrawable": "-1.5"}, Margin(None, -1_500_000, None)),
        ({"withdrawable": 7}, None),
        ({"marginSummary": {"accountValue": "NaN"}}, None),
        ({"marginSummary": []}, None),
        ({"withdrawable": "1e400"}, None),
    ],
)
def test_positions_are_known_without_a_margin_that_makes_sense(money: dict[str, Any], margin: Margin | None) -> None:
    held = {"position": {"coin": "BTC", "szi": "-0.00785"}, "type": "oneWay"}
    snapshot = account({"assetPositions": [held], "time": 1, **money})
    assert snapshot.margin == margin
    assert dict(snapshot.positions)[0] == -785


def test_positions_that_make_no_sense_are_no_account() -> None:
    with pytest.raises(RemoteProtocolError, match="szi"):
        account({"assetPositions": [{"position": {"coin": "BTC", "szi": 1}}], "withdrawable": "1"})
