"""From an archive to a comparison of fair prices: `python examples/fair_price.py ARCHIVE VENUE SYMBOL FIRST LAST`."""

import sys

from market import Book
from research import Study
from research.fair_prices import fair_prices
from research.plots.fair_prices import plot_relative_losses
from research.plots.style import save_figure

# %% the market: hours of one instrument in an archive
DEFAULT = ["archive", "binance-futures", "BTCUSDT", "2024-08-08:23", "2024-08-08:23"]
root, venue, symbol, first, last = sys.argv[1:] or DEFAULT
study = Study.archive(root, [(venue, symbol)], first, last, depth=200)

# %% estimators: whole columns at once, or one event at a time
study.columns("mid", lambda books: books.mid, venue, symbol, group="fair")
study.columns(["vamp50k", "vamp200k"], lambda books: books.vamps([50_000, 200_000]), venue, symbol, group="fair")


@study.on_book(venue, symbol)
def weighted(book: Book) -> None:
    study.declare("weighted mid", book.weighted_mid(5), group="fair")


# %% what the price did later, and who was nearest to it
print(study.check_look_ahead())
frame = study.forward_prices(horizons=(0, 1, 10, 30), incomplete="keep")
found = fair_prices(frame, group="fair")
print(found.table.to_string())
print(found.comparison[["MSE/mid", "/mid low", "/mid high", "p Holm", "verdict"]].to_string())
print(save_figure(plot_relative_losses(found), "fair_price.png"))
