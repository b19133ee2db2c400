"""The HTML file says what the PDF says, needs no other file, and asks the network for nothing."""

import html.parser
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from matplotlib.figure import Figure

from research.report import write_html
from research.run_report import report_run
from tests.research.run_writer import market_run

VOID = {"meta", "link", "img", "br", "col", "hr", "input"}


class Outline(html.parser.HTMLParser):
    """Elements that are opened and closed in order, what they point at, and the text outside of data and style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        assert not any(name.startswith("on") for name in found), "no script"
        self.links += [
            str(found[name]) for name in ("src", "href", "data", "action", "poster", "srcset") if name in found
        ]
        if "id" in found:
            self.ids.append(str(found["id"]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.text += data


def outline(sections: list[Any], path: Path, **options: Any) -> Outline:
    found = Outline(write_html(path / "out.html", sections, **options).read_text(encoding="utf-8"))
    assert found.open == []
    return found


def test_every_kind_of_section(tmp_path: Path) -> None:
    code = tmp_path / "maker.py"
    code.write_text("# reason\nclass Maker:\n\tspread = '<b>'  # bps\n")
    sections: list[Any] = [
        ("Config", {"seed": 7, "nested": {"fees": [0.1, 0.2]}}, "dict"),
        ("PnL", pd.DataFrame({"pnl": range(100), "venue": ["bybit"] * 100}), "frame"),
        ("PnL", Figure(), "figure"),
        ("Notes", "First <b>paragraph</b> & more.\n\nSecond one.", "text"),
    ]
    found = outline(sections, tmp_path, code_file=code, provenance={"commit": "abc"}, title="A & B", subtitle="when")
    for expected in (
        "A & B",
        "when",
        "0.1, 0.2",
        "100 rows × 2 columns",
        "First <b>paragraph</b> & more.",
        "# reason",
        "    spread = '<b>'  # bps",
        "Strategy code: maker.py",
        "abc",
    ):
        assert expected in found.text, expected
    assert found.text.count("bybit") == 18, "a long frame is cut"
    assert {"b", "a"} & set(found.tags) == {"a"}
    anchors = [link for link in found.links if link.startswith("#")]
    assert [link[1:] for link in anchors] == [name for name in found.ids if name.startswith("section-")]
    assert len(anchors) == 5
    bare = outline(sections, tmp_path, code_file=code, include_comments=False)
    assert "# reason" not in bare.text
    assert "data-n" not in bare.text


@pytest.mark.slow
def test_a_short_run_has_no_markouts_beyond_its_end(tmp_path: Path) -> None:
    page = report_run(market_run(tmp_path / "run", seconds=60).path).with_suffix(".html").read_text(encoding="utf-8")
    assert re.search(r">\s*11s\s*<", page)
    assert not re.search(r">\s*66s\s*<", page)


@pytest.mark.slow
def test_a_run_as_one_file(tmp_path: Path) -> None:
    run = market_run(tmp_path / "run")
    page = report_run(run.path).with_suffix(".html").read_text(encoding="utf-8")
    found = Outline(page)
    assert found.open == []
    assert all(re.match(r"#section-\d+$|data:image/png;base64,", link) for link in found.links)
    assert not re.search(r"url\(|@import|https?://", page), "no address at all"
    assert "default-src 'none'" in page
    assert found.tags.count("img") == len(list((run.path / "plots").iterdir()))
    assert found.tags.count("script") == 1, "the block of data, which no browser runs"
    for expected in ("2025-01-10 01:00:00 to 2025-01-10 01:05:00 UTC", "max_drawdown_pct", "fill_model", "d1" * 32):
        assert expected in found.text, expected
    for scheme in ("prefers-color-scheme: dark", "@media print"):
        assert scheme in page
