"""Funding and marks from `derivative_ticker`, whose rows say what is to be paid, and never that it was."""

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.archive.csv_file import BLOCK_BYTES, CsvError
from market.archive.hour import read_hour
from market.archive.layout import Kind, hour_files
from market.archive.paid_funding import PaidFunding
from market.archive.quality import FeedQuality
from market.archive.reader import read_stream
from market.archive.tardis import ImportReport, import_tardis
from market.columns import NOT_STATED, MarkColumns
from market.messages import Mark
from market.units import HOUR, SECOND, US
from tests.market.archive.samples import BTC, T0, increments, rows_of, tickers, trades, write_csv

S = 1_000_000  # us
BLOCKS = (60, 300, BLOCK_BYTES)


def take(folder: Path, *texts: str, block_bytes: int = BLOCK_BYTES) -> ImportReport:
    n = len(list(folder.glob("*.csv")))
    paths = [write_csv(folder / f"{n + i}.csv", text) for i, text in enumerate(texts)]
    return import_tardis(paths, folder / "archive", [BTC], block_bytes=block_bytes)


def rows(folder: Path, kind: Kind) -> list[tuple[int, ...]]:
    return rows_of(read_stream(folder / "archive", BTC.venue, BTC.symbol, kind, T0, T0 + 24 * HOUR))


def quality(report: ImportReport, kind: str) -> FeedQuality:
    [found] = [feed.record.quality for feed in report.feeds if feed.kind == kind]
    return found


@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_a_funding_is_paid_at_the_last_rate_before_it_is_due(tmp_path: Path, block_bytes: int) -> None:
    due, following = 100 * S, 200 * S
    text = tickers(
        f"0 1 {due} 0.0001 5 60000 60001.26",
        f"{due - 2} {due + 8} {due} 0.00012 5 60000 60001.25",
        f"{due - 1} {due + 9} {due} -0.00013 5 60000 -",  # no mark price in this row: the last one stands
        f"{due} {due + 10} {due} 0.5 5 60000 70000",  # due has come
        f"{due + 5} {due + 15} {following} 0.0003 5 60000 60002",
    )
    report = take(tmp_path, text, block_bytes=block_bytes)
    assert rows(tmp_path, "funding") == [(T0 + due * US, T0 + (due + 9) * US, -130_000_000, 600_013)]
    # ts_recv is of the row that pays; 60001.25 are 600012.5 ticks, a half goes up
    assert quality(report, "funding") == FeedQuality(rows=5, messages=1)


def test_what_is_moved_before_it_is_due_is_not_paid(tmp_path: Path) -> None:
    text = tickers(
        f"0 1 {900 * S} 0.0001 5 60000 60000",
        f"{20 * S} {20 * S} {100 * S} 0.0002 5 60000 60000",  # from every 8 hours to every hour, say
        f"{50 * S} {50 * S} {100 * S} 0.0003 5 60000 60000",
        f"{101 * S} {101 * S} {200 * S} 0.0004 5 60000 60000",
        f"{99 * S} {102 * S} {100 * S} 0.9 5 60000 60000",  # an old row that comes late
        f"{201 * S} {201 * S} {300 * S} 0.0005 5 60000 60000",
    )
    take(tmp_path, text)
    assert [(row[0], row[2]) for row in rows(tmp_path, "funding")] == [
        (T0 + 100 * SECOND, 300_000_000),
        (T0 + 200 * SECOND, 400_000_000),
    ]


def test_what_the_data_does_not_say_is_counted(tmp_path: Path) -> None:
    text = tickers(
        "0 1 - 0.0001 5 60000 60000",
        f"1 2 {100 * S} - 5 60000 -",
        f"{101 * S} {101 * S} {200 * S} 0.1 - - -",
    )
    report = take(tmp_path, text)
    assert rows(tmp_path, "funding") == []
    assert quality(report, "funding") == FeedQuality(rows=3, no_due=1)
    markless = tickers(f"0 {3600 * S} {100 * S} 0.1 - - -", f"{101 * S} {3601 * S} {200 * S} 0.1 - - -")
    assert quality(take(tmp_path, markless), "funding") == FeedQuality(rows=2, no_mark=1)


