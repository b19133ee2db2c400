"""A person's request to the hedge desk of a live run, by the state folder of its account, and the answer."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from actors.runtime.state_folder import StateFolder
from market.messages import HedgeAnswered, HedgeRequested

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_POLL_S: Final = 0.1


def add_hedge(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to those of `scripts.ops`."""
    parser = commands.add_parser("hedge", help="bring the net exposure over all venues to nothing")
    parser.add_argument("state", type=Path, metavar="STATE_DIR", help="the state folder of an account")
    parser.add_argument("--base", default="", metavar="ASSET", help="such as SOL (default: every asset of the desk)")
    parser.add_argument(
        "--on",
        type=_share,
        action="append",
        default=[],
        metavar="VENUE[:SYMBOL][=SHARE]",
        help="where, and its share against the others (default: wherever the desk trades)",
    )
    parser.add_argument(
        "--by",
        choices=("room", "equal", "margin"),
        default="",
        help="shares where --on gives none, or margin available times those (default: as the desk is configured)",
    )
    parser.add_argument("--order", choices=("market", "limit"), default="market", help="take at once, or rest a while")
    parser.add_argument("--request", default="", metavar="NAME", help="asked again by the same name: not done again")
    parser.add_argument("--wait", type=float, default=30.0, metavar="S", help="how long to wait for the answer")


def hedge(console: Console, chosen: argparse.Namespace) -> int:
    """Ask, wait for the answer, print it; 0: all of it is over, 1: it was refused or goes on, 2: wrong use."""
    if not chosen.state.is_dir():
        print(f"no state folder {chosen.state}", file=sys.stderr)
        return 2
    folder = StateFolder(chosen.state)
    now = time.time_ns()
    name = chosen.request or f"by hand {now}"
    wish = HedgeRequested(now, name, chosen.base, tuple(chosen.on), chosen.by, chosen.order)
    folder.wish_hedge(wish)
    answer = _wait(folder, wish, chosen.wait)
    if answer is None:
        is_taken = not folder.withdraw_hedge()
        print(
            f"no answer in {chosen.wait:g} s; ask again by the same name: --request {wish.request!r}"
            if is_taken
            else f"nothing trades on {chosen.state}: the request is withdrawn",
            file=sys.stderr,
        )
        return 1
    _print(console, answer)
    return 0 if answer.is_over and (answer.assets or not answer.text) else 1


def _wait(folder: StateFolder, wish: HedgeRequested, wait_s: float) -> HedgeAnswered | None:
    """Return the last answer within the time, the first that says that all is over if there is one."""
    deadline = time.monotonic() + wait_s
    answer = None
    while time.monotonic() < deadline:
        found = folder.hedge_answer()
        if found is not None and found.request == wish.request:
            answer = found
            if found.is_over:
                break
        time.sleep(_POLL_S)
    return answer


def _print(console: Console, answer: HedgeAnswered) -> None:
    if answer.text:
        console.print(answer.text, soft_wrap=True, highlight=False, markup=False)
    if answer.assets:
        table = Table("asset", "net before", "net now", "")
        for asset in answer.assets:
            table.add_row(asset.base, _units(asset.before), _units(asset.after), asset.text)
        console.print(table)
    if answer.legs:
        table = Table("instrument", "side", "lots", "filled", "")
        for leg in answer.legs:
            side = "buy" if leg.side > 0 else "sell"
            table.add_row(leg.instrument, side, f"{leg.lots:,}", f"{leg.filled:,}", leg.text)
        console.print(table)
    if not answer.is_over:
        console.print(f"it goes on: ask again by --request {answer.request!r}", markup=False, highlight=False)


def _units(amount: float | None) -> str:
    return "not known" if amount is None else f"{amount:+.6g}"


def _share(text: str) -> tuple[str, float]:
    name, _, share = text.partition("=")
    try:
        return name, float(share or 1.0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not VENUE, VENUE:SYMBOL or either with =SHARE") from None
