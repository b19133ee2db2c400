"""Values and frames as rows of text: what a table on paper or on a console shows."""

import math
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

MAX_WHOLE = 40  # a frame of more rows is cut
MAX_KEYS = 80  # and so is a mapping of more keys: packages have fifty, the hours of an archive are thousands
HEAD_ROWS = 12
TAIL_ROWS = 6


def text_of(value: Any) -> str:
    """Return a value as people read it."""
    if value is None:
        return "–"
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (float, np.floating)):
        return "–" if math.isnan(value) else f"{value:.6g}"
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    if isinstance(value, (list, tuple)):
        return ", ".join(text_of(v) for v in value) or "–"
    return str(value)


def natural_key(name: object) -> list[tuple[int, str]]:
    """Return what sorts names with numbers in them by size: vamp30k before vamp100k."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", str(name))]


def key_rows(data: Mapping[str, Any], depth: int = 0) -> list[tuple[int, str, str]]:
    """Return (depth, key, value) of nested mappings and lists of mappings; one that opens a level has no value."""
    rows: list[tuple[int, str, str]] = []
    for place, (key, value) in enumerate(data.items()):
        if place == MAX_KEYS - 1 and len(data) > MAX_KEYS:
            rows.append((depth, "…", f"{len(data) - place} more"))
            break
        if isinstance(value, Mapping):
            rows.append((depth, str(key), "" if value else "–"))
            rows += key_rows(value, depth + 1)
        elif isinstance(value, (list, tuple)) and value and all(isinstance(v, Mapping) for v in value):
            for place, entry in enumerate(value):
                rows.append((depth, f"{key} {place}", ""))
                rows += key_rows(entry, depth + 1)
        else:
            rows.append((depth, str(key), text_of(value) or "–"))
    return rows


def frame_rows(frame: pd.DataFrame) -> list[list[str]]:
    """Return a header row and the rows of a frame; of a long one the first and last, with a row of dots between.

    An index without a name that just counts is left out.
    """
    counts = isinstance(frame.index, pd.RangeIndex) and frame.index.name is None
    shown = [frame] if len(frame) <= MAX_WHOLE else [frame.head(HEAD_ROWS), frame.tail(TAIL_ROWS)]
    header = ([] if counts else [", ".join(str(n or "") for n in frame.index.names)]) + [str(c) for c in frame.columns]
    rows = [header]
    for part in shown:
        if len(rows) > 1:
            rows.append(["…"] * len(header))
        columns = [_column(part[c] if part.columns.is_unique else part.iloc[:, i]) for i, c in enumerate(part.columns)]
        if not counts:
            columns.insert(0, [_label(v) for v in part.index])
        rows += [list(row) for row in zip(*columns, strict=True)]
    return rows


def fit_columns(widths: Sequence[float], room: float, dots: float) -> list[int | None]:
    """Choose the columns that fit: the first ones and the last, with None for those cut from the middle."""
    if sum(widths) <= room:
        return list(range(len(widths)))
    room -= widths[0] + dots
    left, right = [0], list[int]()
    begin, end = 1, len(widths) - 1
    while begin <= end:
        from_left = len(left) <= 2 * len(right) + 2
        column = begin if from_left else end
        if widths[column] > room:
            break
        room -= widths[column]
        if from_left:
            left.append(column)
            begin += 1
        else:
            right.insert(0, column)
            end -= 1
    return [*left, None, *right]


def is_text(column: Sequence[str]) -> bool:
    """Whether the cells of a column are words, to be aligned left, rather than numbers."""
    return not any(c[-1:].isdigit() for c in column if c not in ("…", "–")) or any(c[:1].isalpha() for c in column)


def wrap_value(text: str, measure: Callable[[str], float], room: float) -> str:
    """Break a text into lines that fit, anywhere if it has no spaces (a digest, a path)."""
    if measure(text) <= room and "\n" not in text:
        return text
    n = max(8, int(len(text) * room / max(measure(text), 1.0)))
    lines: Iterable[str] = (part for line in text.splitlines() for part in textwrap.wrap(line, n) or [""])
    return "\n".join(lines)


def _label(value: Any) -> str:
    return ", ".join(map(text_of, value)) if isinstance(value, tuple) else text_of(value)


def _column(values: "pd.Series[Any]") -> list[str]:
    """Give all numbers of a column the same decimals: enough for eight figures of the largest, no useless zeros."""
    if not pd.api.types.is_float_dtype(values.dtype):
        return [text_of(v) for v in values]
    numbers = values.to_numpy(dtype=np.float64)
    finite = np.abs(numbers[np.isfinite(numbers)])
    largest = float(finite.max()) if finite.size else 0.0
    if largest == 0.0:
        return ["–" if math.isnan(v) else f"{v:g}" for v in numbers]
    if largest < 1e-2:
        return ["–" if math.isnan(v) else f"{v:.2e}" for v in numbers]
    decimals = min(6, max(0, 7 - math.floor(math.log10(largest))))
    texts = ["–" if math.isnan(v) else f"{v:,.{decimals}f}" for v in numbers]
    while decimals and all(text.endswith("0") or text == "–" for text in texts):
        decimals -= 1
        texts = [text if text == "–" else text[:-1].removesuffix(".") for text in texts]
    return texts