@pytest.mark.parametrize("together", [True, False])
def test_two_days_have_the_payment_between_them_once(tmp_path: Path, together: bool) -> None:
    midnight = 2 * 3600 * S
    first = tickers(
        f"0 1 {midnight} 0.0001 5 60000 60000", f"{midnight - S} {midnight - S + 9} {midnight} 0.0002 5 60000 60000"
    )
    # cut by our clock: the first row of a day is from before midnight by the venue's
    second = tickers(
        f"{midnight - 5} {midnight + 4} {midnight} 0.0003 5 60000 60000",
        f"{midnight + 5} {midnight + 14} {2 * midnight} 0.0004 5 60000 60000",
    )
    for texts in ((first, second),) if together else ((first,), (second,)):
        take(tmp_path, *texts)
    [(due, received, rate, _)] = rows(tmp_path, "funding")
    expected = (4, 300_000_000) if together else (-S + 9, 200_000_000)
    assert (due, received, rate) == (T0 + midnight * US, T0 + (midnight + expected[0]) * US, expected[1])


def test_a_recording_that_ends_long_before_a_funding_has_it_not(tmp_path: Path) -> None:
    take(tmp_path, tickers(f"0 1 {100 * S} 0.0001 5 60000 60000", f"{89 * S} {89 * S} {100 * S} 0.0001 5 60000 60000"))
    assert rows(tmp_path, "funding") == []


@st.composite
def ticker_rows(draw: st.DrawFn) -> list[tuple[int, int, int | None, int | None, int | None]]:
    """Draw (ts_venue, ts_recv, due, rate, mark); seconds."""
    at, due, found = 0, draw(st.integers(5, 40)), []
    for _ in range(draw(st.integers(1, 25))):
        at += draw(st.integers(0, 8))
        venue = max(0, at - draw(st.integers(0, 3)))
        if venue >= due:
            due += draw(st.sampled_from([10, 20, 40]))
        said = draw(st.sampled_from([due, due, due, due, due + 5, None]))
        rate, mark = draw(st.none() | st.integers(-9, 9)), draw(st.none() | st.integers(1, 9))
        found.append((venue, at, said, rate, mark))
    return found


def naive_payments(found: list[tuple[int, int, int | None, int | None, int | None]]) -> list[tuple[int, int, int, int]]:
    paid: list[tuple[int, int, int, int]] = []
    candidate: tuple[int, int, int, int | None] | None = None
    latest, known = 0, None
    for venue, recv, due, rate, mark in found:
        latest = max(latest, venue)
        known = mark if mark is not None else known
        if candidate is not None and latest >= candidate[0]:
            paid += [(*candidate[:3], candidate[3])] if candidate[3] is not None else []
            candidate = None
        if due is not None and rate is not None and latest < due:
            candidate = (due, recv, rate, known)
    if candidate is not None and candidate[0] - latest <= 10 and candidate[3] is not None:
        paid.append((*candidate[:3], candidate[3]))
    return [payment for payment in paid if payment[0] >= found[0][0] + 10]


@settings(max_examples=60, deadline=None)
@given(ticker_rows(), st.integers(60, 700))
def test_blocks_of_any_size_pay_as_a_loop_over_rows_does(
    found: list[tuple[int, int, int | None, int | None, int | None]], block_bytes: int
) -> None:
    def text(value: int | None, scale: str = "") -> str:
        return "-" if value is None else f"{value}{scale}"

    lines = [
        f"{venue}000000 {recv}000000 {text(due, '000000')} {text(rate, 'e-4')} - - {text(mark)}"
        for venue, recv, due, rate, mark in found
    ]
    with tempfile.TemporaryDirectory() as folder:
        take(Path(folder), tickers(*lines), block_bytes=block_bytes)
        assert rows(Path(folder), "funding") == [
            (T0 + due * SECOND, T0 + recv * SECOND, rate * 10**8, mark * 10)
            for due, recv, rate, mark in naive_payments(found)
        ]


