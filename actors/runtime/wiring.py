"""Who runs and who talks to whom: the one wiring of live and simulation, and the supervision tree over it."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import cattrs

from actors.book_keeper import BookKeeper, BookKeeperConfig
from actors.config import OrdersConfig, QuoterConfig, find_strategy, register_choices
from actors.guard import Guard
from actors.guard_config import GuardConfig
from actors.order_config import OrderManagerConfig, QuoterSpec
from actors.order_manager import OrderManager
from actors.position_tracker import PositionTracker
from actors.quoter import Quoter, QuoterContext
from actors.recorder import Recorder, TableSink
from actors.runtime.actor import Actor
from actors.runtime.child_spec import ChildSpec, OnRestart, Strategy, SupervisorSpec
from actors.runtime.mailbox import Edge, Policy
from actors.runtime.nursery import ActorSpec, Nursery
from market.instrument import Instrument, InstrumentTable
from market.units import InstrumentId, Nanos

_CONVERTER = cattrs.Converter()
register_choices(_CONVERTER)

TRACKER, MANAGER, RECORDER, MARKET_RECORDER = "tracker", "manager", "recorder", "market-recorder"
GUARD, HAND = "guard", "hand"


def connector_name(venue: str) -> str:
    """Return the name of a venue's connector."""
    return f"venue:{venue}"


def keeper_name(venue: str) -> str:
    """Return the name of a venue's book keeper."""
    return f"keeper:{venue}"


def quoter_name(quoter: str) -> str:
    """Return the name of a quoter's actor."""
    return f"quoter:{quoter}"


@attrs.frozen
class Trading:
    """What is to be run, apart from the venues.

    Attributes:
        instruments: the run's table.
        quoters: in the order of their places.
        orders: what holds for all of them.  books: how the books are kept.
        depth: levels a side that actors see.
        stamp_s: period of the equity stamps.
        session: of the client order ids.
        folder: that strategies' files are relative to.
        service_ns: virtual time that a message takes to handle, by kind of actor.
        guard: when trading is restricted; None: there is no guard, and nothing restricts it but the limits.
        halted: why the account is halted from the start; empty: it is not.
        hand: starts the shell that takes a person's halts and writes down the guard's; None: there is none.
    """

    instruments: InstrumentTable
    quoters: tuple[QuoterConfig, ...]
    orders: OrdersConfig = attrs.field(factory=OrdersConfig)
    books: BookKeeperConfig = attrs.field(factory=BookKeeperConfig)
    depth: int = 20
    stamp_s: float = 1.0
    session: int = 0
    folder: Path = Path()
    service_ns: Mapping[str, Nanos] = attrs.field(factory=dict)
    guard: GuardConfig | None = None
    halted: str = ""
    hand: Callable[[], Actor] | None = None

    def __attrs_post_init__(self) -> None:
        if self.guard is None and (self.halted or self.hand):
            raise ValueError("a run without a guard cannot be halted; give it one")

    @cached_property
    def strategies(self) -> tuple[type[Quoter], ...]:
        """The classes of the quoters, looked up once: a strategy's file is run a single time."""
        return tuple(find_strategy(each.strategy, self.folder) for each in self.quoters)

    @property
    def has_desk(self) -> bool:
        """Some quoter is the hedge desk."""
        return any(each.is_desk for each in self.strategies)

    @cached_property
    def plans(self) -> "tuple[QuoterPlan, ...]":
        """The quoters with their names looked up."""
        return tuple(QuoterPlan(self, index) for index in range(len(self.quoters)))


@attrs.frozen
class Wires:
    """The edges that the simulation's fast path uses.

    Attributes:
        books, trades: (instrument, quoter's place) -> the edge by which that quoter hears of them.
    """

    books: dict[tuple[InstrumentId, int], Edge]
    trades: dict[tuple[InstrumentId, int], Edge]


