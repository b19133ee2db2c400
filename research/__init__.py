"""Studies of markets and of run directories: estimators, figures, frames, plots, report.

Names are loaded when they are first used: importing `research` alone costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from research.console import print_statistics
    from research.regression import Regression
    from research.report import write_html, write_report
    from research.run_data import Run
    from research.run_report import add_statistics, report_run
    from research.run_statistics import statistics
    from research.study import Study

__all__ = [
    "Regression",
    "Run",
    "Study",
    "add_statistics",
    "print_statistics",
    "report_run",
    "statistics",
    "write_html",
    "write_report",
]

_HOME = {
    "Regression": "regression",
    "Run": "run_data",
    "Study": "study",
    "add_statistics": "run_report",
    "print_statistics": "console",
    "report_run": "run_report",
    "statistics": "run_statistics",
    "write_html": "report",
    "write_report": "report",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'research' has no attribute {name!r}")
    return getattr(import_module(f"research.{_HOME[name]}"), name)