@pytest.mark.parametrize("block_bytes", BLOCKS)
def test_marks_are_kept_when_they_change(tmp_path: Path, block_bytes: int) -> None:
    text = tickers(
        "0 10 - - - - -",
        f"1 11 {9 * S} 0.0001 12.3456 60000.123456784 61811.63104562",
        f"2 12 {9 * S} 0.0001 12.3456 60000.123456784 61811.63104562",
        f"3 13 {9 * S} 0.0001 12.34567 0 61811.63104562",
        f"2 9 {9 * S} -4.7916666667e-06 - 60000 61812",  # our clock was set back
    )
    report = take(tmp_path, text, block_bytes=block_bytes)
    due = T0 + 9 * SECOND
    assert rows(tmp_path, "marks") == [
        (T0 + 1 * US, T0 + 11 * US, 618_116_310_456, 600_001_234_568, 10**8, due, 123_456),
        (T0 + 3 * US, T0 + 13 * US, 618_116_310_456, NOT_STATED, 10**8, due, 123_457),
        (T0 + 2 * US, T0 + 13 * US, 618_120_000_000, 600_000_000_000, -4_791_667, due, NOT_STATED),
    ]
    assert quality(report, "marks") == FeedQuality(
        rows=5, messages=3, unchanged=2, recv_back=1, recv_back_most=4 * US, venue_back=1, longest_silence=2 * US
    )
    [path] = hour_files(tmp_path / "archive", BTC.venue, BTC.symbol, "marks")
    assert read_hour(path).n_latencies == 3
    [chunk] = read_stream(tmp_path / "archive", BTC.venue, BTC.symbol, "marks", T0, T0 + HOUR)
    assert isinstance(chunk, MarkColumns)


def test_the_books_say_how_long_the_ticker_was_listened_to(tmp_path: Path) -> None:
    end = 2 * 3600 * S - 1
    steps = range(20 * S, end, 9 * S)
    book = increments("0 10 true bid 100 1", "0 10 true ask 101 1", *(f"{at} {at} false bid 99 1" for at in steps))
    due = 3600 * S
    ticker = tickers(f"5 6 {due} 0.1 1 1 1", f"{due + 1} {due + 2} {2 * due} 0.1 1 1 1")
    take(tmp_path, book, ticker, trades("0 10 1 buy 100 1"))
    for kind in ("funding", "marks"):
        hours = [read_hour(path) for path in hour_files(tmp_path / "archive", BTC.venue, BTC.symbol, kind)]
        assert [hour.complete for hour in hours] == [True, True], kind


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("0 1 12.5 1 1 1 1", "funding_timestamp '12.5' must be a whole number of microseconds, or empty"),
        ("0 1 - much 1 1 1", "funding_rate 'much' is not a number"),
        ("0 1 - 1e300 1 1 1", "funding_rate 1e300 is too large: no such number is kept"),
        ("0 1 - 1 -1 1 1", "open_interest -1 must be at least 0"),
        ("0 1 - 1 1 1 -1", "mark_price -1 USDT must be at least 0"),
        ("0 1 - 1 1 nan 1", "index_price 'nan' is not a number"),
    ],
)
def test_a_fault_names_file_and_line(tmp_path: Path, row: str, says: str) -> None:
    if "12.5" in row:
        text = tickers("0 1 - 1 1 1 1", row.replace("12.5", "-")).splitlines()
        text[2] = text[2].replace(",,1,,", ",12.5,1,,")
        whole = "\n".join(text) + "\n"
    else:
        whole = tickers("0 1 - 1 1 1 1", row)
    with pytest.raises(CsvError, match=f"{re.escape(f'0.csv:3: {says}')}$"):
        take(tmp_path, whole)
    assert not hour_files(tmp_path / "archive", BTC.venue, BTC.symbol, "marks")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-3, 60), st.integers(1, 4), st.integers(-9, 9), st.one_of(st.none(), st.integers(1, 9))),
        min_size=1,
        max_size=15,
    )
)
def test_what_is_heard_live_is_paid_as_an_import_of_the_same_pays(
    steps: list[tuple[int, int, int, int | None]],
) -> None:
    """A step is (seconds since the last row, periods of 50 s until the funding is due, rate, mark price)."""
    at, lines, live, paid = 0, [], PaidFunding(), []
    for n, (step, periods, rate, price) in enumerate(steps):
        at = max(0, at + step)
        due = (at // 50 + periods) * 50
        lines.append(f"{at * S} {70 * n * S} {due * S} {rate / 10000} - - {'-' if price is None else price}")
        mark = Mark(
            0,
            T0 + at * SECOND,
            T0 + 70 * n * SECOND,
            NOT_STATED if price is None else price * 10_000_000,
            NOT_STATED,
            rate * 100_000_000,
            T0 + due * SECOND,
            NOT_STATED,
        )
        paid.append(live.add(mark))
    paid.append(live.rest())
    with tempfile.TemporaryDirectory() as folder:
        try:
            take(Path(folder), tickers(*lines))
        except CsvError:
            return  # an import says so of a file in which nothing was paid
        imported = rows(Path(folder), "funding")
    assert rows_of(each for each in paid if each is not None) == imported
