"""Scripts that begin with one book, as written and turned round."""

from typing import Any

import pytest

from tests.sim.market_script import ASKS, BIDS, MarketScript, Script


@pytest.fixture(params=[False, True], ids=["as written", "mirrored"])
def script(request: pytest.FixtureRequest) -> Script:
    """Make a script that begins with a book; the mirrored one has every price, side and taker turned."""

    def make(**options: Any) -> MarketScript:
        made = MarketScript(is_mirrored=request.param, **options)
        made.book(10, BIDS, ASKS)
        return made

    return make
