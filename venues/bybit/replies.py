"""Answers to order commands.  One that is taken says nothing yet: what became of it comes by the private stream.

A refusal is told only where the venue's code surely means one; an answer that is lost, unclear or unknown tells
nothing, and whoever sent the command finds out by its own time-out.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import attrs
import msgspec

from market.messages import (
    AmendOrder,
    AmendRejected,
    CancelAll,
    CancelOrder,
    CancelRejected,
    OrderAmended,
    OrderRejected,
    PlaceOrder,
)
from market.units import MS, Nanos
from venues.bybit.errors import verdict_on, verdict_on_status
from venues.bybit.order_ids import link_of
from venues.bybit.requests import OrderCommand, bucket_of
from venues.bybit.structs import Envelope, read_reply
from venues.verdicts import Advice, Fate, Verdict
from venues.wire import RemoteProtocolError, decode

ReplyFact = OrderRejected | AmendRejected | CancelRejected | OrderAmended
_Refusal = Callable[[int, int, Nanos, Nanos, int], ReplyFact]
_REFUSALS: Final[Mapping[type, _Refusal]] = {
    PlaceOrder: OrderRejected,
    AmendOrder: AmendRejected,
    CancelOrder: CancelRejected,
}


class _ItemResult(msgspec.Struct, frozen=True, gc=False):
    code: int
    msg: str = ""


class _ItemResults(msgspec.Struct, frozen=True, gc=False):
    items: list[_ItemResult] = msgspec.field(default_factory=list, name="list")


class _Named(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    order_link_id: str = ""


class _NamedList(msgspec.Struct, frozen=True, gc=False):
    items: list[_Named] = msgspec.field(default_factory=list, name="list")


_NO_CODE: Final = -(1 << 31)  # one that the venue does not have, so that nobody knows what it means
_ITEMS: Final = msgspec.json.Decoder(_ItemResults)
_NAMES: Final = msgspec.json.Decoder(_NamedList)


@attrs.frozen
class Answer:
    """What an answer tells.

    Attributes:
        bucket: the rate limit that the request counted in.
        facts: refusals, and amends that changed nothing.
        advice: what should be done besides, each with the venue's words.
        headers: of the answer, for the rate limits.
    """

    bucket: str
    facts: tuple[ReplyFact, ...] = ()
    advice: tuple[tuple[Advice, str], ...] = ()
    headers: Mapping[str, str] = attrs.field(factory=dict)


class OrderReplies:
    """The commands in flight, each under the id of its request.

    Attributes:
        n_unmatched: answers to requests that are not in flight, by operation.
        n_unknown: commands whose fate an answer left open, by code.
    """

    def __init__(self) -> None:
        self._in_flight: dict[str, Sequence[OrderCommand]] = {}
        self.n_unmatched: Counter[str] = Counter()
        self.n_unknown: Counter[int] = Counter()

    def sent(self, request_id: str, commands: Sequence[OrderCommand]) -> None:
        """Remember commands that are being sent, by either way.

        Raises:
            ValueError: the id is in use.
        """
        if request_id in self._in_flight:
            raise ValueError(f"request {request_id} is in flight already; ids are never used twice")
        self._in_flight[request_id] = tuple(commands)

    def lost(self, request_ids: Sequence[str] | None = None) -> None:
        """Forget requests that will not be answered (all: the connection is lost); their fate is unknown."""
        for each in list(self._in_flight) if request_ids is None else request_ids:
            self._in_flight.pop(each, None)

    def receive(self, frame: Envelope, ts_recv: Nanos) -> Answer | None:
        """Take an answer from the trade socket; None if it answers nothing that is in flight.

        Raises:
            RemoteProtocolError: it has no code.
        """
        commands = self._in_flight.pop(frame.request, None)
        if commands is None:
            self.n_unmatched[frame.op] += 1
            return None
        if frame.code is None:
            raise RemoteProtocolError(f"the answer to bybit request {frame.request} ({frame.op}) has no retCode")
        time = frame.header.get("Timenow", "")
        ts_venue = int(time) * MS if time.isascii() and time.isdigit() and len(time) <= 13 else ts_recv
        told = bytes(frame.data), bytes(frame.extra)
        return self._answer(commands, frame.code, frame.message, told, frame.header, ts_venue, ts_recv)

    def receive_http(
        self, request_id: str, status: int, headers: Mapping[str, str], body: bytes, ts_recv: Nanos
    ) -> Answer | None:
        """Take an answer by HTTP; None if its request is not in flight.  One that makes no sense leaves all open."""
        commands = self._in_flight.pop(request_id, None)
        if commands is None:
            self.n_unmatched["http"] += 1
            return None
        verdict = verdict_on_status(status)
        if verdict is not None:
            self.n_unknown[status] += len(commands)
            return Answer(bucket_of(commands), (), ((verdict.advice, f"HTTP {status}"),), headers)
        try:
            reply = read_reply(body)
        except RemoteProtocolError as error:
            self.n_unknown[status] += len(commands)
            return Answer(bucket_of(commands), (), ((Advice.QUERY, str(error)),), headers)
        ts_venue = reply.time * MS or ts_recv
        told = bytes(reply.result), bytes(reply.ret_ext_info)
        return self._answer(commands, reply.ret_code, reply.ret_msg, told, headers, ts_venue, ts_recv)

    def _answer(
        self,
        commands: Sequence[OrderCommand],
        code: int,
        message: str,
        told: tuple[bytes, bytes],
        headers: Mapping[str, str],
        ts_venue: Nanos,
        ts_recv: Nanos,
    ) -> Answer:
        codes = [(code, message)] * len(commands)
        if code == 0 and len(commands) > 1:
            codes = _codes_of_batch(*told, commands)
        facts: list[ReplyFact] = []
        advice: dict[tuple[Advice, str], None] = {}
        for command, (item_code, item_message) in zip(commands, codes, strict=True):
            verdict = verdict_on(item_code, item_message)
            fact = self._fact(command, item_code, verdict, ts_venue, ts_recv)
            if fact is not None:
                facts.append(fact)
            if verdict.advice is not Advice.NONE:
                advice[verdict.advice, f"{item_code} {item_message}"] = None
        return Answer(bucket_of(commands), tuple(facts), tuple(advice), headers)

    def _fact(
        self, command: OrderCommand, code: int, verdict: Verdict, ts_venue: Nanos, ts_recv: Nanos
    ) -> ReplyFact | None:
        if verdict.fate is Fate.UNKNOWN:
            self.n_unknown[code] += 1
            return None
        if isinstance(command, CancelAll):
            return None  # it names no order
        if verdict.fate is Fate.REFUSED:
            refuse = _REFUSALS[type(command)]
            return refuse(command.client_id, command.instrument, ts_venue, ts_recv, int(verdict.reason))
        if code and isinstance(command, AmendOrder):  # "not modified": no event will come
            return OrderAmended(command.client_id, command.instrument, ts_venue, ts_recv, command.price, command.size)
        return None


def _codes_of_batch(data: bytes, extra: bytes, commands: Sequence[OrderCommand]) -> list[tuple[int, str]]:
    """Return the code of each; where lists do not fit the commands, one that nobody knows."""
    n_commands = len(commands)
    try:
        items = decode(_ITEMS, extra, "bybit batch").items
        named = decode(_NAMES, data, "bybit batch").items if data else []
    except RemoteProtocolError as error:
        return [(_NO_CODE, str(error))] * n_commands
    if len(items) != n_commands:
        return [(_NO_CODE, f"{len(items)} results for {n_commands} commands")] * n_commands
    if not _is_in_order([name.order_link_id for name in named], commands):
        return [(_NO_CODE, "results in another order than the commands")] * n_commands
    return [(item.code, item.msg) for item in items]


def _is_in_order(links: Sequence[str], commands: Sequence[OrderCommand]) -> bool:
    """Tell whether no result names another order of the batch than that of its place; a refused one may name none."""
    ours = [
        link_of(each.client_id) if not isinstance(each, CancelAll) and each.client_id >= 0 else "" for each in commands
    ]
    return not any(link and link != own and link in ours for link, own in zip(links, ours, strict=False))
