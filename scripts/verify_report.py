"""Check a report: `python -m scripts.verify_report REPORT.pdf` (or REPORT.html).

Reads the record that is embedded in the file, runs the same again, and says which numbers match and which do not; then
draws the same report again and says whether its pages match.  Exit codes: 0 equal; 1 something differs; 2 it cannot be
checked, and what is missing.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from research.provenance import machine, packages, sources_hash
from research.report_check import Comparison, compare_pages, compare_results
from research.report_record import RecordError, drawn_by, read_record

if TYPE_CHECKING:
    from scripts.rerun import Rerun

EXIT_EQUAL, EXIT_DIFFERS, EXIT_UNCHECKED = 0, 1, 2
SHOWN = 40  # differences


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    options = _parser().parse_args(argv)
    from scripts.rerun import NotRepeatableError, make_again

    try:
        record = read_record(options.report)
        _say_circumstances(record)
        with tempfile.TemporaryDirectory() as scratch:
            again = make_again(record, Path(scratch) / "run", archive=options.archive, code=options.code)
            for name in again.other_strategies:
                print(f"strategy {name} is another file here than in the report")
            print(f"data     the same: {again.result['data']['content_hash']}")
            numbers = compare_results(record["result"], again.result)
            _say_numbers(numbers)
            is_drawn = _pages_match(options.report, record, again)
    except (RecordError, NotRepeatableError, OSError) as error:
        print(f"cannot check: {error}")
        return EXIT_UNCHECKED
    if numbers.differences or is_drawn is False:
        print("result   DIFFERS")
        return EXIT_DIFFERS
    print("result   equal" if is_drawn else "result   the numbers are equal; the pages were not compared")
    return EXIT_EQUAL


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="verify_report", description="Run what a report is of again, and compare.")
    parser.add_argument("report", type=Path, metavar="REPORT", help="PDF or HTML")
    parser.add_argument("--archive", type=Path, help="where the archive lies here (default: where it lay then)")
    parser.add_argument("--code", type=Path, help="folder of the strategies' files (default: where they lay then)")
    return parser


def _say_circumstances(record: Mapping[str, Any]) -> None:
    """Say where code, packages and machine are others; none of them stops the check."""
    result = record.get("result", {})
    there, here = result.get("code", {}), sources_hash()
    said = f"version {there.get('version')}, commit {there.get('commit')}, tree {_tree(there.get('dirty'))}"
    if there.get("sources_sha256") == here:
        print(f"code     the same: {said}")
    else:
        print(f"code     other than here: {said}, sources {there.get('sources_sha256')}; here {here}")
    theirs, ours = result.get("packages", {}), packages()
    others = [name for name in sorted({*theirs, *ours}) if theirs.get(name) != ours.get(name)]
    for name in others:
        print(f"package  {name}: {theirs.get(name, 'none')} in the report, {ours.get(name, 'none')} here")
    if not others:
        print(f"packages the same {len(ours)}")
    print(f"machine  {'the same kind' if result.get('machine') == machine() else 'another kind'}")


def _say_numbers(numbers: Comparison) -> None:
    print(f"numbers  {numbers.n_equal} match, {len(numbers.differences)} differ")
    for difference in numbers.differences[:SHOWN]:
        print(f"         {difference}")
    if len(numbers.differences) > SHOWN:
        print(f"         and {len(numbers.differences) - SHOWN} more")
    for name in numbers.hidden:
        print(f"         {name}: hidden in the report, not compared")


def _pages_match(report: Path, record: Mapping[str, Any], again: "Rerun") -> bool | None:
    """Draw the report again and compare; None where what draws is another one, so that nothing can be said."""
    if record.get("drawn_by") != drawn_by() or again.other_strategies:
        print("pages    not compared: the code or the packages that draw them are others here")
        return None
    made = again.redraw(record)
    if not report.read_bytes().startswith(b"%PDF"):
        made = made.with_suffix(".html")
    if made.read_bytes() == report.read_bytes():
        print("pages    the same, byte for byte")
        return True
    differences = compare_pages(report, made)
    for difference in differences:
        print(f"pages    {difference}")
    if differences:
        return False
    if record["result"].get("machine") != machine():
        print("pages    the same words; pictures are not compared between machines of two kinds")
        return True
    print("pages    the same words, but the file is another one: a picture, the drawing or the record")
    return False


def _tree(dirty: bool | None) -> str:
    return {True: "changed", False: "clean", None: "unknown"}[dirty]


if __name__ == "__main__":
    sys.exit(main())
