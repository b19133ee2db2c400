"""The tables that a run leaves behind: the one contract between what runs and what studies it.

Every table is a parquet file `{name}.parquet` in the run directory; prices are int ticks, sizes int lots, times int ns,
`instrument` is the place in `run.toml`'s `[[instrument]]` list, `quoter` the place in its `[[quoter]]` list (-1: none).
"""

from types import MappingProxyType
from typing import Final

# column -> numpy dtype; "category" is a dictionary-encoded string
TABLES: Final = MappingProxyType(
    {
        # one row per order command and order fact, in the order in which they happened; see market.runlog for `kind`
        "orders": {
            "kind": "category",  # LogKind name, such as PLACE or ACCEPTED
            "ts": "int64",  # when we sent the command, or were delivered the fact
            "ts_venue": "int64",  # the venue's time of a fact; 0 for a command
            "instrument": "int64",
            "quoter": "int64",
            "client_id": "int64",
            "side": "int64",  # +1 buy, -1 sell; 0 where the row has none
            "price": "int64",
            "size": "int64",
            "detail": "int64",  # PLACE: order flags; REJECTED and the like: reason code; else 0
        },
        "fills": {
            "ts": "int64",  # when we were delivered it
            "ts_venue": "int64",  # when it happened
            "instrument": "int64",
            "quoter": "int64",
            "client_id": "int64",
            "fill_id": "int64",  # unique per venue and instrument
            "side": "int64",  # ours: +1 we bought
            "price": "int64",
            "size": "int64",
            "is_maker": "bool",
            "fee": "float64",  # settle asset; negative is a rebate
        },
        # one row per stamp (default every second) and traded instrument, money in the instrument's settle asset
        "equity": {
            "ts": "int64",
            "instrument": "int64",
            "position": "int64",  # lots, signed
            "average_entry": "float64",  # quote currency; NaN when flat
            "cash": "float64",  # sum of -value(fill) - fees + funding + adjustments, since the start
            "fees": "float64",
            "funding": "float64",
            "mid": "float64",  # the mark, quote currency; NaN before the first book
            "pnl": "float64",  # cash + value(mark)
        },
        # every book update of every used instrument
        "touch": {
            "ts_venue": "int64",
            "ts_recv": "int64",
            "instrument": "int64",
            "bid": "int64",
            "bid_size": "int64",
            "ask": "int64",
            "ask_size": "int64",
        },
        "trades": {
            "ts_venue": "int64",
            "ts_recv": "int64",
            "instrument": "int64",
            "price": "int64",
            "size": "int64",
            "taker": "int64",
        },
        "declarations": {
            "ts": "int64",
            "key": "category",
            "value": "float64",
            "instrument": "int64",
            "group": "category",
            "quoter": "int64",
        },
        # one row per order or amend that our own side held back: limits, stale books, a drain; not in the digest
        "refusals": {
            "ts": "int64",
            "instrument": "int64",
            "quoter": "int64",
            "tag": "int64",  # the owner's number of a single order; 0 for wanted quotes
            "client_id": "int64",  # of the order that was to be amended; 0: a new one, which was never sent
            "side": "int64",
            "price": "int64",
            "size": "int64",
            "reason": "category",  # Reason name
        },
        # one row per delivery, as the nursery numbers them; only of a run with `[run] deliveries = true`
        "deliveries": {
            "number": "int64",  # from 1, without a gap
            "ts": "int64",
            "actor": "category",
            "generation": "int64",  # of the actor; 0 is its first start
            "edge": "category",  # `source.port -> target`; `nursery.orders`, `nursery.timers` are the nursery's own
            "kind": "category",  # name of the message's type in market.messages
        },
    }
)
