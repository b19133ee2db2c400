"""A report is checked against a second run: what was tampered with is found, and what is missing is named."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DecodedStreamObject, NameObject

from market.archive.instruments import write_instruments
from market.archive.writer import ArchiveWriter
from research.report_record import RECORD_FILE, read_record
from scripts import report as report_command
from scripts import run as run_command
from scripts.verify_report import EXIT_DIFFERS, EXIT_EQUAL, EXIT_UNCHECKED, main
from sim.config import DataSection
from sim.market_data import GeneratedData

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow

STRATEGY = """
from actors.quoter import Quoter


class Still(Quoter):
    def on_book(self, book):
        step = 2 * (book.asks[0, 0] - book.bids[0, 0])
        i = self.instrument
        self.quote(i, bids=[(i.ticks(book.mid - step), 1000)], asks=[(i.ticks(book.mid + step), 1000)])
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of half a minute, with its reports."""
    out = tmp_path_factory.mktemp("verify") / "run"
    assert run_command.main(["--seconds", "30", "--seed", "3", "--out", str(out)]) == 0
    return out


def verified(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    code = main(list(map(str, arguments)))
    return code, capsys.readouterr().out


def tampered_page(done: Path, target: Path, change: Callable[[str], str]) -> Path:
    whole = (done / "report.html").read_text(encoding="utf-8")
    other = change(whole)
    assert other != whole
    target.write_text(other, encoding="utf-8")
    return target


def tampered_record(done: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """Change the record in an HTML report, and nothing that people read."""
    record = read_record(done / "report.html")
    change(record)
    block = re.compile(r'(id="lockstep-record">\n).*?(\n</script>)', re.DOTALL)
    return tampered_page(
        done, target, lambda page: block.sub(lambda m: m[1] + json.dumps(record).replace("<", "\\u003c") + m[2], page)
    )


def test_untouched(done: Path) -> None:
    """As it is typed, in a process with another hash seed: the numbers match, and the file is the same."""
    for name in ("report.pdf", "report.html"):
        answer = subprocess.run(
            [sys.executable, "-m", "scripts.verify_report", str(done / name)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (answer.returncode, answer.stderr) == (EXIT_EQUAL, "")
        assert "pages    the same, byte for byte" in answer.stdout
        assert re.search(r"numbers  \d{3} match, 0 differ", answer.stdout)


def test_numbers_in_the_record(done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys = ("pnl", "n_fills", "markout_10s")

    def change(record: dict[str, Any]) -> None:
        for key in keys:
            record["result"]["statistics"]["venue"]["bybit"][key] += 1

    code, said = verified(capsys, tampered_record(done, tmp_path / "report.html", change))
    assert code == EXIT_DIFFERS
    for key in keys:
        assert f"statistics.venue.bybit.{key}: " in said
    assert " 3 differ\n" in said


def test_a_number_on_the_page(done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pnl = next(re.finditer(r"<td[^>]*>pnl</td>.*?<td>(-?[\d.]+)</td>", (done / "report.html").read_text()))
    file = tampered_page(
        done, tmp_path / "report.html", lambda page: page.replace(pnl[0], pnl[0].replace(pnl[1], "9.99"))
    )
    code, said = verified(capsys, file)
    assert code == EXIT_DIFFERS
    assert "0 differ\n" in said
    assert re.search(rf"pages    page 1: .*9\.99.* in the report, .*{re.escape(pnl[1])}.* again", said)


def pdf_with(done: Path, target: Path, change: Callable[[PdfWriter], None]) -> Path:
    writer = PdfWriter(clone_from=done / "report.pdf")
    change(writer)
    writer.write(target)
    return target


def test_a_line_of_a_pdf(done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def drop_a_line(writer: PdfWriter) -> None:
        page = writer.pages[1]
        contents = page.get_contents()
        assert contents is not None
        left, n = re.subn(rb"\((?:\\.|[^\\()]){4,}\) Tj", b"() Tj", contents.get_data(), count=1)
        assert n == 1
        stream = DecodedStreamObject()
        stream.set_data(left)
        page[NameObject("/Contents")] = writer._add_object(stream)

    code, said = verified(capsys, pdf_with(done, tmp_path / "report.pdf", drop_a_line))
    assert code == EXIT_DIFFERS
    assert "pages    page 2: " in said


def test_the_record_and_a_picture_of_a_pdf(done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def change_record(writer: PdfWriter) -> None:
        (attached,) = writer.attachment_list
        record = json.loads(attached.content)
        record["result"]["digest"] = "0" * 64
        attached.content = json.dumps(record).encode()

    def swap_pictures(writer: PdfWriter) -> None:
        one, two = (next(iter(p.images)) for p in [p for p in writer.pages if len(p.images)][:2])
        assert two.image is not None
        one.replace(two.image)

    file = pdf_with(done, tmp_path / "record.pdf", change_record)
    assert b"0" * 64 in PdfReader(file).attachments[RECORD_FILE][0]
    code, said = verified(capsys, file)
    assert code == EXIT_DIFFERS
    assert f"digest: {'0' * 64} in the report" in said
    code, said = verified(capsys, pdf_with(done, tmp_path / "picture.pdf", swap_pictures))
    assert code == EXIT_DIFFERS
    assert "the same words, but the file is another one" in said


def test_other_code_and_packages_are_said_only(done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    shutil.copytree(done, out)
    result = json.loads((out / "result.json").read_text())
    result["code"] = {"version": "0.0.9", "commit": "c" * 40, "dirty": True, "sources_sha256": "d" * 64}
    result["packages"]["numpy"] = "1.0"
    (out / "result.json").write_text(json.dumps(result))
    assert report_command.main([str(out)]) == 0
    capsys.readouterr()
    code, said = verified(capsys, out / "report.pdf")
    assert code == EXIT_EQUAL
    assert f"code     other than here: version 0.0.9, commit {'c' * 40}, tree changed, sources {'d' * 64}" in said
    assert "package  numpy: 1.0 in the report" in said


def test_pages_drawn_by_other_code_are_not_compared(
    done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(record: dict[str, Any]) -> None:
        record["drawn_by"]["packages"]["matplotlib"] = "1.0"

    code, said = verified(capsys, tampered_record(done, tmp_path / "report.html", change))
    assert code == EXIT_EQUAL
    assert "pages    not compared" in said
    assert "result   the numbers are equal; the pages were not compared" in said


CANNOT: list[tuple[Callable[[dict[str, Any]], Any], str]] = [
    (lambda r: r["result"]["data"].update(content_hash="e" * 64), f"content hash {'e' * 64} in the report"),
    (lambda r: r["config"]["data"].update(preset="crush"), "'crush'"),
    (lambda r: r["config"].update(sede=1), "'sede'"),
    (lambda r: r["config"]["quoter"][0]["params"].update(note="[redacted]"), "hides a secret in [quoter]"),
    (lambda r: r["config"]["quoter"][0].update(strategy="/gone/maker.py:Maker"), "/gone/maker.py, is not here"),
    (lambda r: r["result"]["outcome"].update(kind="interrupted"), "interrupted"),
    (lambda r: r["result"].update(unfinished="the report"), "before the report was finished"),
    (lambda r: r.update(kind="letter"), "report of a letter: runs and studies"),
    (lambda r: r["result"].pop("data"), "no result with a content hash"),
    (
        lambda r: r["config"]["data"].update(
            source="archive", root="/gone", start="2024-08-08:23", end="2024-08-08:23"
        ),
        "/gone",
    ),
]


@pytest.mark.parametrize(("change", "words"), CANNOT)
def test_what_is_missing_is_named(
    change: Callable[[dict[str, Any]], Any],
    words: str,
    done: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, said = verified(capsys, tampered_record(done, tmp_path / "report.html", change))
    assert code == EXIT_UNCHECKED
    assert words in said.rpartition("cannot check: ")[2]


def test_no_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "page.html").write_text("<html></html>")
    for name, words in (("page.html", "holds no lockstep-record.json"), ("gone.pdf", "gone.pdf")):
        code, said = verified(capsys, tmp_path / name)
        assert code == EXIT_UNCHECKED
        assert words in said


def test_an_archive_and_a_strategy_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They may lie elsewhere; when a file of the archive is another one, it is named before anything runs."""
    there = tmp_path / "there"
    market = GeneratedData(DataSection(seconds=20.0))
    for instrument in market.instruments:
        write_instruments(there / "archive", [instrument])
    for stream in market.streams():
        with ArchiveWriter(there / "archive", market.instruments[stream.instrument], stream.kind) as writer:  # type: ignore[arg-type]
            for chunk in stream.chunks:
                writer.append(chunk)
    (there / "still.py").write_text(STRATEGY)
    hour = next((there / "archive").rglob("*.parquet"))
    window = f"{hour.parent.name}:{hour.stem}"
    (there / "config.toml").write_text(
        f'[data]\nsource = "archive"\nroot = "archive"\nstart = "{window}"\nend = "{window}"\n'
        '[[quoter]]\nname = "still"\nstrategy = "still.py:Still"\ninstruments = ["bybit:SOLUSDT"]\n'
    )
    out = tmp_path / "run"
    assert run_command.main(["--config", str(there / "config.toml"), "--out", str(out)]) == 0
    assert verified(capsys, out / "report.pdf")[0] == EXIT_EQUAL
    here = there.rename(tmp_path / "here")
    code, said = verified(capsys, out / "report.pdf")
    assert (code, f"{there / 'still.py'}, is not here: say where by --code" in said) == (EXIT_UNCHECKED, True)
    code, said = verified(capsys, out / "report.pdf", "--code", here)
    assert code == EXIT_UNCHECKED
    assert f"{there / 'archive'}; say by --archive where the archive lies here" in said
    moved = ("--archive", here / "archive", "--code", here)
    code, said = verified(capsys, out / "report.pdf", *moved)
    assert (code, "byte for byte" in said) == (EXIT_EQUAL, True), said
    (here / "still.py").write_text(STRATEGY.replace("2 *", "3 *"))
    code, said = verified(capsys, out / "report.pdf", *moved)
    assert code == EXIT_DIFFERS
    assert "strategy still.py is another file here" in said
    changed = next((here / "archive" / "bybit").rglob("trades/**/*.parquet"))
    changed.unlink()
    code, said = verified(capsys, out / "report.pdf", *moved)
    assert code == EXIT_UNCHECKED
    assert f"gone: {changed.relative_to(here / 'archive').as_posix()}" in said


def test_the_report_of_a_directory_is_made_again(
    done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    shutil.copytree(done, out)
    names = ("report.pdf", "report.html")
    for name in names:
        (out / name).unlink()
    assert report_command.main([str(out)]) == 0
    assert str(out / "report.pdf") in capsys.readouterr().out
    assert [(out / name).read_bytes() for name in names] == [(done / name).read_bytes() for name in names]
    assert report_command.main([str(tmp_path)]) == report_command.EXIT_USAGE
    assert "no run.toml" in capsys.readouterr().err
