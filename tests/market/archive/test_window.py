"""Hours as they are written, and how they are wrong."""

import re

import pytest

from market.archive.window import Window, clock_text, hour_text, parse_window
from market.units import HOUR, MS
from tests.market.archive.samples import T0


def test_both_hours_are_included() -> None:
    window = parse_window("2024-08-08:22", "2024-08-09:00")
    assert (window.start, window.end) == (T0, T0 + 3 * HOUR)
    assert [hour_text(hour) for hour in window.hours()] == ["2024-08-08:22", "2024-08-08:23", "2024-08-09:00"]
    assert str(window) == "2024-08-08:22 to 2024-08-09:00"
    assert parse_window("2024-08-08:22", "2024-08-08:22") == Window(T0, T0 + HOUR)


@pytest.mark.parametrize("text", ["2024-08-08", "2024-08-08:24", "2024-02-30:01", "2024-8-8:01", "2024-08-08:1", ""])
def test_an_hour_must_be_written_as_one(text: str) -> None:
    says = f"hour {text!r} must be written YYYY-MM-DD:HH, such as 2024-08-08:23"
    with pytest.raises(ValueError, match=f"^{re.escape(says)}$"):
        parse_window(text, "2024-08-08:01")


def test_a_window_may_not_end_before_it_starts() -> None:
    with pytest.raises(ValueError, match=r"^the window ends at 2024-08-08:01, before it starts at 2024-08-08:02$"):
        parse_window("2024-08-08:02", "2024-08-08:01")


def test_times_for_people() -> None:
    assert clock_text(T0 + 61_234 * MS) == "2024-08-08 22:01:01.234"
