"""Actions on their way: signed, counted, sent by the private socket or by HTTP, and answered once each.

The answer to an action is its result, as it has been done by then.  What is not answered may have been done.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs
import msgspec

from market.units import SECOND, Nanos
from venues.hyperliquid.errors import verdict_on
from venues.hyperliquid.gate import HyperliquidGate, exchange
from venues.hyperliquid.limits import MESSAGES, ActionBudget
from venues.hyperliquid.nonces import Nonces
from venues.hyperliquid.signing import Action, Signer
from venues.hyperliquid.structs import ActionAnswer, ActionResult, Frame, ItemStatus, PostAnswer
from venues.rate_window import RateWindow
from venues.venue import NEVER, HttpAnswer, Output, SendFrame
from venues.verdicts import Advice
from venues.wire import RemoteProtocolError, decode

PRIVATE: Final = "private"
EXPIRY: Final = 5 * SECOND  # an order that has not been taken by then is refused
_PATIENCE: Final = 10 * SECOND
_MOST_IN_FLIGHT: Final = 80
_MOST_WITH_CANCELS: Final = 95  # the venue bears 100
_ANSWER: Final = msgspec.json.Decoder(ActionAnswer)
_RESULT: Final = msgspec.json.Decoder(ActionResult)
_POST: Final = msgspec.json.Decoder(PostAnswer)
_TEXT: Final = msgspec.json.Decoder(str)
_encode: Final = msgspec.json.Encoder().encode


@attrs.frozen
class Result:
    """What became of an action.

    Attributes:
        statuses: of each of its items, in their order.
        refusal: why none of it was done; empty: see the statuses.
    """

    statuses: tuple[ItemStatus | str, ...] = ()
    refusal: str = ""

    def error_of(self, item: int) -> str:
        """Return why an item was refused; empty: it was not."""
        if self.refusal:
            return self.refusal
        status = self.statuses[item] if item < len(self.statuses) else None
        return (status.error or "") if isinstance(status, ItemStatus) else ""

    def of_each(self, n_items: int, cloids: Sequence[str] = ()) -> "list[Result | None]":
        """Return what became of each item of a batch, as of an action of its own; None: nobody knows.

        One error for several items is the whole batch's: some faults are found before it is looked at item by item.

        Args:
            cloids: of orders that are placed: an answer that names them in another order is not to be told apart.
        """
        if self.refusal:
            return [self] * n_items
        if len(self.statuses) == 1 and self.error_of(0):
            return [Result(refusal=self.error_of(0))] * n_items
        is_in_order = not any(_names_another(each, cloid) for each, cloid in zip(self.statuses, cloids, strict=False))
        if len(self.statuses) != n_items or not is_in_order:
            return [None] * n_items
        return [Result((status,)) for status in self.statuses]


def _names_another(status: ItemStatus | str, cloid: str) -> bool:
    stands = (status.resting or status.filled) if isinstance(status, ItemStatus) else None
    return stands is not None and stands.cloid is not None and stands.cloid.lower() != cloid


Answered = Callable[[Result | None, Nanos], list[Output]]


class Exchange:
    """Sends the actions of one signer.

    Attributes:
        is_up: the socket is there, and its streams tell what becomes of orders.
        seen: what is worth knowing, by what it was.
    """

    def __init__(self, signer: Signer, gate: HyperliquidGate, messages: RateWindow, budget: ActionBudget) -> None:
        self._signer, self._gate, self._messages, self.budget = signer, gate, messages, budget
        self._nonces = Nonces(0)
        self.is_up = False
        self.seen: Counter[str] = Counter()
        self._n_posts = 0
        self._posts: dict[int, tuple[Nanos, Answered]] = {}

    def begin(self, now: Nanos) -> None:
        """A life begins."""
        self._nonces = Nonces(now + self._behind)

    def clock_is_known(self, now: Nanos) -> None:
        """The venue's clock was measured for the first time."""
        self._nonces.begin_again(now + self._behind)

    @property
    def _behind(self) -> Nanos:
        """What our clock is surely behind the venue's: nonces go by the later one, as ours may have been set back."""
        return max(0, self._gate.surely_past(0))

    def free_at(self, now: Nanos, *, is_cancel: bool = False) -> Nanos:
        """Return from when on an action may be sent."""
        at = max(self._nonces.free_at() - self._behind, self.budget.free_at(now, is_cancel=is_cancel), now)
        if self.is_up and not is_cancel:  # a cancel that the socket has no room for goes by HTTP
            at = max(at, self._messages.free_at(1, now, MESSAGES // 10))
            if len(self._posts) >= _MOST_IN_FLIGHT:
                at = max(at, min(due for due, _ in self._posts.values()))
        return at

    def has_room(self, now: Nanos) -> bool:
        """Tell whether the socket takes a cancel."""
        return self.is_up and len(self._posts) < _MOST_WITH_CANCELS and self._messages.free_at(1, now) <= now

    def send(
        self, action: Action, n_items: int, answered: Answered, now: Nanos, *, expires: bool = False, lane: str = ""
    ) -> list[Output]:
        """Send an action of so many items; by HTTP in its lane where the socket is not up.

        `free_at` must have allowed it.  Where `expires` is set, it is refused when it comes late.
        """
        nonce = self._nonces.take(now + self._behind)
        assert nonce is not None, "an action was sent that the nonces had no room for"
        until = self._gate.at(now) + EXPIRY if expires else None
        body = self._body(action, nonce, until)
        self.budget.spend(n_items, now)
        if self.is_up and not lane:
            self._n_posts += 1
            self._posts[self._n_posts] = (now + _PATIENCE, answered)
            self._messages.spend(1, now)
            post = {"method": "post", "id": self._n_posts, "request": {"type": "action", "payload": body}}
            return [SendFrame(PRIVATE, _encode(post))]

        def take(answer: HttpAnswer | None, at: Nanos) -> list[Output]:
            return self._taken(answered, self._of_http(answer), at)

        return [self._gate.send(exchange(bytes(body), n_items), take, now, lane)]

    def _body(self, action: Action, nonce: int, until: Nanos | None) -> msgspec.Raw:
        fields: dict[str, Any] = {
            "action": action,
            "nonce": nonce,
            "signature": self._signer.sign(action, nonce, until),
            "vaultAddress": self._signer.vault or None,
            "expiresAfter": None if until is None else until // 10**6,
        }
        return msgspec.Raw(_encode(fields))

    # --- answers -----------------------------------------------------------------------------------------------------

    def receive(self, frame: Frame, now: Nanos) -> list[Output]:
        """Take the answer to a post.

        Raises:
            RemoteProtocolError: which post it answers cannot be told.
        """
        answer = decode(_POST, frame.data, "hyperliquid answer to a post")
        waiting = self._posts.pop(answer.id, None)
        if waiting is None:
            self.seen["answer that came too late, or to nothing"] += 1
            return []
        if answer.response.type == "action":
            return self._taken(waiting[1], self._read(answer.response.payload), now)
        text = _text_of(answer.response.payload)
        self.seen[f"post refused: {text[:60]}"] += 1
        # it reads like the status line of HTTP; only what is surely the client's fault was surely not done
        is_refused = text[:1] == "4" and not text.startswith("408")
        return self._taken(waiting[1], Result(refusal=text) if is_refused else None, now)

    def closed(self, now: Nanos) -> list[Output]:
        """The socket is gone, and with it the answers to what was sent."""
        waiting, self._posts = self._posts, {}
        return [output for _, answered in waiting.values() for output in answered(None, now)]

    def next_deadline(self) -> Nanos:
        return min((due for due, _ in self._posts.values()), default=NEVER)

    def on_deadline(self, now: Nanos) -> list[Output]:
        """Give up what is not answered."""
        late = [number for number, (due, _) in self._posts.items() if due <= now]
        return [output for number in late for output in self._posts.pop(number)[1](None, now)]

    def _of_http(self, answer: HttpAnswer | None) -> Result | None:
        if answer is None or answer.status >= 500 or answer.status == 408:
            return None
        if answer.status == 200:
            return self._read(answer.body)
        return Result(refusal=f"{answer.status} {answer.body[:200].decode(errors='replace')}")

    def _read(self, body: bytes | msgspec.Raw) -> Result | None:
        """Return what an answer tells; None: whoever sent the action has to be told that nobody knows."""
        try:
            return result_of(body)
        except RemoteProtocolError:
            self.seen["answer to an action that makes no sense"] += 1
            return None

    def _taken(self, answered: Answered, result: Result | None, now: Nanos) -> list[Output]:
        if result is not None and verdict_on(result.refusal).advice is Advice.NO_BUDGET:
            self.budget.empty()
        return answered(result, now)


def result_of(body: bytes | msgspec.Raw) -> Result:
    answer = decode(_ANSWER, body, "hyperliquid answer to an action")
    if answer.status != "ok":
        return Result(refusal=_text_of(answer.response) or "refused without a reason")
    return Result(tuple(decode(_RESULT, answer.response, "hyperliquid result").data.statuses))


def _text_of(body: msgspec.Raw) -> str:
    try:
        return decode(_TEXT, body, "hyperliquid text")
    except RemoteProtocolError:
        return bytes(body)[:200].decode(errors="replace")
