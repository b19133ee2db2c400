"""The screen of a live run: `python -m scripts.live.screen` draws the snapshots that come on its standard input.

On a terminal one table is drawn again and again; elsewhere a line is written every few seconds.  The run starts it and
ends it; Ctrl-C is none of its business.
"""

import signal
import sys
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from market.units import SECOND
from scripts.live.own_orders import CANCELLING, OPEN, SENT
from scripts.live.snapshot import InstrumentShown, QuoteShown, Snapshot, VenueShown
from scripts.ops import clock_text

LINE_EVERY: Final = 5 * SECOND  # where there is no terminal
_MOST_QUOTES: Final = 3  # of a side
_OLD_S: Final = 5.0
_OLD_MARGIN_S: Final = 120.0
_OF_VENUE: Final = (
    "connection",
    "lost",
    "feed",
    "place p50/p99",
    "cancel p50/p99",
    "clock",
    "limits",
    "wallet",
    "margin",
)
_MARKS: Final = {SENT: "…", OPEN: "", CANCELLING: "×"}
_STATES: Final = {"ACTIVE": "bold green", "REDUCING": "bold yellow", "HALTED": "bold red"}
_NONE: Final = "–"


def main() -> int:
    """Draw until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    console = Console()
    snapshots = _read()
    if console.is_terminal:
        _draw(console, snapshots)
    else:
        _write_lines(console, snapshots)
    return 0


def _read() -> Iterator[Snapshot]:
    decoder = msgspec.json.Decoder(Snapshot)
    for line in sys.stdin.buffer:
        yield decoder.decode(line)


def _draw(console: Console, snapshots: Iterable[Snapshot]) -> None:
    with Live(console=console, auto_refresh=False, transient=False) as live:
        for shown in snapshots:
            live.update(table(shown), refresh=True)


def _write_lines(console: Console, snapshots: Iterable[Snapshot]) -> None:
    written = 0
    for shown in snapshots:
        if shown.now - written >= LINE_EVERY:
            written = shown.now
            console.print(line(shown), soft_wrap=True, highlight=False, markup=False)


# --- the table -------------------------------------------------------------------------------------------------------


def table(shown: Snapshot) -> Group:
    """Return all that there is to see."""
    notes = [Text(note, style="yellow") for note in shown.notes]
    mailboxes = [_mailboxes(shown)] if shown.fullest else []
    return Group(*_headlines(shown), _instruments(shown), *_bases(shown), _venues(shown), *mailboxes, *notes)


def _headlines(shown: Snapshot) -> list[Text]:
    up = (shown.now - shown.start) // SECOND
    first = Text.assemble(
        (shown.state, _STATES[shown.state]),
        f"  {clock_text(shown.now)[:19]} UTC  up {up // 3600}:{up // 60 % 60:02}:{up % 60:02}  ",
        (f"PnL {shown.pnl:+,.2f}", "bold"),
        f"  fees {shown.fees:,.4f}  fills {shown.n_fills:,}  orders {shown.n_orders:,}  cancels {shown.n_cancels:,}"
        f"  rejected {shown.n_rejected:,}  held back {shown.n_held_back:,}",
    )
    lines = [first, *(Text(trouble, style="red") for trouble in (*[shown.why] * bool(shown.why), *_troubles(shown)))]
    if shown.restarts:
        told = ", ".join(f"{child} {n}" for child, n in shown.restarts.items())
        lines.append(Text(f"restarts: {told}", style="yellow"))
    return lines


def _instruments(shown: Snapshot) -> Table:
    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    whole = ("instrument", "bid × ask", "age", "position", "PnL")  # on a narrow terminal the others are broken
    for name in ("instrument", "bid × ask", "age", "our bids", "our asks", "position", "entry", "PnL", "fees", "books"):
        side = "left" if name == "instrument" else "right"
        made.add_column(name, justify=side, overflow="fold", no_wrap=name in whole)  # type: ignore[arg-type]
    for each in shown.instruments:
        made.add_row(
            each.name,
            _touch(each),
            _NONE if each.age_s is None else Text(f"{each.age_s:.1f} s", style="red" if each.age_s > _OLD_S else ""),
            _quotes(each, each.bids),
            _quotes(each, each.asks),
            _number(each.position, "g"),
            _number(each.entry, f",.{each.decimals + 1}f"),
            _number(each.pnl, "+,.2f"),
            _number(each.fees, ",.4f"),
            Text("stale", style="red") if each.stale else f"{each.n_books:,}",
        )
    return made


def _bases(shown: Snapshot) -> list[Text]:
    """Return the net exposures by asset, one line for all."""
    told = [
        f"{each.base} {_number(each.net, '+g')} ({_number(each.least, '+g')} to {_number(each.most, '+g')} with live"
        f" orders), worth {_number(each.value, '+,.2f')}"
        for each in shown.bases
    ]
    return [Text("net by base: " + ";  ".join(told), style="bold")] * bool(told)


def _venues(shown: Snapshot) -> Table:
    made = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("venue", *_OF_VENUE):
        made.add_column(name, overflow="fold", no_wrap=name in ("venue", "connection", "feed"))
    for each in shown.venues:
        made.add_row(
            each.name,
            _NONE if each.is_up is None else Text("up", style="green") if each.is_up else Text("down", style="red"),
            str(each.n_lost),
            _NONE if each.lag_ms is None else f"{each.lag_ms:.1f} ms",
            _pair(each.place_ms),
            _pair(each.cancel_ms),
            _NONE if each.clock_ms is None else f"{each.clock_ms[0]:+.1f} ± {each.clock_ms[1]:.1f} ms",
            ", ".join(f"{name} {used:,}/{most:,}" for name, used, most in each.limits) or _NONE,
            ", ".join(f"{amount:,.2f} {asset}" for asset, amount in each.wallet.items()) or _NONE,
            _margin(each),
        )
    return made


def _margin(venue: VenueShown) -> str:
    """Return what is available of what is there; what is old says so."""
    if venue.margin_age_s is None:
        return _NONE
    text = f"{_number(venue.margin.get('available'), ',.2f')} of {_number(venue.margin.get('equity'), ',.2f')}"
    return text if venue.margin_age_s < _OLD_MARGIN_S else f"{text}, {venue.margin_age_s:.0f} s old"


def _mailboxes(shown: Snapshot) -> Text:
    waiting = ", ".join(f"{actor} {n}" for actor, n in shown.waiting.items()) or "empty"
    fullest = ", ".join(f"{actor} {n}" for actor, n in shown.fullest)
    text = f"mailboxes: {waiting}; fullest so far: {fullest}"
    return Text(text + (f"; dropped {shown.n_dropped:,}" if shown.n_dropped else ""), style="dim")


# --- the line --------------------------------------------------------------------------------------------------------


def line(shown: Snapshot) -> str:
    """Return the weightiest in one line."""
    parts = [clock_text(shown.now)[:19], shown.state]
    for each in shown.instruments:
        parts.append(f"{each.name} {_touch(each)}")
        if each.position is not None:
            parts.append(f"quotes {_quotes(each, each.bids)} / {_quotes(each, each.asks)}  position {each.position:g}")
    parts += [f"net {each.base} {_number(each.net, '+g')}" for each in shown.bases]
    parts += [f"PnL {shown.pnl:+,.2f}", f"{shown.n_fills} fills"]
    return "  ".join([*parts, *_troubles(shown), *shown.notes])


def _touch(each: InstrumentShown) -> str:
    return f"{_price(each, each.bid)} × {_price(each, each.ask)}"


def _price(each: InstrumentShown, price: float | None) -> str:
    return _number(price, f",.{each.decimals}f")


def _quotes(each: InstrumentShown, quotes: list[QuoteShown]) -> str:
    best = quotes[:_MOST_QUOTES]
    shown = [f"{_price(each, q.price)}{_MARKS[q.state]} ({q.left:g}, {q.age_s:.0f} s)" for q in best]
    more = len(quotes) - _MOST_QUOTES
    return (", ".join(shown) + (f" and {more} more" if more > 0 else "")) or _NONE


def _troubles(shown: Snapshot) -> list[str]:
    down = [f"{each.name} is down: {each.reason}" for each in shown.venues if each.is_up is False]
    return [*down, *(f"{each.name} is stale: {each.stale}" for each in shown.instruments if each.stale)]


def _number(value: float | None, form: str) -> str:
    return _NONE if value is None else f"{value:{form}}"


def _pair(milliseconds: tuple[float, float] | None) -> str:
    return _NONE if milliseconds is None else f"{milliseconds[0]:.1f} / {milliseconds[1]:.1f} ms"


if __name__ == "__main__":
    sys.exit(main())
