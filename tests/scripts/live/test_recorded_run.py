"""Live runs on emulated venues that record what they trade on: with orders at the venue, and with orders on paper."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import tomli_w

from market.archive.check import check
from market.archive.layout import path_hour
from market.archive.reader import read_stream
from market.archive.window import hour_text
from market.columns import OwnColumns
from market.order_log import LogKind
from market.units import HOUR
from research.run_data import Run
from scripts.live_demo import CONFIG, EmulatorProcess, open_emulator_process
from scripts.run import main
from sim.config import read_toml

pytestmark = pytest.mark.realtime


@attrs.frozen
class Done:
    """A run that is over, its archive, and what the venues know of the account."""

    out: Path
    archive: Path
    result: dict[str, Any]
    truth: dict[str, Any]
    keys: dict[str, str]


def trade(emulator: EmulatorProcess, folder: Path, seconds: float, execution: str) -> Done:
    folder.mkdir()
    raw = read_toml(CONFIG)
    raw["record"] = {"root": str(folder / "archive"), "raw": True}
    for section in raw["venue"]:
        if section["name"] == "bybit":
            section["execution"] = execution
    source = folder / "given.toml"
    source.write_text(tomli_w.dumps(raw))
    config = emulator.write_config(source, folder)
    keys = emulator.keys()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in keys.items():
            patch.delenv(name, raising=False)
            if execution == "live":
                patch.setenv(name, value)
        words = ["--out", str(folder / "run"), "--seconds", str(seconds), "--no-report"]
        assert main(["--mode", "live", "--config", str(config), *words]) == 0
    result = json.loads((folder / "run" / "result.json").read_text())
    return Done(folder / "run", folder / "archive", result, emulator.truth(), keys)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Done]]:
    """A run on paper first: the account has no order then."""
    folder = tmp_path_factory.mktemp("recorded")
    with open_emulator_process(folder) as emulator:
        yield {each: trade(emulator, folder / each, 3.0, each) for each in ("paper", "live")}


def own(done: Done, kind: Any) -> list[tuple[int, ...]]:
    """Return (what, ts, client id, price, size) of own rows in the archive."""
    found = []
    for path in sorted((done.archive / "bybit" / "SOLUSDT" / kind).glob("*/*.parquet")):
        hour = path_hour(path)
        for chunk in read_stream(done.archive, "bybit", "SOLUSDT", kind, hour, hour + HOUR):
            assert isinstance(chunk, OwnColumns)
            columns = (chunk.what, chunk.ts_recv, chunk.client_id, chunk.price, chunk.size)
            found += [tuple(map(int, row)) for row in zip(*columns, strict=True)]
    return found


@pytest.mark.parametrize("execution", ["paper", "live"])
def test_own_orders_and_fills_are_recorded_as_the_run_has_them(both: dict[str, Done], execution: str) -> None:
    done = both[execution]
    assert (done.result["complete"], done.result["execution"]) == (True, {"bybit": execution})
    assert list(check(done.archive)) == []
    run = Run.load(done.out)
    orders, fills = run.table("orders"), run.table("fills")
    assert len(orders["ts"]) > 5
    wanted = [
        (LogKind[kind].value, *rest)
        for kind, *rest in zip(
            orders["kind"], orders["ts"], orders["client_id"], orders["price"], orders["size"], strict=True
        )
    ]
    assert own(done, "orders") == wanted
    kinds = [LogKind.FILL_MAKER if is_maker else LogKind.FILL_TAKER for is_maker in fills["is_maker"]]
    rows = zip(kinds, fills["ts"], fills["client_id"], fills["price"], fills["size"], strict=True)
    assert own(done, "fills") == [tuple(map(int, row)) for row in rows]


def test_on_paper_the_venue_hears_of_no_order(both: dict[str, Done]) -> None:
    done = both["paper"]
    assert (done.truth["bybit"]["n_fills"], done.truth["bybit"]["n_open"]) == (0, 0)
    assert set(done.truth["bybit"]["positions"].values()) <= {0}


def test_no_key_is_in_an_archive(both: dict[str, Done]) -> None:
    for done in both.values():
        files = [path for path in done.archive.rglob("*") if path.is_file()]
        assert any("@public" in str(path) for path in files)
        assert not any("@private" in str(path) or "@trade" in str(path) for path in files)
        texts = [path.read_bytes() for path in files]
        frames = [
            chunk.data.tobytes()
            for venue in ("bybit", "binance-futures")
            for path in (done.archive / venue).glob("@*/raw/*/*.parquet")
            for chunk in read_stream(
                done.archive, venue, path.parts[-4], "raw", path_hour(path), path_hour(path) + HOUR
            )
            if hasattr(chunk, "data")
        ]
        assert frames
        assert not [key for key in done.keys.values() for text in (*texts, *frames) if key.encode() in text]


def test_what_a_run_recorded_can_be_simulated(both: dict[str, Done], tmp_path: Path) -> None:
    done = both["live"]
    hours = sorted(path_hour(path) for path in done.archive.glob("bybit/SOLUSDT/delta/*/*.parquet"))
    config = tmp_path / "again.toml"
    data = {"source": "archive", "root": str(done.archive), "start": hour_text(hours[0]), "end": hour_text(hours[-1])}
    quoter = {**read_toml(CONFIG)["quoter"][0]}
    config.write_text(tomli_w.dumps({"data": data, "quoter": [quoter]}))
    words = ["--mode", "sim", "--config", str(config), "--out", str(tmp_path / "out"), "--check", "--no-report"]
    assert main(words) == 0
    # the same books were seen; what came while a recording begins or ends may be on one side alone
    live, again = (Run.load(out).table("touch") for out in (done.out, tmp_path / "out"))
    seen = {tuple(row) for row in zip(live["ts_recv"], live["bid"], live["ask"], live["bid_size"], strict=True)}
    shown = [tuple(row) for row in zip(again["ts_recv"], again["bid"], again["ask"], again["bid_size"], strict=True)]
    assert len(shown) > 20
    assert len([row for row in shown if row in seen]) > 0.95 * len(shown)
