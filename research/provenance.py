"""What a result was made by: code, lock, packages, machine."""

import hashlib
import os
import platform
import re
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
PROJECT: Final = "lockstep"
FOLDERS: Final = ("market", "venues", "actors", "sim", "research", "scripts")


def provenance() -> dict[str, Any]:
    """Return `code`, `lock`, `packages` and `machine` of this process, as plain data.

    `code`: version; commit and whether the tree was changed since (None outside of a checkout); sha256 of the sources.
    `lock`: sha256 of `requirements.lock` (None where it is not installed).  `packages`: versions of what the project
    needs, and of what that needs.  `machine`: processor, system, cores, Python.
    """
    return {
        "code": {"version": _version(PROJECT), **_checkout(), "sources_sha256": sources_hash()},
        "lock": {"sha256": _lock_hash()},
        "packages": packages(),
        "machine": machine(),
    }


@cache
def sources_hash(*folders: str) -> str:
    """Return the sha256, hex, over the paths and the content of the project's sources, or of some of its folders."""
    whole = hashlib.sha256()
    for folder in folders or FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            content = file.read_bytes().replace(b"\r\n", b"\n")
            whole.update(f"{file.relative_to(ROOT).as_posix()}\0{len(content)}\0".encode())
            whole.update(content)
    return whole.hexdigest()


def packages() -> dict[str, str]:
    """Return the versions of Python, of the project and of every package that it needs, by name."""
    return {"python": platform.python_version(), **_installed()}


def machine() -> dict[str, Any]:
    """Return what the machine is; its name is nobody's business."""
    return {
        "processor": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
        "cores": os.cpu_count(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


@cache
def _installed() -> dict[str, str]:
    found: dict[str, str] = {}
    waiting = [PROJECT]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            package = distribution(name)
        except PackageNotFoundError:  # for another system or Python
            continue
        found[name] = package.version
        for line in package.requires or ():
            needed, _, condition = line.partition(";")
            if "extra ==" not in condition and (match := re.match(r"[\w.-]+", needed)):
                waiting.append(re.sub(r"[-_.]+", "-", match[0]).lower())
    return dict(sorted(found.items()))


def _version(name: str) -> str:
    try:
        return distribution(name).version
    except PackageNotFoundError:
        return "not installed"


def _checkout() -> dict[str, Any]:
    def git(*words: str) -> str:
        answer = subprocess.run(
            ["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True, timeout=10
        )
        return answer.stdout.strip()

    try:
        # the folder of the sources may lie in somebody else's repository
        if Path(git("rev-parse", "--show-toplevel")).resolve() != ROOT:
            return {"commit": None, "dirty": None}
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError):
        return {"commit": None, "dirty": None}


def _lock_hash() -> str | None:
    file = ROOT / "requirements.lock"
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None