class QuoterPlan:
    """A quoter's config with its names looked up; it makes the actor at every start."""

    def __init__(self, trading: Trading, index: int) -> None:
        config = trading.quoters[index]
        self.index = index
        self.config = config
        self.quoted = tuple(_find(trading.instruments, name, config) for name in config.instruments)
        self.references = tuple(_find(trading.instruments, name, config) for name in config.references)
        self.strategy = trading.strategies[index]
        self.params = _params(self.strategy, config)
        limits = trading.orders.limits_of
        self._context = QuoterContext(
            config.name,
            index,
            trading.instruments,
            self.quoted,
            self.references,
            trading.depth,
            limits=tuple(limits.get(each.name, trading.orders.limits) for each in trading.instruments),
            has_desk=trading.has_desk,
            account_every_s=trading.orders.account_every_s,
        )

        try:
            self.strategy.check(self._context, self.params)
        except ValueError as error:
            raise ValueError(f"quoter {config.name!r}: {error}") from None

    @property
    def used(self) -> tuple[Instrument, ...]:
        """What it quotes and reads, each once."""
        return tuple(dict.fromkeys((*self.quoted, *self.references)))

    def start(self) -> Quoter:
        """Make the actor."""
        return self.strategy(self._context, self.params)

    def hears_books(self, instrument: Instrument) -> bool:
        """Tell whether the strategy acts on this book."""
        return _overrides(self.strategy, "on_book") and (instrument in self.quoted or self.strategy.hears_reference)

    def hears_trades(self, instrument: Instrument) -> bool:
        """Tell whether the strategy acts on these trades."""
        return _overrides(self.strategy, "on_trade") and (instrument in self.quoted or self.strategy.hears_reference)

    def spec(self) -> QuoterSpec:
        """Return what the order manager knows of it."""
        config = self.config
        return QuoterSpec(
            self.index,
            config.name,
            tuple(i.id for i in self.quoted),
            tuple(i.id for i in self.references),
            config.policy,
            config.cancel_pending,
            config.resize,
            config.post_only,
            self.strategy.reads_orders or _overrides(self.strategy, "on_order"),
        )


def wire(
    nursery: Nursery,
    trading: Trading,
    connectors: Sequence[Callable[[], Actor]],
    sink: TableSink,
    market_recorder: Callable[[], Actor] | None = None,
) -> Wires:
    """Spawn every actor, connect them, and say who supervises whom.

    Args:
        connectors: what starts each venue's connector, in the order of `trading.instruments.venues`.
        sink: of the run's tables.
        market_recorder: what starts the shell that records the market live; None: nothing is recorded.
    """
    plans = trading.plans
    instruments = trading.instruments
    traded = tuple(sorted({i.id for plan in plans for i in plan.quoted}))
    config = OrderManagerConfig(
        session=trading.session,
        limits=trading.orders.limits,
        limits_of={_named(instruments, name): limits for name, limits in trading.orders.limits_of.items()},
        max_quote_age_s=trading.orders.max_quote_age_s,
        request_timeout_s=trading.orders.request_timeout_s,
        account_every_s=trading.orders.account_every_s,
        reconcile_at_start=trading.orders.reconcile_at_start,
        unknown_orders=trading.orders.unknown_orders,
        keep_ended_s=trading.orders.keep_ended_s,
        guard=trading.guard,
    )
    starts: dict[str, Callable[[], Actor]] = {}

    def spawn(name: str, kind: Any, index: int, start: Callable[[], Actor], **more: Any) -> None:
        starts[name] = start
        nursery.spawn(ActorSpec(name, kind, index, service_time_ns=trading.service_ns.get(kind, 0), **more))

    for v, venue in enumerate(instruments.venues):
        listed = [i for i in instruments if i.venue == venue]
        spawn(connector_name(venue), "connector", v, connectors[v], is_shell=True)
        spawn(keeper_name(venue), "keeper", v, _keeper(keeper_name(venue), v, listed, trading))
    spawn(
        TRACKER,
        "tracker",
        0,
        lambda: PositionTracker(TRACKER, instruments, traded, trading.stamp_s, trading.depth),
        replays_log=True,
    )
    spawn(
        MANAGER,
        "manager",
        0,
        lambda: OrderManager(MANAGER, instruments, config, [plan.spec() for plan in plans]),
        replays_log=True,
    )
    for plan in plans:
        spawn(quoter_name(plan.config.name), "quoter", plan.index, plan.start)
    spawn(RECORDER, "recorder", 0, lambda: Recorder(RECORDER, sink))
    if trading.guard is not None:
        spawn(GUARD, "guard", 0, _guard(trading, traded, config))
    if trading.hand is not None:
        spawn(HAND, "hand", 0, trading.hand, is_shell=True)
    wires = _connect(nursery, trading, plans)
    if trading.guard is not None:
        _connect_guard(nursery, trading)
    if market_recorder is not None:
        spawn(MARKET_RECORDER, "recorder", 1, market_recorder, is_shell=True)
        for v, venue in enumerate(instruments.venues):
            reason = "a book that is lost is asked for again"
            nursery.connect(MARKET_RECORDER, f"snapshots:{v}", connector_name(venue), Policy.DROP_NEWEST, 16, reason)
    nursery.supervise(_tree(instruments.venues, [quoter_name(p.config.name) for p in plans], starts))
    return wires


