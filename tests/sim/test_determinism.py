"""Same config and seed, same digest: whatever the machine, the process, the chunks, and the way of delivery."""

import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import attrs
import pytest

from market.columns import Columns
from market.units import InstrumentId
from sim import generator
from sim.config import DataSection, RunConfig, RunSection, make_config
from sim.market_data import ColumnData, open_market
from sim.simulation import Simulation
from tests.golden.runs import FOLDER, NAMES, expected, run_golden, summary
from tests.sim.generated import joined
from tests.sim.golden_process import numpy_features

ROOT = Path(__file__).resolve().parents[2]
DISABLED_NUMPY = {"NPY_DISABLE_CPU_FEATURES": " ".join(numpy_features())}
PLAIN_LIBM = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA"}
GENERIC_CPU = {"NUMBA_CPU_NAME": "generic"}


@cache
def process(*switches: tuple[str, str]) -> dict[str, Any]:
    """Run all goldens in a process with these environment variables."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **dict(switches)}
    command = [sys.executable, "-W", "ignore", "-m", "tests.sim.golden_process"]
    answer = subprocess.run(command, check=False, env=env, cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    found: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return found


def switched(variables: dict[str, str]) -> dict[str, Any]:
    return process(*variables.items())


def same(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Fail readably: what was counted says more than a digest, so it is compared first."""
    counts = [key for key in wanted if key != "digest"]
    assert {key: found[key] for key in counts} == {key: wanted[key] for key in counts}
    assert found["digest"] == wanted["digest"], "the counts are the same, the digest is not"


@pytest.mark.parametrize("name", NAMES)
def test_each_golden_comes_to_what_it_came_to(name: str) -> None:
    same(run_golden(name), expected(name))


def test_every_golden_trades_on_enough_to_prove_something() -> None:
    assert {name for name in NAMES if expected(name)["fills"] < 5} == set()
    assert sum(expected(name)["fills"] for name in NAMES) > 100


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_hashing_does_not_matter(name: str) -> None:
    first, second = switched({"PYTHONHASHSEED": "0"}), switched({"PYTHONHASHSEED": "4242"})
    assert first["seen"]["hash"] != second["seen"]["hash"]
    same(first["runs"][name], expected(name))
    same(second["runs"][name], expected(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_what_numpy_may_use_does_not_matter(name: str) -> None:
    if not any(numpy_features().values()):
        pytest.skip("this CPU has nothing beyond numpy's baseline")
    plain = switched(DISABLED_NUMPY)
    assert plain["seen"]["numpy"] == []
    same(plain["runs"][name], expected(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_what_libm_may_use_does_not_matter(name: str) -> None:
    usual, plain = switched({"PYTHONHASHSEED": "0"}), switched(PLAIN_LIBM)
    if usual["seen"]["libm"] == plain["seen"]["libm"]:
        pytest.skip("this libm gives the same last bits with and without fused multiply-add")
    same(plain["runs"][name], expected(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_what_the_kernels_are_compiled_for_does_not_matter(name: str) -> None:
    usual, generic = switched({"PYTHONHASHSEED": "0"}), switched(GENERIC_CPU)
    assert generic["seen"]["numba"] == ["generic", ""]
    assert usual["seen"]["numba"] != ["generic", ""]
    same(generic["runs"][name], expected(name))


@pytest.mark.parametrize("name", ["default", "deltas", "service", "keeper-crash"])
def test_messages_instead_of_mirrors_do_not_matter(name: str) -> None:
    same(run_golden(name, deliver="all"), expected(name))


@cache
def short_market() -> tuple[ColumnData, dict[str, Any]]:
    """Twelve seconds of deltas in one chunk each, and what a run on them comes to."""
    instruments, config = generator.deltas_market(7, 12.0)
    feeds: list[tuple[InstrumentId, str, Columns]] = []
    for stream in generator.generate(config):
        chunks = list(stream.chunks)
        if chunks:
            feeds.append((stream.instrument, stream.kind, joined(chunks)))
    data = ColumnData(instruments, feeds, chunk_rows=1 << 30)
    return data, chunked(data)


def chunked(data: ColumnData) -> dict[str, Any]:
    """Run on `data`, with seeded feed latencies: they too must not depend on the chunks."""
    feed = {"model": "lognormal", "median_ms": 4, "sigma": 0.5}
    config = make_config({"data": {"seconds": 12}, "venue": [{"name": "bybit", "latency": {"feed_public": feed}}]})
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        simulation = Simulation(config, data, out)
        result = simulation.finish(simulation.run(), 0.0)
        return summary(out, result, simulation.figures().pnl)


@pytest.mark.parametrize("rows", [1, 2, 3, 1000])
def test_chunks_do_not_matter(rows: int) -> None:
    data, wanted = short_market()
    assert wanted["orders"] > 50
    same(chunked(attrs.evolve(data, chunk_rows=rows)), wanted)


def test_a_seed_matters() -> None:
    # or nothing above would prove anything
    digests = set()
    for seed in (7, 8):
        config = RunConfig(RunSection(seed=seed), DataSection(seed=seed, seconds=10.0))
        digests.add(golden_of(config))
    assert len(digests) == 2


def golden_of(config: RunConfig) -> str:
    """Return the digest of a config's run."""
    with tempfile.TemporaryDirectory() as scratch:
        simulation = Simulation(config, open_market(config, FOLDER), Path(scratch))
        digest: str = simulation.finish(simulation.run(), 0.0)["digest"]
        return digest
