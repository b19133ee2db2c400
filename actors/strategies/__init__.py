"""The quoters that come with the project, by their names in a config."""

from actors.quoter import Quoter
from actors.strategies.hedged_quoter import HedgedQuoter
from actors.strategies.portfolio_hedger import PortfolioHedger
from actors.strategies.vamp import VampQuoter

STRATEGIES: dict[str, type[Quoter]] = {
    "vamp": VampQuoter,
    "hedged": HedgedQuoter,
    "portfolio": PortfolioHedger,
}

__all__ = ["STRATEGIES", "HedgedQuoter", "PortfolioHedger", "VampQuoter"]
