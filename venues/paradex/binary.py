"""The venue's market data in Simple Binary Encoding: schema 1, version 1, little-endian; prices and sizes in 1e-8.

A frame is a header, a block of known fields (a longer one is of a later version, and its rest is passed over), groups
of levels, and the market's name.
"""

from collections.abc import Callable, Mapping
from struct import Struct, error, unpack_from
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from market.units import Nanos
from venues.wire import RemoteProtocolError

QUERY: Final = "sbeSchemaId=1&sbeSchemaVersion=1"  # what a socket is asked for at its address
E8: Final = 10**8
_SCHEMA: Final = b"\x01\x00"
_VERSION: Final = 1
_HEADER: Final = Struct("<HHHH")  # length of the block, template, schema, version
_GROUP: Final = Struct("<HH")  # length of an entry, number of entries
_TRADE: Final = Struct("<qqqBqqqB")  # us, number, id, side, price, size, us of the deal, kind
_BOOK: Final = Struct("<qqB9q")  # us, number, kind, then touches and spread that the levels tell as well
_SUMMARY: Final = Struct("<8q19q")  # us, number, mark, index, last, volume, open interest, funding rate, others
_PRECISE: Final = Struct("<q")  # the funding rate in 1e-12, at the end of a block of version 1
_PRECISE_AT: Final = 232
_LEVEL_BYTES: Final = 16
_LAST_US: Final = 9_000_000_000_000_000  # in ns it is still an int64
_NULL: Final = -(1 << 63)
_SIDES: Final = {1: 1, 2: -1}
_TRADE_KINDS: Final = {1: "FILL", 2: "LIQUIDATION", 3: "TRANSFER", 4: "SETTLE_MARKET", 5: "RPI", 6: "BLOCK_TRADE"}

LevelsE8 = npt.NDArray[np.int64]  # (n, 2): price, size; a size of 0 ends a level


class BookFrame(msgspec.Struct, frozen=True, gc=False, eq=False):
    """A whole book, or what has changed of it."""

    market: str
    ts: Nanos
    seq_no: int
    is_whole: bool
    bids: LevelsE8
    asks: LevelsE8


class TradeFrame(msgspec.Struct, frozen=True, gc=False):
    """A public trade; `side` is the taker's.  The number that it has here is cut off: `name` has all that is told."""

    market: str
    ts: Nanos
    name: str
    side: int
    price_e8: int
    size_e8: int
    kind: str


class SummaryFrame(msgspec.Struct, frozen=True, gc=False):
    """Mark, index, funding and open interest; None where one is not told."""

    market: str
    ts: Nanos
    mark_e8: int | None
    index_e8: int | None
    rate_e12: int | None
    interest_e8: int | None


MarketFrame = BookFrame | TradeFrame | SummaryFrame


def is_binary(raw: bytes) -> bool:
    """Tell whether a frame is one of these: no text of JSON has the number of the schema in it."""
    return raw[4:6] == _SCHEMA


def read_binary(frame: bytes) -> MarketFrame | None:
    """Return what a frame says; None: it is of a kind that is not asked for, as a heartbeat.

    Raises:
        RemoteProtocolError: it is cut off, or has what the schema has not.
    """
    try:
        length, template, _, version = _HEADER.unpack_from(frame, 0)
        reader = _READERS.get(template)
        return None if reader is None else reader(frame, _HEADER.size, length, version)
    except (error, IndexError, ValueError) as fault:
        raise RemoteProtocolError(f"paradex frame of {len(frame)} bytes: {fault}; it begins {frame[:48]!r}") from None


def _read_trade(frame: bytes, at: int, length: int, version: int) -> TradeFrame:
    _need(length, _TRADE)
    _, _, trade_id, side, price, size, created, kind = _TRADE.unpack_from(frame, at)
    if side not in _SIDES:
        raise ValueError(f"side {side} of a trade is none")
    market, name = _market(frame, at + length, version), f"{created}/{trade_id}/{price}/{size}"
    return TradeFrame(market, _time(created), name, _SIDES[side], price, size, _TRADE_KINDS.get(kind, str(kind)))


def _read_book(frame: bytes, at: int, length: int, version: int) -> BookFrame:
    _need(length, _BOOK)
    ts, seq_no, kind = unpack_from("<qqB", frame, at)
    if kind > 1 or seq_no < 0:
        raise ValueError(f"book of kind {kind} and number {seq_no} is none")
    bids, at = _levels(frame, at + length)
    asks, at = _levels(frame, at)
    return BookFrame(_market(frame, at, version), _time(ts), seq_no, not kind, bids, asks)


def _read_summary(frame: bytes, at: int, length: int, version: int) -> SummaryFrame:
    _need(length, _SUMMARY)
    ts, _, mark, index, _, _, interest, rate = unpack_from("<8q", frame, at)
    precise = rate * 10**4 if rate != _NULL else _NULL
    if length >= _PRECISE_AT + _PRECISE.size:
        (precise,) = _PRECISE.unpack_from(frame, at + _PRECISE_AT)
    market = _market(frame, at + length, version)
    told = (None if each == _NULL else each for each in (mark, index, precise, interest))
    return SummaryFrame(market, _time(ts), *told)


_READERS: Final[Mapping[int, Callable[[bytes, int, int, int], MarketFrame]]] = {
    1: _read_trade,
    3: _read_book,
    4: _read_summary,
}


def _need(length: int, block: Struct) -> None:
    if length < block.size:
        raise ValueError(f"a block of {length} bytes, which has {block.size}")


def _levels(frame: bytes, at: int) -> tuple[LevelsE8, int]:
    """Return a group of levels, and where it ends."""
    length, n = _GROUP.unpack_from(frame, at)
    at += _GROUP.size
    end = at + n * length
    if (n and length < _LEVEL_BYTES) or end > len(frame):
        raise ValueError(f"{n} levels of {length} bytes are not there")
    if not n:
        return np.zeros((0, 2), np.int64), end
    rows = np.frombuffer(frame, np.uint8, n * length, at).reshape(n, length)[:, :_LEVEL_BYTES]
    return np.ascontiguousarray(rows).view("<i8").astype(np.int64, copy=False), end


def _market(frame: bytes, at: int, version: int) -> str:
    end = at + 1 + frame[at]
    if end > len(frame) or (version <= _VERSION and end != len(frame)):
        raise ValueError(f"the name of its market ends at {end}")
    return frame[at + 1 : end].decode("ascii")


def _time(us: int) -> Nanos:
    if not 0 <= us <= _LAST_US:
        raise ValueError(f"{us} us are no time")
    return us * 1000
