"""The account through the whole venue: read whole or not at all, and read again where it is in doubt."""

import pytest

from market.messages import AccountSnapshot, FundingPayment, Margin, OpenOrder, RequestAccount
from market.units import HOUR, MINUTE, MS, SECOND
from tests.venues.binance.scripted_binance import (
    BALANCES,
    BTC,
    ETH,
    FILLS,
    INCOME,
    MONEY,
    NOTHING,
    OPEN,
    POSITIONS,
    T,
    answer_account,
    drive,
    order,
    rules,
)
from venues.wire import RemoteProtocolError


def test_the_account_is_told_whole() -> None:
    venue = drive().up().command(RequestAccount(3, T - HOUR))
    answer_account(venue, orders=[order("ls-7", 9, type="LIMIT", timeInForce="GTX")])
    (snapshot,) = venue.told["fills"]
    payment = FundingPayment(0, T, T, (T + HOUR // 2) // HOUR, -5 * 10**11)
    assert snapshot == AccountSnapshot(
        3,
        T,
        T,
        T,
        T - HOUR,
        (OpenOrder(7, 0, 1, 1000, 5, 0, 4),),
        (),
        ((0, -5),),
        (payment,),
        (("USDT", 2505 * 10**7),),
        Margin(251_250_000, 150_100_000, 101_150_000),
    )


@pytest.mark.parametrize(
    ("body", "status"), [({"code": -1000}, 500), ([{"asset": "USDT"}], 200), ([{**NOTHING, "balance": "NaN"}], 200)]
)
def test_an_account_whose_balances_are_not_told_is_whole(body: object, status: int) -> None:
    venue = drive().up().command(RequestAccount(3, T - HOUR))
    venue.answer(OPEN, [])
    venue.answer(POSITIONS, [])
    venue.answer(FILLS, [])
    venue.answer(INCOME, [])
    venue.answer(BALANCES, body, status)
    venue.answer(MONEY, {"totalMarginBalance": "NaN"} if status == 200 else body, status)
    (snapshot,) = venue.told["fills"]
    assert snapshot.balances == ()
    assert snapshot.margin is None


def test_half_an_account_is_never_told_and_it_is_read_again_from_the_beginning() -> None:
    venue = drive().up().command(RequestAccount(3, T - HOUR))
    venue.answer(OPEN, [])
    venue.answer(POSITIONS, {"code": -1001, "msg": "Internal error"}, 503)
    assert "fills" not in venue.told
    venue.later(0.4)
    assert venue.n_asked(OPEN) == 0
    venue.later(0.1)
    venue.fail(OPEN)
    venue.later(0.9)
    assert venue.n_asked(OPEN) == 0
    venue.later(0.1)  # each pause is twice the one before
    venue.asked[POSITIONS].pop(0)  # of the reading that has failed
    answer_account(venue)
    (snapshot,) = venue.told["fills"]
    assert snapshot.ts_request == T + 1500 * MS


def test_an_answer_that_makes_no_sense_is_said_and_the_account_read_again() -> None:
    venue = drive().up().command(RequestAccount(3, T - HOUR))
    with pytest.raises(RemoteProtocolError):
        venue.answer(OPEN, b"<html>")
    venue.answer(POSITIONS, [])
    assert venue.later(0.5).n_asked(OPEN) == 1


def test_a_reading_that_is_asked_for_again_is_read_after_the_one_under_way() -> None:
    venue = drive().up().command(RequestAccount(3, T - HOUR))
    venue.later(0.2).command(RequestAccount(3, T - MINUTE))
    assert venue.n_asked(OPEN) == 1
    answer_account(venue)
    answer_account(venue)
    first, second = venue.told["fills"]
    assert (first.ts_request, first.fills_since) == (T, T - HOUR)
    assert (second.ts_request, second.fills_since) == (T + 200 * MS, T - MINUTE)


def test_the_account_waits_for_room_in_the_limits() -> None:
    venue = drive().up(info=rules(limits=(("REQUEST_WEIGHT", "MINUTE", 1, 55),)))
    venue.command(RequestAccount(3, T - HOUR))
    assert venue.n_asked(OPEN) == 0
    left = MINUTE - T % MINUTE
    venue.later(left / SECOND + 1)
    assert venue.n_asked(OPEN) == 1


def test_funding_that_is_not_named_makes_us_look_at_the_account() -> None:
    venue = drive(BTC, ETH).up().command(RequestAccount(3, T - HOUR))
    for _ in range(2):
        venue.answer(OPEN, [])
    venue.answer(POSITIONS, [])
    for _ in range(2):
        venue.answer(FILLS, [])
    venue.answer(INCOME, [])
    venue.answer(BALANCES, [])
    venue.answer(MONEY, {})
    update = {"m": "FUNDING_FEE", "B": [{"a": "USDT", "wb": "1", "cw": "1", "bc": "-0.5"}], "P": []}
    venue.hear("private", {"e": "ACCOUNT_UPDATE", "E": 5, "T": 4, "a": update}).later(1)
    assert venue.n_asked(OPEN) == 2
