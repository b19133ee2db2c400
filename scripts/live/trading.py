"""What a live run's actors are made of: the same for the run and for whoever follows its journal."""

import tomllib
from pathlib import Path
from typing import Any

import attrs

from actors.runtime.actor import Actor
from actors.runtime.nursery import Nursery
from actors.runtime.wiring import Trading, wire
from market.archive.instrument_record import from_record
from market.instrument import InstrumentTable
from market.messages import Declaration, EquityStamp, OrderRefused
from scripts.live.config import LiveConfig, make_live_config


def trading_of(config: LiveConfig, instruments: InstrumentTable, session: int, folder: Path = Path()) -> Trading:
    """Return what is to be wired.

    Args:
        session: of the client order ids.
        folder: that strategies' files are relative to.
    """
    return Trading(
        instruments,
        config.quoter,
        config.orders,
        config.books,
        depth=config.run.depth,
        stamp_s=config.run.stamp_s,
        session=session,
        folder=folder,
        guard=config.guard,
    )


def wire_like(nursery: Nursery, text: str, where: str, code: Path | None = None) -> None:
    """Wire what a live run wired, from the text of its `run.toml`, for one who follows its journal.

    No shell is ever started, and no table is written.

    Args:
        code: folder of the strategies' files, if they do not lie where they lay.

    Raises:
        ConfigError, ValueError: it is none of a live run.
    """
    raw = tomllib.loads(text)
    run = raw.get("run", {})
    if not isinstance(run, dict) or "session" not in run:
        raise ValueError(f"{where}: it is not the config of a live run: [run] has no session")
    instruments = InstrumentTable(
        from_record(record, f"{where}: [[instrument]] {place}", place)
        for place, record in enumerate(raw.get("instrument", ()))
    )
    config = make_live_config(raw, where)
    if code is not None:
        quoters = tuple(_moved(each, code) for each in config.quoter)
        config = attrs.evolve(config, quoter=quoters)
    trading = attrs.evolve(
        trading_of(config, instruments, run["session"]),
        halted=run.get("halted", ""),
        hand=_never_started if run.get("hand", False) else None,
    )
    connectors = [_never_started for _ in instruments.venues]
    wire(nursery, trading, connectors, _NoTables(), None if config.record is None else _never_started)


def _never_started() -> Actor:
    raise AssertionError("who follows a journal starts no shell")


class _NoTables:
    def stamp(self, stamp: EquityStamp) -> None: ...

    def declare(self, declaration: Declaration) -> None: ...

    def refuse(self, refused: OrderRefused) -> None: ...


def _moved(quoter: Any, code: Path) -> Any:
    file, colon, name = quoter.strategy.rpartition(":")
    return attrs.evolve(quoter, strategy=f"{code / Path(file).name}{colon}{name}") if file.endswith(".py") else quoter