def _connect(nursery: Nursery, trading: Trading, plans: Sequence[QuoterPlan]) -> Wires:
    connect = nursery.connect
    wires = Wires({}, {})
    for v, venue in enumerate(trading.instruments.venues):
        connector, keeper = connector_name(venue), keeper_name(venue)
        connect(connector, "books", keeper, Policy.FAIL, 4096, "a lost delta is a wrong book: the connector resyncs")
        connect(connector, "facts", MANAGER, Policy.FAIL, 65_536, "an answer is never dropped, the reader never waits")
        for target in (keeper, MANAGER):
            connect(connector, "connection", target, Policy.FAIL, 64, "who trusts a lost connection trades blind")
        # the tracker first: the position that a quoter sees with a fill holds that fill
        for target in (TRACKER, MANAGER):
            connect(connector, "fills", target, Policy.FAIL, 65_536, "a fill is never dropped, the reader never waits")
        connect(keeper, "resync", connector, Policy.BLOCK, 64, "requests are few")
        for target in (MANAGER, TRACKER):
            connect(keeper, "books", target, Policy.CONFLATE, 4096, "only the newest book is looked at")
            connect(keeper, "status", target, Policy.BLOCK, 4096, "a book that is not to be trusted must be known")
        connect(MANAGER, f"commands:{v}", connector, Policy.BLOCK, 64, "a venue that lags slows the orders")
        for plan in plans:
            used = [i for i in plan.used if i.venue == venue]
            if not used:
                continue
            name = quoter_name(plan.config.name)
            books = connect(keeper, "books", name, Policy.CONFLATE, 4096, "only the newest book matters")
            connect(keeper, "status", name, Policy.BLOCK, 4096, "a book that is not to be trusted must be known")
            trades = connect(connector, "trades", name, Policy.DROP_OLDEST, 4096, "flow bears a loss that is counted")
            for instrument in used:
                wires.books[instrument.id, plan.index] = books
                wires.trades[instrument.id, plan.index] = trades
    connect(TRACKER, "adjustments", MANAGER, Policy.BLOCK, 1024, "a change of position is never dropped")
    connect(TRACKER, "doubts", MANAGER, Policy.BLOCK, 1024, "what may be held counts until it is known")
    connect(MANAGER, "refusals", RECORDER, Policy.DROP_NEWEST, 65_536, "recording never slows trading")
    connect(TRACKER, "equity", RECORDER, Policy.DROP_NEWEST, 65_536, "recording never slows trading")
    for plan in plans:
        name = quoter_name(plan.config.name)
        connect(TRACKER, "positions", name, Policy.CONFLATE, 4096, "only the present position matters")
        connect(MANAGER, f"updates:{plan.index}", name, Policy.BLOCK, 4096, "an order's news is never dropped")
        connect(name, "quotes", MANAGER, Policy.CONFLATE, 4096, "only the last wish matters")
        connect(name, "orders", MANAGER, Policy.BLOCK, 1024, "an order is never merged away")
        connect(name, "declarations", RECORDER, Policy.DROP_NEWEST, 65_536, "recording never slows trading")
    _connect_desk(nursery, trading, plans)
    return wires


