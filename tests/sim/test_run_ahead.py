"""Running ahead of the kernels: what a strategy sees and does is what it would with every message delivered."""

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.archive.run_tables import RunTables
from market.book import Book
from market.messages import EquityStamp
from market.stream import Stream
from market.tape import Tape
from market.units import MS
from sim.config import make_config
from sim.market_data import GeneratedData
from sim.plain_stamps import PlainStamps
from sim.simulation import Simulation
from sim.source import MarketSource
from sim.source_partners import NoStamps
from tests.sim.crash_runs import market

RARE = "tests.sim.rare_reader:RareReader"
TABLES = ("declarations", "touch", "trades", "equity", "fills")


class InSteps(GeneratedData):
    """A market in which everything comes at full milliseconds, as timers do."""

    def streams(self) -> list[Stream]:
        return [attrs.evolve(stream, chunks=map(in_steps, stream.chunks)) for stream in super().streams()]


def in_steps(columns: Any) -> Any:
    return attrs.evolve(columns, **{name: getattr(columns, name) // MS * MS for name in ("ts_venue", "ts_recv")})


def run(out: Path, deliver: str, seed: int, params: dict[str, Any], stamp_s: float = 1.0) -> dict[str, Any]:
    """Run the strategy for 20 s; return what it declared, the digest and the counts."""
    out.mkdir()
    config = make_config(
        {
            "run": {"deliver": deliver, "seed": seed, "stamp_s": stamp_s},
            "data": {"preset": "crash", "seconds": 20.0, "seed": seed},
            "quoter": [
                {
                    "name": "rare",
                    "strategy": RARE,
                    "instruments": ["bybit:SOLUSDT"],
                    "references": ["binance-futures:SOLUSDT"],
                    "params": params,
                }
            ],
        }
    )
    simulation = Simulation(config, InSteps(config.data), out)
    result = simulation.finish(simulation.run(), 0.0)
    # as text, in which NaN is NaN
    tables = {name: str(pq.read_table(out / f"{name}.parquet").to_pylist()) for name in TABLES}
    return {**{key: result[key] for key in ("digest", "n_events", "n_messages", "until_ns")}, **tables}


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 1000),
    read=st.sampled_from([0.0, 0.002, 0.05, 1.0]),
    quote=st.sampled_from([0.0, 0.002, 0.05]),
    crash=st.sampled_from([0.0, 0.0, 0.001]),
    stamp_s=st.sampled_from([0.003, 0.05, 1.0]),
)
def test_it_is_seen_and_done_as_if_all_were_delivered(
    tmp_path_factory: pytest.TempPathFactory, seed: int, read: float, quote: float, crash: float, stamp_s: float
) -> None:
    params = {"seed": seed, "read_chance": read, "quote_chance": quote, "crash_chance": crash}
    folder = tmp_path_factory.mktemp("ahead")
    mirrored = run(folder / "mirrors", "mirrors", seed, params, stamp_s)
    whole = run(folder / "all", "all", seed, params, stamp_s)
    assert mirrored.pop("n_messages") <= whole.pop("n_messages")
    assert mirrored == whole


def test_who_looks_at_nothing_is_run_ahead_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    run_ahead = MarketSource._run_ahead

    def count(source: MarketSource, until: int, lines: Any) -> bool:
        before = source.n_events
        spoke = run_ahead(source, until, lines)
        told.append(source.n_events - before)
        return spoke

    monkeypatch.setattr(MarketSource, "_run_ahead", count)
    whole = run(tmp_path / "run", "mirrors", 1, {"read_chance": 0.0})
    assert sum(told) > 0.9 * whole["n_events"]


@pytest.mark.parametrize("quote", [0.0, 0.01])
def test_rows_of_equity_made_at_once_count_as_delivered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quote: float
) -> None:
    made: list[int] = []
    make = PlainStamps.make

    def count(stamps: PlainStamps, times: Any, marks: Any) -> None:
        made.append(len(times))
        make(stamps, times, marks)

    monkeypatch.setattr(PlainStamps, "make", count)
    params = {"read_chance": 0.0, "quote_chance": quote, "seed": 3}
    at_once = run(tmp_path / "at-once", "mirrors", 1, params, 0.05)
    assert sum(made) > (0 if quote else 350), "of 400"
    monkeypatch.setattr(PlainStamps, "look", NoStamps.look)
    assert run(tmp_path / "each", "mirrors", 1, params, 0.05) == at_once


def test_a_row_of_equity_that_cannot_be_kept_costs_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    n_stamped = 0
    stamp = RunTables.stamp

    def fail_once(tables: RunTables, row: EquityStamp) -> None:
        nonlocal n_stamped
        n_stamped += 1
        if n_stamped == 100:
            raise OSError("no space left")
        stamp(tables, row)

    monkeypatch.setattr(RunTables, "stamp", fail_once)
    run(tmp_path / "run", "mirrors", 1, {"read_chance": 0.0}, 0.05)
    times = pq.read_table(tmp_path / "run" / "equity.parquet")["ts"].to_numpy()
    steps, counts = np.unique(np.diff(times), return_counts=True)
    assert dict(zip(steps.tolist(), counts.tolist(), strict=True))[100 * MS] == 1
    assert counts[steps == 50 * MS][0] >= 395


READERS: dict[type, dict[str, tuple[float, ...]]] = {
    Book: {
        "level": (1,),
        "price": (1,),
        "prices": (),
        "imbalance": (),
        "weighted_mid": (),
        "vamp": (1.0,),
        "impact_price": (1, 1.0),
        "impact_spread": (1.0,),
        "worst_price": (1, 1.0),
        "cumulative": (1, 1e9),
        "copy": (),
        "update": (),
    },
    Tape: {
        "rows": (),
        "sample": (),
        "notional": (5,),
        "imbalance": (),
        "flow_pnl": (),
        "volatility": (),
    },
}
NOT_READ = {"depth", "instrument", "is_attached", "n_unknown_deletes", "late"}
WRITERS = {"attach", "attached", "detach", "load", "load_when_read", "apply", "clear", "append"}


@pytest.mark.parametrize("kind", [Book, Tape])
def test_whatever_is_read_of_a_mirror_catches_up_first(kind: type[Book] | type[Tape]) -> None:
    instrument = market(1, 1.0).instruments[0]
    for name in dir(kind):
        if name.startswith("_") or name in NOT_READ | WRITERS:
            continue
        calls: list[str] = []
        mirror = kind(instrument)
        mirror.late = lambda calls=calls: calls.append("late")
        found = getattr(mirror, name)
        if callable(found):
            found(*READERS[kind][name])
        assert calls, f"{kind.__name__}.{name} was read without catching up"
    calls = []
    tape = Tape(instrument)
    tape.late = lambda: calls.append("late")
    len(tape)
    assert calls
