"""Studies: an estimator says the same by events and by columns, in one order, over generated and archived markets."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

import sim
from market import Book
from market.archive.instruments import write_instruments
from market.archive.layout import Kind
from market.archive.writer import ArchiveWriter
from market.messages import Trade
from market.units import HOUR, SECOND
from research.frames import df_declarations
from research.look_ahead import LookAheadError
from research.market_arrays import BookArrays, TradeArrays
from research.prices import FloatArray
from research.run_data import Run
from research.study import Study
from sim.market_data import open_market
from sim.simulation import Simulation

BINANCE, BYBIT = ("binance-futures", "SOLUSDT"), ("bybit", "SOLUSDT")
SECONDS = 20.0
MakeStudy = Callable[[], Study]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an archive of 20 s of the built-in market, its books as deltas."""
    root: Path = tmp_path_factory.mktemp("archive")
    market = sim.Market(sim.make_config({"data": {"preset": "deltas", "seconds": SECONDS}}))
    writers: dict[int, ArchiveWriter] = {}
    for part in market.columns():
        if part.kind != "funding":
            write_instruments(root, [part.instrument])
            kind: Kind = "delta" if part.kind == "book" else "trades"
            writer = writers.setdefault(part.stream, ArchiveWriter(root, part.instrument, kind))
            writer.append(part.rows)
    for writer in writers.values():
        writer.close()
    return root


@pytest.fixture(params=["default", "deltas", "archive"])
def make_study(request: pytest.FixtureRequest) -> MakeStudy:
    """Return what makes a new study of one market."""
    if request.param != "archive":
        return lambda: Study.generated(request.param, seconds=SECONDS, depth=10)
    root: Path = request.getfixturevalue("archive")
    return lambda: Study.archive(root, [BYBIT, BINANCE], "2025-01-10:07", "2025-01-10:07", depth=10)


def vamps(books: BookArrays) -> FloatArray:
    return books.vamps([10_000.0, 3e6])  # the second is more than some books hold


def signed_size(trades: TradeArrays) -> FloatArray:
    return trades.size * trades.taker


def register_columns(study: Study, *, in_parts: bool) -> None:
    for market in (BINANCE, BYBIT):
        study.columns(["near", "far"], vamps, *market, group="vamp", in_parts=in_parts)
        study.columns("flow", signed_size, *market, of="trades")
        study.columns("micro", lambda books: books.microprice, *market)


def register_events(study: Study) -> None:
    def declare_vamps(book: Book) -> None:
        study.declare("near", book.vamp(10_000.0), group="vamp")
        study.declare("far", book.vamp(3e6), group="vamp")

    def declare_flow(trade: Trade) -> None:
        instrument = study.instruments[trade.instrument]
        study.declare("flow", instrument.size(trade.size) * trade.taker)

    for market in (BINANCE, BYBIT):
        study.on_book(*market)(declare_vamps)
        study.on_trade(*market)(declare_flow)
        study.on_book(*market)(lambda book: study.declare("micro", book.microprice))


@pytest.mark.parametrize("in_parts", [False, True])
def test_events_and_columns_say_the_same(make_study: MakeStudy, in_parts: bool) -> None:
    by_columns, by_events = make_study(), make_study()
    register_columns(by_columns, in_parts=in_parts)
    register_events(by_events)
    frame = by_columns.declarations()
    assert_frame_equal(frame, by_events.declarations(), check_exact=True)
    assert frame.columns.tolist() == ["ts", "key", "value", "venue", "symbol", "group"]
    assert frame["ts"].dtype == np.int64
    assert frame["ts"].is_monotonic_increasing
    n_of = {
        (key, venue): int(((frame["key"] == key) & (frame["venue"] == venue)).sum())
        for key in ("near", "far", "flow", "micro")
        for venue, _ in (BINANCE, BYBIT)
    }
    assert min(n_of.values()) > 50
    assert n_of["near", "bybit"] == n_of["far", "bybit"] == n_of["micro", "bybit"]


def test_filters_choose_rows() -> None:
    study = Study.generated(seconds=5.0)
    register_columns(study, in_parts=False)
    every = study.declarations()
    for name, wanted in (("key", "near"), ("venue", "bybit"), ("symbol", "SOLUSDT"), ("group", "vamp")):
        found = study.declarations(**{name: wanted})
        assert_frame_equal(found, every[every[name] == wanted].reset_index(drop=True))
    both = study.declarations(key="micro", venue="bybit")
    assert 0 < len(both) < len(every)
    assert study.declarations(key="nobody").empty