def _connect_desk(nursery: Nursery, trading: Trading, plans: Sequence[QuoterPlan]) -> None:
    desk = _desk(plans)
    if desk is None:
        return
    connect = nursery.connect
    for plan in plans:
        if plan is not desk:
            name = quoter_name(plan.config.name)
            connect(name, "hedges", quoter_name(desk.config.name), Policy.BLOCK, 64, "a request is never dropped")
            connect(quoter_name(desk.config.name), "hedged", name, Policy.DROP_OLDEST, 64, "the newest answer counts")
    if trading.hand is not None:
        connect(HAND, "hedges", quoter_name(desk.config.name), Policy.FAIL, 64, "a person's wish is never dropped")
        connect(quoter_name(desk.config.name), "hedged", HAND, Policy.BLOCK, 64, "a person waits for the answer")


def _desk(plans: Sequence[QuoterPlan]) -> QuoterPlan | None:
    """Return the hedge desk.

    Raises:
        ValueError: there are several, or another hedges what it would hedge.
    """
    desks = [plan for plan in plans if plan.strategy.is_desk]
    if len(desks) > 1:
        raise ValueError(f"one hedge desk is enough, got {', '.join(repr(each.config.name) for each in desks)}")
    for plan in plans:
        if desks and plan.strategy.hedges_itself:
            common = {each.base for each in plan.quoted} & {each.base for each in desks[0].quoted}
            if common:
                raise ValueError(
                    f"quoter {desks[0].config.name!r}: {', '.join(sorted(common))} is hedged by"
                    f" {plan.config.name!r} already; both would hedge the same"
                )
    return desks[0] if desks else None


def _connect_guard(nursery: Nursery, trading: Trading) -> None:
    connect = nursery.connect
    for venue in trading.instruments.venues:
        connect(connector_name(venue), "halts", GUARD, Policy.FAIL, 1024, "a person must hear of it")
        connect(connector_name(venue), "clock", GUARD, Policy.DROP_OLDEST, 1024, "the newest measure counts")
        connect(keeper_name(venue), "status", GUARD, Policy.BLOCK, 4096, "how long a book is stale must be known")
    connect(TRACKER, "equity", GUARD, Policy.DROP_OLDEST, 4096, "the newest reading counts")
    connect(TRACKER, "wallets", GUARD, Policy.DROP_OLDEST, 1024, "the newest comparison counts")
    connect(MANAGER, "refused", GUARD, Policy.DROP_OLDEST, 4096, "so many refusals are too many anyway")
    connect(GUARD, "state", MANAGER, Policy.BLOCK, 64, "a halt is never dropped")
    connect(GUARD, "beat", MANAGER, Policy.DROP_OLDEST, 8, "an old question proves nothing")
    if trading.hand is not None:
        connect(HAND, "wishes", GUARD, Policy.FAIL, 64, "a person's wish is never dropped")
        connect(HAND, "beat", GUARD, Policy.DROP_OLDEST, 8, "an old question proves nothing")
        connect(GUARD, "state", HAND, Policy.BLOCK, 64, "a halt is never dropped")
        connect(MANAGER, "beat", HAND, Policy.DROP_OLDEST, 8, "an old answer proves nothing")


