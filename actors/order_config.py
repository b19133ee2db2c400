"""How the order manager is told to work."""

from collections.abc import Mapping
from typing import Literal

import attrs

from actors.guard_config import GuardConfig
from actors.risk import Limits
from market.messages import NO_QUOTER
from market.units import InstrumentId

Policy = Literal["overlap", "sequential"]
CancelPending = Literal["at_once", "on_accept", "next_quotes"]
Resize = Literal["never", "larger", "always"]
UnknownOrders = Literal["cancel", "adopt"]


@attrs.frozen
class QuoterSpec:
    """What the order manager knows of a quoter.

    Attributes:
        index: its place; the `q` of port `updates:q`, and a part of its orders' ids.  NO_QUOTER is nobody's.
        instruments: what it may trade.
        references: what it reads besides: their books must be sound for it to quote.
        policy: `overlap` places the new quote at once, while the cancel of the old one is in flight; `sequential` first
            cancels, and places on that side once the end of what was there is known.
        cancel_pending: when an unwanted quote that is not accepted yet is cancelled: `at_once`; `on_accept`, as soon as
            it is; or `next_quotes`, by the first wanted quotes after that.  One that is not cancelled yet counts as
            there if its price is wanted again.
        resize: whether a quote is replaced when the wanted size differs from what remains of it: `never`, only if the
            wanted one is `larger`, or `always`.
        post_only: quotes that would take are to be rejected by the venue.
        is_told_orders: it gets an `OrderUpdate` for every change of its orders; if not, only refusals and its fills (a
            strategy that never reads `orders` saves two messages an order).
    """

    index: int = attrs.field(validator=[attrs.validators.ge(0), attrs.validators.le(NO_QUOTER)])
    name: str
    instruments: tuple[InstrumentId, ...]
    references: tuple[InstrumentId, ...] = ()
    policy: Policy = attrs.field(default="overlap", validator=attrs.validators.in_(("overlap", "sequential")))
    cancel_pending: CancelPending = attrs.field(
        default="at_once", validator=attrs.validators.in_(("at_once", "on_accept", "next_quotes"))
    )
    resize: Resize = attrs.field(default="never", validator=attrs.validators.in_(("never", "larger", "always")))
    post_only: bool = True
    is_told_orders: bool = True


@attrs.frozen
class OrderManagerConfig:
    """What holds for all quoters.

    Attributes:
        session: of the client order ids; never used twice on an account.
        limits: of every instrument.  limits_of: of those that differ.
        max_quote_age_s: a quoter with live orders that says nothing for so long has its orders pulled; 0: never.
        request_timeout_s: a request without an answer for so long leaves its order UNKNOWN.
        account_every_s: account snapshots are asked for at this period; 0: only when there is a reason.
        reconcile_at_start: no order before the first account snapshot of its venue (a live account may hold orders).
        unknown_orders: what becomes of open orders in a snapshot that we do not know: `cancel`, or `adopt` those that
            a quoter of ours owns by their id.
        keep_ended_s: how long an ended order is remembered, for facts that come late.
        guard: nothing is placed before the guard has said that it may be; None: there is no guard.
    """

    session: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    limits: Limits = attrs.field(factory=Limits)
    limits_of: Mapping[InstrumentId, Limits] = attrs.field(factory=dict)
    max_quote_age_s: float = attrs.field(default=60.0, validator=attrs.validators.ge(0))
    request_timeout_s: float = attrs.field(default=5.0, validator=attrs.validators.gt(0))
    account_every_s: float = attrs.field(default=0.0, validator=attrs.validators.ge(0))
    reconcile_at_start: bool = False
    unknown_orders: UnknownOrders = attrs.field(default="cancel", validator=attrs.validators.in_(("cancel", "adopt")))
    keep_ended_s: float = attrs.field(default=60.0, validator=attrs.validators.gt(0))
    guard: GuardConfig | None = None
