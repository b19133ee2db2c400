"""Requests to bring the net exposure to an asset to nothing, and what comes of them."""

import msgspec

from market.units import Lots, Nanos


class HedgeRequested(msgspec.Struct, frozen=True, gc=False):
    """Hedge what positions over all venues come to (a person's hand, a quoter -> the hedge desk).

    Attributes:
        request: its name; the same name again is answered by what has come of the first.
        base: the asset; empty: all of them.
        on: where, each `venue` or `venue:symbol` with its share; empty: on all that the desk may trade.
        by: what shares are when `on` has none: `room`, what the position limits leave, `equal`, or `margin` that is
            available, by which shares in `on` are multiplied; empty: as the desk is configured.
        order: `market` takes at once, `limit` rests at the touch for a while.
    """

    ts: Nanos
    request: str
    base: str = ""
    on: tuple[tuple[str, float], ...] = ()
    by: str = ""
    order: str = "market"


class HedgeLeg(msgspec.Struct, frozen=True, gc=False):
    """One order of a hedge: lots of `instrument` (`venue:symbol`), and how it stands or has ended."""

    instrument: str
    side: int
    lots: Lots
    filled: Lots
    text: str


class HedgedAsset(msgspec.Struct, frozen=True, gc=False):
    """An asset of a request: units of it, net, before and as of this answer; `text` says why less was sent.

    None where an inverse contract has no price.
    """

    base: str
    before: float | None
    after: float | None
    text: str


class HedgeAnswered(msgspec.Struct, frozen=True, gc=False):
    """What has been sent for a request, and what has come of it (the hedge desk -> whoever asked).

    Attributes:
        request: whose answer it is; empty: the desk was restarted, and this answers whatever was under way.
        is_over: nothing of it is under way; else another answer follows.
        text: why nothing was sent; empty: see the legs.
    """

    ts: Nanos
    request: str
    is_over: bool
    text: str
    assets: tuple[HedgedAsset, ...] = ()
    legs: tuple[HedgeLeg, ...] = ()
