"""The rules of docs/architecture.md that a reader of one file cannot see: who may import whom, and what may decide.

Every rule is one function from a module's syntax tree to complaints; each is tried below on a line that breaks it.
"""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import attrs
import pytest

import sim

ROOT: Final = Path(__file__).resolve().parent.parent

# package -> the packages of ours that it may import, also under TYPE_CHECKING
MAY_IMPORT: Final = {
    "market": {"market"},
    "venues": {"market", "venues"},
    "actors": {"market", "venues", "actors"},
    "sim": {"market", "venues", "actors", "sim"},
    "research": {"market", "research", *(f"sim.{name}" for name in sim.__all__)},
    "scripts": {"market", "venues", "actors", "sim", "research", "scripts"},
}
MARKET_THIRD_PARTY: Final = {"attrs", "msgspec", "numpy"}
# where the live world is let in; everything else runs the same in simulation
TRIO_PLACES: Final = (
    "venues/**/*shell.py",
    "actors/*shell.py",
    "actors/runtime/*.py",
    "sim/emulator/*.py",
    "sim/**/*shell.py",
    "scripts/*.py",
    "scripts/live/*.py",
)
# a disk is waited for here, by a recorder, which is never replayed
THREAD_PLACES: Final = ("market/archive/side_by_side.py",)
CLOCKS_AND_CHANCE: Final = (
    "time.",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.date.today",
    "pandas.Timestamp.now",
    "pandas.Timestamp.utcnow",
    "uuid.",
    "secrets.",
    "os.urandom",
    "os.getrandom",
    "random.",
    "numpy.random.",
    "trio.current_time",
    "trio.sleep",
)
# these are what a seed is given to; a call of them without one is caught below
SEEDED: Final = {"random.Random", "numpy.random.default_rng", "numpy.random.SeedSequence", "numpy.random.PCG64"}
SEEDED_TYPES: Final = {"numpy.random.Generator", "numpy.random.BitGenerator"}
# the live shells, where clocks are read and handed down
CLOCK_READERS: Final = (
    "venues/**/*shell.py",
    "actors/*shell.py",
    "actors/runtime/live*.py",
    "sim/emulator/*.py",
    "sim/**/*shell.py",
)
REPLAYED: Final = ("market", "venues", "actors", "sim", "research")


