from market.units import DAY, HOUR, MINUTE, MS, SECOND, US, Side


def test_side_is_the_sign_of_the_position_it_makes() -> None:
    assert (Side.BUY * 5, Side.SELL * 5) == (5, -5)
    assert Side.BUY.opposite is Side.SELL
    assert Side.SELL.opposite is Side.BUY


def test_a_day_counts_its_nanoseconds() -> None:
    assert DAY == 24 * HOUR == 24 * 60 * MINUTE == 86_400 * SECOND == 86_400_000 * MS == 86_400_000_000 * US
