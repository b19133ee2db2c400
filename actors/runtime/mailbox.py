"""What waits for an actor: one line of messages, ordered by arrival over all the edges that lead to it.

Each edge states what happens when its receiver lags.  A pure structure: it wakes nobody and waits for nothing, so that
both nurseries use the same one.  The virtual nursery's drain does `put` and `get` of a plain edge in line (see
`sim.virtual`), by the fields described here.
"""

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Any

import attrs


class Policy(Enum):
    """What an edge does with a message for which there is no room."""

    BLOCK = "block"  # takes it, and the sender is not run again until there is room
    CONFLATE = "conflate"  # the newest message of an (instrument, type) takes the waiting one's place in the line
    DROP_OLDEST = "drop oldest"  # counted; its turn goes to those behind it
    DROP_NEWEST = "drop newest"  # counted
    FAIL = "fail"  # EdgeOverflowError in the sender


class EdgeOverflowError(Exception):
    """An edge that may not lose anything is full: its sender crashes."""


@attrs.frozen
class EdgeStatistics:
    """Counts of one edge since the start; `used` and `peak` are waiting messages."""

    source: str
    port: str
    target: str
    used: int
    peak: int
    put: int
    dropped: int
    conflated: int


class Edge:
    """One way from a port of an actor into a mailbox, with its policy and the reason for it.

    Attributes:
        capacity: messages that may wait; of a conflating edge, distinct keys.
        number: its place among all edges of a nursery.
        n_put, n_got: places in the line ever taken and given up; their difference is what waits.
        mark: no more than this many waiting need no attention: the peak so far, or just below what fills the edge.
        waiting: the places by type and instrument, of a conflating edge only; one not in the line holds None.
        holds: a full BLOCK edge: its sender is not run until there is room.
        mailbox: where it leads.  cell: whose mailbox that is; both are set by `Mailbox.join`.
        tap: what is given the message in place of a mailbox: the nursery's own ear, or nobody's.

    Raises:
        ValueError: the capacity is not positive.
    """

    # plain slots: attrs' hooks on setting a field cost 1 us each time
    __slots__ = (
        "capacity",
        "cell",
        "conflated",
        "dropped",
        "holds",
        "line",
        "mailbox",
        "mark",
        "n_got",
        "n_put",
        "number",
        "peak",
        "policy",
        "port",
        "reason",
        "source",
        "tap",
        "target",
        "waiting",
    )

    def __init__(self, source: str, port: str, target: str, policy: Policy, capacity: int, reason: str) -> None:
        if capacity < 1:
            raise ValueError(f"capacity of edge {source}.{port} -> {target} must be at least 1, got {capacity}")
        self.source, self.port, self.target = source, port, target
        self.policy, self.capacity, self.reason = policy, capacity, reason
        self.number = -1
        self.n_put = self.n_got = self.mark = self.peak = self.dropped = self.conflated = 0
        self.waiting: dict[type, dict[int, list[Any]]] | None = {} if policy is Policy.CONFLATE else None
        self.holds = False
        self.tap: Callable[[Any], None] | None = None
        self.mailbox: Mailbox
        self.line: deque[Any]
        self.cell: Any = None

    def divert(self, tap: Callable[[Any], None]) -> None:
        """Give every later message to `tap`; the mark lets nothing pass unseen."""
        self.tap = tap
        self.mark = -1

    def rejoin(self) -> None:
        """Let messages wait in the mailbox again."""
        self.tap = None
        self.mark = min(self.peak, self.capacity - (self.policy is Policy.BLOCK))

    @property
    def used(self) -> int:
        return self.n_put - self.n_got

    @property
    def is_full(self) -> bool:
        return self.n_put - self.n_got >= self.capacity

    @property
    def name(self) -> str:
        return f"{self.source}.{self.port} -> {self.target}"

    def statistics(self) -> EdgeStatistics:
        """Return its counts."""
        return EdgeStatistics(
            self.source, self.port, self.target, self.used, self.peak, self.n_put, self.dropped, self.conflated
        )


class Mailbox:
    """The line.  A place in it is (edge, message); on a conflating edge a list, whose message may still be replaced."""

    __slots__ = ("edges", "line", "owner")

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.line: deque[Any] = deque()
        self.edges: list[Edge] = []

    def __len__(self) -> int:
        return len(self.line)

    def join(self, edge: Edge, cell: Any = None) -> None:
        """Let `edge` lead here; `cell` is who is to be woken by it."""
        edge.mailbox, edge.line, edge.cell = self, self.line, cell
        self.edges.append(edge)

    def put(self, edge: Edge, message: Any) -> bool:
        """Take a message; tell whether the line has become longer.

        Raises:
            EdgeOverflowError: the edge is full and its policy is FAIL, or CONFLATE with more keys than its capacity.
        """
        waiting = edge.waiting
        if waiting is None:
            place: Any = (edge, message)
        else:
            kind = type(message)
            place = waiting[kind].get(message.instrument) if kind in waiting else None
            if place is None:
                place = waiting.setdefault(kind, {})[message.instrument] = [edge, None]
            elif place[1] is not None:
                place[1] = message
                edge.conflated += 1
                return False
        if edge.n_put + 1 - edge.n_got > edge.mark and not self._make_room(edge):
            return edge.policy is Policy.DROP_OLDEST and self._replace_oldest(edge, place)
        if waiting is not None:
            place[1] = message
        edge.n_put += 1
        self.line.append(place)
        return True

    def get(self) -> tuple[Edge, Any]:
        """Return the first in the line and where it came from.

        Raises:
            IndexError: nothing waits.
        """
        place = self.line.popleft()
        edge, message = place
        edge.n_got += 1
        if edge.waiting is not None:
            place[1] = None  # later messages of this key take a new place in the line
        return edge, message

    def clear(self) -> int:
        """Throw away what waits; return how many that were."""
        n = len(self.line)
        while self.line:
            self.get()
        return n

    def statistics(self) -> list[EdgeStatistics]:
        """Return the counts of each edge, in wiring order."""
        return [edge.statistics() for edge in self.edges]

    def _make_room(self, edge: Edge) -> bool:
        used = edge.n_put + 1 - edge.n_got
        if used > edge.capacity and edge.policy is not Policy.BLOCK:
            if edge.policy is Policy.DROP_NEWEST:
                edge.dropped += 1
            elif edge.policy is not Policy.DROP_OLDEST:
                raise EdgeOverflowError(f"edge {edge.name} is full: {edge.capacity} messages wait ({edge.reason})")
            return False
        edge.peak = max(edge.peak, used)
        edge.rejoin()
        return True

    def _replace_oldest(self, edge: Edge, place: tuple[Edge, Any]) -> bool:
        for i, (waiting_edge, _) in enumerate(self.line):
            if waiting_edge is edge:
                del self.line[i]
                break
        self.line.append(place)
        edge.dropped += 1
        edge.n_put += 1
        edge.n_got += 1
        return False