@attrs.frozen
class Module:
    """One parsed file: its path from the root and every dotted name that it imports, by the local name."""

    path: str
    tree: ast.Module

    @property
    def package(self) -> str:
        return self.path.split("/")[0]

    @property
    def has_kernels(self) -> bool:
        name = self.path.rsplit("/", 1)[-1]
        return name == "kernels.py" or name.endswith("_kernels.py")

    def is_at(self, *patterns: str) -> bool:
        # Path.match knows no `**` before Python 3.13, so the middle is matched by hand
        for pattern in patterns:
            first, deep, last = pattern.partition("/**/")
            if Path(self.path).match(pattern.replace("/**/", "/")):
                return True
            if deep and self.path.startswith(first + "/") and Path(self.path).match(last):
                return True
        return False

    def imports(self) -> Iterator[tuple[int, str, str]]:
        """Yield (line, local name, dotted name) of each import; a relative one is made absolute."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield node.lineno, alias.asname or alias.name, alias.name
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    folders = self.path.split("/")[: -node.level]
                    base = ".".join([*folders, base] if base else folders)
                for alias in node.names:
                    yield node.lineno, alias.asname or alias.name, f"{base}.{alias.name}"

    def uses(self) -> Iterator[tuple[ast.expr, str]]:
        """Yield each expression that names something imported, with the dotted name that it stands for."""
        # `import a.b` binds `a`, which stands for itself
        known = {}
        for _, local, dotted in self.imports():
            top = local.split(".")[0]
            known[top] = dotted if top == local else top
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name | ast.Attribute):
                parts: list[str] = []
                inner: ast.expr = node
                while isinstance(inner, ast.Attribute):
                    parts.append(inner.attr)
                    inner = inner.value
                if isinstance(inner, ast.Name) and inner.id in known:
                    yield node, ".".join([known[inner.id], *reversed(parts)])


def is_within(dotted: str, package: str) -> bool:
    return dotted == package or dotted.startswith(package + ".")


# --- the rules -------------------------------------------------------------------------------------------------------


def one_direction(module: Module) -> Iterator[str]:
    """Arrows point one way only."""
    if module.package not in MAY_IMPORT:
        return
    allowed = MAY_IMPORT[module.package]
    for line, _, dotted in module.imports():
        own = dotted.split(".")[0]
        ours = own in MAY_IMPORT or own == "tests"
        if ours and not any(is_within(dotted, package) for package in allowed):
            yield f"{line}: {module.package} may not import {dotted}; allowed: {', '.join(sorted(allowed))}"


def emulator_shares_nothing(module: Module) -> Iterator[str]:
    """An emulated venue judges our codecs, so it may share none with them."""
    if not module.path.startswith("sim/emulator/"):
        return
    for line, _, dotted in module.imports():
        if is_within(dotted, "venues"):
            yield f"{line}: the emulator may not import {dotted}: it would prove nothing of it"


def market_stays_small(module: Module) -> Iterator[str]:
    """The vocabulary needs little: what it imports, everything imports."""
    if module.package != "market":
        return
    allowed = MARKET_THIRD_PARTY | ({"fsspec", "pyarrow"} if module.path.startswith("market/archive/") else set())
    allowed = allowed | ({"numba"} if module.path == "market/jit.py" else set())
    for line, _, dotted in module.imports():
        top = dotted.split(".")[0]
        if top not in sys.stdlib_module_names | allowed | {"market"} and top not in MAY_IMPORT:
            yield f"{line}: {module.path} may not import {top}"


def trio_in_shells(module: Module) -> Iterator[str]:
    """What decides is synchronous; Trio is in the shells around it."""
    if module.package not in MAY_IMPORT:
        return
    for line, _, dotted in module.imports():
        top = dotted.split(".")[0]
        has_threads = top == "threading" and module.is_at(*THREAD_PLACES)
        if top in {"asyncio", "threading", "multiprocessing"} and module.package in REPLAYED and not has_threads:
            yield f"{line}: {top} has no place here"
        if top in {"trio", "trio_websocket"} and not module.is_at(*TRIO_PLACES):
            yield f"{line}: {top} may be imported only in {', '.join(TRIO_PLACES)}"
    if module.is_at("scripts/*.py"):
        for node, dotted in module.uses():
            if dotted.startswith("trio.") and dotted != "trio.run":
                yield f"{node.lineno}: a script calls trio.run and nothing else of Trio, not {dotted}"


def kernels_in_their_files(module: Module) -> Iterator[str]:
    """The kernel cache is named by the kernel files: what is compiled, and its constants, must stand in them."""
    if module.path == "market/jit.py" or module.package not in MAY_IMPORT:
        return
    foreign = set()
    for line, local, dotted in module.imports():
        if is_within(dotted, "numba"):
            yield f"{line}: numba is reached through market.jit alone, which chooses its cache"
        if dotted == "market.jit.njit" and not module.has_kernels:
            yield f"{line}: njit is for kernels.py and *_kernels.py: the cache's name does not see this file"
        ours = dotted.split(".")[0] in MAY_IMPORT and dotted != "market.jit.njit"
        if ours and not dotted.split(".")[-2].endswith("kernels"):
            foreign.add(local)
    if not module.has_kernels:
        return
    if module.package not in {"market", "sim", "research"}:
        yield f"1: kernels in {module.package}/ are not seen by market.jit.kernel_sources"
    for function in ast.walk(module.tree):
        if isinstance(function, ast.FunctionDef):
            for node in (inner for statement in function.body for inner in ast.walk(statement)):
                if isinstance(node, ast.Name) and node.id in foreign:
                    yield f"{node.lineno}: {node.id} comes from a file that the cache's name does not see"


def no_clock_no_chance(module: Module) -> Iterator[str]:
    """Time is handed in and chance is seeded: the same inputs give the same trace."""
    if module.package not in REPLAYED or module.is_at(*CLOCK_READERS):
        return
    calls = {id(node.func): node for node in ast.walk(module.tree) if isinstance(node, ast.Call)}
    for node, dotted in module.uses():
        if dotted in SEEDED_TYPES:
            continue
        if dotted in SEEDED:
            call = calls.get(id(node))
            if call is not None and not call.args and not call.keywords:
                yield f"{node.lineno}: {dotted} without a seed"
        elif dotted.startswith(CLOCKS_AND_CHANCE):
            yield f"{node.lineno}: {dotted} reads a clock or unseeded chance"


def no_accidental_order(module: Module) -> Iterator[str]:
    """The order of a set, an address or a string's hash differs from process to process."""
    if module.package not in {"market", "venues", "actors", "sim"}:
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.For | ast.comprehension):
            each = node.iter
            maker = each.func if isinstance(each, ast.Call) else None
            is_made = isinstance(maker, ast.Name) and maker.id in {"set", "frozenset"}
            if isinstance(each, ast.Set | ast.SetComp) or is_made:
                yield f"{each.lineno}: the order of a set decides here; sort it or use a dict"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"id", "hash"}:
            yield f"{node.lineno}: {node.func.id}() differs from process to process"


