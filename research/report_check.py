"""Compares what a report says with what the same run says when it is made again."""

import io
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from research.redaction import PLACE_HOLDER
from research.report_record import RECORD_ID

# of `result.json`: what a run takes and where, not what it gives
CIRCUMSTANCES: Final = frozenset(
    {"wall_s", "events_per_s", "command", "code", "lock", "packages", "versions", "machine"}
)
# between machines the last digits of a sum may differ: other processors add in another order
TOLERANCE: Final = 1e-9
ABSENT: Final = "nothing"


@attrs.frozen
class Difference:
    """A number that is another one the second time."""

    name: str
    reported: Any
    again: Any

    def __str__(self) -> str:
        return f"{self.name}: {self.reported} in the report, {self.again} again"


@attrs.frozen
class Comparison:
    """How many values are the same, which are not, and which a report hides."""

    n_equal: int
    differences: tuple[Difference, ...]
    hidden: tuple[str, ...]


def compare_results(reported: Mapping[str, Any], again: Mapping[str, Any]) -> Comparison:
    """Compare two results, value by value; `CIRCUMSTANCES` are passed over.

    Whole numbers and texts must be the same, other numbers within `TOLERANCE` of their size.
    """
    left, right = (
        dict(_leaves({k: v for k, v in result.items() if k not in CIRCUMSTANCES}, "")) for result in (reported, again)
    )
    n_equal, differences, hidden = 0, [], []
    for name in dict.fromkeys((*left, *right)):
        one, two = left.get(name, ABSENT), right.get(name, ABSENT)
        if isinstance(one, str) and PLACE_HOLDER in one:
            hidden.append(name)
        elif _is_same(one, two):
            n_equal += 1
        else:
            differences.append(Difference(name, one, two))
    return Comparison(n_equal, tuple(differences), tuple(hidden))


def as_reported(reported: Mapping[str, Any], again: Mapping[str, Any]) -> dict[str, Any]:
    """Return the second result with the circumstances of the first, in its order: the same report is drawn from it."""
    kept = {
        key: reported[key] if key in CIRCUMSTANCES else again[key]
        for key in reported
        if key in {*again, *CIRCUMSTANCES}
    }
    return {**kept, **{key: value for key, value in again.items() if key not in kept and key not in CIRCUMSTANCES}}


def compare_pages(reported: Path, again: Path, limit: int = 10) -> list[str]:
    """Return where the texts of two PDFs or two HTML files differ, at most `limit` places; the records are left out."""
    pages = [_pages(file.read_bytes()) for file in (reported, again)]
    found = []
    if len(pages[0]) != len(pages[1]):
        found.append(f"{len(pages[0])} pages in the report, {len(pages[1])} again")
    for number, (left, right) in enumerate(zip(*pages, strict=False), start=1):
        if left == right:
            continue
        lines = [text.split("\n") for text in (left, right)]
        place = next((i for i, (one, two) in enumerate(zip(*lines, strict=False)) if one != two), min(map(len, lines)))
        one, two = (text[place][:200] if place < len(text) else ABSENT for text in lines)
        found.append(f"page {number}: {one!r} in the report, {two!r} again")
    return found[:limit]


def _leaves(data: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(data, Mapping) and data:
        for key, value in data.items():
            yield from _leaves(value, f"{name}.{key}" if name else str(key))
    elif isinstance(data, list) and data:
        for place, value in enumerate(data):
            yield from _leaves(value, f"{name}[{place}]")
    else:
        yield name, data


def _is_same(one: Any, two: Any) -> bool:
    if isinstance(one, float) and isinstance(two, float):
        return math.isclose(one, two, rel_tol=TOLERANCE, abs_tol=1e-12) or (math.isnan(one) and math.isnan(two))
    return type(one) is type(two) and bool(one == two)


def _pages(content: bytes) -> list[str]:
    if content.startswith(b"%PDF"):
        from pypdf import PdfReader

        return [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]
    text = content.decode(errors="replace")
    record = re.compile(rf'<script type="application/json" id="{RECORD_ID}">.*?</script>', re.DOTALL)
    return [re.sub(r'"data:[^"]*"', '"data:"', record.sub("", text))]
