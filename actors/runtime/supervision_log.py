"""What supervision writes to the structured log: one record per start, crash, restart, escalation, stop."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from actors.runtime.supervision import Decision, Escalate, GiveUp, LeaveDown, StartAt, Stop, SupervisionTree
from market.messages import (
    Flattened,
    HaltCause,
    NothingOpen,
    QuotesBack,
    QuotesPulled,
    Reason,
    TradingState,
    TradingStateChanged,
)

if TYPE_CHECKING:
    from loguru import Logger


class SupervisionLog:
    """The same texts and fields from both nurseries: a reader of `log.jsonl` need not know which it was.

    Fields: `supervisor`, `child`, `generation`, and where they are known `n_restarts`, `backoff_s`, `error`.  The
    generation of "child restarting" is the one that is going to start.  "quotes pulled" and "quotes back" have
    `quoter`, the former `reason` as well; both hold for all that the quoter quotes.  "trading state" has `state`,
    `cause` and `reason`; "nothing is open" `venue`; "position closed" `instrument`, `lots_left` and `reason`.
    """

    def __init__(self, log: "Logger", tree: SupervisionTree) -> None:
        self._log = log
        self._tree = tree

    def started(self, child: str, generation: int) -> None:
        """A child runs."""
        self._child(child, generation).info("child started")

    def stopped(self, child: str, generation: int) -> None:
        """A child was stopped, or has ended by itself."""
        self._child(child, generation).info("child stopped")

    def crashed(self, child: str, generation: int, error: BaseException) -> None:
        """A child raised, or could not be started."""
        self._child(child, generation).opt(exception=error).error("child crashed")

    def decided(self, decisions: Iterable[Decision]) -> None:
        """The tree has answered.  Stops are not written here but when they are done, by `stopped`."""
        for decision in decisions:
            match decision:
                case StartAt():
                    self._log.bind(
                        supervisor=decision.supervisor,
                        child=decision.child,
                        generation=decision.generation,
                        n_restarts=decision.n_restarts,
                        backoff_s=decision.backoff_s,
                    ).warning("child restarting")
                case Escalate(supervisor, n_restarts, error):
                    self._log.bind(supervisor=supervisor, n_restarts=n_restarts, error=error).error("escalated")
                case LeaveDown(supervisor, children, n_restarts, error):
                    for child in children:
                        self._log.bind(supervisor=supervisor, child=child, n_restarts=n_restarts, error=error).critical(
                            "left down"
                        )
                case GiveUp(root, n_restarts, error):
                    self._log.bind(supervisor=root, n_restarts=n_restarts, error=error).critical("gave up")
                case Stop():
                    pass

    def quotes(self, quoter: str, news: QuotesPulled | QuotesBack) -> None:
        """The order manager has pulled a quoter's quotes, or takes new ones."""
        record = self._log.bind(quoter=quoter)
        if isinstance(news, QuotesPulled):
            record.bind(reason=Reason(news.reason).name).warning("quotes pulled")
        else:
            record.info("quotes back")

    def safety(self, news: TradingStateChanged | NothingOpen | Flattened) -> None:
        """The guard has changed the trading state, or a halt has brought something about."""
        match news:
            case TradingStateChanged(_, state, cause, text):
                record = self._log.bind(state=TradingState(state).name, cause=HaltCause(cause).name, reason=text)
                if state == TradingState.HALTED:
                    record.critical("trading state")
                elif state == TradingState.REDUCING:
                    record.warning("trading state")
                else:
                    record.info("trading state")
            case NothingOpen(_, venue):
                self._log.bind(venue=venue).info("nothing is open")
            case Flattened(_, instrument, lots, text):
                self._log.bind(instrument=instrument, lots_left=lots, reason=text).warning("position closed")

    def _child(self, child: str, generation: int) -> "Logger":
        return self._log.bind(supervisor=self._tree.supervisor_of(child), child=child, generation=generation)
