"""What goes into a report for machines comes out of it the same."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter

from research.report import write_html, write_report
from research.report_record import RECORD_FILE, RecordError, read_record

RECORD: dict[str, Any] = {
    "kind": "run",
    "config": {"capital": 10_000.0, "text": "</script><b>é\n\"'&\u2028", "start_ns": 1_736_494_200_000_100_000},
    "result": {"pnl": -28.121273825705, "none": None, "list": [1, 2.5, True]},
}


@pytest.mark.parametrize("write", [write_report, write_html])
def test_a_record_comes_back(write: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "out", [("Notes", "text", "text")], provenance={"seed": 7}, record=RECORD)
    assert read_record(file) == {"format": 1, "provenance": {"seed": 7}, **RECORD}


def test_any_reader_of_pdf_finds_the_attachment(tmp_path: Path) -> None:
    file = write_report(tmp_path / "out.pdf", [("Notes", "text", "text")], record=RECORD)
    (content,) = PdfReader(file).attachments[RECORD_FILE]
    assert json.loads(content)["result"] == RECORD["result"]


@settings(max_examples=30)
@given(text=st.text())
def test_no_text_ends_the_block_of_data(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = write_html(tmp_path_factory.mktemp("page") / "out.html", [], record={"text": text})
    assert read_record(file)["text"] == text.encode("utf-8", "replace").decode()


def test_files_without_a_record(tmp_path: Path) -> None:
    page = write_html(tmp_path / "out.html", [("Notes", "text", "text")], record=RECORD)
    page.write_text(re.sub("lockstep-record", "other", page.read_text()))
    bare = tmp_path / "bare.pdf"
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    writer.write(bare)
    (text := tmp_path / "notes.txt").write_text("nothing")
    for file in (page, bare, text):
        with pytest.raises(RecordError, match=r"holds no lockstep-record\.json"):
            read_record(file)
    with pytest.raises(FileNotFoundError):
        read_record(tmp_path / "missing.pdf")


def test_damaged_records(tmp_path: Path) -> None:
    page = write_html(tmp_path / "out.html", [], record=RECORD)
    whole = page.read_text()
    page.write_text(whole.replace('"format": 1,', '"format": 1;'))
    with pytest.raises(RecordError, match="is damaged"):
        read_record(page)
    page.write_text(whole.replace('"format": 1,', '"format": 2,'))
    with pytest.raises(RecordError, match="not of format 1"):
        read_record(page)
    file = write_report(tmp_path / "out.pdf", [], record=RECORD)
    file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(RecordError, match="damaged PDF"):
        read_record(file)