def test_events_and_columns_mix_in_the_order_of_the_replay() -> None:
    study = Study.generated(seconds=5.0)
    study.columns("early", lambda books: books.mid, *BYBIT)
    study.on_book(*BYBIT)(lambda book: study.declare("late", book.mid))
    frame = study.declarations()
    assert frame["key"].tolist() == ["early", "late"] * (len(frame) // 2)
    assert frame["value"][::2].tolist() == frame["value"][1::2].tolist()


def test_clocks_see_what_had_come_by_then() -> None:
    study = Study.generated(seconds=10.0)

    @study.on_clock(0.5)
    def sample(now: int) -> None:
        assert now == study.now
        study.declare("sampled", study.book(*BYBIT).mid, *BYBIT)
        study.declare("n trades", len(study.tape(*BYBIT)))

    frame = study.declarations(key="sampled")
    ts = frame["ts"].to_numpy()
    assert (ts % (SECOND // 2) == 0).all()
    assert len(ts) >= 19
    np.testing.assert_array_equal(frame["value"], study.mids(*BYBIT).asof(ts))
    counted = study.declarations(key="n trades")
    assert counted["venue"].unique().tolist() == [""]
    arrived = np.searchsorted(study.trades(*BYBIT).ts_recv, ts, side="right")
    assert counted["value"].tolist() == arrived.tolist()


def test_registering_again_runs_again() -> None:
    study = Study.generated(seconds=2.0)
    study.columns("mid", lambda books: books.mid, *BYBIT)
    n = len(study.declarations())
    study.columns("spread", lambda books: books.spread, *BYBIT)
    assert len(study.declarations()) == 2 * n


def test_forward_prices_are_the_mids_of_the_study(make_study: MakeStudy) -> None:
    study = make_study()
    register_columns(study, in_parts=True)
    frame = study.forward_prices(study.declarations(group="vamp"), (0, 2))
    assert frame.attrs["forward_prices"]["n_dropped"] > 0
    for market in (BINANCE, BYBIT):
        mine = frame[frame["venue"] == market[0]]
        assert len(mine) > 100
        for column, ahead in (("t0", 0), ("t2", 2 * SECOND)):
            np.testing.assert_array_equal(mine[column], study.mids(*market).asof(mine["ts"].to_numpy() + ahead))


def test_mids_of_an_archive_know_its_holes(archive: Path) -> None:
    study = Study.archive(archive, [BYBIT], "2025-01-10:07", "2025-01-10:07")
    mids = study.mids(*BYBIT)
    start = 1_736_494_200 * SECOND // HOUR * HOUR
    first, last = int(mids.ts[0]), int(mids.ts[-1])
    assert mids.holes[:, 0].tolist()[0] == start
    assert abs(mids.holes[0, 1] - first) < SECOND
    assert abs(mids.holes[-1, 0] - last) < SECOND
    assert study.holes


# --- look-ahead -----------------------------------------------------------------------------------------------------


def test_honest_estimators_pass(make_study: MakeStudy) -> None:
    study = make_study()
    register_columns(study, in_parts=True)
    register_events(study)
    report = study.check_look_ahead()
    assert 0 < report.n_compared < len(study.declarations())
    assert "are the same without what came after" in str(report)


def test_columns_that_peek_are_found() -> None:
    study = Study.generated(seconds=10.0)

    def next_mid(books: BookArrays) -> FloatArray:
        return np.append(books.mid[1:], math.nan)

    study.columns("honest", lambda books: books.mid, *BYBIT)
    study.columns("next mid", next_mid, *BYBIT)
    with pytest.raises(LookAheadError, match=r"next mid = nan of bybit:SOLUSDT .* with all data: next mid = \d"):
        study.check_look_ahead()


def test_columns_scaled_by_the_whole_sample_are_found_at_their_first_row() -> None:
    study = Study.generated(seconds=10.0)
    study.columns("z", lambda books: (books.mid - books.mid.mean()) / books.mid.std(), *BYBIT)
    with pytest.raises(LookAheadError, match=r"^declaration 0, with the data cut at 2025-01-10 07:30:"):
        study.check_look_ahead()


def test_events_that_peek_through_what_they_share_are_found() -> None:
    study = Study.generated(seconds=10.0)

    @study.setup
    def cheat(study: Study) -> None:
        mids = study.mids(*BYBIT)

        @study.on_book(*BYBIT)
        def peek(book: Book) -> None:
            ahead = mids.until_end(np.array([study.now + SECOND]))
            study.declare("in a second", float(ahead[0]))

    with pytest.raises(
        LookAheadError, match=r"in a second = nan of bybit:SOLUSDT at \d+ ns; with all data: in a second"
    ):
        study.check_look_ahead()


def averaged(study: Study) -> None:
    """Register an average over all books so far."""
    state = {"n": 0, "sum": 0.0}

    @study.on_book(*BYBIT)
    def average(book: Book) -> None:
        state["n"] += 1
        state["sum"] += book.mid
        study.declare("average", state["sum"] / state["n"])


def test_state_is_new_in_each_run_if_it_is_set_up() -> None:
    study = Study.generated(seconds=10.0)
    study.setup(averaged)
    study.check_look_ahead()
    first = study.declarations()
    assert_frame_equal(first, study.declarations())
    stale = Study.generated(seconds=10.0)
    averaged(stale)
    with pytest.raises(LookAheadError, match="or keeps something from one run to the next"):
        stale.check_look_ahead()


def test_an_empty_study_has_nothing_to_hide() -> None:
    study = Study.generated(seconds=2.0)
    assert study.declarations().empty
    assert study.forward_prices().empty
    assert study.check_look_ahead().n_compared == 0


# --- wrong use ------------------------------------------------------------------------------------------------------


def test_wrong_use_is_named(tmp_path: Path) -> None:
    study = Study.generated(seconds=2.0)
    names = "binance-futures:SOLUSDT, bybit:SOLUSDT"
    with pytest.raises(ValueError, match=rf"^no instrument okx:X in this study; there are: {names}$"):
        study.columns("x", signed_size, "okx", "X")
    with pytest.raises(ValueError, match=r"^no instrument okx:\* in this study"):
        study.on_book("okx")
    with pytest.raises(ValueError, match=r"^interval_s must be at least a nanosecond, got 0$"):
        study.on_clock(0)
    with pytest.raises(RuntimeError, match=r"^a study has a present time only while it runs"):
        study.declare("x", 1.0)
    study.columns(["a", "b"], lambda books: books.mid, *BYBIT)
    with pytest.raises(
        ValueError, match=r"^the function of a, b must give \((\d+), 2\) values for \1 rows, gave \(\1,\)$"
    ):
        study.declarations()
    with pytest.raises(sim.ConfigError, match="no instrument bybit:SOLUSDT in the archive"):
        Study.archive(tmp_path, [BYBIT], "2025-01-10:07", "2025-01-10:07")


def test_what_is_no_number_fails_where_it_is_declared() -> None:
    study = Study.generated(seconds=2.0)
    told: list[str] = []

    @study.on_book(*BYBIT)
    def declare(book: Book) -> None:
        with pytest.raises(TypeError):
            study.declare("name", book.instrument.name)  # type: ignore[arg-type]
        study.declare("mid", book.mid)
        told.append("mid")

    found = study.declarations()
    assert found["key"].unique().tolist() == ["mid"]
    assert len(found) == len(told) > 10


STRATEGY = """
from actors.quoter import Quoter

class Declares(Quoter):
    hears_reference = True

    def on_book(self, book):
        self.declare("micro", book.microprice, book.instrument, "fair")
"""


def test_a_quoter_in_a_run_declares_the_same(tmp_path: Path) -> None:
    (tmp_path / "declares.py").write_text(STRATEGY)
    quoter = {
        "name": "q",
        "strategy": "declares.py:Declares",
        "instruments": ["bybit:SOLUSDT"],
        "references": ["binance-futures:SOLUSDT"],
    }
    config = sim.make_config({"data": {"seconds": 5.0}, "quoter": [quoter]})
    out = tmp_path / "run"
    out.mkdir()
    simulation = Simulation(config, open_market(config, tmp_path), out, folder=tmp_path)
    simulation.finish(simulation.run(), 0.0)
    study = Study(config, tmp_path)
    study.on_book()(lambda book: study.declare("micro", book.microprice, group="fair"))
    found = df_declarations(Run.load(out))
    assert found.columns.tolist()[-1] == "quoter"
    assert_frame_equal(found.drop(columns="quoter"), study.declarations(), check_exact=True)
    assert len(found) > 80
