"""The statistics on a terminal."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from rich.console import Console

    from research.run_statistics import Statistics


def print_statistics(
    statistics: "Statistics", console: "Console | None" = None, bounds: Mapping[str, Any] | None = None
) -> None:
    """Print the figures by venue, instrument and quoter, and the fill rules side by side where `bounds` is given."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from research.statistics_table import bounds_frame, parts
    from research.text_table import frame_rows

    out = console or Console()
    tables = parts(statistics)
    if bounds:
        tables.append(("Fill rules side by side", bounds_frame(bounds).reset_index()))
    if not tables:
        out.print("Nothing was ordered, and nothing traded.")
    for title, frame in tables:
        header, *rows = frame_rows(frame)
        table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", pad_edge=False)
        texts = 3 if "venue" in header[0] else 2
        for place, name in enumerate(header):
            is_text, style = place < texts, "dim" if name == "unit" else None
            # long names break where they may, not where the column ends
            name = name.replace(" = ", " =\n").replace(":", ":\n")
            justify: Literal["left", "right"] = "left" if is_text else "right"
            table.add_column(name, justify=justify, style=style, no_wrap=name == "figure", overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        out.print(table)