def one_door(module: Module) -> Iterator[str]:
    """A module whose name begins with `_` is reached through its package."""
    for line, _, dotted in module.imports():
        folder, underscore, _ = dotted.partition("._")
        is_inside = (module.path.rpartition("/")[0] + "/").startswith(folder.replace(".", "/") + "/")
        if underscore and folder.split(".")[0] in MAY_IMPORT and not is_inside:
            yield f"{line}: import from {folder}, not {dotted}"


RULES: Final[tuple[Callable[[Module], Iterator[str]], ...]] = (
    one_direction,
    emulator_shares_nothing,
    market_stays_small,
    trio_in_shells,
    kernels_in_their_files,
    no_clock_no_chance,
    no_accidental_order,
    one_door,
)


# --- the project obeys them ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_package_obeys_every_rule(package: str) -> None:
    complaints = []
    for path in sorted((ROOT / package).rglob("*.py")):
        module = Module(path.relative_to(ROOT).as_posix(), ast.parse(path.read_text()))
        complaints += [f"{module.path}:{text}" for rule in RULES for text in rule(module)]
    assert not complaints, "\n".join(complaints)


def test_every_folder_of_code_has_a_row_in_the_table() -> None:
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert found == set(MAY_IMPORT)


def test_market_loads_without_trio_and_pandas() -> None:
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted((ROOT / "market").rglob("*.py"))
    ]
    program = f"import importlib, sys\nfor name in {names}: importlib.import_module(name)\n"
    program += "print({'trio', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("set()\n", 0), done.stderr


# --- the rules see what they are for ---------------------------------------------------------------------------------

