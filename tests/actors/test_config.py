"""What a strategy's own parameters may be, in plain words."""

from typing import Literal

import attrs
import pytest

from actors.config import QuoterConfig
from actors.quoter import Quoter
from actors.runtime.wiring import QuoterPlan, Trading
from tests.actors.model_venue import instruments


@attrs.frozen
class ChoosyParams:
    mood: Literal["calm", "bold"] = "calm"
    n_levels: Literal[1, 2] = 1


class Choosy(Quoter):
    params_class = ChoosyParams


def plan(**params: object) -> QuoterPlan:
    config = QuoterConfig("q", ("bybit:SOLUSDT",), f"{__name__}:Choosy", params=params)
    return QuoterPlan(Trading(instruments(), (config,)), 0)


def test_a_parameter_of_few_choices_says_which() -> None:
    with pytest.raises(ValueError, match=r"^quoter 'q': must be one of calm, bold, got 'cold', at mood$"):
        plan(mood="cold")
    with pytest.raises(ValueError, match=r"must be one of 1, 2, got True, at n_levels$"):
        plan(n_levels=True)
    assert plan(mood="bold", n_levels=2).params == ChoosyParams("bold", 2)
