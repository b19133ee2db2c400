"""A wallet that is not what it should be is told of, once it cannot be what is under way."""

from typing import Any

import loguru

from market.messages import WalletCompared
from market.units import SECOND
from scripts.live.wallet_alarm import WalletAlarm

T0 = 1_700_000_000 * SECOND


def test_a_difference_that_stays_is_told_and_again_when_it_has_doubled() -> None:
    told: list[tuple[str, Any]] = []
    sink = loguru.logger.add(
        lambda line: told.append((line.record["message"], line.record["extra"])), filter="scripts.live.wallet_alarm"
    )
    alarm = WalletAlarm(loguru.logger, ["bybit"], bound=5.0, n_bad=3)
    for difference in (9, 9, 0, -6, -6):
        alarm.take(WalletCompared(0, T0, "USDT", difference * 10**8, 0))
    assert (told, alarm.notes()) == ([], [])
    for difference in (-6, -9, -12, -1):
        alarm.take(WalletCompared(0, T0, "USDT", difference * 10**8, 10**8))
        if difference == -9:
            assert alarm.notes() == ["bybit: the wallet is -10.00 USDT from what our fills make of it"]
    loguru.logger.remove(sink)
    assert [(text, extra["difference"]) for text, extra in told] == [
        ("wallet differs", -7.0),
        ("wallet differs", -13.0),
        ("wallet agrees again", -2.0),
    ]
    assert told[0][1] == {"venue": "bybit", "asset": "USDT", "wallet": -6.0, "counted": 1.0, "difference": -7.0}
    assert alarm.notes() == []
