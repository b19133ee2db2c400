"""How every plot looks, in one place: sizes, colours, fonts, and how a figure is made and saved."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

INK: Final = "#22262b"
MUTED: Final = "#6b7280"
GRID: Final = "#e3e6ea"
BUY: Final = "#16915a"
SELL: Final = "#d0403b"
MAIN: Final = "#1f5fa8"
SECOND: Final = "#8a5fb5"
# told apart also by people who do not see red and green
CYCLE: Final = (MAIN, "#d98324", "#17877f", SECOND, "#b8456b", "#7a8f1e", "#5c6670", "#b08d57")
DPI: Final = 150
SIZE_INCHES: Final = (10.0, 5.2)

_RC: Final[Any] = MappingProxyType(
    {
        "font.family": "DejaVu Sans",
        "font.size": 9.0,
        "text.color": INK,
        "figure.dpi": DPI,
        "figure.facecolor": "white",
        "axes.titlesize": 11.0,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlepad": 24.0,
        "axes.labelcolor": INK,
        "axes.edgecolor": "#aab1ba",
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "axes.formatter.useoffset": False,
        "grid.color": GRID,
        "grid.linewidth": 0.7,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelsize": 8.5,
        "ytick.labelsize": 8.5,
        "lines.linewidth": 1.2,
        "lines.solid_joinstyle": "round",
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "legend.handlelength": 1.6,
        "legend.columnspacing": 1.4,
        "path.simplify": True,
        "agg.path.chunksize": 20_000,
    }
)
# matplotlib's defaults under ours; the backend is left alone, since changing it would close a user's windows
_EVERYTHING: Final[dict[Any, Any]] = {k: v for k, v in mpl.rcParamsDefault.items() if k != "backend"} | dict(_RC)


@contextmanager
def styled() -> Iterator[None]:
    """Apply the style inside the block, whatever a user's own settings are."""
    with mpl.rc_context(_EVERYTHING):
        yield


def new_figure(n_rows: int = 1, heights: tuple[float, ...] = (1.0,)) -> tuple[Figure, list[Axes]]:
    """Return a figure with `n_rows` panels of one shared x axis.  Call inside `styled`."""
    figure = Figure(figsize=SIZE_INCHES)
    panels = figure.subplots(n_rows, 1, sharex=True, squeeze=False, height_ratios=heights)
    # fixed margins: half the time of matplotlib's layout engines, and the time axes of all plots line up
    figure.subplots_adjust(left=0.092, right=0.972, top=0.88, bottom=0.112, hspace=0.2)
    return figure, list(panels[:, 0])


def legend_above(axes: Axes, handles: list[Any] | None = None, *, n_columns: int = 6) -> None:
    """Put the legend between title and axes, where it covers no data."""
    handles = axes.get_legend_handles_labels()[0] if handles is None else handles
    if handles:
        axes.legend(
            handles=handles, loc="lower left", bbox_to_anchor=(-0.006, 1.0), ncols=n_columns, borderaxespad=0.15
        )


def say_empty(axes: Axes, what: str) -> None:
    """Say in the middle of a panel that there is nothing to draw."""
    axes.text(0.5, 0.5, what, transform=axes.transAxes, ha="center", va="center", color=MUTED, fontsize=11)
    axes.set_yticks([])
    axes.grid(visible=False)


def save_figure(figure: Figure, path: Path | str) -> Path:
    """Write a figure as PNG; the same figure gives the same bytes."""
    Path(path).write_bytes(figure_png(figure))
    return Path(path)


def figure_png(figure: Figure) -> bytes:
    """Return a figure as a PNG without dates; the same figure gives the same bytes."""
    shown = figure.canvas  # of a user's own figure, maybe in a window
    canvas = FigureCanvasAgg(figure)
    try:
        with styled():
            canvas.draw()  # type: ignore[no-untyped-call]
    finally:
        figure.set_canvas(shown)
    # without the alpha channel: smaller, and a PDF needs no mask for it
    pixels = np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[..., :3])  # type: ignore[no-untyped-call]
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, format="PNG", compress_level=4, dpi=(DPI, DPI))
    return target.getvalue()
