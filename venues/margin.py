"""An account's margin from the texts of a venue's answer."""

from fractions import Fraction

from market.messages import Margin
from venues.wire import rounded

_E6 = 10**6


def margin_of(equity: str | None, available: str | None, used: str | None, venue: str) -> Margin | None:
    """Return what the texts say; what is missing or empty is not known, and nothing at all is no margin.

    Raises:
        RemoteProtocolError: a text is no finite decimal number, or beyond any account.
    """
    margin = Margin(
        _amount(equity, "equity", venue),
        _amount(available, "available margin", venue),
        _amount(used, "used margin", venue),
    )
    is_told = any(each is not None for each in (margin.equity_e6, margin.available_e6, margin.used_e6))
    return margin if is_told else None


def _amount(text: str | None, field: str, venue: str) -> int | None:
    return rounded(text, Fraction(_E6), field, venue) if text else None
