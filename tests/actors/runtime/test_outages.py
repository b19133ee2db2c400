"""What a log tells about outages."""

from typing import Any

from actors.runtime.log_reader import LogRecord
from actors.runtime.outages import Outage, QuoteGap, outages, quote_gaps


def record(t_ns: int, message: str, **fields: Any) -> LogRecord:
    return {"t_ns": t_ns, "message": message, **fields}


def restarting(t_ns: int, child: str, generation: int, backoff_s: float = 0.5) -> LogRecord:
    return record(t_ns, "child restarting", child=child, generation=generation, supervisor="s", backoff_s=backoff_s)


def test_outage_runs_from_crash_to_start_and_siblings_say_whose_crash_it_was() -> None:
    told = [
        record(0, "child started", child="a", generation=0, supervisor="s"),
        record(0, "child started", child="b", generation=0, supervisor="s"),
        record(10, "child crashed", child="a", generation=0, supervisor="s", error="ValueError: x"),
        restarting(10, "a", 1),
        restarting(10, "b", 1),
        record(12, "child stopped", child="b", generation=0, supervisor="s"),
        record(20, "child started", child="a", generation=1, supervisor="s"),
        record(21, "child started", child="b", generation=1, supervisor="s"),
    ]
    assert outages(told) == [
        Outage("a", "s", 1, "ValueError: x", 10, 20, 0.5, ()),
        Outage("b", "s", 1, "with a", 10, 21, 0.5, ()),
    ]


def test_crash_during_the_backoff_lengthens_the_outage_and_does_not_double_it() -> None:
    told = [
        record(10, "child crashed", child="a", generation=0, supervisor="s", error="E: 1"),
        restarting(10, "a", 1, 0.5),
        record(15, "child crashed", child="a", generation=1, supervisor="s", error="E: 2"),
        restarting(15, "a", 2, 1.0),
        record(30, "child started", child="a", generation=2, supervisor="s"),
    ]
    assert outages(told) == [Outage("a", "s", 2, "E: 2", 10, 30, 1.0, ())]


def test_child_that_never_came_back_is_told_and_an_orderly_stop_is_not() -> None:
    told = [
        record(10, "child crashed", child="a", generation=0, supervisor="s", error="E"),
        record(11, "child stopped", child="b", generation=0, supervisor="s"),
        record(12, "gave up", supervisor="s", n_restarts=4, error="E"),
    ]
    assert outages(told) == [Outage("a", "s", 0, "E", 10, None, None, ())]


def test_outage_names_the_quotes_that_were_missing_meanwhile_to_their_own_end() -> None:
    told = [
        record(1, "quotes pulled", quoter="q1", instrument=0),
        record(2, "quotes back", quoter="q1", instrument=0),
        record(10, "child crashed", child="k", generation=0, supervisor="s", error="E"),
        restarting(10, "k", 1),
        record(11, "quotes pulled", quoter="q1", instrument=0),
        record(12, "quotes pulled", quoter="q2", instrument=1),
        record(20, "child started", child="k", generation=1, supervisor="s"),
        record(25, "quotes back", quoter="q1", instrument=0),
        record(30, "quotes pulled", quoter="q1", instrument=0),
        record(31, "quotes back", quoter="q1", instrument=0),
    ]
    assert outages(told)[0].gaps == (QuoteGap("q1", 0, 11, 25), QuoteGap("q2", 1, 12, None))


def test_gap_begins_at_the_first_pull_and_is_kept_apart_by_instrument() -> None:
    told = [
        record(1, "quotes pulled", quoter="q", instrument=0),
        record(2, "quotes pulled", quoter="q", instrument=1),
        record(3, "quotes pulled", quoter="q", instrument=0),
        record(4, "quotes back", quoter="q", instrument=1),
        record(5, "quotes back", quoter="q", instrument=0),
        record(6, "quotes back", quoter="q", instrument=0),
    ]
    assert list(quote_gaps(told)) == [QuoteGap("q", 1, 2, 4), QuoteGap("q", 0, 1, 5)]
