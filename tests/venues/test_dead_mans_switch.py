"""Orders are never placed without the countdown where it is had, and it never ends others' orders."""

import pytest

from market.messages import AccountSnapshot
from market.units import SECOND, Nanos
from venues.dead_mans_switch import GRANTED, UNSURE, DeadMansSwitch, Hear, Heard, SwitchConfig
from venues.hyperliquid.dead_mans_switch import SwitchConfig as HyperliquidSwitch
from venues.venue import NEVER, Output, SendFrame, Tell
from venues.woox.dead_mans_switch import SwitchConfig as WooxSwitch

REFUSED = Heard(refusal="VIP only")


class Switch(DeadMansSwitch):
    """Words to it and who hears what comes of them."""

    def __init__(self) -> None:
        super().__init__(SwitchConfig(30, 10), 2 * SECOND)
        self.free: Nanos = 0
        self.words: list[Nanos] = []
        self.hear: Hear = lambda heard, now: []

    def _free_at(self, now: Nanos) -> Nanos:
        return max(now, self.free)

    def _send(self, lasts: Nanos, hear: Hear, now: Nanos) -> list[Output]:
        self.words.append(lasts // SECOND)
        self.hear = hear
        return [SendFrame("private", b"countdown")]


def test_an_answer_that_is_none_is_no_grant() -> None:
    switch = Switch()
    assert switch.placing(0)
    switch.hear(UNSURE, SECOND)
    assert (switch.is_had, switch.next_deadline()) == (None, 3 * SECOND)
    switch.on_deadline(3 * SECOND)
    switch.hear(GRANTED, 4 * SECOND)
    assert (switch.is_had, switch.next_deadline(), switch.words) == (True, 14 * SECOND, [30, 30])


def test_where_it_is_not_had_that_is_noted_once() -> None:
    switch = Switch()
    switch.placing(0)
    switch.hear(REFUSED, SECOND)
    assert (switch.is_had, switch.is_armed, switch.next_deadline()) == (False, False, NEVER)
    assert switch.placing(2 * SECOND) == []
    assert switch.seen == {"no dead man's switch: VIP only": 1}


def test_one_that_was_had_is_not_given_up() -> None:
    switch = Switch()
    switch.placing(0)
    switch.hear(GRANTED, 0)
    switch.on_deadline(10 * SECOND)
    switch.hear(REFUSED, 11 * SECOND)
    assert (switch.is_armed, switch.next_deadline()) == (True, 13 * SECOND)


def test_a_word_waits_for_the_limits() -> None:
    switch = Switch()
    switch.free = 5 * SECOND
    assert switch.placing(0) == []
    assert switch.next_deadline() == 5 * SECOND
    assert len(switch.on_deadline(5 * SECOND)) == 1


def test_it_ends_only_with_an_account_that_must_show_the_last_order() -> None:
    """One that was asked for a moment after it left may be answered before it has arrived."""
    switch = Switch()
    switch.placing(10)
    switch.hear(GRANTED, 11)
    early, late = (AccountSnapshot(0, asked, 0, 20, 0, (), (), ()) for asked in (12, 20 * SECOND))
    assert switch.watch([Tell("fills", early)], 20) == []
    assert switch.is_armed
    assert len(switch.watch([Tell("fills", late)], 20)) == 1
    assert (switch.words[-1], switch.is_armed) == (0, False)
    switch.hear(UNSURE, 21)
    assert switch.next_deadline() == NEVER  # one that runs out on an empty book does no harm


@pytest.mark.parametrize(
    ("config", "countdown_s", "renew_every_s", "words"),
    [
        (WooxSwitch, 901, 10, "countdown_s 901 must be between 5 and 900"),
        (HyperliquidSwitch, 9, 3, "countdown_s 9 must be between 10 and 3600"),
        (WooxSwitch, 30, 16, "renew_every_s 16 must be above 0 and at most half of countdown_s 30"),
        (WooxSwitch, 30, 0, "renew_every_s 0 must be above 0"),
    ],
)
def test_times_that_guard_nothing_are_refused(
    config: type[SwitchConfig], countdown_s: float, renew_every_s: float, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        config(countdown_s, renew_every_s)
