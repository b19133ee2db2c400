"""Make the report of a run again: `python -m scripts.report RUN_DIR`.

Reads nothing but the run directory; writes its `plots/`, `report.pdf`, `report.html`, and the statistics into its
`result.json`.  Exit codes: 0 done; 2 wrong use.
"""

import argparse
import sys
from pathlib import Path

EXIT_DONE, EXIT_USAGE = 0, 2


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="report", description="Make the report of a run again, from its directory.")
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR", help="what scripts.run wrote")
    parser.add_argument("--no-comments", action="store_true", help="leave comments and empty lines out of the code")
    options = parser.parse_args(argv)
    from research.run_report import report_run

    try:
        report = report_run(options.run_dir, include_comments=not options.no_comments)
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE
    print(f"report   {report}  {report.with_suffix('.html').name}")
    return EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())
