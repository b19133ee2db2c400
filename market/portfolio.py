"""Net exposure by asset: what positions on several venues and symbols come to in units of their base."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from market.instrument import Instrument, InstrumentTable
from market.messages import EquityStamp
from market.units import Lots


@attrs.frozen
class Held:
    """What is held of one instrument.

    Attributes:
        lots: signed.
        mid: of its book, quote currency; NaN without one.
        buying, selling: lots that live orders and doubts may still add on either side, >= 0.
    """

    instrument: Instrument
    lots: Lots
    mid: float = math.nan
    buying: Lots = 0
    selling: Lots = 0

    def base(self, lots: Lots) -> float:
        """Return lots in units of base; NaN for some of an inverse contract without a mid."""
        return self.instrument.base_size(self.mid, lots) if lots else 0.0


@attrs.frozen
class NetBase:
    """One asset.

    Attributes:
        base: the asset.
        net: units of it, signed; NaN where an inverse contract has no mid.
        most, least: net if all that may still be bought, or sold, were.
        value: of `net`, in the quote currency of its instruments, at the mean of their mids; NaN without one.
        parts: units of base by `venue:symbol`, of whatever is held or may be.
    """

    base: str
    net: float
    most: float
    least: float
    value: float
    parts: Mapping[str, float]


def positions_by_base(held: Iterable[Held]) -> list[NetBase]:
    """Return the net exposures, by the name of the asset; assets of which nothing is held or may be are left out."""
    groups: dict[str, list[Held]] = {}
    for each in held:
        if each.lots or each.buying or each.selling:
            groups.setdefault(each.instrument.base, []).append(each)
    return [_net(base, groups[base]) for base in sorted(groups)]


def as_record(nets: Iterable[NetBase]) -> dict[str, Any]:
    """Return exposures as plain data for `result.json`: what is not known is None."""
    return {
        each.base: {
            "net": _known(each.net),
            "value": _known(each.value),
            "positions": {name: _known(amount) for name, amount in each.parts.items()},
        }
        for each in nets
    }


def held_at(instruments: InstrumentTable, stamps: Iterable[EquityStamp]) -> list[Held]:
    """Return what stamps of equity say is held, by instrument."""
    newest = {stamp.instrument: stamp for stamp in stamps}
    return [Held(instruments[i], newest[i].position, newest[i].mid) for i in sorted(newest)]


def _net(base: str, held: list[Held]) -> NetBase:
    mids = [each.mid for each in held if not math.isnan(each.mid)]
    net = math.fsum(each.base(each.lots) for each in held)
    return NetBase(
        base,
        net,
        math.fsum(each.base(each.lots + each.buying) for each in held),
        math.fsum(each.base(each.lots - each.selling) for each in held),
        net * math.fsum(mids) / len(mids) if mids else math.nan,
        {each.instrument.name: each.base(each.lots) for each in held},
    )


def _known(amount: float) -> float | None:
    return None if math.isnan(amount) else round(amount, 12)