BROKEN: Final = [
    (one_direction, "market/book.py", "from actors.quoter import Quoter"),
    (one_direction, "market/book.py", "if TYPE_CHECKING:\n    import sim"),
    (one_direction, "venues/binance/codec.py", "from sim.clock import Clock"),
    (one_direction, "actors/quoter.py", "def f():\n    from sim import clock"),
    (one_direction, "research/plots.py", "from sim.clock import Clock"),
    (one_direction, "research/plots.py", "import actors"),
    (one_direction, "research/study.py", "from sim.market import Market"),
    (one_direction, "research/study.py", "import sim"),
    (one_direction, "sim/simulation.py", "from ..research import plots"),
    (one_direction, "scripts/run.py", "from tests.conftest import shared"),
    (emulator_shares_nothing, "sim/emulator/bybit/signing.py", "from venues.bybit.signing import sign"),
    (emulator_shares_nothing, "sim/emulator/server.py", "def f():\n    import venues"),
    (market_stays_small, "market/book.py", "import pandas as pd"),
    (market_stays_small, "market/tape.py", "import pyarrow"),
    (market_stays_small, "market/tape.py", "import fsspec"),
    (trio_in_shells, "market/book.py", "import trio"),
    (trio_in_shells, "actors/quoter.py", "from trio import Nursery"),
    (trio_in_shells, "sim/nursery.py", "import trio"),
    (trio_in_shells, "sim/nursery.py", "import threading"),
    (trio_in_shells, "market/archive/recorder.py", "import threading"),
    (trio_in_shells, "scripts/run.py", "import trio\ntrio.open_nursery()"),
    (kernels_in_their_files, "market/book.py", "from market.jit import njit"),
    (kernels_in_their_files, "sim/kernels.py", "import numba"),
    (kernels_in_their_files, "actors/kernels.py", "from market.jit import njit"),
    (kernels_in_their_files, "sim/kernels.py", "from market.units import MS\ndef f(t: int) -> int:\n    return t + MS"),
    (no_clock_no_chance, "sim/simulation.py", "import time\ntime.perf_counter()"),
    (no_clock_no_chance, "sim/simulation.py", "from time import time as now\nclock = now"),
    (no_clock_no_chance, "actors/quoter.py", "from datetime import datetime\ndatetime.now()"),
    (no_clock_no_chance, "actors/quoter.py", "import datetime as dt\ndt.datetime.now()"),
    (no_clock_no_chance, "actors/order_manager.py", "import uuid\nuuid.uuid4()"),
    (no_clock_no_chance, "sim/latency.py", "import random\nrandom.random()"),
    (no_clock_no_chance, "sim/latency.py", "import random\nrandom.Random()"),
    (no_clock_no_chance, "sim/latency.py", "import numpy as np\nnp.random.normal()"),
    (no_clock_no_chance, "research/study.py", "import numpy as np\nnp.random.default_rng()"),
    (no_accidental_order, "sim/simulation.py", "for x in {1, 2}:\n    print(x)"),
    (no_accidental_order, "actors/quoter.py", "[x for x in set(y)]"),
    (no_accidental_order, "market/book.py", "sorted(y, key=lambda x: id(x))"),
    (one_door, "actors/quoter.py", "from market.messages._orders import Fill"),
    (one_door, "market/orders.py", "import market.messages._orders"),
]

WHOLE: Final = [
    ("market/messages/_account.py", "from market.messages._orders import Fill"),
    ("market/archive/reader.py", "import pyarrow.parquet as pq"),
    ("market/archive/side_by_side.py", "import threading"),
    ("research/study.py", "from sim import Market, replay"),
    ("research/study.py", "from sim import replay"),
    ("actors/runtime/live.py", "import trio"),
    ("sim/venue_shell.py", "import trio"),
    ("sim/emulator/server.py", "import trio\nfrom actors.runtime.live_clock import LiveClock"),
    ("venues/binance/socket_shell.py", "import trio\nimport time\ntime.time_ns()"),
    ("scripts/run.py", "import trio\nfrom sim import clock\ntrio.run(clock)"),
    (
        "sim/kernels.py",
        "from market.units import Nanos\nfrom market.jit import njit\ndef f(t: Nanos) -> Nanos:\n    return t",
    ),
    ("sim/kernels.py", "from market.kernels import walk\ndef f(t: int) -> int:\n    return walk(t)"),
    ("sim/latency.py", "import random\nimport numpy as np\nrandom.Random(7)\nnp.random.default_rng(seed=7)"),
    ("sim/latency.py", "import numpy as np\ndef f(rng: np.random.Generator) -> float:\n    return rng.normal()"),
    ("actors/quoter.py", "for x in sorted({1, 2}):\n    print(x)"),
]


@pytest.mark.parametrize(("rule", "path", "source"), BROKEN)
def test_rule_sees_a_breach(rule: Callable[[Module], Iterator[str]], path: str, source: str) -> None:
    assert list(rule(Module(path, ast.parse(source))))


@pytest.mark.parametrize(("path", "source"), WHOLE)
def test_rules_let_pass_what_is_right(path: str, source: str) -> None:
    module = Module(path, ast.parse(source))
    assert [text for rule in RULES for text in rule(module)] == []