def _tree(venues: Sequence[str], quoters: Sequence[str], starts: Mapping[str, Callable[[], Actor]]) -> SupervisorSpec:
    def child(name: str, mailbox: OnRestart) -> ChildSpec:
        return ChildSpec(name, starts[name], mailbox=mailbox)

    keep, clear = OnRestart.KEEP, OnRestart.CLEAR
    venue_trees = tuple(
        SupervisorSpec(
            f"venue-root:{venue}",
            Strategy.REST_FOR_ONE,
            # commands for a lost connection, deltas for a lost book: they fit no fresh start
            (child(connector_name(venue), clear), child(keeper_name(venue), clear)),
        )
        for venue in venues
    )
    # first: who trades must not go on without it
    guard = (child(GUARD, keep),) if GUARD in starts else ()
    trading = SupervisorSpec(
        "trading",
        Strategy.REST_FOR_ONE,
        (
            *guard,
            SupervisorSpec("venues", Strategy.ONE_FOR_ONE, venue_trees, intensity=6),
            child(TRACKER, keep),
            child(MANAGER, keep),
            SupervisorSpec("quoters", Strategy.ONE_FOR_ONE, tuple(child(name, clear) for name in quoters), intensity=6),
        ),
        intensity=3,
        period_s=300.0,
    )
    # money first: orders and fills stand in the run's own log, so that nobody who trades needs the recorder
    recording = SupervisorSpec("recording", Strategy.ONE_FOR_ONE, (child(RECORDER, keep),), is_expendable=True)
    recorders = [recording]
    if MARKET_RECORDER in starts:  # apart: neither takes the other down
        only = (child(MARKET_RECORDER, keep),)
        recorders.append(SupervisorSpec("market-recording", Strategy.ONE_FOR_ONE, only, is_expendable=True))
    hands = (SupervisorSpec("hands", Strategy.ONE_FOR_ONE, (child(HAND, keep),)),) if HAND in starts else ()
    # the recorders are stopped last: they take down what the others say at their end; so does the hand with a halt
    return SupervisorSpec("top", Strategy.ONE_FOR_ONE, (*recorders, *hands, trading), intensity=1, period_s=300.0)


def _guard(trading: Trading, traded: Sequence[InstrumentId], orders: OrderManagerConfig) -> Callable[[], Actor]:
    used = sorted({i.id for plan in trading.plans for i in plan.used})
    limits = {i: orders.limits_of.get(i, orders.limits) for i in traded}
    return lambda: Guard(GUARD, trading.instruments, traded, used, limits, trading.guard, trading.halted)


def _keeper(name: str, venue: int, listed: Sequence[Instrument], trading: Trading) -> Callable[[], Actor]:
    return lambda: BookKeeper(name, venue, listed, trading.depth, trading.books)


def _named(instruments: InstrumentTable, name: str) -> InstrumentId:
    for instrument in instruments:
        if instrument.name == name:
            return instrument.id
    raise ValueError(f"limits_of: no instrument {name!r}; known: {', '.join(i.name for i in instruments)}")


def _find(instruments: InstrumentTable, name: str, config: QuoterConfig) -> Instrument:
    venue, symbol = name.split(":")
    try:
        return instruments.find(venue, symbol)
    except KeyError as error:
        raise ValueError(f"quoter {config.name!r}: {error.args[0]}") from None


def _params(strategy: type[Quoter], config: QuoterConfig) -> Any:
    if strategy.params_class is None:
        if config.params:
            raise ValueError(f"quoter {config.name!r}: strategy {config.strategy!r} takes no params")
        return None
    fields = {f.name: f for f in attrs.fields(strategy.params_class)}
    for key in config.params:
        if key not in fields:
            raise ValueError(f"quoter {config.name!r}: no parameter {key!r}; allowed: {', '.join(fields)}")
    try:
        return _CONVERTER.structure(config.params, strategy.params_class)
    except cattrs.BaseValidationError as error:
        wrong = cattrs.transform_error(error, format_exception=lambda each, wanted: str(each))
        texts = "; ".join(text.replace(" @ $.", ", at ").removesuffix(" @ $") for text in wrong)
        raise ValueError(f"quoter {config.name!r}: {texts}") from None


def _overrides(strategy: type[Quoter], method: str) -> bool:
    return getattr(strategy, method) is not getattr(Quoter, method)
