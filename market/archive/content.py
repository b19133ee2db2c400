"""What files hold, as hashes: the same content is the same input."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_BLOCK: Final = 1 << 20


def file_hash(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def content_hash(root: Path, files: Iterable[Path]) -> tuple[str, dict[str, str]]:
    """Return one hash over files of an archive, and each one's, by its path from the root.

    The one hash is over the lines `{path} {hash}` in order of path: it does not depend on where the archive lies.
    """
    each = {path.relative_to(root).as_posix(): file_hash(path) for path in files}
    ordered = dict(sorted(each.items()))
    lines = "".join(f"{path} {digest}\n" for path, digest in ordered.items())
    return hashlib.sha256(lines.encode()).hexdigest(), ordered
