"""The report of configs, figures, frames, plots, text and code: a PDF, or one HTML file that says the same.

Its bytes are a function of its content: it holds no wall-clock time.  No secret is in it: see `research.redaction`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from research.sections import KINDS, PROVENANCE_TITLE, Kind, Section, compose

__all__ = ["KINDS", "PROVENANCE_TITLE", "Kind", "Section", "write_html", "write_report"]


def write_report(
    path: Path | str,
    sections: Sequence[Section],
    code_file: Path | str | None = None,
    include_comments: bool = True,
    provenance: Mapping[str, Any] | None = None,
    *,
    record: Mapping[str, Any] | None = None,
    title: str = "Simulation report",
    subtitle: str = "",
) -> Path:
    """Write sections as a PDF with contents, code and provenance at the end.

    Args:
        sections: (title, data, kind); consecutive sections of one title share a heading.  `dict`: a mapping, nested or
            not; `frame`: a DataFrame, cut in the middle; `image`: the path of a PNG; `figure`: a matplotlib figure;
            `text`: a string, paragraphs apart by an empty line; `code`: Python source.
        code_file: source to append, with line numbers.
        include_comments: False strips comments and empty lines from all code.
        provenance: what the report was made from: data hashes, seed, command, digest, and what
            `research.provenance.provenance()` says of code, packages and machine.
        record: what else is embedded for machines, beside the provenance: the config and the numbers that a check
            needs to make the same again.  `research.report_record.read_record` reads it.
        title, subtitle: heading of the first page; the time window of the run belongs into the latter.

    Returns:
        `path`; the file is complete or, after an error, not there.

    Raises:
        ValueError: a section's kind is not one of the above.
    """
    from research.report_pdf import write_pdf

    return write_pdf(
        Path(path),
        compose(sections, code_file, include_comments, provenance, record=record, title=title, subtitle=subtitle),
    )


def write_html(
    path: Path | str,
    sections: Sequence[Section],
    code_file: Path | str | None = None,
    include_comments: bool = True,
    provenance: Mapping[str, Any] | None = None,
    *,
    record: Mapping[str, Any] | None = None,
    title: str = "Simulation report",
    subtitle: str = "",
) -> Path:
    """Write the same as `write_report` as one HTML file that needs no other and asks the network for nothing."""
    from research.report_html import write_page

    return write_page(
        Path(path),
        compose(sections, code_file, include_comments, provenance, record=record, title=title, subtitle=subtitle),
    )
